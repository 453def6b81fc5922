"""Fitting the entries of a catalogue file anew, from the spectra that they were extracted from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from spectriage.library.bands.extraction import Extraction, extract_bands
from spectriage.library.bands.writing import bands_text
from spectriage.library.catalogue import CatalogueEntry, load_catalogue
from spectriage.spectra.errors import LibraryError
from spectriage.spectra.formats import read_spectrum
from spectriage.spectra.reference import Tier

DEFAULT_RESOLUTION_CM = 6.0
_FITTED = re.compile(
    r"^(?:resolution_cm|instrument_cm|range_cm|lorentz_fraction|model_cosine|model_v) = .*\n", re.MULTILINE
)
_BANDS = re.compile(r"^bands = \[\n(?:  .*\n)*\]\n", re.MULTILINE)


def refresh_file(
    file: Path, sources: Path, out: Path, *, overwrite: bool = False
) -> Iterator[tuple[str, Extraction]]:
    """Write a catalogue file in which each entry whose spectrum is at hand has its bands fitted anew.

    All else of the file stays as it is, letter by letter. Entries of the class ``calibration`` stay too:
    their positions are standards.

    Parameters
    ----------
    file
        The catalogue file.
    sources
        A folder in which ``extracted_from`` is a path.
    out
        The file to write, which may be `file` itself.
    overwrite
        Replace an existing file.

    Yields
    ------
    id, Extraction
        Of each entry that was fitted.

    Raises
    ------
    LibraryError
        When `out` exists or a file cannot be written.
    """
    if out.exists() and not overwrite:
        raise LibraryError("the file exists", where=str(out), remedy="name another, or give --force")
    entries = load_catalogue([file])
    text = file.read_text(encoding="utf-8")
    for entry in entries:
        spectrum = source_of(entry, sources)
        if spectrum is None:
            continue
        made = fit_anew(entry, spectrum)
        text = replace_bands(text, entry.id, made)
        yield entry.id, made
    from spectriage.library.bands.writing import write_entries

    write_entries(out, [text], overwrite=overwrite)


def source_of(entry: CatalogueEntry, sources: Path) -> Path | None:
    """Return the spectrum that an entry was extracted from, where it is one and at hand."""
    if entry.material_class == "calibration" or entry.tier is not Tier.BANDS or "; " in entry.extracted_from:
        return None
    path = sources / entry.extracted_from
    return path if entry.extracted_from and entry.bands and path.is_file() else None


def fit_anew(entry: CatalogueEntry, path: Path) -> Extraction:
    """Fit an entry's bands anew, over the range and at the resolution that it states."""
    width = entry.resolution_cm or entry.instrument_cm or DEFAULT_RESOLUTION_CM
    spectrum = read_spectrum(path)
    low = max(entry.valid_low_cm or 0.0, float(spectrum.shift[0]))
    high = min(entry.valid_high_cm or 5000.0, float(spectrum.shift[-1]))
    return extract_bands(spectrum, resolution_cm=width, range_cm=(low, high))


def replace_bands(text: str, name: str, made: Extraction) -> str:
    """Put fitted bands in the place of an entry's in the text of its file."""
    head, mark, rest = text.partition(f'\nid = "{name}"\n')
    body, following, tail = rest.partition("\n[[entry]]")
    body = _BANDS.sub("", _FITTED.sub("", body), count=1)
    return f"{head}{mark}{body.rstrip()}\n{bands_text(made)}\n{following}{tail}"
