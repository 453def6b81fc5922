"""What `spectriage identify --stream` and `--batch` do on the command line."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from spectriage.library.service.answers import EXIT_FAILED
from spectriage.library.service.engine import make_engine
from spectriage.library.service.progress import progress_bar
from spectriage.spectra.errors import ParameterError

if TYPE_CHECKING:
    from spectriage.library.app.crowd import Crowd
    from spectriage.library.signing import Trust


def identify_many(
    batch: str | None,
    out: str | None,
    crowd: Crowd,
    library: Path | None,
    packaging: list[str] | None,
    lod: float | None,
    policy: str,
    trust: Trust | None = None,
) -> None:
    """Answer a stream of requests when there is no batch, else run the batch."""
    if batch is None:
        _stream(library, packaging, lod, policy, trust)
        return
    if out is None:
        raise ParameterError("--batch needs a file for its results", remedy="name it with --out")
    from spectriage.library.service.batch import Setup

    setup = Setup(library, tuple(packaging or ()), lod, policy, trust)
    with progress_bar() as progress:
        summary = crowd.run(batch, out, setup, progress)
    verdicts = ", ".join(f"{count} {name}" for name, count in sorted(summary.verdicts.items()))
    resumed = f", {summary.resumed} of them before" if summary.resumed else ""
    print(
        f"spectriage: {summary.inputs} inputs{resumed}: {verdicts or 'no verdict'}; {summary.errors} errors",
        file=sys.stderr,
    )
    if not summary.verdicts:
        raise typer.Exit(EXIT_FAILED)


def _stream(
    library: Path | None,
    packaging: list[str] | None,
    lod: float | None,
    policy: str,
    trust: Trust | None,
) -> None:
    from spectriage.library.service.stream import identify_stream

    engine = make_engine(library, packaging, lod, policy, trust)
    # not the program's sturdy output, which outlives its reader: a stream ends when nobody reads it
    answers = (sys.__stdout__ or sys.stdout).buffer
    try:
        identify_stream(engine, sys.stdin.buffer, answers, packaging=packaging or "auto")
    except BrokenPipeError:
        # Whoever asked has gone: the interpreter must not try to flush what is left.
        os.dup2(os.open(os.devnull, os.O_WRONLY), answers.fileno())
