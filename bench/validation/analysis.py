"""From records to tables and curves, panel by panel; measured, simulated and unperturbed never together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from spectriage.bench.validation.criteria import Judged, judge, overall
from spectriage.bench.validation.panel_result import PanelResult
from spectriage.bench.validation.plan import Plan
from spectriage.bench.validation.records import Record
from spectriage.bench.validation.sections import panel_result

CHAPTERS = ("measured", "simulated", "unperturbed")
RESULTS_SCHEMA = 1


@dataclass(frozen=True)
class Results:
    """All results of one run."""

    plan: Plan
    run: int
    header: dict[str, Any]
    judged: tuple[Judged, ...]
    panels: tuple[PanelResult, ...]
    failures: tuple[Record, ...]

    @property
    def outcome(self) -> str:
        """``PASS``, ``FAIL`` or ``NOT TESTED``."""
        return overall(self.judged)

    def chapter(self, name: str) -> list[PanelResult]:
        """Return the panels of one chapter."""
        return [panel for panel in self.panels if panel.chapter == name]

    def to_json(self) -> dict[str, Any]:
        """Return the results; they hold no times."""
        return {
            "schema": RESULTS_SCHEMA,
            "plan": self.plan.name,
            "run": self.run,
            "outcome": self.outcome,
            "header": self.header,
            "criteria": [item.to_json() for item in self.judged],
            "chapters": {
                name: [panel.to_json() for panel in self.chapter(name)]
                for name in CHAPTERS
                if self.chapter(name)
            },
            "failures": [
                {"trial": r.index, "repeat": r.repeat, "chapter": r.chapter, "panel": r.panel}
                for r in self.failures
            ],
        }


def analyse(plan: Plan, run: int, header: dict[str, Any], records: Sequence[Record]) -> Results:
    """Return everything that a run's records say."""
    judged = judge(plan, records)
    panels = []
    for chapter in CHAPTERS:
        alike = [record for record in records if record.chapter == chapter]
        for panel in plan.panels:
            mine = [record for record in alike if record.panel == panel.name]
            if mine:
                panels.append(panel_result(plan, panel, mine, alike))
    failures = tuple(record for record in records if not record.correct)
    return Results(plan, run, header, judged, tuple(panels), failures)
