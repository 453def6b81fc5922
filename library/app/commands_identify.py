"""The command `spectriage identify`."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spectriage.library.service.answers import Answer, answer, exit_code
from spectriage.library.service.engine import make_engine
from spectriage.library.service.printing import print_answer, write_plot
from spectriage.spectra.compile import lasting
from spectriage.spectra.errors import ParameterError, SpectriageError

if TYPE_CHECKING:
    from spectriage.library.journal import Recorder
    from spectriage.spectra.identify import Identifier
    from spectriage.spectra.spectrum import Spectrum

EXIT_FAILED = 2


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
    journal: Annotated[
        Path | None, typer.Option("--journal", "-j", help="Record answers in this journal.")
    ] = None,
    item_number: Annotated[
        str, typer.Option("--item", help="Number of the item, recorded with the answer.")
    ] = "",
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
    from spectriage.library.journal import recording

    if not files:
        raise ParameterError("no file was named", remedy="name one or more, or give --stream or --batch")
    if out is not None or workers != 1:
        raise ParameterError("--out and --workers belong to --batch")
    if plot is not None and len(files) != 1:
        raise ParameterError("--plot takes one file at a time", where=str(plot))
    if plot is not None:
        from spectriage.spectra.report import require_matplotlib

        require_matplotlib()
    spectra = [_read(path, which, column) for path in files]
    answers = []
    with recording(journal, item=item_number) as recorder:
        engine = None
        for path, item in zip(files, spectra, strict=True):
            if isinstance(item, SpectriageError):
                made = Answer(str(path), error=item)
            else:
                # the first answer loads the compiled kernels
                with lasting() if engine is None else nullcontext():
                    engine = engine or make_engine(library, packaging, lod)
                    made = answer(engine, str(path), item, traces=plot is not None)
                _record(recorder, item, made, engine)
            print_answer(made, as_json=as_json, explain=explain)
            answers.append(made)
    if plot is not None:
        write_plot(answers[0], plot)
    raise typer.Exit(exit_code(answers))


def _record(recorder: Recorder, spectrum: Spectrum, made: Answer, engine: Identifier) -> None:
    """Record an answer before it is shown."""
    from spectriage.library.journal import identification_entry

    result = made.result
    if result is not None:
        recorder.keep(
            lambda context: identification_entry(
                spectrum, result, engine, input_name=made.name, context=context
            )
        )


def _read(path: Path, which: str | None, column: str | None) -> Spectrum | SpectriageError:
    from spectriage.spectra.formats import read_spectrum

    try:
        return read_spectrum(path, which=which, column=column)
    except SpectriageError as error:
        return error
