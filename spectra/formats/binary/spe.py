"""Princeton Instruments' SPE, versions 2 (WinSpec) and 3 (LightField): frames of one row.

Source of the layout: Princeton Instruments, *WinSpec user manual*, appendix on the header of version 2.5;
*SPE 3.0 file format specification* (4411-0140).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.errors import FormatError
from spectriage.spectra.formats import head as heads
from spectriage.spectra.formats.axis import Role, to_spectrum
from spectriage.spectra.formats.binary.guard import Bytes, check_count, damaged, point
from spectriage.spectra.formats.contents import Contents
from spectriage.spectra.formats.source import Source
from spectriage.spectra.spectrum import MAX_POINTS, Spectrum

_HEADER = 4100
_TYPES = {0: "<f4", 1: "<i4", 2: "<i2", 3: "<u2", 5: "<f8", 6: "u1", 8: "<u4"}
_NANOMETRES, _SHIFT = 3, 5
_WAVELENGTHS = re.compile(rb"<Wavelength(?:\s[^>]{0,200})?>([0-9eE+\-., \t\r\n]{1,64000000})</Wavelength>")
_LASER = re.compile(
    rb"laserLine=\"([0-9.]{1,12})\"|<LaserLine[^>]{0,200}>([0-9.]{1,12})<|<ExcitationWavelength[^>]{0,200}>([0-9.]{1,12})<",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class _Calibration:
    axis: FloatArray
    role: Role
    name: str
    laser_nm: float | None


def is_spe(data: bytes) -> bool:
    """Whether the bytes open as an SPE header: by its version, or the last word of the header."""
    if len(data) <= _HEADER:
        return False
    version = float(np.frombuffer(data, "<f4", 1, 1992)[0])
    kind = int(np.frombuffer(data, "<i2", 1, 108)[0])
    width = int(np.frombuffer(data, "<u2", 1, 42)[0])
    mark = int(np.frombuffer(data, "<u2", 1, 4098)[0])
    return kind in _TYPES and width > 0 and (mark == 0x5555 or 1.0 <= version <= 3.5)


def _polynomial(file: Bytes, width: int) -> _Calibration:
    """Return the axis by the polynomial of version 2, over pixels that count from 1."""
    pixel = np.arange(1.0, width + 1.0)
    unit, order = file.data[3100], file.data[3101]
    valid = file.data[3098]
    coefficients = file.array("<f8", 6, 3263)[: min(order, 5) + 1]
    laser = float(file.one("<d", 3311))
    laser_nm = 1e7 / laser if 5_000.0 <= laser <= 50_000.0 else (laser if 200.0 <= laser <= 2_000.0 else None)
    if not valid or not np.all(np.isfinite(coefficients)) or not np.any(coefficients[1:]):
        return _Calibration(pixel, Role.PIXEL, "Pixel", laser_nm)
    axis = np.asarray(np.polynomial.polynomial.polyval(pixel, coefficients), dtype=np.float64)
    if unit == _NANOMETRES:
        return _Calibration(axis, Role.WAVELENGTH, "Wavelength (nm)", laser_nm)
    if unit == _SHIFT:
        return _Calibration(axis, Role.SHIFT, "Raman shift (cm-1)", laser_nm)
    return _Calibration(axis, Role.OTHER, f"axis unit {unit}", laser_nm)


def _footer(file: Bytes, width: int) -> _Calibration | None:
    """Return the wavelengths in the XML after the frames of version 3."""
    offset = file.one("<Q", 678)
    if not _HEADER <= offset < len(file.data):
        return None
    xml = file.data[offset:]
    stated = _LASER.search(xml)
    laser = float(next(filter(None, stated.groups()))) if stated else 0.0
    found = _WAVELENGTHS.search(xml)
    if found is None:
        return None
    cells = found[1].split(b",")
    if len(cells) != width:
        raise damaged(file.source, f"it has {len(cells):,} wavelengths for {width:,} pixels")
    try:
        axis = np.array([float(cell) for cell in cells])
    except ValueError:
        raise damaged(file.source, "a wavelength is not a number") from None
    return _Calibration(
        axis, Role.WAVELENGTH, "Wavelength (nm)", laser if 200.0 <= laser <= 2_000.0 else None
    )


def read_spe(source: Source, data: bytes) -> Contents:
    """Read an SPE file; its frames go by their number.

    Raises
    ------
    FormatError
        For images, and a file whose counts do not fit its size.
    NotAShiftAxisError
        When the axis is not calibrated, or the laser is not stated.
    """
    file = Bytes(source, data)
    width, height = int(file.one("<H", 42)), int(file.one("<H", 656))
    count = int(file.one("<i", 1446))
    kind = _TYPES[int(file.one("<h", 108))]
    check_count(source, count)
    if not 1 <= width <= MAX_POINTS:
        raise damaged(source, f"its frames are {width:,} points wide")
    if height > 1:
        raise FormatError(
            f"the frames are images of {height:,} rows, not spectra",
            where=source.where(),
            remedy="bin the rows to one, or export one spectrum as CSV",
        )
    size = width * np.dtype(kind).itemsize
    if _HEADER + count * size > len(data):
        raise damaged(source, f"its {count:,} frames of {width:,} points end beyond the file")
    seconds = float(file.one("<f", 10))
    new = float(file.one("<f", 1992)) >= 3.0
    calibration = (_footer(file, width) if new else None) or _polynomial(file, width)
    names = tuple(str(i + 1) for i in range(count)) if count > 1 else (source.stem,)
    head = {"date": file.text(20, 10), "comment": file.text(200, 80)}

    def load(i: int) -> Spectrum:
        intensity = file.array(kind, width, _HEADER + i * size)
        if not np.all(np.isfinite(intensity)):
            raise damaged(source, "an intensity is not finite")
        return to_spectrum(
            source,
            calibration.axis,
            intensity,
            point(source),
            role=calibration.role,
            name=calibration.name,
            metadata={
                **heads.described(
                    format="spe",
                    path=source.name,
                    axis=calibration.name,
                    date=head["date"] or None,
                    integration_ms=1e3 * seconds if 0.0 < seconds < 1e6 and not new else None,
                ),
                "head": {key: value for key, value in head.items() if value},
            },
            history=(
                f"read spe: version {'3' if new else '2'}" + ("" if count == 1 else f", frame {names[i]}"),
            ),
            excitation_nm=calibration.laser_nm,
        )

    return Contents(source, names, load)
