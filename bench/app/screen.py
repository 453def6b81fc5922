"""The command `spectriage bench screen`: the handheld's screen, timed in a real browser."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spectriage.bench.app.options import OutOption, QuickOption, bench
from spectriage.spectra.options import JsonOption
from spectriage.spectra.origin import Origin

if TYPE_CHECKING:
    from spectriage.bench.report.tables import Cell, Report
    from spectriage.spectra.arrays import FloatArray
    from spectriage.spectra.progress import Progress


def screen(
    times: Annotated[int, typer.Option("--times", "-n", min=1, max=1000, help="How often each.")] = 20,
    soak: Annotated[
        int, typer.Option("--soak", min=0, max=100_000, help="Scans of the soak; 0 leaves it out.")
    ] = 0,
    as_json: JsonOption = False,
    out: OutOption = None,
    quick: QuickOption = False,
) -> None:
    """Time first paint, result after the last light, and light after the page is gone; soak the memory."""
    count = min(times, 3) if quick else times

    def work(report: Report, progress: Progress | None) -> None:
        with tempfile.TemporaryDirectory() as folder:
            _times(report, count, Path(folder))
            if soak:
                _soak(report, soak, Path(folder) / "soak")

    bench("screen", {"times": count, "soak": soak}, (as_json, out), work)


NOTES = ("the page and the service share this machine; first paint is of the page in a warm cache",)


def _times(report: Report, times: int, folder: Path) -> None:
    from spectriage.bench.report.tables import Table
    from spectriage.bench.screen.latency import first_paints_ms, results_ms
    from spectriage.bench.screen.leaving import WAYS, lit_after_ms

    rows: list[list[Cell]] = [
        _row("first paint, warm", first_paints_ms(times, folder / "paint")),
        _row("result shown after the last light", results_ms(times, folder / "result")),
    ]
    rows += [_row(f"light after: {way}", lit_after_ms(way, times, folder / "leaving")) for way in WAYS]
    columns = ("what", "times", "median, ms", "slowest, ms")
    report.add(Table("times", "The screen of an emulated WP-785", columns, rows, Origin.EMULATED, NOTES))


def _row(what: str, found_ms: FloatArray) -> list[Cell]:
    import numpy as np

    return [what, found_ms.size, round(float(np.median(found_ms))), round(float(found_ms.max()))]


def _soak(report: Report, scans: int, folder: Path) -> None:
    from spectriage.bench.report.tables import Table
    from spectriage.bench.screen.soak import BLOCK, soak

    soaked = soak(scans, folder)
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
