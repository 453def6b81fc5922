"""The picture of the probability of detection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from spectriage.bench.report.statistics import Proportion


@dataclass(frozen=True)
class DrawnCurve:
    """One curve: a proportion at each amount."""

    label: str
    amounts: tuple[float, ...]
    points: tuple[Proportion, ...]


def draw(curves: Sequence[DrawnCurve], path: Path) -> None:
    """Draw curves with their intervals; PNG, SVG or PDF by the suffix."""
    from spectriage.spectra.report import require_matplotlib

    require_matplotlib()
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.5, 4.5), layout="constrained")
    axes = figure.subplots()
    axes.axhline(0.95, color="0.6", linewidth=1, linestyle="--", label="0.95")
    for curve, marker in zip(curves, "os^D" * len(curves), strict=False):
        found = [point.interval for point in curve.points]
        spread = [[max(f.value - f.low, 0.0) for f in found], [max(f.high - f.value, 0.0) for f in found]]
        axes.errorbar(
            [100.0 * amount for amount in curve.amounts],
            [f.value for f in found],
            yerr=spread,
            fmt=f"{marker}-",
            capsize=3,
            label=curve.label,
        )
    axes.set(xlabel="share of the Raman signal, %", ylabel="probability of detection", ylim=(-0.02, 1.02))
    axes.set_title("Probability of detection (simulated), 95 % intervals")
    axes.legend(loc="lower right", frameon=False)
    figure.savefig(path, dpi=150)
