"""The figure of what an identification costs against size."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from spectriage.bench.growth.growth import Cost, Growth, bend, each_reference, held_whole, slopes


def plot_growth(growth: Growth, path: Path) -> None:
    """Draw cost against references, and against points, on logarithmic axes, each step with its slope."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, NullLocator

    figure = Figure(figsize=(11, 4.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    _draw(left, [cost.references for cost in growth.references], growth.references)
    if len(growth.references) > 1:
        each = each_reference(growth.references)
        sizes = np.array([bend(growth.references) / 2, growth.references[-1].references])
        left.plot(sizes, each * sizes, "--", color="0.4", lw=1.0, label=f"{1e6 * each:.0f} ns a reference")
        _mark(left, held_whole(growth.references[0].points), "held whole up to")
        left.legend(loc="lower right", frameon=False)
    left.set_xlabel("references, 1,024 points each")
    if growth.points:
        _draw(right, [cost.points for cost in growth.points], growth.points)
        count = growth.points[0].references
        _mark(right, held_whole(1) // count, "held whole up to")
        right.set_xticks([cost.points for cost in growth.points])
        right.set_xlabel(f"points a spectrum, {count} references")
    for axes in (left, right):
        axes.set_ylabel("ms an identification, one thread")
        axes.grid(alpha=0.3, which="both", lw=0.4)
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        for told in (axes.yaxis.set_major_formatter, axes.yaxis.set_minor_formatter):
            told(FuncFormatter(lambda value, _: f"{value:g}" if f"{value:g}"[0] in "125" else ""))
    figure.suptitle("Cost of one identification; synthetic references and scans; numbers are slopes")
    figure.savefig(path, dpi=100)


def _mark(axes: Any, place: float, text: str) -> None:
    low, high = axes.get_xlim()
    if low < place < high:
        axes.axvline(place, color="0.7", lw=0.8)
        axes.annotate(
            f"{text} {place:,.0f} ",
            (place, 0.94),
            xycoords=("data", "axes fraction"),
            ha="right",
            fontsize=8,
        )


def _draw(axes: Any, sizes: Sequence[int], costs: Sequence[Cost]) -> None:
    took = [cost.identify_ms for cost in costs]
    axes.loglog(sizes, took, "o-", ms=4)
    for place, slope in enumerate(slopes(sizes, costs)):
        middle = np.sqrt(sizes[place] * sizes[place + 1]), np.sqrt(took[place] * took[place + 1])
        axes.annotate(
            f"{slope:.2f}", middle, xytext=(-4, 6), textcoords="offset points", ha="right", fontsize=8
        )
