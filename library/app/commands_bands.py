"""The command `spectriage library bands`: from measured spectra to tables that can be published."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spectriage.spectra.errors import ParameterError, SpectrumError

if TYPE_CHECKING:
    from spectriage.library.bands import Extraction

DEFAULT_RESOLUTION_CM = 8.0


def bands(
    files: Annotated[list[Path] | None, typer.Argument(help="Measured spectra, one material each.")] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="The catalogue file to make.")] = Path(
        "entries.toml"
    ),
    minus: Annotated[
        list[str] | None,
        typer.Option("--minus", help="Packaging in the spectra, fitted along."),
    ] = None,
    axis_by: Annotated[
        str,
        typer.Option("--axis-by", help="Correct the axis by polyethylene, polystyrene or auto."),
    ] = "",
    axis_reads: Annotated[
        float, typer.Option("--axis-reads", help="By how much the axis is known to read high, cm⁻¹.")
    ] = 0.0,
    resolution: Annotated[
        float | None, typer.Option("--resolution", help="Of the instrument, cm⁻¹; the file's, or 8.")
    ] = None,
    low_high: Annotated[
        tuple[float, float] | None, typer.Option("--range", help="Look for bands only here, cm⁻¹.")
    ] = None,
    substance: Annotated[str, typer.Option("--substance", help="Its name; the file's if not given.")] = "",
    form: Annotated[str, typer.Option("--form", help="Salt, hydrate, polymorph or state.")] = "",
    family: Annotated[str, typer.Option("--family", help="The group it belongs to.")] = "",
    material_class: Annotated[str, typer.Option("--class", help="Its class.")] = "chemical",
    cas: Annotated[str, typer.Option("--cas", help="CAS registry number.")] = "",
    licence: Annotated[str, typer.Option("--licence", help="Terms of the table.")] = "not stated",
    citation: Annotated[str, typer.Option("--citation", help="Instrument, sample, who measured it.")] = "",
    excitation: Annotated[float | None, typer.Option("--excitation", help="Laser, nm.")] = None,
    refresh: Annotated[
        Path | None, typer.Option("--refresh", help="Fit the entries of this catalogue file anew instead.")
    ] = None,
    sources: Annotated[
        Path | None, typer.Option("--sources", help="The folder with the sets that `--refresh` reads.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
) -> None:
    """Fit every band above the noise and write a catalogue: position, height, width, shape, uncertainty."""
    from spectriage.library.bands import write_entries
    from spectriage.library.bands.refresh import refresh_file

    if refresh is not None:
        if sources is None or files:
            raise ParameterError(
                "--refresh needs --sources and no files", remedy="name the folder of the sets"
            )
        for name, made in refresh_file(refresh, sources, out, overwrite=force):
            _report(name, made)
        print(f"{out}: written")
        return
    if not files:
        raise ParameterError("there is no spectrum to fit", remedy="name one file or several")
    if substance and len(files) > 1:
        raise ParameterError("--substance names one material and there are several files")
    options = {"minus": minus or (), "axis_by": axis_by, "axis_reads_cm": axis_reads, "range_cm": low_high}
    texts = []
    for file in files:
        given = {
            "form": form,
            "family": family,
            "class": material_class,
            "cas": cas,
            "licence": licence,
            "citation": citation,
            "excitation_nm": excitation,
        }
        texts.append(_entry(file, substance or file.stem, given, resolution, options))
    write_entries(out, texts, overwrite=force)
    print(f"{out}: {len(texts)} {'entry' if len(texts) == 1 else 'entries'}")


def _entry(
    file: Path, substance: str, given: dict[str, Any], resolution: float | None, options: dict[str, Any]
) -> str:
    from spectriage.library.bands import entry_text, extract_bands
    from spectriage.library.bands.writing import notes, slug
    from spectriage.spectra.formats import read_spectrum

    spectrum = read_spectrum(file)
    width = resolution or spectrum.resolution_cm or DEFAULT_RESOLUTION_CM
    try:
        made = extract_bands(spectrum, resolution_cm=width, **options)
    except (ParameterError, SpectrumError) as error:
        # Which of several files it was, the fit does not know.
        raise type(error)(error.what, where=error.where or str(file), remedy=error.remedy) from None
    _report(file.name, made)
    fields = {
        "id": slug(f"{substance} {given['form']}"),
        "substance": substance,
        "form": given["form"],
        "family": given["family"],
        "class": given["class"],
        "tier": "bands",
        "confidence": "A",
        "cas": given["cas"],
        "licence": given["licence"],
        "citation": given["citation"] or f"Measured spectrum {file.name}; bands by least squares",
        "extracted_from": f"{file.resolve().parent.name}/{file.name}",
        "note": notes(made),
        "excitation_nm": given["excitation_nm"] or spectrum.excitation_nm,
    }
    return entry_text(made, fields)


def _report(name: str, made: Extraction) -> None:
    line = f"{name}: {len(made.bands)} bands, V {made.similarity:.3f}, cosine {made.cosine:.3f}"
    if made.axis is not None:
        line += (
            f", axis {made.axis.offset_cm:+.1f} ± {made.axis.uncertainty_cm:.1f} cm⁻¹ by {made.axis.material}"
        )
    line += "".join(f", {entry.substance} {share:.0%}" for entry, share in made.packaging)
    print(line, flush=True)
