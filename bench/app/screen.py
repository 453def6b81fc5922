"""The command `spectriage bench screen`: the handheld's screen, timed in a real browser."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spectriage.bench.app.options import OutOption, QuickOption, bench
from spectriage.spectra.options import JsonOption
from spectriage.spectra.origin import Origin

if TYPE_CHECKING:
    from spectriage.bench.report.runner import Jobs
    from spectriage.bench.report.tables import Cell, Report
    from spectriage.spectra.arrays import FloatArray
    from spectriage.spectra.progress import Progress


def screen(
    times: Annotated[int, typer.Option("--times", "-n", min=1, max=1000, help="How often each.")] = 20,
    soak: Annotated[
        int, typer.Option("--soak", min=0, max=100_000, help="Scans of the soak; 0 leaves it out.")
    ] = 0,
    pictures: Annotated[
        Path | None,
        typer.Option("--pictures", metavar="FOLDER", help="Take pictures of the views, and time nothing."),
    ] = None,
    as_json: JsonOption = False,
    out: OutOption = None,
    quick: QuickOption = False,
) -> None:
    """Time first paint, result after the last light, and light after the page is gone; soak the memory."""
    if pictures is not None:
        _take(pictures)
        return

    def work(report: Report, progress: Progress | None, _: Jobs) -> None:
        with tempfile.TemporaryDirectory() as folder:
            _times(report, min(times, QUICK) if quick else times, quick, Path(folder), progress)
            if soak:
                _soak(report, soak, Path(folder) / "soak", progress)

    bench("screen", {"times": times, "quick": quick, "soak": soak}, (as_json, out), work)


def _take(folder: Path) -> None:
    from spectriage.bench.screen.pictures import take

    with tempfile.TemporaryDirectory() as scratch:
        for path in take(folder, Path(scratch)):
            typer.echo(str(path))


QUICK, QUICK_ENDS = 3, 1
"""Times each with ``--quick``; of what ends the service, which takes ten seconds to begin anew."""
NOTES = ("the page and the service share this machine; first paint is of the page in a warm cache",)


def _times(report: Report, times: int, quick: bool, folder: Path, progress: Progress | None) -> None:
    from spectriage.bench.report.tables import Table
    from spectriage.bench.screen.latency import first_paints_ms, results_ms
    from spectriage.bench.screen.leaving import ENDS, STAYS, lit_after_ms

    rows: list[list[Cell]] = []

    def row(what: str, found_ms: FloatArray) -> None:
        rows.append(_row(what, found_ms))
        if progress is None:
            # whoever ends this early has what was measured until then
            _, count, median, slowest = rows[-1]
            typer.echo(f"{what}: {count} times, median {median} ms, slowest {slowest} ms", err=True)

    def done(what: str, most: int, count: int) -> None:
        if progress is not None:
            progress(what, count, most)

    def left(most: int, way: str, count: int) -> None:
        done(f"light after: {way}", most, count)

    row("first paint, warm", first_paints_ms(times, folder / "paint", partial(done, "first paint", times)))
    found = results_ms(times + 1, folder / "result", partial(done, "results", times + 1))
    row("first result of a service, after the last light", found[:1])
    row("result shown after the last light", found[1:])
    for ways, most in ((STAYS, times), (ENDS, min(times, QUICK_ENDS) if quick else times)):
        for way, lit_ms in lit_after_ms(ways, most, folder / next(iter(ways)), partial(left, most)):
            row(f"light after: {way}", lit_ms)
    columns = ("what", "times", "median, ms", "slowest, ms")
    report.add(Table("times", "The screen of an emulated WP-785", columns, rows, Origin.EMULATED, NOTES))


def _row(what: str, found_ms: FloatArray) -> list[Cell]:
    import numpy as np

    return [what, found_ms.size, round(float(np.median(found_ms))), round(float(found_ms.max()))]


def _soak(report: Report, scans: int, folder: Path, progress: Progress | None) -> None:
    from spectriage.bench.report.tables import Table
    from spectriage.bench.screen.soak import BLOCK, soak

    def done(count: int) -> None:
        if progress is not None:
            progress("soak", count, scans)
        elif count % BLOCK == 0:
            typer.echo(f"soak: {count} of {scans} scans", err=True)

    soaked = soak(scans, folder, done)
    rows: list[list[Cell]] = [
        [
            what,
            scans,
            soaked.cancelled,
            round(float(mb[2]), 1),
            round(float(mb[-1]), 1),
            f"{100 * drift:.1f} %",
        ]
        for what, mb, drift in (
            ("service", soaked.service_mb, soaked.service_drift),
            ("page", soaked.page_mb, soaked.page_drift),
        )
    ]
    columns = ("of", "scans", "cancelled", "after the warm-up, MB", "at the end, MB", "largest departure")
    title = f"Memory, medians of {BLOCK} scans, half through the page and half through the API"
    report.add(Table("soak", title, columns, rows, Origin.SIMULATED))
