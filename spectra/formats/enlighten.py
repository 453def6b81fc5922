"""Column-ordered CSV of Wasatch Photonics' ENLIGHTEN: a head of key and value, then named columns."""

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
from spectriage.spectra.formats.numbers import Block, read_block
from spectriage.spectra.formats.source import MAX_HEAD_LINES, Source, clip
from spectriage.spectra.spectrum import Spectrum

_AXES = ("wavenumber", "wavelength", "pixel")
_INTENSITIES = ("processed", "raw", "dark", "reference")
_FAMILY = frozenset({"processed", "raw"})
# Gains in electrons per count. ENLIGHTEN's own "CCD Gain" is an amplifier setting (a factor, or dB on the
# IMX sensors) and tells nothing of shot noise.
_ELECTRONS_PER_COUNT = re.compile(r".*gain.*(?:e-|electrons?)\s*(?:/|per)\s*(?:adu|dn|counts?).*")


def header_row(source: Source) -> tuple[int, str, tuple[str, ...]] | None:
    """Return the index, separator and lower-case names of ENLIGHTEN's column header, or None."""
    for i, line in enumerate(source.lines[:MAX_HEAD_LINES]):
        # rows of numbers: most lines, and never a header
        if line[:1].isdigit():
            continue
        lowered = line.lower()
        if "processed" not in lowered and "raw" not in lowered:
            continue
        for separator in (",", ";", "\t"):
            names = tuple(cell.strip().strip('"') for cell in lowered.split(separator))
            if (
                len(names) >= 2
                and set(names) <= {*_AXES, *_INTENSITIES}
                and _FAMILY & set(names)
                and set(_AXES) & set(names)
            ):
                return i, separator, names
    return None


def is_row_ordered(source: Source) -> bool:
    """Whether the file is ENLIGHTEN's other CSV, with one spectrum a row."""
    return source.lines[0].strip().strip('"').lower().startswith("dash output")


def refuse_row_ordered(source: Source) -> None:
    """Refuse a row-ordered file."""
    raise FormatError(
        "this is ENLIGHTEN's row-ordered export, with one spectrum a row",
        where=source.where(),
        remedy="save by column in ENLIGHTEN",
    )


class _Table:
    """The columns of one file."""

    def __init__(self, source: Source, block: Block, names: tuple[str, ...]) -> None:
        self.source = source
        self.block = block
        self.names = names

    def column(self, name: str) -> FloatArray | None:
        """Return a column, or None when it is not there or wholly without values."""
        if name not in self.names:
            return None
        values = self.block.values[:, self.names.index(name)]
        return None if np.all(np.isnan(values)) else values

    def place(self, row: int) -> str:
        return self.source.where(int(self.block.lines[row]))

    def measured_rows(self, arrays: list[FloatArray]) -> slice:
        """Return the rows between the NA cells at both ends; NA between values is an error."""
        missing = np.any([np.isnan(array) for array in arrays], axis=0)
        good = np.flatnonzero(~missing)
        if not good.size:
            raise FormatError("no row has an axis and an intensity", where=self.source.where())
        first, last = int(good[0]), int(good[-1])
        inside = np.flatnonzero(missing[first : last + 1])
        if inside.size:
            raise FormatError(
                "a value is missing (NA) between measured points",
                where=self.place(first + int(inside[0])),
                remedy="export it again",
            )
        return slice(first, last + 1)


def _axis(table: _Table) -> tuple[FloatArray, Role, str]:
    shift, wavelength = table.column("wavenumber"), table.column("wavelength")
    if shift is not None:
        return shift, Role.SHIFT, "Wavenumber"
    if wavelength is not None:
        return wavelength, Role.WAVELENGTH, "Wavelength"
    raise NotAShiftAxisError(
        "the file has a pixel axis only; that is not a Raman shift",
        where=table.source.where(),
        remedy="save with the Wavenumber column in ENLIGHTEN",
    )


def _intensity(table: _Table, wanted: str | None) -> tuple[FloatArray, str, str, list[FloatArray]]:
    """Return the intensity, its name, the history step and the columns that it is made of."""
    if wanted is not None:
        chosen = table.column(wanted.lower()) if wanted.lower() in _INTENSITIES else None
        if chosen is None:
            there = [name.capitalize() for name in _INTENSITIES if table.column(name) is not None]
            raise FormatError(
                f"no column with values is named {clip(wanted)}; there are {', '.join(there)}",
                where=table.source.where(),
                remedy="ask for one of these columns",
            )
        return chosen, wanted.capitalize(), f"intensity: {wanted.capitalize()}, as asked", [chosen]
    processed, raw, dark = (table.column(name) for name in ("processed", "raw", "dark"))
    if processed is not None:
        return processed, "Processed", "intensity: Processed", [processed]
    if raw is None:
        raise FormatError(
            "neither Processed nor Raw holds values", where=table.source.where(), remedy="export it again"
        )
    if dark is None:
        return raw, "Raw", "intensity: Raw, dark not subtracted (no Processed, no Dark)", [raw]
    return raw - dark, "Raw - Dark", "intensity: Raw minus Dark (no Processed)", [raw, dark]


def _excitation(table: _Table, head: Mapping[str, str]) -> tuple[float | None, str | None]:
    """Return the laser wavelength from the head, else from the two axes, and the history step if so."""
    stated = heads.excitation_nm(head)
    shift, wavelength = table.column("wavenumber"), table.column("wavelength")
    if stated is not None or shift is None or wavelength is None:
        return stated, None
    with np.errstate(all="ignore"):
        laser = 1e7 / (shift + 1e7 / wavelength)
    laser = laser[np.isfinite(laser)]
    # Both axes have two decimals: they agree on one laser within 0.02 nm, or they are not of one laser.
    if not laser.size or np.ptp(laser) > 0.05 or not 200.0 <= laser[0] <= 2000.0:
        return None, None
    found = round(float(np.median(laser)), 2)
    return found, f"excitation: {found:g} nm from the Wavelength and Wavenumber columns"


def shot_and_dark_variance(
    raw: FloatArray, dark: FloatArray, electrons_per_count: float, scans: float
) -> FloatArray:
    """Return the variance of Raw − Dark in counts², both averaged over `scans` scans.

    Photon statistics give the signal's part, ``(raw − dark) / (gain · scans)`` with the gain in electrons per
    count (Janesick, *Photon Transfer*, SPIE 2007). Read and dark noise are taken from the scatter of the dark
    spectrum between neighbouring pixels (median absolute difference), once for each of the two spectra; the
    dark's fixed pattern is in that scatter too, so this part is an upper estimate.

    Parameters
    ----------
    raw, dark
        Counts, shape (n,).
    electrons_per_count
        Conversion gain, e⁻/count.
    scans
        Scans averaged.
    """
    steps = np.abs(np.diff(dark))
    dark_variance = (1.4826 * float(np.median(steps))) ** 2 / 2.0
    return np.asarray(np.maximum(raw - dark, 0.0) / (electrons_per_count * scans) + 2.0 * dark_variance)


def _variance(
    table: _Table, intensity: FloatArray, rows: slice, head: Mapping[str, str]
) -> tuple[FloatArray | None, str | None]:
    raw, dark = table.column("raw"), table.column("dark")
    gains = [heads.number(head, key) for key in head if _ELECTRONS_PER_COUNT.fullmatch(key.lower())]
    gain = next((value for value in gains if value is not None and value > 0), None)
    scans = max(heads.number(head, "scan averaging") or 1.0, 1.0)
    if raw is None or dark is None or gain is None:
        return None, None
    raw, dark, intensity = raw[rows], dark[rows], intensity[rows]
    if np.any(np.isnan(raw) | np.isnan(dark)) or (heads.number(head, "boxcar") or 0) > 0:
        return None, None
    # A corrected, smoothed or interpolated column is no longer Raw − Dark and has another variance.
    if not np.allclose(intensity, raw - dark, rtol=0.0, atol=0.03):
        return None, None
    step = f"variance: shot and dark noise, {gain:g} electrons per count, {scans:g} scans averaged"
    return shot_and_dark_variance(raw, dark, gain, scans), step


def _metadata(source: Source, head: dict[str, str], column: str, axis: str) -> dict[str, Any]:
    known: dict[str, Any] = heads.described(
        format="enlighten",
        path=source.name,
        axis=axis,
        column=column,
        title=heads.text(head, "label", "note"),
        date=heads.text(head, "timestamp"),
        integration_ms=heads.number(head, "integration time"),
        instrument=heads.text(head, "model"),
        serial=heads.text(head, "serial number"),
        detector=heads.text(head, "detector"),
        gain=heads.text(head, "ccd gain"),
    )
    accumulations = heads.number(head, "scan averaging")
    if accumulations is not None:
        known["accumulations"] = int(accumulations)
    return {**known, "head": head}


def _load(source: Source, table: _Table, head: dict[str, str], wanted: str | None) -> Spectrum:
    axis, role, axis_name = _axis(table)
    intensity, name, step, used = _intensity(table, wanted)
    rows = table.measured_rows([axis, *used])
    excitation, excitation_step = _excitation(table, head)
    variance, variance_step = _variance(table, intensity, rows, head)
    history = ["read enlighten", step]
    dropped = intensity.size - (rows.stop - rows.start)
    if dropped:
        history.append(
            f"drop: {dropped} points at the ends without a value (NA, outside the region of interest)"
        )
    history += [extra for extra in (excitation_step, variance_step) if extra]
    return to_spectrum(
        source,
        axis[rows],
        intensity[rows],
        lambda i: table.place(i + rows.start),
        role=role,
        name=axis_name,
        metadata=_metadata(source, head, name, axis_name),
        history=tuple(history),
        variance=variance,
        excitation_nm=excitation,
    )


def read_enlighten(source: Source, header: tuple[int, str, tuple[str, ...]], column: str | None) -> Contents:
    """Read a column-ordered ENLIGHTEN file whose column header is `header`.

    Raises
    ------
    FormatError
        For a cell that is no number, NA between values, or a column that is not there.
    NotAShiftAxisError
        When there is no Wavenumber, and no Wavelength with a stated laser.
    """
    index, separator, names = header
    if len(set(names)) != len(names):
        raise FormatError(
            "two columns have one name", where=source.where(index + 1), remedy="export it again"
        )
    block = read_block(source, index + 1, separator, width=len(names), missing=True)
    head = heads.pairs(source.lines[:index])
    table = _Table(source, block, names)
    return Contents(source, (source.stem,), lambda _: _load(source, table, head, column))
