"""Draw a band model as a spectrum, as an instrument of a given resolution would see it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from spectriage.library.catalogue import Band, CatalogueEntry
from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.errors import ParameterError

_LN2 = math.log(2.0)
# Area of a profile of unit height and unit full width at half maximum.
_AREA_LORENTZ = math.pi / 2.0
_AREA_GAUSS = 0.5 * math.sqrt(math.pi / _LN2)


def broaden(
    fwhm_cm: ArrayLike, lorentz_fraction: ArrayLike, gauss_cm: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Convolve pseudo-Voigt profiles with a Gaussian, approximately.

    A pseudo-Voigt profile is split into the Gaussian and the Lorentzian width of the Voigt profile that it
    stands for, the Gaussian widths add in quadrature, and the result is a pseudo-Voigt profile again. The
    width of a Voigt profile is that of Olivero & Longbothum 1977 (J. Quant. Spectrosc. Radiat. Transf. 17,
    233; good to 0.02 %), the Lorentzian part that of Thompson, Cox & Hastings 1987 (J. Appl. Cryst. 20, 79),
    which counts areas where the catalogue counts heights. Profiles agree with exact ones to 1.5 % of
    their height.

    Parameters
    ----------
    fwhm_cm
        Full widths at half maximum in cm⁻¹, shape (n,).
    lorentz_fraction
        Lorentzian part of the height of the profiles, 0 to 1: one for all, or shape (n,).
    gauss_cm
        Full width at half maximum of the Gaussian in cm⁻¹.

    Returns
    -------
    width, fraction, height
        Shape (n,) each: the new width in cm⁻¹, the new Lorentzian part, and the factor on the height that
        keeps the area.
    """
    width = np.asarray(fwhm_cm, dtype=np.float64)
    eta = np.broadcast_to(np.asarray(lorentz_fraction, dtype=np.float64), width.shape)
    if gauss_cm <= 0.0:
        return width.copy(), eta.copy(), np.ones(width.shape)
    part = _area_part(eta)
    lorentz = width * (0.72928 * part + 0.19289 * part**2 + 0.07783 * part**3)
    gauss_squared = np.maximum((width - 0.5346 * lorentz) ** 2 - 0.2166 * lorentz**2, 0.0)
    new_width = 0.5346 * lorentz + np.sqrt(0.2166 * lorentz**2 + gauss_squared + gauss_cm**2)
    ratio = lorentz / new_width
    new_part = np.clip(1.36603 * ratio - 0.47719 * ratio**2 + 0.11116 * ratio**3, 0.0, 1.0)
    fraction = new_part * _AREA_GAUSS / (new_part * _AREA_GAUSS + (1.0 - new_part) * _AREA_LORENTZ)
    before = width * (eta * _AREA_LORENTZ + (1.0 - eta) * _AREA_GAUSS)
    after = new_width * (fraction * _AREA_LORENTZ + (1.0 - fraction) * _AREA_GAUSS)
    return new_width, fraction, before / after


def _area_part(height_part: FloatArray) -> FloatArray:
    """Turn the Lorentzian part of the height into that of the area."""
    lorentz, gauss = height_part * _AREA_LORENTZ, (1.0 - height_part) * _AREA_GAUSS
    return np.asarray(lorentz / (lorentz + gauss))


def pseudo_voigt(offset_cm: ArrayLike, fwhm_cm: ArrayLike, fraction: ArrayLike) -> FloatArray:
    """Evaluate pseudo-Voigt profiles of height 1.

    Parameters
    ----------
    offset_cm
        Distance from the centre in cm⁻¹.
    fwhm_cm
        Full width at half maximum in cm⁻¹, of Gaussian and Lorentzian alike.
    fraction
        Lorentzian part of the height, 0 to 1.

    Returns
    -------
    ndarray
        float64, of the shape that the three broadcast to.
    """
    offset, width, part = (np.asarray(value, dtype=np.float64) for value in (offset_cm, fwhm_cm, fraction))
    square = (2.0 * offset / width) ** 2
    profile: FloatArray = part / (1.0 + square) + (1.0 - part) * np.exp(-_LN2 * square)
    return profile


def render(
    bands: Sequence[Band] | ArrayLike,
    shift_cm: ArrayLike,
    *,
    resolution_cm: float,
    lorentz_fraction: float = 0.5,
    contained_resolution_cm: float = 0.0,
) -> FloatArray:
    """Draw bands as pseudo-Voigt profiles on a shift axis.

    The instrument's line shape is taken as Gaussian, and what it adds in quadrature to the resolution that
    the widths contain already broadens the bands. An instrument that is not coarser than the source leaves
    the widths as they are, since sharpening them would be invention. Broadening keeps the area of each band,
    so its height falls.

    Parameters
    ----------
    bands
        Shift in cm⁻¹, height and full width at half maximum in cm⁻¹ of n bands: `Band` objects, or an array
        of shape (n, 3), or (n, 4) with the Lorentzian part of each. No bands give zeros.
    shift_cm
        Where to draw, in cm⁻¹, shape (m,), finite.
    resolution_cm
        Of the instrument: full width at half maximum in cm⁻¹, 0 for none.
    lorentz_fraction
        Lorentzian part of the height of the profiles before broadening, 0 to 1, of bands without their own.
    contained_resolution_cm
        Resolution in cm⁻¹ that the band widths contain already.

    Returns
    -------
    ndarray
        float64, shape (m,).

    Raises
    ------
    ParameterError
        For values outside these ranges.
    """
    rows = _as_rows(bands, lorentz_fraction)
    shift = np.asarray(shift_cm, dtype=np.float64)
    if shift.ndim != 1 or not np.isfinite(shift).all():
        raise ParameterError("shift_cm is not one axis of finite values")
    for name, value, high in (
        ("resolution_cm", resolution_cm, 500.0),
        ("contained_resolution_cm", contained_resolution_cm, 500.0),
        ("lorentz_fraction", lorentz_fraction, 1.0),
    ):
        if not 0.0 <= value <= high:
            raise ParameterError(f"{name} is {value}, not between 0 and {high:g}")
    if not rows.size:
        return np.zeros(shift.size)
    extra = math.sqrt(max(0.0, resolution_cm**2 - contained_resolution_cm**2))
    width, fraction, factor = broaden(rows[:, 2], rows[:, 3], extra)
    profiles = pseudo_voigt(shift[None, :] - rows[:, :1], width[:, None], fraction[:, None])
    drawn: FloatArray = (rows[:, 1] * factor) @ profiles
    return drawn


def _as_rows(bands: Sequence[Band] | ArrayLike, lorentz_fraction: float) -> FloatArray:
    """Return shift, height, width and Lorentzian part, shape (n, 4)."""
    if isinstance(bands, Sequence) and all(isinstance(band, Band) for band in bands):
        bands = [
            (
                band.shift_cm,
                band.height,
                band.fwhm_cm,
                lorentz_fraction if band.lorentz_fraction is None else band.lorentz_fraction,
            )
            for band in bands
            if isinstance(band, Band)
        ]
    rows = np.asarray(bands, dtype=np.float64)
    if not rows.size:
        return np.zeros((0, 4))
    if rows.ndim != 2 or rows.shape[1] not in (3, 4) or not np.isfinite(rows).all():
        raise ParameterError("bands are not rows of finite shift, height and width")
    if rows.shape[1] == 3:
        rows = np.column_stack([rows, np.full(len(rows), lorentz_fraction)])
    if (rows[:, 1] < 0).any() or (rows[:, 2] <= 0).any() or ((rows[:, 3] < 0) | (rows[:, 3] > 1)).any():
        raise ParameterError("a band has a negative height, no width, or a Lorentzian part outside 0 to 1")
    return rows


def render_entry(entry: CatalogueEntry, shift_cm: ArrayLike, resolution_cm: float) -> FloatArray:
    """Draw a catalogue entry on a shift axis.

    Parameters
    ----------
    entry
        With its own line shape and contained resolution.
    shift_cm
        Where to draw, in cm⁻¹, shape (m,).
    resolution_cm
        Of the instrument: full width at half maximum in cm⁻¹.

    Returns
    -------
    ndarray
        float64, shape (m,); NaN outside the range in which the source looked for bands, zeros for an entry
        without bands.
    """
    shift = np.asarray(shift_cm, dtype=np.float64)
    drawn = render(
        entry.bands,
        shift,
        resolution_cm=resolution_cm,
        lorentz_fraction=entry.lorentz_fraction,
        contained_resolution_cm=entry.resolution_cm,
    )
    if entry.valid_low_cm is not None and entry.valid_high_cm is not None:
        drawn[(shift < entry.valid_low_cm) | (shift > entry.valid_high_cm)] = np.nan
    return drawn
