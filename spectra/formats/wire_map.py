"""Maps and series as Renishaw WiRE writes them in text: coordinates, axis and intensity in each row."""

from __future__ import annotations

import re

import numpy as np

from spectriage.spectra.errors import FormatError
from spectriage.spectra.formats import head as heads
from spectriage.spectra.formats.axis import Role, role_of, to_spectrum
from spectriage.spectra.formats.contents import Contents, unique_names
from spectriage.spectra.formats.numbers import read_block, separator_of
from spectriage.spectra.formats.source import Source, clip
from spectriage.spectra.spectrum import MIN_POINTS, Spectrum

_COORDINATES = re.compile(r"x|y|z|time|temperature|index|position", re.IGNORECASE)
_AXIS = re.compile(r"wave(?:number|length)?|raman ?shift", re.IGNORECASE)
_MAX_SPECTRA = 200_000


def _names(line: str) -> list[str]:
    return [name.strip().lstrip("#").strip() for name in re.split(r"\t+", line[:500].strip()) if name.strip()]


def is_wire_map(source: Source) -> bool:
    """Whether the first line names one to three coordinates, then a spectral axis, then an intensity."""
    first = source.lines[0]
    if not first.startswith("#") or "\t" not in first:
        return False
    names = _names(first)
    return (
        3 <= len(names) <= 5
        and all(_COORDINATES.fullmatch(name) for name in names[:-2])
        and bool(_AXIS.fullmatch(names[-2]))
        and role_of(names[-1]) is Role.INTENSITY
    )


def read_wire_map(source: Source, column: str | None) -> Contents:
    """Read a map in long form; its spectra go by their coordinates, ``"x,y"``.

    Raises
    ------
    FormatError
        For a row that is no row of numbers, and spectra of fewer points than a spectrum has.
    """
    if column is not None:
        raise FormatError(
            "the file has no named columns", where=source.where(), remedy="leave out the column"
        )
    names = _names(source.lines[0])
    start = next((i for i in range(1, len(source.lines)) if source.lines[i].strip()), 0)
    separator = separator_of(source.lines[start]) if start else None
    if separator is None:
        raise FormatError("no rows of numbers follow", where=source.where(1), remedy="export it again")
    block = read_block(source, start, separator, width=len(names))
    places = block.values[:, :-2]
    begins = np.flatnonzero(np.concatenate([[True], np.any(np.diff(places, axis=0) != 0, axis=1)]))
    ends = np.concatenate([begins[1:], [len(places)]])
    if begins.size > _MAX_SPECTRA or int((ends - begins).min()) < MIN_POINTS:
        short = int(begins[int(np.argmin(ends - begins))])
        at = clip(",".join(f"{value:.7g}" for value in places[short]))
        raise FormatError(
            f"the spectrum at {at} has fewer than {MIN_POINTS} points",
            where=source.where(int(block.lines[short])),
            remedy="export the map again, whole",
        )
    labels = [",".join(f"{value:.7g}" for value in places[i]) for i in begins]
    found = (source.stem,) if len(labels) == 1 else unique_names(labels)
    axis_name = names[-2]

    def load(k: int) -> Spectrum:
        rows = slice(int(begins[k]), int(ends[k]))
        return to_spectrum(
            source,
            block.values[rows, -2].copy(),
            block.values[rows, -1].copy(),
            lambda i: source.where(int(block.lines[i + rows.start])),
            role=role_of(axis_name),
            name=axis_name,
            metadata={
                **heads.described(format="wire-map", path=source.name, axis=axis_name, instrument="Renishaw"),
                "head": dict(zip(names[:-2], labels[k].split(","), strict=True)),
            },
            history=(f"read wire map: spectrum at {labels[k]!r}",),
        )

    return Contents(source, found, load)
