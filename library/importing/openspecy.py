"""Open Specy's Raman library, as the package ``pyopenspecy`` carries it: two CSV tables.

``raman_library.csv`` has a point a line (``wavenumber, intensity, sample_name, group``), spectra in one
piece; ``raman_metadata.csv`` a spectrum a line. The original of a spectrum is its lines under the header.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from spectriage.library.importing.found import Findings, Found, Original, Refusal
from spectriage.spectra.errors import FormatError, ParameterError, SpectriageError
from spectriage.spectra.spectrum import Spectrum

TABLE, METADATA = "raman_library.csv", "raman_metadata.csv"
NAME = "openspecy"
MINERALS = ("RRUFF", "Raman Open Database")
MAX_LINES = 200_000


def installed_folder() -> Path:
    """Return the folder of the installed package.

    Raises
    ------
    ParameterError
        When it is not installed.
    """
    from importlib.util import find_spec

    spec = find_spec("pyopenspecy")
    if spec is None or not spec.submodule_search_locations:
        raise ParameterError("the package pyopenspecy is not installed", remedy="pip install pyopenspecy")
    return Path(spec.submodule_search_locations[0]) / "data"


def is_openspecy(folder: Path) -> bool:
    """Whether a folder holds both tables."""
    return (folder / TABLE).is_file() and (folder / METADATA).is_file()


def find_openspecy(folder: Path) -> Findings:
    """Find the spectra of Open Specy's Raman library.

    Raises
    ------
    FormatError
        When a table is not what it should be.
    """
    known = _metadata(folder / METADATA)
    for name, header, lines in _pieces(folder / TABLE):
        row = known.get(name, {})
        where = f"{TABLE}#{name}"
        substance = (row.get("spectrum_identity") or "").strip()
        if not substance:
            yield Refusal(where, "its table does not say what it is of")
            continue
        original = Original(TABLE, b"".join([header, *lines]))
        try:
            spectrum = _spectrum(original, where, row)
        except SpectriageError as error:
            yield Refusal(where, str(error))
            continue
        yield Found(where, spectrum, _fields(row, substance), original, name, named_by=METADATA)


def _fields(row: dict[str, str], substance: str) -> dict[str, Any]:
    organisation = (row.get("organization") or "contributor not stated").strip()
    identity = (row.get("spectrum_id") or row.get("other_information") or "").strip()
    fields = {
        "substance": substance,
        "form": (row.get("material_form") or "").strip(),
        "source": " ".join(f"Open Specy: {organisation} {identity}".split())[:300],
        "licence": f"as {organisation} grants it, see openanalysis.org/openspecy",
    }
    if organisation.startswith(MINERALS):
        fields |= {"class": "mineral", "hazard": "none"}
    return fields


def _metadata(path: Path) -> dict[str, dict[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            return {row["sample_name"]: row for row in csv.DictReader(stream)}
    except (OSError, KeyError, UnicodeDecodeError, csv.Error) as error:
        raise FormatError(f"is not Open Specy's table of metadata: {error}", where=str(path)) from None


def _pieces(path: Path) -> Iterator[tuple[str, bytes, list[bytes]]]:
    """Yield the lines of each spectrum, as they stand in the file."""
    with path.open("rb") as stream:
        header = stream.readline()
        names = header.decode("utf-8", "replace").strip().split(",")
        if "sample_name" not in names or not {"wavenumber", "intensity"} <= set(names):
            raise FormatError("is not Open Specy's table of spectra", where=str(path))
        column = names.index("sample_name")
        current, lines = "", list[bytes]()
        for line in stream:
            cells = line.split(b",")
            name = cells[column].decode("utf-8", "replace").strip().strip('"') if len(cells) > column else ""
            if (name != current or len(lines) > MAX_LINES) and lines:
                yield current, header, lines
                lines = []
            current = name
            lines.append(line)
        if lines:
            yield current, header, lines


def _spectrum(original: Original, where: str, row: dict[str, str]) -> Spectrum:
    names = original.content.split(b"\n", 1)[0].decode().strip().split(",")
    at = (names.index("wavenumber"), names.index("intensity"))
    try:
        lines = original.content.decode("ascii").splitlines()[1:]
        table = np.loadtxt(lines, delimiter=",", usecols=at, ndmin=2, comments=None)
    except (ValueError, IndexError):
        raise FormatError("a line is not a shift and an intensity", where=where) from None
    table = table[np.isfinite(table).all(axis=1)]
    _, first = np.unique(table[:, 0], return_index=True)
    table = table[first]
    digits = (row.get("laser_light_used") or "").strip().split(" ")[0]
    laser = float(digits) if digits.replace(".", "", 1).isdigit() and 200 <= float(digits) <= 2000 else None
    metadata = {"format": NAME, "path": TABLE, "head": {key: text for key, text in row.items() if text}}
    return Spectrum(table[:, 0], table[:, 1], None, laser, None, metadata, ("read Open Specy's table",))
