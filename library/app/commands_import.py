"""The commands `spectriage library import | template`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spectriage.library.app.shared import count
from spectriage.library.service.progress import progress_bar
from spectriage.spectra.options import JsonOption
from spectriage.spectra.technique import Technique
from spectriage.spectra.terminal import print_json

if TYPE_CHECKING:
    from spectriage.library.importing import Report

EXIT_NOTHING = 2
SHOWN = 60


def import_spectra(
    sources: Annotated[
        list[str],
        typer.Argument(help="Folders, files, ZIPs, manifests, libraries; or 'openspecy', the package."),
    ],
    into: Annotated[
        Path, typer.Option("--into", "-i", help="The library file: made, or extended and the old one kept.")
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", "-n", help="Only say what would be done.")] = False,
    kind: Annotated[
        str,
        typer.Option("--kind", help="folder, manifest, openspecy, library or ec-sers; told by the content."),
    ] = "auto",
    with_catalogue: Annotated[
        bool,
        typer.Option(
            "--catalogue/--no-catalogue", help="A new library gets all of the catalogue, or its packaging."
        ),
    ] = True,
    technique: Annotated[
        Technique, typer.Option("--technique", help="How they were measured, where no file says.")
    ] = Technique.NORMAL,
    substrate: Annotated[str, typer.Option("--substrate", help="Of SERS: on which metal.")] = "",
    source: Annotated[str, typer.Option("--source", help="Instrument or owner, where none is said.")] = "",
    licence: Annotated[str, typer.Option("--licence", help="Terms of use, where no file says them.")] = "",
    report: Annotated[
        Path | None, typer.Option("--report", help="Write everything that was done to this JSON file.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Bring measured spectra into a library; say what was taken, was there already, or was refused.

    Originals are kept in it byte for byte. Importing the same again changes nothing. Exit code: 0 when
    something was taken or all was there already, 2 when all was refused.
    """
    from spectriage.library.importing import Defaults, import_into

    defaults = Defaults({"source": source, "licence": licence}, technique, substrate)
    with progress_bar() as progress:
        made = import_into(
            into,
            sources,
            kind=kind,
            defaults=defaults,
            with_catalogue=with_catalogue,
            dry_run=dry_run,
            progress=progress,
        )
    if report is not None:
        _write_report(made, report)
    if as_json:
        print_json({"schema": 1, **made.to_json(), "dry_run": dry_run})
    else:
        _show(made, dry_run)
    if not made.taken and not made.known:
        raise typer.Exit(EXIT_NOTHING)


def _write_report(made: Report, path: Path) -> None:
    import json

    from spectriage.library.files.atomic import replacing

    with replacing(path, overwrite=True) as temporary:
        text = json.dumps(made.to_json(), indent=1, ensure_ascii=False)
        temporary.write_text(text + "\n", encoding="utf-8")


def _show(made: Report, dry_run: bool) -> None:
    for source, kind in made.kinds:
        print(f"{source}: {kind}")
    for each in made.taken[:SHOWN]:
        record = each.record
        what = " ".join(filter(None, (record.substance, record.form)))
        hazard = "" if record.hazard == "none" else f", {record.hazard}"
        kind = "" if record.technique is Technique.NORMAL else f", {record.technique}"
        print(
            f"  {'would take' if dry_run else 'took'}  {each.where}: {what} ({record.material_class}{hazard}"
            f"{kind}), named by {each.named_by}"
        )
    _more(len(made.taken))
    for where, name in made.known[:SHOWN]:
        print(f"  known  {where}: {name}")
    _more(len(made.known))
    for refused in made.refused[:SHOWN]:
        print(f"  refused  {refused.where}: {refused.reason}")
    _more(len(made.refused))
    unknown = Counter(each.record.material_class for each in made.taken)["other"]
    if unknown:
        print(
            f"{count(unknown, 'substance')} of class 'other', which never alarms: where that is wrong, say "
            "class or hazard in a manifest (`spectriage library template`)"
        )
    print(
        f"{'would take' if dry_run else 'took'} {len(made.taken)}, known {len(made.known)}, "
        f"refused {len(made.refused)}"
    )
    if dry_run:
        print("nothing was written")
        return
    print(f"{made.path}: {count(made.references, 'reference')}")
    print(f"sha256 {made.sha256}")
    if made.previous:
        print(f"the one before is kept as {made.previous}")


def _more(number: int) -> None:
    if number > SHOWN:
        print(f"  … and {number - SHOWN:,} more; --report FILE lists all")


def template(
    folder: Annotated[
        Path | None,
        typer.Argument(help="A folder of spectra to list; an empty manifest if none.", show_default=False),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Print a manifest to fill in: of a folder's spectra, or every column and what may stand in it.

    `spectriage library template FOLDER > FOLDER/list.csv`, check the names, then
    `spectriage library import FOLDER/list.csv --into library.h5`.
    """
    from spectriage.library.building.template import manifest_columns, manifest_template

    if folder is not None:
        from spectriage.library.importing import folder_template

        lines = folder_template(folder)
        for line in lines:
            if as_json:
                print_json({"schema": 1, **line.to_json()})
        if not as_json:
            print("".join(line.text for line in lines), end="")
        return
    if as_json:
        for column in manifest_columns():
            print_json({"schema": 1, **column})
        return
    print(manifest_template(), end="")
