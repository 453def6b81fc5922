"""What `spectriage identify --stream` and `--batch` do on the command line."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from spectriage.library.app.commands_identify import EXIT_FAILED, make_engine
from spectriage.spectra.errors import ParameterError

if TYPE_CHECKING:
    from spectriage.library.service.batch import Progress


def identify_many(
    batch: Path | None,
    out: Path | None,
    workers: int,
    library: Path | None,
    packaging: list[str] | None,
    lod: float | None,
) -> None:
    """Answer a stream of requests when there is no batch, else run the batch."""
    if batch is None:
        _stream(library, packaging, lod)
        return
    if out is None:
        raise ParameterError("--batch needs a file for its results", remedy="name it with --out")
    from spectriage.library.service.batch import Setup, run_batch

    with _progress_bar() as progress:
        summary = run_batch(
            batch, out, Setup(library, tuple(packaging or ()), lod), workers=workers, progress=progress
        )
    verdicts = ", ".join(f"{count} {name}" for name, count in sorted(summary.verdicts.items()))
    resumed = f", {summary.resumed} of them before" if summary.resumed else ""
    print(
        f"spectriage: {summary.inputs} inputs{resumed}: {verdicts or 'no verdict'}; {summary.errors} errors",
        file=sys.stderr,
    )
    if not summary.verdicts:
        raise typer.Exit(EXIT_FAILED)


def _stream(library: Path | None, packaging: list[str] | None, lod: float | None) -> None:
    from spectriage.library.service.stream import identify_stream

    engine = make_engine(library, packaging, lod)
    try:
        identify_stream(engine, sys.stdin.buffer, sys.stdout.buffer)
    except BrokenPipeError:
        # Whoever asked has gone: the interpreter must not try to flush what is left.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def _progress_bar() -> Iterator[Progress | None]:
    """Give a callback that draws on standard error; None where that is not a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("identifying")
        yield lambda done, total: bar.update(task, completed=done, total=total)
