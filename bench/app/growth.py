"""The command `spectriage bench growth`: what one identification costs against size."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spectriage.library.service.progress import progress_bar
from spectriage.spectra.options import JsonOption
from spectriage.spectra.terminal import print_json

if TYPE_CHECKING:
    from spectriage.bench.growth.growth import Cost, Growth


def growth(
    full: Annotated[
        bool, typer.Option("--full", help="Also up to a million references: half an hour, 20 GB of disk.")
    ] = False,
    plot: Annotated[Path | None, typer.Option("--plot", help="Draw it to this PNG, SVG or PDF.")] = None,
    as_json: JsonOption = False,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write the results to this JSON file too.")
    ] = None,
    most: Annotated[
        int | None, typer.Option("--most", min=100, help="No more references than these.")
    ] = None,
    references: Annotated[
        list[int] | None,
        typer.Option(
            "--references", min=100, help="Only so many references, and no points; may be repeated."
        ),
    ] = None,
) -> None:
    """Measure the cost and memory of identifying against the number of references, and of points."""
    from spectriage.bench.growth.growth import MANY_REFERENCES, POINTS, REFERENCES, measure

    if plot is not None:
        from spectriage.spectra.report import require_matplotlib

        require_matplotlib()
    sizes = references or [
        size for size in (*REFERENCES, *(MANY_REFERENCES if full else ())) if size <= (most or size)
    ]
    with progress_bar() as progress:
        found = measure(sizes, () if references else POINTS, progress)
    if plot is not None:
        from spectriage.bench.growth.figure import plot_growth

        plot_growth(found, plot)
    if out is not None:
        out.write_text(json.dumps(found.to_json(), indent=1) + "\n", encoding="utf-8")
    if as_json:
        print_json(found.to_json())
    else:
        print("\n".join(lines(found)))


def lines(found: Growth) -> list[str]:
    """Return the results as two tables."""
    from spectriage.bench.growth.growth import bend, each_reference, held_whole

    made = []
    for axis in ("references", "points"):
        costs: tuple[Cost, ...] = getattr(found, axis)
        steps = [each["slope"] for each in found.to_json()[axis]]
        heads = (
            axis,
            "file, MB",
            "ms",
            "slope",
            "opened, s",
            "first answer, s",
            "own, MB",
            "peak, MB",
            "beyond the file",
        )
        if not costs:
            continue
        made += [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
        for cost, slope in zip(costs, steps, strict=True):
            memory = [
                f"{value:.0f}" if value is not None else ""
                for value in (cost.own_mb, cost.peak_mb, cost.beyond_mb)
            ]
            made.append(
                f"| {getattr(cost, axis):,} | {cost.file_mb:,.0f} | {cost.identify_ms:.3g} | "
                f"{'' if slope is None else f'{slope:.2f}'} | {cost.opening_s:.2g} | {cost.first_s:.2g} | "
                f"{' | '.join(memory)} |"
            )
        made.append("")
    if len(found.references) > 1:
        made.append(
            f"{1e6 * each_reference(found.references):.0f} ns for one more reference: as much as identifying "
            f"with the smallest library at {bend(found.references):,.0f} references; held whole up to "
            f"{held_whole(found.references[0].points):,} references"
        )
    return made
