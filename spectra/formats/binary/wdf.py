"""Renishaw WiRE's WDF, through the package `renishawWiRE`: one spectrum, a series, or a map."""

from __future__ import annotations

from typing import Any

import numpy as np

from spectriage.spectra.formats import head as heads
from spectriage.spectra.formats.axis import Role, to_spectrum
from spectriage.spectra.formats.binary.guard import Bytes, check_count, damaged, package, point, typed_errors
from spectriage.spectra.formats.contents import Contents, unique_names
from spectriage.spectra.formats.source import Source
from spectriage.spectra.spectrum import MAX_POINTS, Spectrum

_MAX_BLOCKS = 10_000
_ROLES = {
    "RamanShift": (Role.SHIFT, "Raman shift (1/cm)"),
    "Wavenumber": (Role.SHIFT, "Wavenumber (1/cm)"),
    "Nanometre": (Role.WAVELENGTH, "Wavelength (nm)"),
    "Pixels": (Role.PIXEL, "Pixels"),
    "Arbitrary": (Role.UNNAMED, ""),
}


def _blocks(file: Bytes) -> dict[str, tuple[int, int]]:
    """Return the place and size of each block; refuse sizes on which the package would loop."""
    found: dict[str, tuple[int, int]] = {}
    at = 0
    for _ in range(_MAX_BLOCKS):
        if at + 16 > len(file.data):
            return found
        size = file.one("<Q", at + 8)
        if size < 16 or at + size > len(file.data):
            raise damaged(file.source, f"the block at byte {at:,} has a size of {size:,} bytes")
        found[file.data[at : at + 4].decode("latin-1")] = (at, size)
        at += size
    raise damaged(file.source, f"it has more than {_MAX_BLOCKS:,} blocks")


def _check_counts(file: Bytes) -> None:
    blocks = _blocks(file)
    points, capacity, count = file.unpack("<IQQ", 60)
    axes = file.unpack("<III", 84)
    check_count(file.source, count)
    if capacity < count or capacity > 10 * len(file.data):
        raise damaged(file.source, f"it holds {count:,} of {capacity:,} spectra")
    if not 1 <= points <= MAX_POINTS or axes[1] != points:
        raise damaged(file.source, f"its spectra have {points:,} points, its axis {axes[1]:,}")
    needed = {
        "DATA": 16 + 4 * points * count,
        "XLST": 24 + 4 * points,
        "ORGN": 20 + axes[2] * (24 + 8 * capacity),
    }
    for name, size in needed.items():
        if name not in blocks and not (name == "ORGN" and axes[2] == 0):
            raise damaged(file.source, f"the block {name} is missing")
        if name in blocks and blocks[name][1] < size:
            raise damaged(
                file.source, f"the block {name} has {blocks[name][1]:,} bytes, its content {size:,}"
            )


def _open(source: Source, data: bytes) -> Any:
    reader = package("renishawWiRE", source, "Renishaw WDF").WDFReader
    # Neither the picture of the sample nor the shape of a map is read: both may fail, and neither is used.
    left_out = {"_parse_img": lambda _: None, "_parse_wmap": lambda _: None}
    _check_counts(Bytes(source, data))
    with typed_errors(source, "Renishaw WDF"):
        file = type("SpectraAlone", (reader,), left_out)(source.path)
        file.close()
        return file


def _names(file: Any, source: Source) -> tuple[str, ...]:
    """Return the coordinates of a map's points, the positions in a series, or the file's name."""
    count = int(file.count)
    if count == 1:
        return (source.stem,)
    places = [getattr(file, axis, np.zeros(count)) for axis in ("xpos", "ypos", "zpos")]
    moved = [values for values in places if np.any(values != values[0])]
    if not moved:
        return tuple(str(i + 1) for i in range(count))
    moved = places[:2] if len(moved) == 1 and moved[0] is not places[2] else moved
    return unique_names([",".join(f"{float(values[i]):.7g}" for values in moved) for i in range(count)])


def read_wdf(source: Source, data: bytes) -> Contents:
    """Read a WDF file; the spectra of a map go by their coordinates in µm, ``"x,y"``.

    Raises
    ------
    FormatError
        For a damaged file, and when the package is missing.
    NotAShiftAxisError
        When the axis is neither a Raman shift, nor a wavelength with a stated laser.
    """
    file = _open(source, data)
    with typed_errors(source, "Renishaw WDF"):
        points, count = int(file.point_per_spectrum), int(file.count)
        spectra = np.asarray(file.spectra).reshape(count, points)
        axis = np.asarray(file.xdata, dtype=np.float64)
        unit = str(file.xlist_unit.name)
        names = _names(file, source)
        laser = float(file.laser_length)
        said = {
            "Laser wavelength (nm)": f"{laser:.3f}",
            "application": f"{file.application_name} {'.'.join(map(str, file.application_version))}",
            "scan type": str(file.scan_type),
            "measurement type": str(file.measurement_type),
            "spectral unit": str(file.spectral_unit.name),
        }
        title = str(file.title).strip()
        accumulations = int(file.accumulation_count)
    role, name = _ROLES.get(unit, (Role.OTHER, unit))
    excitation = laser if np.isfinite(laser) and 200.0 <= laser <= 2000.0 else None

    def load(i: int) -> Spectrum:
        return to_spectrum(
            source,
            axis,
            spectra[i].astype(np.float64),
            point(source),
            role=role,
            name=name,
            metadata={
                **heads.described(
                    format="wdf",
                    path=source.name,
                    axis=name or None,
                    title=title or None,
                    accumulations=accumulations if accumulations > 0 else None,
                    instrument="Renishaw",
                ),
                "head": said,
            },
            history=("read wdf" if count == 1 else f"read wdf: spectrum at {names[i]!r}",),
            excitation_nm=excitation,
        )

    return Contents(source, names, load)
