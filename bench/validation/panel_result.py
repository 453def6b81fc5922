"""What the report says of one panel: tables and curves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from spectriage.bench.report.tables import cell_json
from spectriage.bench.validation.plan import Panel
from spectriage.bench.validation.records import Record


@dataclass(frozen=True)
class Grid:
    """A table of a report."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[Any]]
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the table with its rows as objects."""
        return {
            "title": self.title,
            "rows": [
                {name: cell_json(cell) for name, cell in zip(self.columns, row, strict=True)}
                for row in self.rows
            ],
            "notes": list(self.notes),
        }


@dataclass(frozen=True)
class Curve:
    """What a plot shows; `kind` is ``pod``, ``roc``, ``reliability``, ``verdicts`` or ``spread``."""

    kind: str
    title: str
    data: dict[str, Any]


@dataclass
class PanelResult:
    """What came of one panel in one chapter."""

    panel: Panel
    chapter: str
    trials: int
    scans: int
    grids: list[Grid] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return the tables and what the plots show."""
        return {
            "panel": self.panel.name,
            "title": self.panel.title,
            "trials": self.trials,
            "scans": self.scans,
            "tables": [grid.to_json() for grid in self.grids],
            "curves": [{"kind": c.kind, "title": c.title, **c.data} for c in self.curves],
        }


def grouped(records: Sequence[Record], key: Callable[[Record], Any]) -> dict[Any, list[Record]]:
    """Return records by what a key says of them, in the order of the first of each."""
    groups: dict[Any, list[Record]] = {}
    for record in records:
        groups.setdefault(key(record), []).append(record)
    return groups
