"""The figure of what an identification costs against size."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from spectriage.bench.growth.growth import Cost, Growth, bend, fixed_and_each, slopes


def plot_growth(growth: Growth, path: Path) -> None:
    """Draw cost against references, and against points, on logarithmic axes, each step with its slope."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    _draw(left, [cost.references for cost in growth.references], growth.references)
    if len(growth.references) > 1:
        fixed, each = fixed_and_each(growth.references)
        sizes = np.geomspace(growth.references[0].references, growth.references[-1].references, 200)
        label = f"{fixed:.2g} ms + {1e6 * each:.2g} ns a reference"
        left.plot(sizes, fixed + each * sizes, "--", color="0.4", lw=1.0, label=label)
        place = bend(fixed, each)
        if place is not None and sizes[0] < place < sizes[-1]:
            left.axvline(place, color="0.7", lw=0.8)
            left.annotate(
                f"bends at {place:,.0f}", (place, 0.93), xycoords=("data", "axes fraction"), ha="right"
            )
        left.legend(loc="lower right", frameon=False)
    left.set_xlabel("references, 1,024 points each")
    _draw(right, [cost.points for cost in growth.points], growth.points)
    right.set_xlabel(f"points a spectrum, {growth.points[0].references} references" if growth.points else "")
    for axes in (left, right):
        axes.set_ylabel("ms an identification, one thread")
        axes.grid(alpha=0.3, which="both", lw=0.4)
    figure.suptitle("Cost of one identification; synthetic references and scans; numbers are slopes")
    figure.savefig(path, dpi=110)


def _draw(axes: object, sizes: list[int], costs: tuple[Cost, ...]) -> None:
    took = [cost.identify_ms for cost in costs]
    axes.loglog(sizes, took, "o-", ms=4)  # type: ignore[attr-defined]
    for place, slope in enumerate(slopes(sizes, costs)):
        middle = np.sqrt(sizes[place] * sizes[place + 1]), np.sqrt(took[place] * took[place + 1])
        axes.annotate(  # type: ignore[attr-defined]
            f"{slope:.2f}", middle, xytext=(-4, 6), textcoords="offset points", ha="right", fontsize=8
        )
