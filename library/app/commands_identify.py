"""The command `spectriage identify`."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spectriage.library.app.crowd import (
    SHARD_INPUTS,
    BatchOption,
    ClusterOption,
    Crowd,
    OutOption,
    PartFormat,
    PartFormatOption,
    ShardOption,
    WorkersOption,
)
from spectriage.library.app.powder_and_strip import as_measured, identify_both, print_both
from spectriage.library.app.shared import KeysOption, RequireOption, RollbackOption, trust_of
from spectriage.library.service.ahead import compiling_ahead
from spectriage.library.service.answers import Answer, answer, exit_code
from spectriage.library.service.engine import make_engine
from spectriage.library.service.printing import print_answer, print_line, print_summary, write_plot
from spectriage.library.service.standard_input import STANDARD_INPUT, read_standard_input
from spectriage.spectra.compile import lasting
from spectriage.spectra.errors import ParameterError, SpectriageError
from spectriage.spectra.options import (
    INPUT,
    MANY,
    ExplainOption,
    ItemOption,
    JournalOption,
    JsonOption,
    LibraryOption,
    LodOption,
    PackagingOption,
    PlotOption,
    PolicyOption,
)
from spectriage.spectra.policy.target import DEFAULT
from spectriage.spectra.spectrum import Spectrum
from spectriage.spectra.technique import Technique

if TYPE_CHECKING:
    from spectriage.library.journal import Recorder
    from spectriage.spectra.identify import Identifier


def identify(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FILE…",
            help="Spectra: two-column text, CSV, vendor files, JCAMP-DX; - is standard input.",
            show_default=False,
        ),
    ] = None,
    library: LibraryOption = None,
    as_json: JsonOption = False,
    plot: PlotOption = None,
    explain: ExplainOption = False,
    packaging: PackagingOption = None,
    policy: PolicyOption = DEFAULT,
    lod: LodOption = None,
    which: Annotated[
        str | None,
        typer.Option(
            "--which",
            metavar="NAME",
            help="Which spectrum of a file that holds several; without it, they are listed.",
            rich_help_panel=INPUT,
        ),
    ] = None,
    column: Annotated[
        str | None,
        typer.Option(
            "--column",
            metavar="NAME",
            help="Which column is the intensity, where a table has several.",
            rich_help_panel=INPUT,
        ),
    ] = None,
    stream: Annotated[
        bool,
        typer.Option(
            "--stream",
            help="Answer JSON requests from standard input, one a line: see `spectriage schema stream`.",
            rich_help_panel=MANY,
        ),
    ] = False,
    batch: BatchOption = None,
    out: OutOption = None,
    workers: WorkersOption = 1,
    cluster: ClusterOption = None,
    part_format: PartFormatOption = PartFormat.JSONL,
    shard_inputs: ShardOption = SHARD_INPUTS,
    journal: JournalOption = None,
    item_number: ItemOption = "",
    technique: Annotated[
        Technique,
        typer.Option(
            "--technique", help="How the files were measured: normal, or sers.", rich_help_panel=INPUT
        ),
    ] = Technique.NORMAL,
    strip: Annotated[
        Path | None,
        typer.Option(
            "--strip", help="A SERS scan of the same item, as evidence beside FILE.", rich_help_panel=INPUT
        ),
    ] = None,
    require: RequireOption = False,
    keys: KeysOption = None,
    rollback: RollbackOption = False,
) -> None:
    """Identify what spectra are of: one file in full, several in a line each.

    Exit code: that of the most serious file. 10 alarm, 11 warning, 12 inconclusive, 0 no alarm; 2 when no
    file could be read. With --stream or --batch 0 when all was answered.
    """
    trust = trust_of(require, keys, rollback)
    if stream or batch is not None:
        from spectriage.library.app.commands_many import identify_many

        shown = files or as_json or plot or explain or which or column or (stream and batch)
        if shown or (stream and (out is not None or workers != 1 or cluster is not None)):
            raise ParameterError("--stream and --batch take neither files nor each other's or output options")
        if strip is not None or technique is not Technique.NORMAL:
            raise ParameterError("--technique and --strip take files")
        crowd = Crowd(workers, cluster, part_format, shard_inputs)
        identify_many(batch, out, crowd, library, packaging, lod, policy, trust)
        return
    from spectriage.library.journal import recording

    if not files:
        raise ParameterError("no file was named", remedy="name one or more, or give --stream or --batch")
    if out is not None or workers != 1 or cluster is not None:
        raise ParameterError("--out, --workers and --cluster belong to --batch")
    if strip is not None:
        if len(files) != 1 or plot is not None or technique is not Technique.NORMAL:
            raise ParameterError("--strip goes with one file, and with neither --plot nor --technique")
        both = identify_both(
            make_engine(library, packaging, lod, policy, trust),
            make_engine(library, None, lod, policy, trust, Technique.SERS),
            (str(files[0]), _read(files[0], which, column)),
            (str(strip), _read(strip, None, None)),
        )
        print_both(both, as_json=as_json, explain=explain)
        raise typer.Exit(both.exit_code)
    if plot is not None:
        _check_plot(files, plot)
    engine: Identifier | None = None
    answers = []
    with compiling_ahead(), recording(journal, item=item_number) as recorder:
        for path in files:
            spectrum = _read(path, which, column)
            if isinstance(spectrum, SpectriageError):
                made = Answer(str(path), error=spectrum)
            else:
                # the first answer loads the compiled kernels
                with lasting() if engine is None else nullcontext():
                    engine = engine or make_engine(library, packaging, lod, policy, trust, technique)
                    spectrum = as_measured(spectrum, technique)
                    made = answer(engine, str(path), spectrum, traces=plot is not None)
                _record(recorder, spectrum, made, engine)
            if as_json or explain or len(files) == 1:
                print_answer(made, as_json=as_json, explain=explain)
            else:
                print_line(made)
            answers.append(made)
    if len(files) > 1 and not as_json:
        print_summary(answers)
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


def _check_plot(files: list[Path], plot: Path) -> None:
    """Refuse before anything is read what could not be drawn afterwards."""
    if len(files) != 1:
        raise ParameterError("--plot takes one file at a time", where=str(plot))
    from spectriage.spectra.report import require_matplotlib

    require_matplotlib()


def _read(path: Path, which: str | None, column: str | None) -> Spectrum | SpectriageError:
    from spectriage.spectra.formats import read_spectrum

    try:
        if str(path) == STANDARD_INPUT:
            return read_standard_input(which, column)
        return read_spectrum(path, which=which, column=column)
    except SpectriageError as error:
        return error
