"""The tables and curves of one panel that say what was found of its targets."""

from __future__ import annotations

from collections.abc import Sequence

from spectriage.bench.report.statistics import (
    DetectionCurve,
    Proportion,
    detection_curve,
)
from spectriage.bench.report.tables import Cell
from spectriage.bench.validation.counting import first_scans, levels_of
from spectriage.bench.validation.panel_result import Curve, Grid, PanelResult, grouped
from spectriage.bench.validation.records import Record
from spectriage.bench.validation.run import same
from spectriage.bench.validation.statistics import (
    lower_bound,
)

FACTORS = ("matrix", "packaging", "instrument", "exposure")


def _pod_cells(mine: Sequence[Record]) -> list[Cell]:
    hits, n = sum(bool(r.detected) for r in mine), len(mine)
    return [
        Proportion(hits, n),
        Proportion(hits, n, "exact"),
        lower_bound(hits, n, 0.95),
    ]


POD_COLUMNS = ("found [Wilson 95 %]", "found [Clopper–Pearson 95 %]", "lower bound, one-sided 95 %")


def pod(result: PanelResult, records: Sequence[Record]) -> None:
    """Add the table of what was found of each target at each level."""
    groups = grouped(
        first_scans(records), lambda r: (r.target, float(r.factors.get("level", 1.0)), _tier(r.target))
    )
    rows = [[target, level, tier, *_pod_cells(mine)] for (target, level, tier), mine in groups.items()]
    notes = {
        "family": "Found: the verdict is ALARM or WARNING for the target's family.",
        "alarm": "Found: the verdict is ALARM for the target's family.",
        "named": "Found: the material is among the components.",
    }
    result.grids.append(
        Grid(
            "Probability of detection",
            ("target", "level", "known by", *POD_COLUMNS),
            rows,
            (notes[result.panel.detection],),
        )
    )


def _tier(name: str) -> str:
    from spectriage.bench.validation.trial import entry_of

    entry = entry_of(name)
    return str(entry.tier) if entry is not None else "not in the catalogue"


def detection_limits(result: PanelResult, records: Sequence[Record]) -> None:
    """Add the limits of detection, and their curves."""
    rows: list[list[Cell]] = []
    for target, mine in grouped(records, lambda r: r.target).items():
        levels, found, tried = levels_of(mine)
        if len(levels) < 3:
            continue
        curves = {p: detection_curve(levels, found, tried, level=p) for p in (0.90, 0.95)}
        rows.append([target, *(_amount(curve) for curve in curves.values()), _bracket(levels, found, tried)])
        fit = curves[0.95]
        result.curves.append(
            Curve(
                "pod",
                f"{target}: probability of detection",
                {
                    "levels": levels,
                    "found": found,
                    "tried": tried,
                    "intercept": fit.intercept if fit else None,
                    "slope": fit.slope if fit else None,
                },
            )
        )
    if rows:
        result.grids.append(
            Grid(
                "Limit of detection",
                ("target", "LOD90 [95 %]", "LOD95 [95 %]", "seen directly"),
                rows,
                (
                    "Logistic regression on the logarithm of the level; intervals by the delta method. They "
                    "take trials as independent; a matrix is shared by several.",
                ),
            )
        )


def _amount(curve: DetectionCurve | None) -> Cell:
    return "not determined" if curve is None else curve.amount


def _bracket(levels: Sequence[float], found: Sequence[int], tried: Sequence[int]) -> str:
    missed = [x for x, a, b in zip(levels, found, tried, strict=True) if a < b]
    if not missed:
        return f"always found, from {levels[0]:g}"
    above = [x for x in levels if x > missed[-1]]
    return f"always found from {above[0]:g}" if above else f"still missed at {missed[-1]:g}"


def by_factor(result: PanelResult, records: Sequence[Record]) -> None:
    """Add a table for each factor that varies: its values down, the levels across."""
    tried = first_scans(records)
    levels = sorted({float(record.factors.get("level", 1.0)) for record in tried})
    for factor in FACTORS:
        groups: dict[str, list[Record]] = {}
        for record in tried:
            groups.setdefault(str(record.factors.get(factor, "")), []).append(record)
        if len(groups) < 2:
            continue
        rows = [[value, *(_found_at(mine, level) for level in levels)] for value, mine in groups.items()]
        columns = (factor, *(f"{level:g}" for level in levels))
        note = "Found / tried at each level; all targets of the panel together."
        rows.sort(key=lambda row: str(row[0]))
        result.grids.append(Grid(f"Found by {factor} and level", columns, rows, (note,)))


def _found_at(records: Sequence[Record], level: float) -> str:
    mine = [r for r in records if same(float(r.factors.get("level", 1.0)), level)]
    return f"{sum(bool(r.detected) for r in mine)}/{len(mine)}" if mine else "–"
