"""Column-ordered CSV of Wasatch Photonics' ENLIGHTEN: a head of key and value, then named columns."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.errors import FormatError, NotAShiftAxisError
from spectriage.spectra.formats import head as heads
from spectriage.spectra.formats.axis import PIXELS_CONVERTED, Role, to_spectrum, wavelength_of_pixels
from spectriage.spectra.formats.contents import Contents, unique_names
from spectriage.spectra.formats.missing import dropped, measured_rows
from spectriage.spectra.formats.numbers import Block, read_block, split_row
from spectriage.spectra.formats.source import MAX_HEAD_LINES, Source, clip
from spectriage.spectra.spectrum import Spectrum

_AXES = ("wavenumber", "wavelength", "pixel")
_INTENSITIES = ("processed", "raw", "dark", "reference")
_MAX_HEADER_CHARS = 20_000
_ROWS_BEFORE_HEADER = 100
_FAMILY = frozenset({"processed", "raw"})
# Gains in electrons per count. ENLIGHTEN's own "CCD Gain" is an amplifier setting (a factor, or dB on the
# IMX sensors) and tells nothing of shot noise.
_ELECTRONS_PER_COUNT = re.compile(r".*gain.*(?:e-|electrons?)\s*(?:/|per)\s*(?:adu|dn|counts?).*")


def header_row(source: Source) -> tuple[int, str, tuple[str, ...]] | None:
    """Return the index, separator and lower-case names of ENLIGHTEN's column header, or None."""
    numbers = 0
    for i, line in enumerate(source.lines[:MAX_HEAD_LINES]):
        # rows of numbers: most lines, and never a header, nor does one stand below many of them
        if line[:1].isdigit():
            numbers += 1
            if numbers > _ROWS_BEFORE_HEADER:
                return None
            continue
        if len(line) > _MAX_HEADER_CHARS:
            continue
        lowered = line.lower()
        if "processed" not in lowered and "raw" not in lowered:
            continue
        for separator in (",", ";", "\t"):
            names = tuple(cell.strip().strip('"') for cell in lowered.split(separator))
            if (
                len(names) >= 2
                and set(names) <= {*_AXES, *_INTENSITIES, ""}
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
    """The columns of one measurement."""

    def __init__(self, source: Source, block: Block, columns: Mapping[str, int]) -> None:
        self.source = source
        self.block = block
        self.columns = columns

    def column(self, name: str) -> FloatArray | None:
        """Return a column, or None when it is not there or wholly without values."""
        if name not in self.columns:
            return None
        values = self.block.values[:, self.columns[name]]
        return None if np.all(np.isnan(values)) else values

    def place(self, row: int) -> str:
        return self.source.where(int(self.block.lines[row]))


def _axis(table: _Table, head: Mapping[str, str]) -> tuple[FloatArray, Role, str]:
    shift, wavelength = table.column("wavenumber"), table.column("wavelength")
    if shift is not None:
        return shift, Role.SHIFT, "Wavenumber"
    if wavelength is not None:
        return wavelength, Role.WAVELENGTH, "Wavelength"
    pixel, laser = table.column("pixel"), heads.excitation_nm(head)
    if pixel is not None:
        converted = wavelength_of_pixels(pixel, heads.wavelength_coefficients(head), laser)
        if converted is not None:
            return converted, Role.WAVELENGTH, "Pixel"
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
    axis, role, axis_name = _axis(table, head)
    intensity, name, step, used = _intensity(table, wanted)
    rows = measured_rows(source, [axis, *used], table.place)
    excitation, excitation_step = _excitation(table, head)
    variance, variance_step = _variance(table, intensity, rows, head)
    history = ["read enlighten", step]
    history += dropped(rows, intensity.size)
    history += [PIXELS_CONVERTED] if axis_name == "Pixel" else []
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


def measurements(names: tuple[str, ...]) -> list[dict[str, int]]:
    """Return the columns of each measurement of a file: its own, and the axes that all share.

    The names of a further measurement stand to the right of those of the one before.
    """
    count = max(names.count(name) for name in _INTENSITIES)
    found: list[dict[str, int]] = [{} for _ in range(count)]
    for name in (*_AXES, *_INTENSITIES):
        at = [i for i, other in enumerate(names) if other == name]
        if len(at) not in (0, 1, count):
            return []
        for k, columns in enumerate(found):
            if at:
                columns[name] = at[k] if len(at) > 1 else at[0]
    return found


def _heads(source: Source, index: int, separator: str, found: list[dict[str, int]]) -> list[dict[str, str]]:
    """Return what the head says of each measurement: the cells above its columns, or of all."""
    if len(found) == 1:
        return [heads.pairs(source.lines[:index])]
    own = [min(i for name, i in columns.items() if name in _INTENSITIES) for columns in found]
    starts = [0, *own[1:], 10**9]
    result: list[dict[str, str]] = [{} for _ in found]
    for line in source.lines[:index]:
        cells = split_row(line, separator)
        values = [(i, cell) for i, cell in enumerate(cells) if cell and i]
        if not cells[0] or not values:
            continue
        for k, head in enumerate(result):
            within = [cell for i, cell in values if starts[k] <= i < starts[k + 1]]
            by_order = values[k][1] if len(values) == len(found) else values[0][1]
            head[cells[0].rstrip(":")] = by_order if len(values) == len(found) or not within else within[0]
    return result


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
    while len(names) > 2 and not names[-1]:
        names = names[:-1]
    found = measurements(names)
    if not found:
        raise FormatError(
            "some columns have one name, others not", where=source.where(index + 1), remedy="export it again"
        )
    block = read_block(source, index + 1, separator, width=len(names), missing=True)
    said = _heads(source, index, separator, found)
    tables = [_Table(source, block, columns) for columns in found]
    labels = [
        heads.text(head, "label", "measurement id", "measurement", "note", "timestamp")
        or f"measurement {k + 1}"
        for k, head in enumerate(said)
    ]
    stems = (source.stem,) if len(found) == 1 else unique_names(labels)
    return Contents(source, stems, lambda k: _load(source, tables[k], said[k], column))
