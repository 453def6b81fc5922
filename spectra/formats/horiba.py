"""Text exports of Horiba LabSpec: a head of ``#key=value``, then two columns or a map."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.errors import FormatError, NotAShiftAxisError
from spectriage.spectra.formats import head as heads
from spectriage.spectra.formats.axis import Role, to_spectrum
from spectriage.spectra.formats.contents import Contents
from spectriage.spectra.formats.numbers import is_number, read_block, separator_of
from spectriage.spectra.formats.source import Source, clip
from spectriage.spectra.spectrum import MAX_POINTS, MIN_POINTS, Spectrum

_HEAD = re.compile(r"#([^=\t]{1,120})=[ \t]*(.*)")
_MAX_CELLS = 16_000_000
_UNIT_ROLES = {"1/cm": Role.SHIFT, "cm-1": Role.SHIFT, "nm": Role.WAVELENGTH, "pixel": Role.PIXEL}


def is_horiba(source: Source) -> bool:
    """Whether the file opens with LabSpec's head."""
    found = 0
    for line in source.lines:
        if not line.startswith("#"):
            break
        if line.startswith("#AxisType["):
            return True
        found += bool(re.match(r"#[^=\t]{1,120}=\t", line))
    return found >= 3


def is_bare_map(source: Source) -> bool:
    """Whether the file is a map or series without a head, as LabSpec 5 writes it.

    Its first row holds the axis after one or two empty cells, the next rows one or two coordinates and a
    spectrum each.
    """
    rows = [line for line in source.lines[:20] if line.strip()][:2]
    if len(rows) < 2 or not rows[0].startswith("\t"):
        return False
    first, second = (row.rstrip("\t").split("\t") for row in rows)
    empty = next(i for i, cell in enumerate(first) if cell.strip())
    return empty <= 2 and len(first) == len(second) >= MIN_POINTS and is_number(first[-1].strip())


def _head(source: Source) -> tuple[dict[str, str], int]:
    """Return the head and the index of the first line after it."""
    head: dict[str, str] = {}
    for i, line in enumerate(source.lines):
        match = _HEAD.match(line)
        if match:
            head[match[1].strip()] = match[2].strip()[:2_000]
        elif line.startswith("#"):
            head[f"line {i + 1}"] = line[1:].strip()[:2_000]
        elif line.strip():
            return head, i
    raise FormatError("no data follow the head", where=source.where(), remedy="export it again")


def _axis(source: Source, head: Mapping[str, str]) -> tuple[Role, str, list[str]]:
    """Return the role and name of the spectral axis, and the names of the map's axes."""
    kinds = {i: head[f"AxisType[{i}]"] for i in range(20) if f"AxisType[{i}]" in head}
    spectral = [i for i, kind in kinds.items() if kind.lower().startswith("spectr")]
    beside = [kind for kind in kinds.values() if not kind.lower().startswith(("spectr", "intens"))]
    if not spectral:
        if kinds:
            raise NotAShiftAxisError(
                f"no axis is spectral; they are {', '.join(map(clip, kinds.values()))}",
                where=source.where(),
                remedy="export a spectrum",
            )
        return Role.UNNAMED, "", []
    unit = head.get(f"AxisUnit[{spectral[0]}]", "")
    if not unit:
        return Role.UNNAMED, "", beside
    return _UNIT_ROLES.get(unit.lower(), Role.OTHER), f"Spectr ({unit})", beside


def _starting(head: Mapping[str, str], start: str) -> float | None:
    keys = [key for key in head if key.lower().startswith(start)]
    return heads.number(head, *(key.lower() for key in keys))


class _Horiba:
    """One file: its head and how to make a Spectrum of an axis and intensities."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.head, self.start = _head(source)
        self.role, self.axis_name, self.map_axes = _axis(source, self.head)

    def metadata(self, column: str) -> dict[str, Any]:
        head = self.head
        seconds = heads.number(head, "acq. time (s)")
        accumulations = heads.number(head, "accumulations")
        known: dict[str, Any] = heads.described(
            format="horiba",
            path=self.source.name,
            axis=self.axis_name or None,
            column=column,
            title=heads.text(head, "title", "sample"),
            date=heads.text(head, "acquired", "date"),
            integration_ms=None if seconds is None else 1000.0 * seconds,
            accumulations=None if accumulations is None else int(accumulations),
            instrument=heads.text(head, "instrument"),
            detector=heads.text(head, "detector"),
            gain=heads.text(head, "detector gain"),
        )
        return {**known, "head": dict(head)}

    def resolution_cm(self) -> float | None:
        stated = _starting(self.head, "spectral res")
        return stated if stated is not None and 0.0 < stated <= 200.0 else None

    def spectrum(
        self, axis: FloatArray, intensity: FloatArray, column: str, lines: list[int] | int
    ) -> Spectrum:
        """`lines` are those of the points, or the one line of all of them."""

        def place(i: int) -> str:
            if isinstance(lines, int):
                return f"{self.source.where(lines)}, point {i + 1}"
            return self.source.where(lines[i])

        return to_spectrum(
            self.source,
            axis,
            intensity,
            place,
            role=self.role,
            name=self.axis_name,
            metadata=self.metadata(column),
            history=("read horiba" if isinstance(lines, list) else f"read horiba: map point {column!r}",),
            excitation_nm=heads.excitation_nm(self.head),
            resolution_cm=self.resolution_cm(),
        )


def _numbers(source: Source, line: int, cells: list[str]) -> FloatArray:
    try:
        # float() takes "nan", "inf" and underscores too: they are no numbers in a file.
        numbers = [float(cell) for cell in cells] if not re.search(r"[^0-9eE+\-. ]", "".join(cells)) else []
    except ValueError:
        numbers = []
    if len(numbers) != len(cells) or not np.all(np.isfinite(numbers)):
        wrong = next((k for k, cell in enumerate(cells) if "," in cell or not is_number(cell.strip())), 0)
        raise FormatError(
            f"{clip(cells[wrong])} (point {wrong + 1}) is not a number",
            where=source.where(line),
            remedy="export with decimal points and without gaps",
        )
    return np.array(numbers, dtype=np.float64)


def _map(file: _Horiba, dimensions: int) -> Contents:
    """Read a map: the axis in the first row, then one spectrum a row after its coordinates."""
    source = file.source
    rows = [i for i in range(file.start, len(source.lines)) if source.lines[i].strip()]
    first = source.lines[rows[0]].rstrip("\t").split("\t")
    width = len(first)
    if width - dimensions > MAX_POINTS or width * len(rows) > _MAX_CELLS:
        raise FormatError(
            f"the map has {len(rows):,} rows of {width:,} cells", where=source.where(rows[0] + 1)
        )
    if any(cell.strip() for cell in first[:dimensions]):
        raise FormatError(
            f"the first row should hold the axis after {dimensions} empty cells",
            where=source.where(rows[0] + 1),
            remedy="export the map again",
        )
    axis = _numbers(source, rows[0] + 1, first[dimensions:])
    coordinates: dict[str, int] = {}
    for i in rows[1:]:
        cells = source.lines[i].split("\t", dimensions)[:dimensions]
        name = ",".join(cell.strip() for cell in cells)
        if name in coordinates:
            raise FormatError(
                f"two spectra of the map are at {clip(name)}",
                where=source.where(i + 1),
                remedy="export the map again",
            )
        coordinates[name] = i
    if not coordinates:
        raise FormatError(
            "the map has an axis but no spectra", where=source.where(), remedy="export it again"
        )
    names = tuple(coordinates)

    def load(index: int) -> Spectrum:
        line = coordinates[names[index]]
        cells = source.lines[line].rstrip("\t").split("\t")
        if len(cells) != width:
            raise FormatError(
                f"the row has {len(cells) - dimensions} points, the axis {width - dimensions}",
                where=source.where(line + 1),
                remedy="export the map again",
            )
        intensity = _numbers(source, line + 1, cells[dimensions:])
        return file.spectrum(axis, intensity, names[index], line + 1)

    return Contents(source, names, load)


def read_horiba(source: Source, column: str | None) -> Contents:
    """Read a LabSpec text export: one spectrum, or a map of which each point is a spectrum.

    Raises
    ------
    FormatError
        For a cell that is no number, a row of another length, or `column`, which such files do not have.
    NotAShiftAxisError
        When the axis is neither 1/cm, nor nm with a stated laser.
    """
    if column is not None:
        raise FormatError(
            "the file has no named columns",
            where=source.where(),
            remedy="leave out the column; use which for a map",
        )
    file = _Horiba(source)
    dimensions = len(file.map_axes)
    if not dimensions:
        line = source.lines[file.start]
        dimensions = len(line) - len(line.lstrip("\t"))
    if dimensions:
        return _map(file, dimensions)
    separator = separator_of(source.lines[file.start])
    if separator is None:
        raise FormatError(
            f"{clip(source.lines[file.start])} is not two numbers",
            where=source.where(file.start + 1),
            remedy="export it again",
        )
    block = read_block(source, file.start, separator, width=2)
    lines = [int(line) for line in block.lines]
    axis, intensity = block.values[:, 0].copy(), block.values[:, 1].copy()
    return Contents(source, (source.stem,), lambda _: file.spectrum(axis, intensity, "intensity", lines))
