"""The tables of a benchmark, on the terminal and as JSON; measured and simulated are kept apart."""

from __future__ import annotations

import json
import math
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spectriage.bench.report.statistics import Interval, Proportion
from spectriage.spectra.errors import ParameterError
from spectriage.spectra.origin import Origin

if TYPE_CHECKING:
    from rich.console import Console

JSON_SCHEMA = 1

Cell = str | int | float | bool | None | Interval | Proportion


@dataclass(frozen=True)
class Table:
    """One table.

    Parameters
    ----------
    name
        A stable key for the JSON.
    title
        As printed.
    columns
        Their headings.
    rows
        A cell for each column.
    origin
        Of every number in it.
    notes
        What a reader must know.

    Raises
    ------
    ParameterError
        When a row does not fit the columns.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[Cell]]
    origin: Origin
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ParameterError(f"a row of {len(row)} cells in a table of {len(self.columns)} columns")

    def to_json(self) -> dict[str, Any]:
        """Return the table with its rows as objects."""
        return {
            "name": self.name,
            "title": self.title,
            "rows": [
                {column: cell_json(cell) for column, cell in zip(self.columns, row, strict=True)}
                for row in self.rows
            ],
            "notes": list(self.notes),
        }


@dataclass
class Report:
    """What a benchmark found.

    Parameters
    ----------
    command
        The subcommand.
    settings
        Everything that decides the numbers: sets, library hash, seeds, counts.
    tables
        In the order of printing.
    details
        Trial by trial, for the JSON alone, by origin.
    versions
        Of what ran.
    figures
        The numbers that runs are compared by, under stable names, by origin.
    hidden
        Names of tables that go into the JSON alone.
    """

    command: str
    settings: Mapping[str, Any]
    tables: list[Table] = field(default_factory=list)
    details: dict[Origin, dict[str, Any]] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    figures: dict[Origin, dict[str, Cell]] = field(default_factory=dict)
    hidden: tuple[str, ...] = ()

    def figure(self, origin: Origin, name: str, value: Cell) -> None:
        """Keep one number under a stable name, for comparing runs."""
        self.figures.setdefault(origin, {})[name] = value

    def stamp(self) -> None:
        """Note the versions and the code that are about to run: both may change on disk during a long run."""
        self.versions = _versions()

    def add(self, *tables: Table) -> None:
        """Append tables."""
        self.tables += tables

    def detail(self, origin: Origin, name: str, value: Any) -> None:
        """Keep trial-by-trial results."""
        self.details.setdefault(origin, {})[name] = value

    def to_json(self) -> dict[str, Any]:
        """Return the report: one section for what was measured, another for what was simulated."""
        result: dict[str, Any] = {
            "schema": JSON_SCHEMA,
            "command": f"bench {self.command}",
            "settings": dict(self.settings),
            "versions": self.versions or _versions(),
        }
        for origin in Origin:
            tables = [table.to_json() for table in self.tables if table.origin is origin]
            details = self.details.get(origin, {})
            figures = {name: cell_json(cell) for name, cell in self.figures.get(origin, {}).items()}
            if tables or details or figures:
                result[str(origin)] = {"figures": figures, "tables": tables, "details": details}
        return result

    def write(self, path: Path) -> None:
        """Write the JSON beside `path` first, then rename it: never half a file."""
        text = json.dumps(finite(self.to_json()), ensure_ascii=False, indent=1, allow_nan=False)
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        try:
            temporary.write_text(text + "\n", encoding="utf-8")
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)

    def show(self, console: Console) -> None:
        """Print the tables, what was measured before what was simulated."""
        for origin in Origin:
            for table in self.tables:
                if table.origin is origin and table.name not in self.hidden:
                    _show(table, console)


def cell_json(cell: Cell) -> Any:
    """Return a cell as JSON has it."""
    if isinstance(cell, Interval | Proportion):
        return cell.to_json()
    if isinstance(cell, float):
        return round(cell, 6) if cell == cell else None
    return cell


def cell_text(cell: Cell) -> str:
    """Return a cell as printed."""
    if cell is None:
        return "–"
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, float):
        return f"{cell:.3f}" if cell == cell else "–"
    return str(cell)


def _show(table: Table, console: Console) -> None:
    from rich import box
    from rich.table import Table as RichTable

    drawn = RichTable(
        title=f"{table.title} ({table.origin})", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False
    )
    for column in table.columns:
        drawn.add_column(column, overflow="fold")
    for row in table.rows:
        drawn.add_row(*(cell_text(cell) for cell in row))
    console.print(drawn, markup=False)
    for note in table.notes:
        console.print(f"  {note}", markup=False, highlight=False)
    console.print()


def finite(value: Any) -> Any:
    """Return a value as JSON can hold it: no NaN and no infinity."""
    if isinstance(value, Mapping):
        return {str(key): finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [finite(part) for part in value]
    if hasattr(value, "to_json"):
        return value.to_json()
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, str | int | bool | None) else str(value)


def _versions() -> dict[str, str]:
    from spectriage.library.building import cache_key

    # the catalogue and the code of engine and library, as the cached library is named by them
    found = {"python": platform.python_version(), "engine_and_catalogue": cache_key()}
    for name in ("spectriage", "numpy", "scipy", "numba", "statsmodels"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found
