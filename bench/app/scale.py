"""The command `spectriage bench scale`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from spectriage.bench.app.options import OutOption, bench
from spectriage.spectra.options import JsonOption

if TYPE_CHECKING:
    from spectriage.bench.report.runner import Jobs
    from spectriage.bench.report.tables import Report
    from spectriage.spectra.progress import Progress


def scale(
    spectra: Annotated[int, typer.Option("--spectra", min=600, help="Made-up scans to identify.")] = 4000,
    workers: Annotated[
        list[int] | None, typer.Option("--workers", min=1, max=64, help="How many; may be repeated. 1 and 2.")
    ] = None,
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="Each way in turn, so often.")] = 3,
    sleepers: Annotated[
        list[int] | None,
        typer.Option("--sleepers", min=1, max=1000, help="Sleeping workers; may be repeated. 10, 40, 100."),
    ] = None,
    nap: Annotated[
        float, typer.Option("--nap", min=0.001, help="Seconds that a sleeper's task takes.")
    ] = 4.0,
    tasks: Annotated[int, typer.Option("--tasks", min=1, help="Tasks a sleeper.")] = 10,
    as_json: JsonOption = False,
    out: OutOption = None,
) -> None:
    """Measure batches by processes and by a cluster here, and model them up to 10,000 workers."""
    from spectriage.bench.scale.scale import Settings
    from spectriage.bench.scale.scale import scale as measure

    settings = Settings(
        spectra, tuple(workers or (1, 2)), rounds, tuple(sleepers or (10, 40, 100)), nap, tasks
    )

    def work(report: Report, progress: Progress | None, _: Jobs) -> None:
        measure(report, settings, progress)

    bench("scale", asdict(settings), (as_json, out), work)
