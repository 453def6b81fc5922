"""The command `spectriage identify`, and the printing that it shares with `spectriage scan`."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spectriage.spectra.compile.collector import lasting
from spectriage.spectra.errors import ParameterError, SpectriageError
from spectriage.spectra.verdict.identification import JSON_SCHEMA, Identification, most_serious

if TYPE_CHECKING:
    from spectriage.spectra.identify import Identifier
    from spectriage.spectra.spectrum import Spectrum

EXIT_FAILED = 2


@dataclass(frozen=True)
class Answer:
    """What came of one input: an identification, or the error that prevented it."""

    name: str
    result: Identification | None = None
    error: SpectriageError | None = None
    elapsed_ms: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Return the identification's object, or one with the field `error`."""
        if self.result is not None:
            return self.result.to_json(input_name=self.name, elapsed_ms=self.elapsed_ms)
        return {"schema": JSON_SCHEMA, "input": self.name, "error": error_json(self.error)}


def error_json(error: SpectriageError | None) -> dict[str, str]:
    """Return an error as an object: its type, what is wrong, where, and what to do."""
    if error is None:
        return {}
    return {
        "type": type(error).__name__,
        "what": error.what,
        "where": error.where,
        "remedy": error.remedy,
    }


def answer(
    engine: Identifier, name: str, spectrum: Spectrum, *, traces: bool = False, health: str = ""
) -> Answer:
    """Identify one spectrum and time it."""
    start = time.perf_counter()
    try:
        result = engine.identify(spectrum, traces=traces, health=health)
    except SpectriageError as error:
        return Answer(name, error=error)
    return Answer(name, result, elapsed_ms=(time.perf_counter() - start) * 1e3)


def exit_code(answers: Iterable[Answer]) -> int:
    """Return 10, 11, 12 or 0 for the most serious verdict; 2 when there is none."""
    verdicts = [item.result.verdict for item in answers if item.result is not None]
    return most_serious(verdicts).exit_code if verdicts else EXIT_FAILED


def print_answer(item: Answer, *, as_json: bool, explain: bool = False) -> None:
    """Print one answer: a JSON line, a screen, or a line on standard error."""
    if as_json:
        print(json.dumps(item.to_json(), ensure_ascii=False), flush=True)
        return
    from rich.console import Console

    if item.result is None:
        where = f"{item.name}: " if item.error is not None and not item.error.where else ""
        print(f"spectriage: error: {where}{item.error}", file=sys.stderr)
        return
    from spectriage.spectra.report.screen import show

    console = Console()
    show(item.result, console, title=item.name, explain=explain)
    console.print()


def write_plot(item: Answer, path: Path) -> None:
    """Write the plot of one answer."""
    from spectriage.spectra.report.plot import plot

    if item.result is not None:
        plot(item.result, path, title=Path(item.name).name)


def make_engine(
    library: Path | None, packaging: list[str] | None = None, lod: float | None = None
) -> Identifier:
    """Open the library, the shipped one if none is named, and prepare the engine."""
    with lasting():
        from spectriage.library.build.cache import open_library
        from spectriage.library.app.commands_library import progress_bar
        from spectriage.spectra.identify import Identifier
        from spectriage.spectra.policy.policy import Policy

        _announce_compilation()
        with progress_bar() as progress:
            references = open_library(library, progress=progress)
        policy = Policy() if lod is None else Policy(lod=lod)
        return Identifier(references, policy, packaging=packaging or "auto")


@cache
def _announce_compilation() -> None:
    """Say once on standard error when kernels have to be compiled, which takes long."""
    from spectriage.spectra.compile.jit import announce_compilation

    told: list[str] = []

    def tell(name: str) -> None:
        if not told:
            print(
                "spectriage: compiling for this machine, once; `spectriage warmup` does it beforehand",
                file=sys.stderr,
                flush=True,
            )
        told.append(name)

    announcing = announce_compilation(tell)
    announcing.__enter__()
    _announcing.append(announcing)


_announcing: list[Any] = []
"""Kept open as long as the process lives."""


def identify(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Spectra: text, CSV, vendor CSV, JCAMP-DX.")
    ] = None,
    library: Annotated[
        Path | None, typer.Option("--library", "-l", help="Library file; the shipped catalogue if not given.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")] = False,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Write a plot (of one file) to this PNG, SVG or PDF.")
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="List the bands that decided, and the alternatives.")
    ] = False,
    packaging: Annotated[
        list[str] | None, typer.Option("--packaging", help="auto, none, or names; may be repeated.")
    ] = None,
    lod: Annotated[
        float | None, typer.Option("--lod", help="Spectral fraction that watched targets must be visible at.")
    ] = None,
    which: Annotated[
        str | None, typer.Option("--which", help="Which spectrum of a file that holds several.")
    ] = None,
    column: Annotated[str | None, typer.Option("--column", help="Which intensity column.")] = None,
    stream: Annotated[
        bool, typer.Option("--stream", help="Answer JSON requests from standard input, one a line.")
    ] = False,
    batch: Annotated[
        Path | None, typer.Option("--batch", help="Identify all of a folder, manifest or library file.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Results of --batch, JSON lines; continued if begun.")
    ] = None,
    workers: Annotated[int, typer.Option("--workers", min=1, help="Processes of --batch.")] = 1,
) -> None:
    """Identify what spectra are of.

    Exit code: that of the most serious file. 10 alarm, 11 warning, 12 inconclusive, 0 no alarm; 2 when no
    file could be read. With --stream or --batch 0 when all was answered.
    """
    if stream or batch is not None:
        from spectriage.library.app.commands_many import identify_many

        shown = files or as_json or plot or explain or which or column or (stream and batch)
        if shown or (stream and (out is not None or workers != 1)):
            raise ParameterError("--stream and --batch take neither files nor each other's or output options")
        identify_many(batch, out, workers, library, packaging, lod)
        return
    if not files:
        raise ParameterError("no file was named", remedy="name one or more, or give --stream or --batch")
    if out is not None or workers != 1:
        raise ParameterError("--out and --workers belong to --batch")
    if plot is not None and len(files) != 1:
        raise ParameterError("--plot takes one file at a time", where=str(plot))
    if plot is not None:
        from spectriage.spectra.report.plot import require_matplotlib

        require_matplotlib()
    spectra = [_read(path, which, column) for path in files]
    answers = []
    engine = None
    for path, item in zip(files, spectra, strict=True):
        if isinstance(item, SpectriageError):
            made = Answer(str(path), error=item)
        elif engine is None:
            # the first answer loads the compiled kernels
            with lasting():
                engine = make_engine(library, packaging, lod)
                made = answer(engine, str(path), item, traces=plot is not None)
        else:
            made = answer(engine, str(path), item, traces=plot is not None)
        print_answer(made, as_json=as_json, explain=explain)
        answers.append(made)
    if plot is not None:
        write_plot(answers[0], plot)
    raise typer.Exit(exit_code(answers))


def _read(path: Path, which: str | None, column: str | None) -> Spectrum | SpectriageError:
    from spectriage.spectra.formats import read_spectrum

    try:
        return read_spectrum(path, which=which, column=column)
    except SpectriageError as error:
        return error
