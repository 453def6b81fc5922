"""Control charts over time: a unit that drifts, goes blind or raises too often is seen.

Individuals charts with limits from the moving range, and p-charts (Montgomery, Introduction to Statistical
Quality Control, 8th ed., ch. 6.4 and 7.2). The limits are drawn from all units' first days, so that a unit is
held against the fleet as it was.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spectriage.library.fleet.store import require_sqlalchemy
from spectriage.spectra.arrays import BoolArray, FloatArray

if TYPE_CHECKING:
    from sqlalchemy import Connection, MetaData

MOVING_RANGE = 2.66
"""3/d₂ for ranges of two neighbours, d₂ = 1.128."""
BASELINE_DAYS = 20
MEASURES = {
    "limit": "median stated limit of detection (share of the signal)",
    "axis": "mean axis offset (cm⁻¹)",
    "raised": "share of scans that alarmed or warned",
}


@dataclass(frozen=True, eq=False)
class Chart:
    """One measure of one unit over its days.

    Parameters
    ----------
    unit, measure
        Which; see `MEASURES`.
    days
        ISO dates, shape (n,).
    values, low, high
        The measure and its control limits, shape (n,).
    centre
        Of the baseline.
    """

    unit: str
    measure: str
    days: tuple[str, ...]
    values: FloatArray
    low: FloatArray
    high: FloatArray
    centre: float

    @property
    def out(self) -> BoolArray:
        """Where the measure is out of control, shape (n,)."""
        return np.asarray((self.values < self.low) | (self.values > self.high))

    def to_json(self) -> dict[str, Any]:
        """Return it for a script."""
        return {
            "unit": self.unit,
            "measure": self.measure,
            "days": list(self.days),
            "values": [round(float(v), 6) for v in self.values],
            "low": [round(float(v), 6) for v in self.low],
            "high": [round(float(v), 6) for v in self.high],
            "out": [day for day, out in zip(self.days, self.out, strict=True) if out],
        }


def control_charts(connection: Connection, meta: MetaData) -> list[Chart]:
    """Return every unit's charts, by unit and measure."""
    days = _by_day(connection, meta)
    charts = []
    for unit in sorted(days):
        dates = tuple(sorted(days[unit]))
        counts = np.array([days[unit][day]["scans"] for day in dates])
        for measure in MEASURES:
            values = np.array([days[unit][day][measure] for day in dates])
            known = np.isfinite(values)
            if known.sum() < 2:
                continue
            kept = tuple(day for day, there in zip(dates, known, strict=True) if there)
            if measure == "raised":
                charts.append(_proportions(unit, kept, values[known], counts[known]))
            else:
                charts.append(_individuals(unit, measure, kept, values[known]))
    return charts


def _individuals(unit: str, measure: str, days: tuple[str, ...], values: FloatArray) -> Chart:
    base = values[:BASELINE_DAYS]
    centre = float(np.mean(base))
    reach = MOVING_RANGE * float(np.mean(np.abs(np.diff(base))))
    low, high = np.full(values.size, centre - reach), np.full(values.size, centre + reach)
    return Chart(unit, measure, days, values, low, high, centre)


def _proportions(unit: str, days: tuple[str, ...], values: FloatArray, counts: Any) -> Chart:
    first = slice(None, BASELINE_DAYS)
    centre = float(np.sum(values[first] * counts[first]) / np.sum(counts[first]))
    reach = 3.0 * np.sqrt(centre * (1.0 - centre) / counts)
    return Chart(
        unit, "raised", days, values, np.maximum(centre - reach, 0.0), np.minimum(centre + reach, 1.0), centre
    )


def _by_day(connection: Connection, meta: MetaData) -> dict[str, dict[str, dict[str, float]]]:
    sa = require_sqlalchemy()
    records, targets = meta.tables["records"], meta.tables["targets"]
    limits: dict[tuple[str, str], list[float]] = defaultdict(list)
    joined = sa.and_(targets.c.journal == records.c.journal, targets.c.number == records.c.number)
    query = sa.select(records.c.unit, records.c.day, targets.c.lod).select_from(records.join(targets, joined))
    for unit, day, lod in connection.execute(query):
        # a target that no amount would have shown counts as the whole signal
        limits[unit, day].append(1.0 if lod is None else lod)
    found: dict[str, dict[str, dict[str, float]]] = defaultdict(dict)
    raised = sa.func.sum(sa.case((records.c.verdict.in_(("ALARM", "WARNING")), 1), else_=0))
    query = (
        sa.select(
            records.c.unit,
            records.c.day,
            sa.func.count(),
            raised,
            sa.func.avg(records.c.axis_offset_cm),
        )
        .where(records.c.verdict != "")
        .group_by(records.c.unit, records.c.day)
    )
    for unit, day, scans, alarms, offset in connection.execute(query):
        stated = limits.get((unit, day))
        found[unit][day] = {
            "scans": float(scans),
            "raised": float(alarms) / float(scans),
            "axis": np.nan if offset is None else float(offset),
            "limit": float(np.median(stated)) if stated else np.nan,
        }
    return found


def plot_charts(charts: Sequence[Chart], path: Path) -> None:
    """Draw charts under each other, days out of control marked."""
    from spectriage.spectra.report import require_matplotlib

    require_matplotlib()
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 1.9 * max(len(charts), 1)), layout="constrained")
    for axes, chart in zip(np.ravel(figure.subplots(len(charts), 1, squeeze=False)), charts, strict=True):
        place = np.arange(len(chart.days))
        axes.plot(place, chart.values, color="#0072B2", marker="o", ms=3, lw=1)
        axes.plot(place[chart.out], chart.values[chart.out], "X", color="#D55E00", ms=8)
        axes.step(place, chart.low, color="#666666", lw=0.8, ls="--", where="mid")
        axes.step(place, chart.high, color="#666666", lw=0.8, ls="--", where="mid")
        axes.axhline(chart.centre, color="#999999", lw=0.8)
        axes.set_title(f"{chart.unit}: {MEASURES[chart.measure]}", fontsize=8, loc="left")
        ticks = place[:: max(1, len(place) // 8)]
        axes.set_xticks(ticks, [chart.days[tick] for tick in ticks], fontsize=7)
        axes.tick_params(axis="y", labelsize=7)
    figure.savefig(path, dpi=110)
