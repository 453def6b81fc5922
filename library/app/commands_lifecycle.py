"""The commands `spectriage library diff | merge | remove | history`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spectriage.library.app.shared import ForceOption, OutOption, count, report_made
from spectriage.library.service.progress import progress_bar
from spectriage.spectra.options import JsonOption
from spectriage.spectra.terminal import print_json

EXIT_DIFFERENT = 1


def diff(
    first: Annotated[Path, typer.Argument(help="A library file.")],
    second: Annotated[Path, typer.Argument(help="Another one.")],
    as_json: JsonOption = False,
) -> None:
    """Say how two libraries differ. Exit code: 0 when they hold the same references, else 1."""
    from spectriage.library.building.lifecycle import compare, read_content

    found = compare(read_content(first), read_content(second))
    if as_json:
        changed = {name: list(fields) for name, fields in found.changed.items()}
        print_json(
            {
                "added": list(found.added),
                "removed": list(found.removed),
                "changed": changed,
                "grid": found.grid,
            }
        )
    else:
        if found.grid:
            print("their axes differ: spectra on the grid were not compared")
        for name in found.added:
            print(f"+ {name}")
        for name in found.removed:
            print(f"- {name}")
        for name, fields in found.changed.items():
            print(f"~ {name}: {', '.join(fields)}")
        print(f"{len(found.added)} added, {len(found.removed)} removed, {len(found.changed)} changed")
    if not found.same:
        raise typer.Exit(EXIT_DIFFERENT)


def merge(
    files: Annotated[list[Path], typer.Argument(help="Two library files or more.")],
    out: OutOption,
    name: Annotated[str | None, typer.Option("--name", help="The library's name; the first one's.")] = None,
    prefer_first: Annotated[
        bool, typer.Option("--prefer-first", help="Where one id is two things, take the first library's.")
    ] = False,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Put the references of several libraries into a new one."""
    from spectriage.library.building.lifecycle import merge_libraries

    with progress_bar() as progress:
        made = merge_libraries(
            files, out, name=name, prefer_first=prefer_first, overwrite=force, progress=progress
        )
    report_made(out, made, as_json)


def remove(
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="Reference ids, see `list`.")],
    library: Annotated[Path, typer.Option("--library", "-l", help="The library to start from.")],
    out: OutOption,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write a library without some references."""
    from spectriage.library.building.lifecycle import remove_references

    with progress_bar() as progress:
        made = remove_references(library, ids, out, overwrite=force, progress=progress)
    report_made(out, made, as_json)


def history(
    file: Annotated[Path, typer.Argument(help="A library file.")], as_json: JsonOption = False
) -> None:
    """Tell how a library came to be, oldest first."""
    from spectriage.library.store.file import read_library

    references = read_library(file)
    steps = list(references.attributes["history"])
    if as_json:
        print_json({"name": references.name, "sha256": references.sha256, "history": steps})
        return
    for step in steps:
        print(step)
    print(f"now: {references.name}, {count(len(references), 'reference')}, sha256 {references.sha256}")
