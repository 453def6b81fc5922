"""What a reference looks like on another instrument: the mismatch that evidence must stand out from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.reference import Tier

AXIS_CM = 0.8
"""Local displacement of bands between instruments, standard deviation in cm⁻¹."""
INTENSITY = 0.24
"""Logarithm of the relative height of bands between instruments, standard deviation. Both were chosen so that
the residual between a reference and its perturbed copy has the size measured between spectra of the same
materials on different instruments (15–20 % of the norm, median, and up to 40 %)."""
FLOOR = 0.012
"""Weak bands that the reference does not have, standard deviation as a share of its strongest band; chosen so
that V, the cosine of compressed derivatives, falls as between instruments: median 0.92, a tenth under 0.8."""
FLOOR_WIDTH_CM = 5.0
CORRELATION_CM = 40.0
_WAVES = 48
_STRIDE = 32

_SEVERITY = {
    Tier.MEASURED: 1.0,
    Tier.BANDS: 1.0,
    Tier.RECALLED: 2.0,
    Tier.ESTIMATED: 2.5,
    Tier.COMPUTED: 4.0,
}


def severity(tier: Tier) -> float:
    """Return how many times the mismatch between instruments a reference of this tier is off by."""
    return _SEVERITY[tier]


def smooth_field(shift: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return a random function of unit variance over an even grid, shape (m,), correlated over 40 cm⁻¹.

    Random Fourier features of a Gaussian covariance (Rahimi & Recht 2007, NIPS 20): a sum of cosines. On an
    even grid exp(i·f·(coarse + fine)) is a product, and the sum one small matrix product; of either factor
    each row is the one before, turned by the same angles.
    """
    frequencies = rng.normal(size=_WAVES) / CORRELATION_CM
    phases = rng.uniform(0.0, 2.0 * np.pi, size=_WAVES)
    step = float(shift[-1] - shift[0]) / (shift.size - 1)
    starts = float(shift[0]) * frequencies + phases
    coarse = _turned(starts, _STRIDE * step * frequencies, -(-shift.size // _STRIDE))
    fine = _turned(np.zeros(_WAVES), step * frequencies, _STRIDE)
    waves = (coarse @ fine.T).real.ravel()[: shift.size]
    return np.asarray(waves * np.sqrt(2.0 / _WAVES))


def _turned(first: FloatArray, angles: FloatArray, rows: int) -> NDArray[np.complex128]:
    """Return exp(i·(first + j·angles)) for so many j from 0 on, shape (rows, waves)."""
    turned = np.empty((rows, first.size), np.complex128)
    turned[0], turned[1:] = np.exp(1j * first), np.exp(1j * angles)
    return np.multiply.accumulate(turned, axis=0)


def mismatched(
    values: FloatArray, shift: FloatArray, rng: np.random.Generator, *, times: float = 1.0
) -> FloatArray:
    """Return a spectrum, or its derivative, as another instrument might show it.

    Parameters
    ----------
    values
        Shape (m,); NaN is kept where it is.
    shift
        The grid in cm⁻¹, shape (m,).
    times
        Severity, in units of the mismatch between two instruments.
    """
    moved = shift + AXIS_CM * times * smooth_field(shift, rng)
    factor = np.exp(min(INTENSITY * times, 0.6) * smooth_field(shift, rng))
    measured = np.isfinite(values)
    filled = np.where(measured, values, 0.0)
    out = np.interp(moved, shift, filled) * factor
    out += FLOOR * times * float(np.abs(filled).max(initial=0.0)) * _weak_bands(shift, rng)
    return np.where(measured, out, np.nan)


def _weak_bands(shift: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return noise of unit variance and of the width of bands; shape (m,)."""
    step = float(shift[1] - shift[0])
    reach = round(4.0 * FLOOR_WIDTH_CM / step)
    window = np.exp(-0.5 * np.square(np.arange(-reach, reach + 1) * step / FLOOR_WIDTH_CM))
    rough = np.convolve(rng.normal(size=shift.size + 2 * reach), window / np.linalg.norm(window), "valid")
    return np.asarray(rough)
