"""The command `spectriage rescore`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spectriage.library.app.crowd import (
    SHARD_INPUTS,
    ClusterOption,
    Crowd,
    PartFormat,
    PartFormatOption,
    ShardOption,
    WorkersOption,
)
from spectriage.library.app.rescore_tables import print_tally
from spectriage.library.app.shared import KeysOption, RequireOption, RollbackOption, count, trust_of
from spectriage.library.service.progress import progress_bar
from spectriage.spectra.errors import ParameterError
from spectriage.spectra.options import (
    INPUT,
    MANY,
    OUTPUT,
    JsonOption,
    LibraryOption,
    LodOption,
    PackagingOption,
    PolicyOption,
)
from spectriage.spectra.policy.target import DEFAULT
from spectriage.spectra.terminal import print_json

if TYPE_CHECKING:
    from spectriage.library.rescore.run import Kept
    from spectriage.library.rescore.tally import Tally
    from spectriage.library.service.batch import Setup


def rescore(
    old: Annotated[
        str,
        typer.Argument(
            metavar="OLD",
            help="Results of identify --batch: a file, or a cluster's folder or URL; or a journal.",
            show_default=False,
        ),
    ],
    inputs: Annotated[
        str | None,
        typer.Option(
            "--inputs",
            metavar="INPUT",
            help="What the old batch identified, as its --batch; a journal holds its spectra.",
            rich_help_panel=INPUT,
        ),
    ] = None,
    out: Annotated[
        str | None,
        typer.Option(
            "--out",
            "-o",
            metavar="OUT",
            help="Where the new results go, as of identify --batch; continued where they were begun.",
            rich_help_panel=MANY,
        ),
    ] = None,
    library: LibraryOption = None,
    old_library: Annotated[
        Path | None,
        typer.Option(
            "--old-library",
            help="The library of then: with it a change names the references that are new, gone or changed.",
            rich_help_panel=INPUT,
        ),
    ] = None,
    policy: PolicyOption = DEFAULT,
    packaging: PackagingOption = None,
    lod: LodOption = None,
    changes: Annotated[
        Path | None,
        typer.Option(
            "--changes", help="Write every change to this file of JSON lines.", rich_help_panel=OUTPUT
        ),
    ] = None,
    as_json: JsonOption = False,
    workers: WorkersOption = 1,
    cluster: ClusterOption = None,
    part_format: PartFormatOption = PartFormat.JSONL,
    shard_inputs: ShardOption = SHARD_INPUTS,
    require: RequireOption = False,
    keys: KeysOption = None,
    rollback: RollbackOption = False,
) -> None:
    """Score an archive again with another library, engine or policy: what changed, and why.

    Every old row's spectrum is found and its hash compared before any is identified. Exit code: 10 an alarm
    was gained or lost, 11 another verdict changed, 12 components or limits, 0 nothing; 2 when it could not
    be done.
    """
    from spectriage.library.rescore.results import is_journal
    from spectriage.library.rescore.run import differing_references
    from spectriage.library.rescore.tally import Tally
    from spectriage.library.service.batch import Setup

    setup = Setup(library, tuple(packaging or ()), lod, policy, trust_of(require, keys, rollback))
    crowd = Crowd(workers, cluster, part_format, shard_inputs)
    tally = Tally(references=differing_references(old_library, _file_of(library, old_library)))
    if is_journal(old):
        if inputs is not None or out is not None or crowd != Crowd():
            raise ParameterError("a journal holds its spectra, and is scored again in this process")
        _of_journal(Path(old), setup, tally, changes)
    else:
        if inputs is None or out is None:
            raise ParameterError(
                "results do not hold their spectra", remedy="name these with --inputs, and a new --out"
            )
        _of_batch(old, inputs, out, setup, crowd, tally, changes)
    if as_json:
        print_json(tally.to_json())
    else:
        print_tally(tally)
    raise typer.Exit(tally.exit_code)


def _file_of(library: Path | None, old_library: Path | None) -> Path | None:
    """Return the new library's file; the shipped one's is looked up only where it is compared."""
    if library is not None or old_library is None:
        return library
    from spectriage.library.building.cache import default_library

    path = default_library().attributes.get("path")
    return Path(str(path)) if path else None


def _of_journal(path: Path, setup: Setup, tally: Tally, changes: Path | None) -> None:
    from spectriage.library.rescore.run import rescore_journal

    with _kept(changes) as keep:
        rescore_journal(path, setup.engine(), tally, keep)


def _of_batch(
    old: str, inputs: str, out: str, setup: Setup, crowd: Crowd, tally: Tally, changes: Path | None
) -> None:
    from spectriage.library.inputs.listing import batch_items
    from spectriage.library.rescore.results import result_rows
    from spectriage.library.rescore.run import compare_results
    from spectriage.library.rescore.spectra import check_spectra

    with progress_bar() as progress:
        found, others = check_spectra(result_rows(old), batch_items(inputs), progress=progress)
        besides = f"; {count(others, 'other input')} identified too" if others else ""
        print(f"spectriage: {count(found, 'input')} of old results unchanged{besides}", file=sys.stderr)
        crowd.run(inputs, out, setup, progress)
    with _kept(changes) as keep:
        compare_results(old, out, tally, keep)


@contextmanager
def _kept(path: Path | None) -> Iterator[Kept | None]:
    """Give what writes a change to a file, whole or not at all; None where there is no file."""
    if path is None:
        yield None
        return
    from spectriage.library.files.atomic import replacing

    with (
        replacing(path, overwrite=True) as temporary,
        temporary.open("w", encoding="utf-8", errors="backslashreplace") as file,
    ):
        yield lambda change: print(json.dumps(change.to_json()), file=file)
