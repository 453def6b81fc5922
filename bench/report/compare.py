"""Two runs side by side: every figure before and after, against what is owed, and a plot of the trade."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from spectriage.bench.report.statistics import Interval
from spectriage.bench.report.tables import Table
from spectriage.spectra.errors import FormatError
from spectriage.spectra.origin import Origin


class Owed(Protocol):
    """A figure with its floor and its aim; see `spectriage.bench.evidence.floors`."""

    @property
    def figure(self) -> str: ...  # noqa: D102
    @property
    def title(self) -> str: ...  # noqa: D102
    @property
    def floor(self) -> float | None: ...  # noqa: D102
    @property
    def aim(self) -> float | None: ...  # noqa: D102
    @property
    def better(self) -> str: ...  # noqa: D102
    @property
    def origin(self) -> Origin: ...  # noqa: D102
    @property
    def of_before(self) -> float | None: ...  # noqa: D102


class Figure(NamedTuple):
    """One number of a run, with its interval where it has one."""

    value: float
    low: float | None = None
    high: float | None = None

    def __str__(self) -> str:
        if self.low is None or self.high is None:
            return f"{self.value:g}"
        return str(Interval(self.value, self.low, self.high))


Figures = Mapping[tuple[Origin, str], Figure]


def read_report(path: Path) -> dict[str, Any]:
    """Read a benchmark's JSON.

    Raises
    ------
    FormatError
        When it is not one.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FormatError(f"cannot be read: {error.strerror or error}", where=str(path)) from None
    except ValueError as error:
        raise FormatError(f"is not JSON: {error}", where=str(path)) from None
    figures_of(data, str(path))
    return dict(data)


def figures_of(data: Any, where: str) -> dict[tuple[Origin, str], Figure]:
    """Return the figures of a report as JSON has it.

    Raises
    ------
    FormatError
        When it is not one.
    """
    if not isinstance(data, dict) or "command" not in data:
        raise FormatError("is not a benchmark's JSON", where=where, remedy="write one with --json")
    found: dict[tuple[Origin, str], Figure] = {}
    for origin in Origin:
        figures = (data.get(str(origin)) or {}).get("figures") or {}
        for name, value in figures.items():
            figure = _figure(value)
            if figure is not None:
                found[origin, name] = figure
    return found


def _figure(value: Any) -> Figure | None:
    if isinstance(value, dict):
        if not isinstance(value.get("value"), int | float):
            return None
        low, high = value.get("interval") or (None, None)
        return Figure(float(value["value"]), low, high)
    return Figure(float(value)) if isinstance(value, int | float) else None


def floors_tables(
    owed: Sequence[Owed], before: Figures | None, after: Figures, *, name: str = "floors"
) -> list[Table]:
    """Return the tables of what is owed, measured and simulated apart.

    Parameters
    ----------
    owed
        The rows.
    before
        An older run; None for none.
    after
        The run that is judged.
    """
    tables = []
    for origin in Origin:
        rows: list[list[Any]] = []
        for row in owed:
            new = after.get((origin, row.figure))
            old = before.get((origin, row.figure)) if before is not None else None
            if row.origin is origin and (new or old):
                floor, said = _floor(row, old)
                cells: list[Any] = [
                    str(new) if new else None,
                    said,
                    _said(row.aim, row),
                    _met(row, floor, new),
                ]
                if before is not None:
                    cells = [str(old) if old else None, *cells, _change(row, old, new)]
                rows.append([row.title, *cells])
        if rows:
            head: tuple[str, ...] = ("figure", "now", "floor", "aim", "floor met")
            if before is not None:
                head = ("figure", "before", *head[1:], "change")
            tables.append(
                Table(name, "All figures of the decision, against what is owed", head, rows, origin)
            )
    return tables


def _said(value: float | None, row: Owed) -> str | None:
    return None if value is None else f"{_SIGN[row.better]} {value:g}"


_SIGN = {"more": "≥", "less": "≤"}
_ROUNDING = 5e-4
"""Smaller differences of a figure are not seen in three decimals."""


def _floor(row: Owed, old: Figure | None) -> tuple[float | None, str | None]:
    """Return the floor, and how it is printed: a number, or a multiple of the older run's."""
    if row.of_before is None:
        return row.floor, _said(row.floor, row)
    text = f"{_SIGN[row.better]} {row.of_before:g} × before"
    return None if old is None else row.of_before * old.value, text


def _met(row: Owed, floor: float | None, figure: Figure | None) -> bool | None:
    if floor is None or figure is None:
        return None
    away = figure.value - floor
    return away >= -_slack(floor, row) if row.better == "more" else away <= _slack(floor, row)


def _slack(floor: float, row: Owed) -> float:
    return _ROUNDING * max(1.0, abs(floor)) if row.of_before is not None else 1e-9


def _change(row: Owed, old: Figure | None, new: Figure | None) -> str | None:
    if old is None or new is None:
        return None
    if abs(new.value - old.value) < _ROUNDING * max(1.0, abs(old.value)):
        return "same"
    return "better" if (new.value > old.value) is (row.better == "more") else "worse"


X = "field: false raises"
DETECTIONS = (
    (
        "hazards: reported rightly",
        "real hazards, 10–50 % of the area, reported as what they are",
        Origin.MEASURED,
    ),
    ("limits: found at the limit, solids", "solids found at the stated limit", Origin.MEASURED),
    ("answers: NO_ALARM, all", "harmless, rightly named: NO_ALARM", Origin.MEASURED),
)


def draw(runs: Sequence[tuple[str, Figures]], path: Path) -> None:
    """Draw false alarms on field spectra against detections and answers, one colour a run; PNG, SVG or PDF.

    Raises
    ------
    FormatError
        When a run has no false-alarm figure.
    """
    from spectriage.spectra.report import require_matplotlib

    require_matplotlib()
    from matplotlib.figure import Figure as Drawing

    drawing = Drawing(figsize=(7.0, 5.8), layout="constrained")
    axes = drawing.subplots()
    marks, colours = "os^", ("0.55", "tab:blue", "tab:orange", "tab:green")
    for number, (label, figures) in enumerate(runs):
        false = figures.get((Origin.MEASURED, X))
        if false is None:
            raise FormatError(
                f"{label} has no figure {X!r}", remedy="write it with `spectriage bench decide`"
            )
        for mark, (name, title, origin) in zip(marks, DETECTIONS, strict=True):
            found = figures.get((origin, name))
            if found is not None:
                axes.errorbar(
                    100.0 * false.value,
                    100.0 * found.value,
                    xerr=_reach(false),
                    yerr=_reach(found),
                    fmt=mark,
                    color=colours[number % len(colours)],
                    capsize=3,
                    label=f"{label}: {title}",
                )
    axes.set(xlabel="field spectra falsely raised, %", ylabel="found, or answered, %", ylim=(0, 102))
    axes.set_xlim(left=0.0)
    axes.set_title("False alarms against detections (measured; 95 % intervals)")
    drawing.legend(loc="outside lower center", frameon=False, fontsize=8)
    drawing.savefig(path, dpi=150)


def _reach(figure: Figure) -> list[list[float]] | None:
    if figure.low is None or figure.high is None:
        return None
    return [
        [100.0 * max(figure.value - figure.low, 0.0)],
        [100.0 * max(figure.high - figure.value, 0.0)],
    ]
