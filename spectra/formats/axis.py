"""From a column of numbers to a Raman shift axis: what the column is, its order, and what it cannot be."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any

import numpy as np

from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.errors import FormatError, NotAShiftAxisError, SpectrumError
from spectriage.spectra.formats.axis_order import AxisOrderError, in_order
from spectriage.spectra.formats.source import Source, clip
from spectriage.spectra.spectrum import MIN_POINTS, Spectrum

__all__ = [
    "MAX_SHIFT_CM",
    "AxisOrderError",
    "Role",
    "check_is_raman",
    "looks_like_pixels",
    "role_of",
    "to_spectrum",
]

# H₂ has the highest fundamental, 4,155 cm⁻¹; an axis beyond this is no shift (the absolute wavenumbers of a
# Raman spectrum at 1064 nm begin at 6,400).
MAX_SHIFT_CM = 6_000.0
# … unless it also has small shifts: a detector for 532 nm sees as far, though nothing is there.
_MAX_SEEN_CM = 8_000.0
_SMALL_SHIFT_CM = 2_000.0
PIXELS_CONVERTED = "axis: wavelength from pixel by the coefficients in the file"
_LASERS_NM = (
    *(405.0, 442.0, 457.9, 473.0, 488.0, 514.5, 532.0, 561.0, 632.8, 638.0, 647.1, 660.0, 671.0, 680.0),
    *(752.5, 780.0, 785.0, 808.0, 830.0, 852.0, 976.0, 1030.0, 1064.0),
)
_ASCII = str.maketrans(
    {"⁻": "-", "−": "-", "–": "-", "¯": "-", "¹": "1", "^": "", "{": "", "}": "", "µ": "u", "_": " "}
)
# Names as instruments and people write them, in lower case and without accents.
_SHIFT_WORD = re.compile(
    r"shift|wave ?numbers?\b|verschiebung|wellenzahl|nombres? d'ondes?|de(?:place|cala)(?:ment|ge) raman"
    r"|desplazamiento|numeros? de ondas?|spostamento|numero d'onda|deslocamento"
    r"|сдвиг|волновое|位移|波数|シフト|^raman$"
)
_WAVELENGTH_WORD = re.compile(
    r"wave ?length|wellenlange|longueurs? d'ondes?|longitud(?:es)? de ondas?|lunghezza d'onda"
    r"|comprimento de onda|длина волны|波长|波長|lambda|λ|^wl\b|nanomet"
)
_PIXEL = re.compile(r"^(?:pixels?|px|index|channel|point|no|nr|row)\b|^unnamed")
_INTENSITY = re.compile(
    r"inten[sz]|counts?\b|signal|irradiance|absorb|transmi|reflect|dark|processed|\braw\b|background|强度|強度"
)
_SHIFT_UNIT = re.compile(r"1/ ?cm|cm ?-? ?1\b|/cm\b")
_WAVELENGTH_UNIT = re.compile(r"\bnm\b")
_OTHER = re.compile(r"\bm?ev\b|\bthz\b|\b2 ?theta\b|\bm/z\b|\bppm\b|\btime\b|\bum\b|micromet|\bhz\b|kelvin")
# "785 nm" in a name states a laser, not a unit.
_LASER = re.compile(r"\d[\d.,]{0,8} ?nm\b")
_INFRARED = re.compile(r"absorbance|transmittance|transmission|%\s*t\b|reflectance|kubelka")


class Role(Enum):
    """What an axis column is, by its name."""

    SHIFT = "shift"
    WAVELENGTH = "wavelength"
    PIXEL = "pixel"
    INTENSITY = "intensity"
    OTHER = "other"
    UNNAMED = "unnamed"


_NAMES = (
    (Role.SHIFT, _SHIFT_WORD),
    (Role.WAVELENGTH, _WAVELENGTH_WORD),
    (Role.PIXEL, _PIXEL),
    (Role.INTENSITY, _INTENSITY),
    (Role.SHIFT, _SHIFT_UNIT),
    (Role.WAVELENGTH, _WAVELENGTH_UNIT),
    (Role.OTHER, _OTHER),
)
_MAX_NAME_CHARS = 200


def plain(name: str) -> str:
    """Return a name in lower case, without accents, comment signs and the wavelength of a laser."""
    text = name[:_MAX_NAME_CHARS].lower().translate(_ASCII)
    if not text.isascii():
        text = "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
        text = unicodedata.normalize("NFC", text).replace("’", "'")
    return _LASER.sub(" ", text).strip().lstrip("#").strip()


def role_of(name: str) -> Role:
    """Return what a column called `name` holds."""
    if not name.strip(" #"):
        # the index column of a data frame has no name
        return Role.PIXEL
    text = plain(name)
    return next((role for role, pattern in _NAMES if pattern.search(text)), Role.UNNAMED)


def says_shift(name: str) -> bool:
    """Whether a name says shift, not only wavenumber, which may be absolute."""
    text = plain(name)
    return bool(_SHIFT_WORD.search(text)) and not re.search(r"wave ?number", text)


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


def _may_be_wavelength(axis: FloatArray, excitation_nm: float | None) -> bool:
    """Whether the values of a nameless axis fit a Raman spectrum in nm better than one in cm⁻¹.

    As a shift they would be a narrow, finely stepped range that begins late; as wavelengths they begin within
    700 cm⁻¹ of a laser and reach 900 to 4,200 cm⁻¹ from it, as nearly every Raman spectrum does.
    """
    low, high = float(axis.min()), float(axis.max())
    if low < 480.0 or high - low > 450.0 or (high - low) / (axis.size - 1) > 1.0:
        return False
    lasers = _LASERS_NM if excitation_nm is None else (excitation_nm,)
    return any(
        -300.0 <= 1e7 / laser - 1e7 / low <= 700.0 and 900.0 <= 1e7 / laser - 1e7 / high <= 4_200.0
        for laser in lasers
    )


def _assumed(axis: FloatArray, role: Role, name: str, source: Source, excitation_nm: float | None) -> str:
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
    named = f"is named {clip(name)}" if name.strip() else "is not named"
    remedy = "if it is a Raman shift, name it in a header line such as 'shift (cm-1),intensity'"
    if looks_like_pixels(axis) and min(axis[0], axis[-1]) <= 1:
        raise NotAShiftAxisError(
            f"the axis counts from 0 or 1 in steps of 1 and {named}: it may be pixels",
            where=source.where(),
            remedy=remedy,
        )
    if _may_be_wavelength(axis, excitation_nm):
        raise NotAShiftAxisError(
            f"the axis runs from {axis.min():g} to {axis.max():g} and {named}: it may be a wavelength in nm",
            where=source.where(),
            remedy=f"{remedy}; if it is a wavelength, name it so and state the laser",
        )
    said = f"named {name.strip()!r}, without a unit" if name.strip() else "not named"
    return f"axis: {said}, taken as Raman shift in cm-1"


def wavelength_of_pixels(
    pixel: FloatArray, coefficients: Sequence[float], excitation_nm: float | None
) -> FloatArray | None:
    """Return the wavelengths in nm of pixel numbers by the polynomial that the file states.

    None where there is none, no laser is stated, or the result is no axis of a Raman spectrum.
    """
    if excitation_nm is None or len(coefficients) < 2:
        return None
    wavelength = np.polynomial.polynomial.polyval(pixel, np.asarray(coefficients, dtype=np.float64))
    step = np.diff(wavelength)
    whole = bool(np.all(np.isfinite(wavelength)) and (np.all(step > 0) or np.all(step < 0)))
    inside = whole and wavelength.min() >= 200.0 and wavelength.max() <= 3_000.0
    return np.asarray(wavelength, dtype=np.float64) if inside else None


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


def _shift_axis(
    axis: FloatArray, role: Role, name: str, source: Source, excitation_nm: float | None
) -> tuple[FloatArray, str | None]:
    """Return the axis as Raman shift and the history step, None where it was one by name."""
    if role is Role.OTHER:
        raise NotAShiftAxisError(
            f"the axis {clip(name)} is not a Raman shift",
            where=source.where(),
            remedy="export with a Raman shift axis",
        )
    if role is Role.WAVELENGTH:
        shift = _shift_from_wavelength(axis, excitation_nm, name, source)
        return shift, f"axis: Raman shift from wavelength, excitation {excitation_nm:g} nm"
    if role is not Role.SHIFT:
        return axis, _assumed(axis, role, name, source, excitation_nm)
    text = plain(name)
    if _WAVELENGTH_UNIT.search(text) and not _SHIFT_UNIT.search(text):
        raise NotAShiftAxisError(
            f"the axis {clip(name)} is called a shift, in nm: that may be either",
            where=source.where(),
            remedy="name the axis by what it is: a Raman shift in cm-1, or a wavelength in nm",
        )
    low, high = float(axis.min()), float(axis.max())
    if excitation_nm is not None and low > _SMALL_SHIFT_CM and high > MAX_SHIFT_CM and not says_shift(name):
        shift = 1e7 / excitation_nm - axis
        if shift.min() >= -_SMALL_SHIFT_CM and shift.max() <= MAX_SHIFT_CM:
            return shift, f"axis: Raman shift from absolute wavenumber, excitation {excitation_nm:g} nm"
    return axis, None


def _check_range(axis: FloatArray, source: Source) -> None:
    low, high = float(axis.min()), float(axis.max())
    if low >= -MAX_SHIFT_CM and high <= (_MAX_SEEN_CM if low < _SMALL_SHIFT_CM else MAX_SHIFT_CM):
        return
    raise NotAShiftAxisError(
        f"the axis runs from {low:g} to {high:g} cm⁻¹; no Raman shift is beyond {MAX_SHIFT_CM:g}",
        where=source.where(),
        remedy="absolute wavenumbers or another quantity: export with a Raman shift axis",
    )


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
    axis, intensity, variance, order = in_order(axis, intensity, variance, place)
    shift, step = _shift_axis(axis, role, name, source, excitation_nm)
    if step is not None and role not in (Role.SHIFT, Role.WAVELENGTH):
        metadata = {**metadata, "axis_assumed": "Raman shift"}
    _check_range(shift, source)
    if shift[0] > shift[-1]:
        # absolute wavenumbers rise where the shift falls
        shift, intensity = shift[::-1], intensity[::-1]
        variance = None if variance is None else variance[::-1]
    try:
        return Spectrum(
            shift=shift,
            intensity=intensity,
            variance=variance,
            excitation_nm=excitation_nm,
            resolution_cm=resolution_cm,
            metadata=metadata,
            history=(*history, *([step] if step else []), *order),
        )
    except SpectrumError as error:
        raise FormatError(error.what, where=source.where(), remedy=error.remedy) from error
