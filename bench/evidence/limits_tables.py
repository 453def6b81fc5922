"""The tables of `spectriage bench limits`: found at multiples of the limit, cleared, by bands and noise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from spectriage.bench.evidence.limits import FACTORS, Held, LimitTrial, cleared, outcomes, values
from spectriage.bench.report.statistics import Interval, two_way_bootstrap
from spectriage.bench.report.tables import Report, Table
from spectriage.spectra.origin import Origin

BAND_GROUPS = ((0, 2), (3, 5), (6, 8), (9, 12), (13, 99))
SNR_GROUPS = ((0.0, 30.0), (30.0, 100.0), (100.0, 300.0), (300.0, 1000.0), (1000.0, float("inf")))
FEWEST_SUMS = 5
"""A target with fewer sums at its limit is not called the worst."""
Cells = Sequence[tuple[LimitTrial, Held]]


def limits_tables(
    trials: Sequence[LimitTrial], report: Report, *, name: str = "limits", origin: Origin = Origin.MEASURED
) -> None:
    """Add the tables of the experiment to a report, with the figures that runs are compared by.

    Parameters
    ----------
    name
        Of the tables: libraries of different kinds are not pooled.
    """
    solids = [trial for trial in trials if trial.solid]
    others = [trial for trial in trials if not trial.solid]
    groups = {"all": list(trials), "solids": solids, "others": others}
    plain = {f"{label}, as measured": [t for t in mine if t.noise is None] for label, mine in groups.items()}
    title = f"{name[0].upper()}{name[1:]}"
    report.add(
        _main_table(name, f"{title}: found and cleared at multiples of the limit", groups | plain, origin),
        _main_table(f"{name}: by bands", f"{title}, by the target's bands", _by_bands(trials), origin),
        _main_table(f"{name}: by noise", f"{title}, by the scan's signal to noise", _by_snr(trials), origin),
        _by_target(name, trials, origin),
    )
    report.detail(origin, name, [asdict(trial) for trial in trials])
    for label, mine in (groups | plain).items():
        at = outcomes(mine, 1.0)
        worst = worst_target(mine)
        report.figure(origin, f"{name}: found at the limit, {label}", share(at, lambda held: held.found))
        report.figure(origin, f"{name}: NO_ALARM at the limit, {label}", share(at, cleared))
        report.figure(origin, f"{name}: stated, {label}", sum(trial.limit is not None for trial in mine))
        report.figure(origin, f"{name}: pairs, {label}", len(mine))
        report.figure(origin, f"{name}: median, {label}", _median(mine))
        report.figure(origin, f"{name}: worst target, {label}", worst[1] if worst else None)


def share(cells: Cells, happened: Callable[[Held], bool]) -> Interval | None:
    """Return how often something happened, with its interval over targets and mains; None without sums."""
    if not cells:
        return None
    return two_way_bootstrap(
        [happened(held) for _, held in cells],
        [trial.target for trial, _ in cells],
        [trial.main for trial, _ in cells],
    )


def worst_target(trials: Sequence[LimitTrial]) -> tuple[str, float, int] | None:
    """Return the target that is found least at its limit, how often, and in how many sums."""
    shares = [(name, found, n) for name, found, n in _target_shares(trials) if n >= FEWEST_SUMS]
    return min(shares, key=lambda each: (each[1], each[0]), default=None)


def _target_shares(trials: Sequence[LimitTrial]) -> list[tuple[str, float, int]]:
    found: dict[str, list[bool]] = {}
    for trial, held in outcomes(trials, 1.0):
        found.setdefault(trial.target, []).append(held.found)
    return [(name, sum(mine) / len(mine), len(mine)) for name, mine in found.items()]


def _median(trials: Sequence[LimitTrial]) -> float | None:
    stated = values(trials)
    return float(np.median(stated)) if stated.size else None


def _by_bands(trials: Sequence[LimitTrial]) -> dict[str, list[LimitTrial]]:
    return {
        f"{low}–{high} bands" if high < 99 else f"{low} bands or more": [
            trial for trial in trials if low <= trial.bands <= high
        ]
        for low, high in BAND_GROUPS
    }


def _by_snr(trials: Sequence[LimitTrial]) -> dict[str, list[LimitTrial]]:
    return {
        f"S/N {low:g}–{high:g}": [trial for trial in trials if low <= trial.snr < high]
        for low, high in SNR_GROUPS
    }


def _main_table(name: str, title: str, groups: dict[str, list[LimitTrial]], origin: Origin) -> Table:
    rows: list[list[Any]] = []
    for label, mine in groups.items():
        if not mine:
            continue
        stated = [trial for trial in mine if trial.limit is not None]
        at = outcomes(mine, 1.0)
        worst = worst_target(mine)
        rows.append(
            [
                label,
                len({trial.target for trial in mine}),
                f"{len(stated)} of {len(mine)}",
                _median(mine),
                *(share(outcomes(mine, factor), lambda held: held.found) for factor in FACTORS),
                share(at, cleared),
                f"{worst[0]} {worst[1]:.2f} ({worst[2]})" if worst else None,
            ]
        )
    return Table(
        name,
        title,
        (
            "group",
            "targets",
            "limits stated",
            "median limit",
            *(f"found at {factor:g} ×" for factor in FACTORS),
            "NO_ALARM at 1 ×",
            "worst target (sums)",
        ),
        rows,
        origin,
        (
            "Sums of measured spectra: adding and noise are computed. Intervals 95 %, bootstrap over targets "
            "and mains at once.",
            "Solids: organic and salt powders with at least six bands over 5 %.",
            "A multiple that is more than the whole is left out.",
        ),
    )


def _by_target(name: str, trials: Sequence[LimitTrial], origin: Origin) -> Table:
    rows: list[list[Any]] = []
    for target in sorted({trial.target for trial in trials}):
        mine = [trial for trial in trials if trial.target == target]
        at = outcomes(mine, 1.0)
        found = sum(held.found for _, held in at)
        rows.append(
            [
                target,
                any(trial.solid for trial in mine),
                max(trial.bands for trial in mine),
                f"{sum(trial.limit is not None for trial in mine)} of {len(mine)}",
                _median(mine),
                f"{found} of {len(at)}",
                sum(cleared(held) for _, held in at),
                sum(trial.blank_found for trial in mine),
            ]
        )
    return Table(
        f"{name}: by target",
        f"{name[0].upper()}{name[1:]}, by target",
        (
            "target",
            "solid",
            "bands",
            "limits stated",
            "median limit",
            "found at 1 ×",
            "NO_ALARM at 1 ×",
            "found where it is not",
        ),
        rows,
        origin,
    )
