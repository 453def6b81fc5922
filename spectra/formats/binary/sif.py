"""Andor Solis' SIF, through the package `sif_parser`: one spectrum or a series of frames."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.errors import FormatError
from spectriage.spectra.formats import head as heads
from spectriage.spectra.formats.axis import Role, to_spectrum
from spectriage.spectra.formats.binary.guard import Bytes, check_count, damaged, package, point, typed_errors
from spectriage.spectra.formats.contents import Contents
from spectriage.spectra.formats.source import Source
from spectriage.spectra.spectrum import MAX_POINTS, Spectrum


class _EndsWithAnError(io.BytesIO):
    """A file whose end is an error: the package would read the nothing beyond it for ever."""

    def read(self, size: int | None = -1, /) -> bytes:
        found = super().read(size)
        if not found and size != 0:
            raise EOFError("the file ends within its head")
        return found

    def readline(self, size: int | None = -1, /) -> bytes:
        found = super().readline(size)
        if not found:
            raise EOFError("the file ends within its head")
        return found


def _frames(source: Source, data: bytes) -> tuple[FloatArray, dict[str, Any]]:
    """Return the frames, shape (frames, pixels), and what the head says; images are refused."""
    parser = package("sif_parser._sif_open", source, "Andor SIF")
    with typed_errors(source, "Andor SIF"):
        tiles, size, count, said = parser._open(_EndsWithAnError(data))
        offsets = [int(tile[2]) for tile in tiles]
        width, height = int(size[0]), int(size[1])
    check_count(source, count)
    if not 1 <= width <= MAX_POINTS or height < 1 or len(offsets) != count:
        raise damaged(source, f"its frames have {width:,} × {height:,} points")
    if height > 1:
        raise FormatError(
            f"the frames are images of {height:,} rows, not spectra",
            where=source.where(),
            remedy="bin the rows in Solis (full vertical binning), or export one spectrum as ASCII",
        )
    file = Bytes(source, data)
    return np.stack([file.array("<f4", width, offset) for offset in offsets]), dict(said)


def _axis(said: dict[str, Any], width: int, laser: float | None) -> tuple[FloatArray, Role, str]:
    """Return the axis that the head's polynomial gives; what it gives is the frame axis's own name."""
    pixel = np.arange(1.0, width + 1.0)
    coefficients = said.get("Calibration_data", said.get("Calibration_data_for_frame_1"))
    name = said.get("FrameAxis", b"")
    label = name.decode("latin-1").strip() if isinstance(name, bytes) else str(name).strip()
    if not isinstance(coefficients, list) or len(coefficients) < 2 or not any(coefficients[1:]):
        return pixel, Role.PIXEL, label or "Pixel number"
    axis = np.polynomial.polynomial.polyval(pixel, np.asarray(coefficients, dtype=np.float64))
    return np.asarray(axis, dtype=np.float64), Role.WAVELENGTH, label or "Wavelength"


def read_sif(source: Source, data: bytes) -> Contents:
    """Read a SIF file; the frames of a series go by their number.

    Andor keeps the axis as wavelength in nm, whatever is shown, and the Raman laser beside it.

    Raises
    ------
    FormatError
        For images, a damaged file, and when the package is missing.
    NotAShiftAxisError
        When the axis is not calibrated, or the laser is not stated.
    """
    frames, said = _frames(source, data)
    laser = said.get("RamanExWavelength")
    excitation = float(laser) if isinstance(laser, float) and 200.0 <= laser <= 2000.0 else None
    axis, role, name = _axis(said, frames.shape[1], excitation)
    seconds = said.get("ExposureTime")
    text = {
        key: str(value.decode("latin-1") if isinstance(value, bytes) else value)[:2_000]
        for key, value in said.items()
        if not key.startswith("timestamp") and key not in ("tile", "offset", "size")
    }
    count = frames.shape[0]
    names = tuple(str(i + 1) for i in range(count)) if count > 1 else (source.stem,)

    def load(i: int) -> Spectrum:
        return to_spectrum(
            source,
            axis,
            frames[i],
            point(source),
            role=role,
            name=name,
            metadata={
                **heads.described(
                    format="sif",
                    path=source.name,
                    axis=name,
                    detector=text.get("DetectorType"),
                    integration_ms=1e3 * seconds
                    if isinstance(seconds, float) and 0 < seconds < 1e6
                    else None,
                ),
                "head": text,
            },
            history=("read sif" if count == 1 else f"read sif: frame {names[i]}",),
            excitation_nm=excitation,
        )

    return Contents(source, names, load)
