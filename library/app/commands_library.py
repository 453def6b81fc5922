"""The commands `spectriage library build | list | search | show | verify | add | bands | audit`."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spectriage.library.app import commands_import, commands_lifecycle, commands_transfer, commands_trust
from spectriage.library.app.commands_bands import bands
from spectriage.library.app.commands_find import audit, print_summary, search
from spectriage.library.app.shared import ForceOption, OutOption, count, record_json, report_made
from spectriage.library.service.progress import progress_bar
from spectriage.spectra.options import JsonOption, LibraryOption, PlotOption
from spectriage.spectra.reference import Hazard, Reference, ReferenceSet, Tier
from spectriage.spectra.terminal import print_json

if TYPE_CHECKING:
    from spectriage.library.catalogue import Band, CatalogueEntry

app = typer.Typer(
    help="Build, list, show, verify and extend reference libraries.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

CLASS_HELP = "Its class, e.g. fentanyl, cutting-agent, packaging; `spectriage library template` lists them."
HazardOption = Annotated[
    str,
    typer.Option(
        "--hazard",
        metavar="|".join(Hazard),
        help="What a find means.",
        show_default="follows from the class",
    ),
]
IdOption = Annotated[
    str, typer.Option("--id", metavar="ID", help="Its id.", show_default="made from the names")
]


def _open(path: Path | None) -> ReferenceSet:
    from spectriage.library.building.cache import open_library

    with progress_bar() as progress:
        return open_library(path, progress=progress)


@app.command()
def build(
    out: OutOption,
    manifest: Annotated[
        Path | None,
        typer.Argument(
            help="Measured spectra to bring in, CSV or TOML: see `spectriage library template`.",
            show_default="the shipped catalogue alone",
        ),
    ] = None,
    with_catalogue: Annotated[
        bool, typer.Option("--with-catalogue", help="The whole catalogue beside the manifest's spectra.")
    ] = False,
    name: Annotated[str | None, typer.Option("--name", help="The library's name.")] = None,
    library_version: Annotated[
        str | None, typer.Option("--library-version", help="Its version; 1 if not given.")
    ] = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Build a library file; packaging always comes along from the catalogue."""
    from spectriage.library.building.build import build_library

    with progress_bar() as progress:
        made = build_library(
            out,
            manifest,
            with_catalogue,
            name=name,
            progress=progress,
            version=library_version,
            overwrite=force,
        )
    report_made(out, made, as_json)


@app.command("list")
def list_references(
    library: LibraryOption = None,
    material_class: Annotated[
        str | None,
        typer.Option("--class", metavar="CLASS", help="Only this class, see `spectriage library template`."),
    ] = None,
    tier: Annotated[Tier | None, typer.Option("--tier", help="Only this evidence tier.")] = None,
    family: Annotated[
        str | None, typer.Option("--family", metavar="FAMILY", help="Only this family.")
    ] = None,
    summary: Annotated[
        bool, typer.Option("--summary", help="Count substances by class and tier instead.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """List the references of a library."""
    references = _open(library)
    if summary:
        print_summary(references, as_json=as_json)
        return
    records = [
        record
        for record in references.records
        if (material_class is None or record.material_class == material_class)
        and (tier is None or record.tier is tier)
        and (family is None or record.family.casefold() == family.casefold())
    ]
    if as_json:
        for record in records:
            print_json(record_json(record))
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("id", "substance", "form", "class", "hazard", "tier", "range, cm⁻¹"):
        table.add_column(heading, overflow="fold")
    for record in records:
        names = (record.id, record.substance, record.form, record.material_class)
        cells = (*names, str(record.hazard), str(record.tier), _range_text(record))
        table.add_row(*(Text(cell) for cell in cells))
    console = Console(width=None if sys.stdout.isatty() else 160)
    console.print(table)
    console.print(
        f"{len(records)} of {count(len(references), 'reference')} in {references.name} {references.version}",
        markup=False,
        highlight=False,
    )


def _range_text(record: Reference) -> str:
    if record.valid_low_cm is None or record.valid_high_cm is None:
        return ""
    return f"{record.valid_low_cm:.0f}–{record.valid_high_cm:.0f}"


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="An id, substance, alias or CAS number.")],
    library: LibraryOption = None,
    plot: PlotOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a reference: its record, where it comes from, its bands."""
    from spectriage.library.catalogue.lookup import find_records

    references = _open(library)
    row, *others = find_records(references, name)
    record = references.records[row]
    entry = _catalogue_entry(references, record)
    if plot is not None:
        from spectriage.spectra.report import plot_reference

        bands = () if entry is None else [(band.shift_cm, band.height) for band in entry.bands]
        plot_reference(references, row, plot, bands=bands)
    if as_json:
        listed = None if entry is None else [asdict(band) for band in entry.bands]
        print_json({**record_json(record), "bands": listed, "library_sha256": references.sha256})
        return
    _print_record(record)
    if entry is not None:
        _print_bands(entry)
    if others:
        print(f"{'also':<17}{', '.join(references.records[other].id for other in others)}")
    print(f"library          {references.name} {references.version}, sha256 {references.sha256}")
    if plot is not None:
        print(f"plot             {plot}")


def _catalogue_entry(references: ReferenceSet, record: Reference) -> CatalogueEntry | None:
    """Return the entry that the reference was rendered from, if the installed catalogue still has it."""
    if record.tier is Tier.MEASURED:
        return None
    from spectriage.library.catalogue import load_catalogue

    return next((entry for entry in load_catalogue() if entry.reference == record), None)


def _print_record(record: Reference) -> None:
    values = record_json(record)
    for name, value in values.items():
        if value not in ("", None):
            print(f"{name:<17}{value:g}" if isinstance(value, float) else f"{name:<17}{value}")


def _print_bands(entry: CatalogueEntry) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if entry.note:
        print(f"{'note':<17}{entry.note}")
    if not entry.bands:
        print("bands            none: it has no first-order Raman bands and never matches")
        return
    table = Table(box=box.SIMPLE_HEAD)
    fitted = any(band.uncertainty is not None for band in entry.bands)
    for heading in ("shift, cm⁻¹", "height", "FWHM, cm⁻¹", *(("shape",) if fitted else ()), "confidence"):
        table.add_column(heading, justify="right")
    table.add_column("assignment", overflow="fold")
    for band in entry.bands:
        numbers = _with_uncertainty(band) if fitted else _numbers(band)
        table.add_row(*numbers, band.confidence or entry.confidence, Text(band.assignment))
    Console(width=None if sys.stdout.isatty() else 120).print(table)


def _numbers(band: Band) -> tuple[str, ...]:
    return f"{band.shift_cm:g}", f"{band.height:g}", f"{band.fwhm_cm:g}"


def _with_uncertainty(band: Band) -> tuple[str, ...]:
    shape = "" if band.lorentz_fraction is None else f"{band.lorentz_fraction:g}"
    texts = (*_numbers(band), shape)
    if band.uncertainty is None:
        return texts
    return tuple(f"{text} ± {u:g}" for text, u in zip(texts, band.uncertainty, strict=True))


@app.command()
def add(
    spectrum: Annotated[Path, typer.Argument(help="A measured spectrum.")],
    substance: Annotated[str, typer.Option("--substance", help="What it is a spectrum of.")],
    out: OutOption,
    library: LibraryOption = None,
    form: Annotated[str, typer.Option("--form", help="Salt, hydrate, polymorph or state.")] = "",
    family: Annotated[str, typer.Option("--family", help="The group it belongs to.")] = "",
    material_class: Annotated[str, typer.Option("--class", metavar="CLASS", help=CLASS_HELP)] = "",
    hazard: HazardOption = "",
    cas: Annotated[str, typer.Option("--cas", help="CAS registry number.")] = "",
    source: Annotated[str, typer.Option("--source", help="Instrument, sample, who measured it.")] = "",
    licence: Annotated[str, typer.Option("--licence", help="Terms of use.")] = "",
    excitation: Annotated[
        float | None, typer.Option("--excitation", help="Laser, nm.", show_default="the file's")
    ] = None,
    resolution: Annotated[
        float | None, typer.Option("--resolution", help="Resolution (FWHM), cm⁻¹.", show_default="the file's")
    ] = None,
    reference_id: IdOption = "",
    which: Annotated[str, typer.Option("--which", help="Which spectrum of a file with several.")] = "",
    column: Annotated[str, typer.Option("--column", help="Which column of a file with several.")] = "",
    name: Annotated[
        str | None, typer.Option("--name", help="The new library's name; its file's if not given.")
    ] = None,
    library_version: Annotated[
        str | None, typer.Option("--library-version", help="Its version; 1, or the next, if not given.")
    ] = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Put a measured spectrum of your own into a new library file."""
    from spectriage.library.building.build import add_spectrum
    from spectriage.library.building.manifest import check_fields

    fields: dict[str, Any] = {
        "path": str(spectrum),
        "substance": substance,
        "form": form,
        "family": family,
        "class": material_class,
        "hazard": hazard,
        "cas": cas,
        "source": source,
        "licence": licence,
        "excitation": excitation,
        "resolution": resolution,
        "id": reference_id,
        "which": which,
        "column": column,
    }
    given = {name: value for name, value in fields.items() if value not in ("", None)}
    entry = check_fields(given, Path(), "")
    with progress_bar() as progress:
        made = add_spectrum(
            out, entry, library, progress, name=name, version=library_version, overwrite=force
        )
    report_made(out, made, as_json)


for command in (
    commands_trust.verify,
    commands_trust.keygen,
    commands_trust.trust,
    commands_trust.sign,
    commands_trust.install,
    commands_import.template,
    commands_lifecycle.diff,
    commands_lifecycle.merge,
    commands_lifecycle.remove,
    commands_lifecycle.history,
    commands_transfer.twin,
    commands_transfer.transfer,
    bands,
    audit,
    search,
):
    app.command()(command)
app.command("import")(commands_import.import_spectra)
