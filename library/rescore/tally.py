"""`Tally`: what changed in an archive, by verdict, substance and target; the most serious changes first."""

from __future__ import annotations

import heapq
import math
from collections import Counter
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

from spectriage.library.rescore.change import Change

if TYPE_CHECKING:
    from spectriage.library.building.lifecycle import Difference

SHOWN = 1000
"""So many changes are kept, the most serious ones; all go into the file of changes."""
BIN = 0.01
"""Width of the bins in which ratios of limits are counted, in ln: memory does not grow with the archive."""
SCHEMA = 1
EXIT_CODES = {0: 10, 1: 10, 2: 11, 3: 12, 4: 12, 5: 0}
"""By the rank of the most serious change."""


@dataclass
class Moved:
    """How the limits of one target moved: counts of ln(now / then) by bin, and what has no ratio."""

    ratios: Counter[int] = field(default_factory=Counter)
    visible_now: int = 0
    never_now: int = 0

    def median_ratio(self) -> float | None:
        """Return the median of now / then, to a hundredth; None where nothing has a ratio."""
        middle, passed = self.ratios.total() / 2, 0
        for at in sorted(self.ratios):
            passed += self.ratios[at]
            if passed >= middle:
                return round(math.exp(at * BIN), 4)
        return None

    def to_json(self) -> dict[str, Any]:
        """Return it for a script."""
        return {
            "lower": sum(number for at, number in self.ratios.items() if at < 0),
            "higher": sum(number for at, number in self.ratios.items() if at > 0),
            "median_ratio": self.median_ratio(),
            "visible_now": self.visible_now,
            "never_now": self.never_now,
        }


@dataclass
class Tally:
    """What changed between old and new results.

    Parameters
    ----------
    before, now
        What made the results: library, engine, policy.
    references
        How the libraries differ, where both are there.
    """

    before: dict[str, str] = field(default_factory=dict)
    now: dict[str, str] = field(default_factory=dict)
    references: Difference | None = None
    rows: int = 0
    changed: int = 0
    added: int = 0
    passed_over: int = 0
    why_passed_over: Counter[str] = field(default_factory=Counter)
    verdicts: Counter[tuple[str, str]] = field(default_factory=Counter)
    gained: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    kept: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    limits: dict[str, Moved] = field(default_factory=dict)
    causes: Counter[str] = field(default_factory=Counter)
    rank: int = 5
    _worst: list[tuple[int, int, Change]] = field(default_factory=list)
    _order: Any = field(default_factory=count)

    def add(self, change: Change) -> None:
        """Count one row."""
        self.rows += 1
        self.verdicts[change.before, change.now] += 1
        for counts, names in (
            (self.gained, change.gained),
            (self.lost, change.lost),
            (self.kept, change.kept),
            (self.found, change.found),
            (self.missed, change.missed),
            (self.causes, change.causes),
        ):
            counts.update(names)
        for target, (then, now) in change.limits.items():
            moved = self.limits.setdefault(target, Moved())
            if then is None:
                moved.visible_now += 1
            elif now is None:
                moved.never_now += 1
            elif then > 0 and now > 0:
                moved.ratios[round(math.log(now / then) / BIN)] += 1
        if change.rank == 5:
            return
        self.changed += 1
        self.rank = min(self.rank, change.rank)
        # a heap whose smallest is the least serious, and of those the last
        entry = (-change.rank, -next(self._order), change)
        if len(self._worst) < SHOWN:
            heapq.heappush(self._worst, entry)
        else:
            heapq.heappushpop(self._worst, entry)

    def pass_over(self, why: str) -> None:
        """Count a row that is not scored again, and why."""
        self.passed_over += 1
        self.why_passed_over[why] += 1

    @property
    def exit_code(self) -> int:
        """10 an alarm gained or lost, 11 another verdict, 12 components or limits, 0 nothing changed."""
        return EXIT_CODES[self.rank]

    def changes(self) -> list[Change]:
        """Return the most serious changes: alarms lost, then gained, other verdicts, components, limits."""
        return [change for _, _, change in sorted(self._worst, key=lambda each: (-each[0], -each[1]))]

    def to_json(self) -> dict[str, Any]:
        """Return it for a script."""
        substances = sorted({*self.gained, *self.lost})
        targets = sorted({*self.found, *self.missed, *self.limits})
        known = self.references
        return {
            "schema": SCHEMA,
            "before": self.before,
            "now": self.now,
            "differs": [name for name in self.before if self.before[name] != self.now.get(name)],
            "references": None
            if known is None
            else {"new": list(known.added), "gone": list(known.removed), "changed": sorted(known.changed)},
            "rows": self.rows,
            "changed": self.changed,
            "added": self.added,
            "passed_over": self.passed_over,
            "why_passed_over": dict(self.why_passed_over.most_common()),
            "verdicts": [
                {"before": before, "now": now, "rows": number}
                for (before, now), number in sorted(self.verdicts.items())
            ],
            "substances": {
                name: {"gained": self.gained[name], "lost": self.lost[name], "kept": self.kept[name]}
                for name in substances
            },
            "targets": {
                name: {
                    "found": self.found[name],
                    "missed": self.missed[name],
                    "limit": self.limits.get(name, Moved()).to_json(),
                }
                for name in targets
            },
            "causes": dict(self.causes.most_common()),
            "changes": [change.to_json() for change in self.changes()],
        }
