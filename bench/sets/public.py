"""Loading labelled sets: folders, manifests, and public collections in the form they are published in.

``PATH``
    A folder (such as ENLIGHTEN's example data) or a manifest, as `spectriage.bench.sets.sets` documents.
``ramanbiolib:FOLDER``
    RamanBioLib: the folder that holds ``raman_spectra_db.csv`` and ``metadata_db.csv``.
``openspecy`` or ``openspecy:FOLDER``
    Open Specy's Raman library: the installed package ``pyopenspecy``, or the folder that holds
    ``raman_library.csv`` and ``raman_metadata.csv``.

Nothing is downloaded; each collection keeps its own licence.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from spectriage.bench.sets.sets import LabelledSet, LabelledSpectrum, read_set
from spectriage.spectra.errors import FormatError, ParameterError, SpectriageError
from spectriage.spectra.progress import Progress
from spectriage.spectra.spectrum import Spectrum

BIOLIB = "raman_spectra_db.csv"
OPENSPECY = ("raman_library.csv", "raman_metadata.csv")


def load_set(name: str, *, progress: Progress | None = None) -> LabelledSet:
    """Load a labelled set by its path, or as ``LOADER:PATH``.

    Raises
    ------
    FormatError
        When it is not what it should be.
    """
    loader, colon, path = name.partition(":")
    if loader in LOADERS and (colon or not Path(name).exists()):
        return LOADERS[loader](Path(path) if path else None)
    return read_set(Path(name), progress=progress)


def ramanbiolib(folder: Path | None) -> LabelledSet:
    """Load RamanBioLib: biomolecules, digitised from published figures; the instrument is their source."""
    from spectriage.spectra.formats import read_spectra

    path = _file(folder, BIOLIB, "ramanbiolib")
    found = read_spectra(path)
    items = [
        LabelledSpectrum(spectrum, label, "ramanbiolib", f"{path.name}: {label}", f"ramanbiolib/{label}")
        for label, spectrum in found.items()
    ]
    return LabelledSet("ramanbiolib", tuple(items))


def openspecy(folder: Path | None) -> LabelledSet:
    """Load Open Specy's Raman library; the instrument is the organisation that gave the spectrum."""
    where = folder or _installed_openspecy()
    library, metadata = (_file(where, name, "openspecy") for name in OPENSPECY)
    with metadata.open(encoding="utf-8", newline="") as stream:
        known = {row["sample_name"]: row for row in csv.DictReader(stream)}
    items, left_out = [], []
    for name, points in _long_table(library):
        row = known.get(name, {})
        label = (row.get("spectrum_identity") or "").strip()
        if not label:
            left_out.append(f"openspecy/{name}: no identity")
            continue
        try:
            table = np.array(sorted(dict(points).items()), dtype=np.float64)
            spectrum = Spectrum(table[:, 0], table[:, 1])
        except (SpectriageError, ValueError) as error:
            left_out.append(f"openspecy/{name}: {error}")
            continue
        instrument = row.get("organization") or "not stated"
        items.append(LabelledSpectrum(spectrum, label, instrument, name, f"openspecy/{name}"))
    if not items:
        raise FormatError("no spectra are in it", where=str(library))
    return LabelledSet("openspecy", tuple(items), left_out=tuple(left_out))


def _long_table(path: Path) -> Iterator[tuple[str, list[tuple[float, float]]]]:
    """Yield the points of each spectrum of a table with one point a row, spectra in one piece."""
    with path.open(encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream)
        current, points = "", list[tuple[float, float]]()
        for row in reader:
            try:
                name = row["sample_name"]
                point = (float(row["wavenumber"]), float(row["intensity"]))
            except (KeyError, TypeError, ValueError):
                raise FormatError(
                    "is not a table of wavenumber, intensity and sample_name",
                    where=f"{path}:{reader.line_num}",
                ) from None
            if name != current and points:
                yield current, points
                points = []
            current = name
            points.append(point)
        if points:
            yield current, points


def _installed_openspecy() -> Path:
    from importlib.util import find_spec

    spec = find_spec("pyopenspecy")
    if spec is None or not spec.submodule_search_locations:
        raise ParameterError("the package pyopenspecy is not installed", remedy="pip install pyopenspecy")
    return Path(spec.submodule_search_locations[0]) / "data"


def _file(folder: Path | None, name: str, loader: str) -> Path:
    if folder is None:
        raise ParameterError(f"{loader} needs a folder", remedy=f"{loader}:FOLDER")
    path = folder / name
    if not path.is_file():
        raise FormatError(f"there is no {name} in it", where=str(folder))
    return path


LOADERS: dict[str, Callable[[Path | None], LabelledSet]] = {
    "ramanbiolib": ramanbiolib,
    "openspecy": openspecy,
}
"""The loaders of public sets, by name; add one here."""
