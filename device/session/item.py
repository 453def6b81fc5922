"""`Item`: several spots of one uneven item, kept apart, and what they amount to together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from spectriage.device.session.session import ScanResult, Session
from spectriage.library.service import EXIT_FAILED, Answer, error_json
from spectriage.spectra.verdict import JSON_SCHEMA, Verdict, most_serious


def scan_spots(session: Session, count: int, next_spot: Callable[[int], None]) -> Iterator[ScanResult]:
    """Scan several spots of one item, each decided once and by itself; the laser is off in between.

    A minor component of one spot may drown in the mean of all: the spots are what a verdict rests on.

    Parameters
    ----------
    session
        Of the item.
    count
        Number of spots.
    next_spot
        Called before each: asks the operator to move the item, or moves a stage.

    Raises
    ------
    SpectriageError
        What went wrong at the spot that is asked for; the spots before it were given out.
    """
    for spot in range(count):
        next_spot(spot)
        yield session.run()


@dataclass
class Item:
    """One item with the answers for its spots, in the order measured.

    Parameters
    ----------
    name
        The device's URI.
    expected
        Number of spots asked for.
    answers
        Those that were measured; the last may be an error, and then no more follow.
    """

    name: str
    expected: int
    answers: list[Answer] = field(default_factory=list)

    @property
    def verdict(self) -> Verdict | None:
        """The most serious of the spots'; at least INCONCLUSIVE when one is missing; None without any."""
        verdicts = [answer.result.verdict for answer in self.answers if answer.result is not None]
        if not verdicts:
            return None
        # What was not measured cannot count as free of alarm.
        missing = [Verdict.INCONCLUSIVE] if len(verdicts) < self.expected else []
        return most_serious(verdicts + missing)

    @property
    def decisive(self) -> int | None:
        """Index of the first spot with the item's verdict; None when a missing spot decided."""
        for index, answer in enumerate(self.answers):
            if answer.result is not None and answer.result.verdict is self.verdict:
                return index
        return None

    @property
    def summary(self) -> str:
        """One sentence on the item as a whole."""
        verdict = self.verdict
        if verdict is None:
            return "no spot could be measured"
        same = [
            str(index + 1)
            for index, answer in enumerate(self.answers)
            if answer.result is not None and answer.result.verdict is verdict
        ]
        measured = sum(answer.result is not None for answer in self.answers)
        count = f"{measured} of {self.expected} spots measured" if measured < self.expected else ""
        said = f"{verdict} at spot {', '.join(same)} of {self.expected}" if same else str(verdict)
        return "; ".join(part for part in (said, count) if part)

    @property
    def exit_code(self) -> int:
        """That of the item's verdict; 2 when no spot could be measured."""
        return EXIT_FAILED if self.verdict is None else self.verdict.exit_code

    def to_json(self) -> dict[str, Any]:
        """Return the item's object: its verdict, the spot that decided, and a line for each spot."""
        decisive = self.decisive
        return {
            "schema": JSON_SCHEMA,
            "input": self.name,
            "verdict": None if self.verdict is None else str(self.verdict),
            "summary": self.summary,
            "decided_by_spot": None if decisive is None else decisive + 1,
            "spots_asked": self.expected,
            "spots": [_spot_json(index, answer) for index, answer in enumerate(self.answers)],
        }


def _spot_json(index: int, answer: Answer) -> dict[str, Any]:
    if answer.result is None:
        return {"spot": index + 1, "error": error_json(answer.error)}
    result = answer.result
    return {
        "spot": index + 1,
        "verdict": str(result.verdict),
        "reason": result.reason,
        "summary": result.summary,
    }
