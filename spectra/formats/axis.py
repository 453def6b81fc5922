"""From a column of numbers to a Raman shift axis: what the column is, its order, and what it cannot be."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

import numpy as np

from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.errors import FormatError, NotAShiftAxisError, SpectrumError
from spectriage.spectra.formats.source import Source, clip
from spectriage.spectra.spectrum import MIN_POINTS, Spectrum

# H₂ has the highest fundamental, 4,155 cm⁻¹; an axis beyond this is no shift (the absolute wavenumbers of a
# Raman spectrum at 1064 nm begin at 6,400).
MAX_SHIFT_CM = 6_000.0
_ASCII = str.maketrans(
    {"⁻": "-", "−": "-", "–": "-", "¯": "-", "¹": "1", "^": "", "{": "", "}": "", "µ": "u"}
)
_SHIFT = re.compile(r"shift|wave ?numbers?\b|1/ ?cm|cm ?-? ?1\b|/cm\b")
_WAVELENGTH = re.compile(r"wave ?length|lambda|λ|\bnm\b|nanomet")
_PIXEL = re.compile(r"^(?:pixels?|px|index|channel|point|no|nr|row)\b|^unnamed|^#?$")
_OTHER = re.compile(r"\bm?ev\b|\bthz\b|\b2 ?theta\b|\bm/z\b|\bppm\b|\btime\b|\bum\b|micromet|\bhz\b|kelvin")
_INFRARED = re.compile(r"absorbance|transmittance|transmission|%\s*t\b|reflectance|kubelka")


class AxisOrderError(FormatError):
    """An axis that repeats a value or neither ascends nor descends."""


class Role(Enum):
    """What an axis column is, by its name."""

    SHIFT = "shift"
    WAVELENGTH = "wavelength"
    PIXEL = "pixel"
    OTHER = "other"
    UNNAMED = "unnamed"


def role_of(name: str) -> Role:
    """Return what a column called `name` holds."""
    plain = name.lower().translate(_ASCII).replace("_", " ").strip().lstrip("#").strip()
    for role, pattern in (
        (Role.SHIFT, _SHIFT),
        (Role.WAVELENGTH, _WAVELENGTH),
        (Role.PIXEL, _PIXEL),
        (Role.OTHER, _OTHER),
    ):
        if pattern.search(plain):
            return role
    return Role.UNNAMED


def check_is_raman(names: tuple[str, ...], source: Source) -> None:
    """Refuse columns named after infrared quantities."""
    for name in names:
        if _INFRARED.search(name.lower()):
            raise FormatError(
                f"a column is named {clip(name)}: an infrared or ultraviolet spectrum, not Raman",
                where=source.where(),
                remedy="give a Raman spectrum",
            )


def looks_like_pixels(axis: FloatArray) -> bool:
    """Whether the values are whole, not negative and rise by 1, as pixel numbers do."""
    return bool(
        axis.size > 1
        and axis[0] >= 0
        and axis[0] == np.round(axis[0])
        and np.all(np.abs(np.diff(axis)) == 1.0)
    )


def _check_order(axis: FloatArray, place: Callable[[int], str]) -> bool:
    """Return whether the axis descends; refuse it when it does neither."""
    step = np.diff(axis)
    descends = bool(axis[-1] < axis[0])
    bad = np.flatnonzero(step >= 0 if descends else step <= 0)
    if not bad.size:
        return descends
    i = int(bad[0]) + 1
    if step[i - 1] == 0:
        raise AxisOrderError(
            f"the axis repeats {axis[i]:.10g} (index {i - 1} and {i})",
            where=place(i),
            remedy="merge or remove the repeated points",
        )
    raise AxisOrderError(
        f"the axis turns at index {i}: {axis[i - 1]:.10g} then {axis[i]:.10g}, while it "
        f"{'descends' if descends else 'ascends'} as a whole",
        where=place(i),
        remedy="sort the rows by their shift; several spectra one below the other must be split",
    )


def _not_pixels(axis: FloatArray, role: Role, name: str, source: Source) -> str:
    """Return the history step for an axis that is named after pixels, or not named."""
    if role is Role.PIXEL:
        if np.all(axis == np.round(axis)) and axis.min() >= 0:
            raise NotAShiftAxisError(
                f"the axis {clip(name)} counts pixels; it is not a Raman shift",
                where=source.where(),
                remedy="export with a Raman shift axis, or calibrate with a known material",
            )
        said = f"named {name.strip()!r} but holds fractions or negative values"
        return f"axis: {said}, taken as Raman shift in cm-1"
    if axis.size and looks_like_pixels(axis) and min(axis[0], axis[-1]) <= 1:
        raise NotAShiftAxisError(
            "the axis counts from 0 or 1 in steps of 1 and is not named: it may be pixels",
            where=source.where(),
            remedy="if it is a Raman shift, name it in a header line such as 'shift (cm-1),intensity'",
        )
    said = f"named {name.strip()!r}, without a unit" if name.strip() else "not named"
    return f"axis: {said}, taken as Raman shift in cm-1"


def _shift_from_wavelength(
    wavelength_nm: FloatArray, excitation_nm: float | None, name: str, source: Source
) -> FloatArray:
    if excitation_nm is None:
        raise NotAShiftAxisError(
            f"the axis {clip(name)} is a wavelength in nm and the file does not state the laser's",
            where=source.where(),
            remedy="export with a Raman shift axis, or add a head line such as '# Laser wavelength: 785 nm'",
        )
    if wavelength_nm.min() < 150.0 or wavelength_nm.max() > 5_000.0:
        raise NotAShiftAxisError(
            f"the axis {clip(name)} should hold nm but runs from {wavelength_nm.min():g} "
            f"to {wavelength_nm.max():g}",
            where=source.where(),
            remedy="check which column is the axis",
        )
    return np.asarray(1e7 / excitation_nm - 1e7 / wavelength_nm, dtype=np.float64)


def to_spectrum(
    source: Source,
    axis: FloatArray,
    intensity: FloatArray,
    place: Callable[[int], str],
    *,
    role: Role,
    name: str,
    metadata: Mapping[str, Any],
    history: tuple[str, ...],
    variance: FloatArray | None = None,
    excitation_nm: float | None = None,
    resolution_cm: float | None = None,
) -> Spectrum:
    """Build the Spectrum of one axis and one intensity column.

    Parameters
    ----------
    source
        The file, for messages.
    axis, intensity, variance
        Finite, shape (n,), in the file's order.
    place
        Gives the place in the file of row i, for messages.
    role, name
        What the axis is and what the file calls it.
    metadata, history, excitation_nm, resolution_cm
        As of `Spectrum`; the history grows by what is done here.

    Raises
    ------
    NotAShiftAxisError
        When the axis is not a Raman shift and cannot be turned into one.
    AxisOrderError
        When it repeats a value or neither ascends nor descends.
    FormatError
        When the arrays are not a spectrum.
    """
    if axis.size < MIN_POINTS:
        raise FormatError(
            f"the file has {axis.size} points; a spectrum has at least {MIN_POINTS}",
            where=source.where(),
            remedy="check that the file is one whole spectrum with its axis down the first column",
        )
    steps = [*history]
    descends = _check_order(axis, place)
    if role is Role.OTHER:
        raise NotAShiftAxisError(
            f"the axis {clip(name)} is not a Raman shift",
            where=source.where(),
            remedy="export with a Raman shift axis",
        )
    if role is Role.WAVELENGTH:
        axis = _shift_from_wavelength(axis, excitation_nm, name, source)
        steps.append(f"axis: Raman shift from wavelength, excitation {excitation_nm:g} nm")
    elif role is not Role.SHIFT:
        steps.append(_not_pixels(axis, role, name, source))
        metadata = {**metadata, "axis_assumed": "Raman shift"}
    if np.abs(axis).max() > MAX_SHIFT_CM:
        raise NotAShiftAxisError(
            f"the axis runs from {axis.min():g} to {axis.max():g} cm⁻¹; "
            f"no Raman shift is beyond {MAX_SHIFT_CM:g}",
            where=source.where(),
            remedy="absolute wavenumbers or another quantity: export with a Raman shift axis",
        )
    order = slice(None, None, -1) if descends else slice(None)
    if descends:
        steps.append("order: descending axis reversed")
    try:
        return Spectrum(
            shift=axis[order],
            intensity=intensity[order],
            variance=None if variance is None else variance[order],
            excitation_nm=excitation_nm,
            resolution_cm=resolution_cm,
            metadata=metadata,
            history=tuple(steps),
        )
    except SpectrumError as error:
        raise FormatError(error.what, where=source.where(), remedy=error.remedy) from error
