"""Savitzky–Golay derivatives of many spectra at once, aware of where nothing was measured."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from spectriage.spectra.arrays import BoolArray, FloatArray
from spectriage.spectra.signal._kernels_derivative import filter_measured

DERIVATIVE_WINDOW_CM = 42.0
"""Of the derivative that spectra are compared by: as wide as two bands of a handheld."""


@lru_cache(maxsize=32)
def savgol_weights(points: int, degree: int, order: int) -> FloatArray:
    """Return the convolution weights of a Savitzky–Golay derivative per point spacing.

    Savitzky & Golay 1964, Anal. Chem. 36, 1627: the derivative at the window's centre of the least-squares
    polynomial of `degree` through `points` (odd) values.
    """
    half = points // 2
    powers = np.vander(np.arange(-half, half + 1, dtype=np.float64), degree + 1, increasing=True)
    weights = np.linalg.pinv(powers)[order] * (1.0, 1.0, 2.0)[order]
    weights.flags.writeable = False
    return np.asarray(weights)


def window_points(width_cm: float, step_cm: float) -> int:
    """Return the odd number of points nearest to a window of `width_cm`, at least 5."""
    return max(5, 2 * round((width_cm / step_cm - 1.0) / 2.0) + 1)


def shrink_mask(measured: BoolArray, points: int) -> BoolArray:
    """Return where a whole window of `points` lies on measured values; shape as given (…, m)."""
    half = points // 2
    if measured.shape[-1] < points:
        return np.zeros_like(measured)
    holes = np.cumsum(~measured, axis=-1, dtype=np.int32)
    padded = np.concatenate([np.zeros((*holes.shape[:-1], 1), np.int32), holes], axis=-1)
    inside = np.zeros_like(measured)
    inside[..., half : measured.shape[-1] - half] = (
        padded[..., points:] - padded[..., : padded.shape[-1] - points]
    ) == 0
    return inside


def differentiate(
    values: FloatArray, measured: BoolArray, *, order: int, step_cm: float, width_cm: float
) -> tuple[FloatArray, BoolArray]:
    """Differentiate along the last axis.

    Parameters
    ----------
    values
        Shape (m,) or (n, m); what stands where nothing was measured is not used.
    measured
        Same shape.
    order
        1 or 2.
    step_cm, width_cm
        Grid step and window in cm⁻¹; the polynomial is cubic.

    Returns
    -------
    derivative
        Same shape, zero where the window is not wholly measured.
    valid
        Where it is.
    """
    points = window_points(width_cm, step_cm)
    weights = savgol_weights(points, 3, order) / step_cm**order
    clean = np.where(measured, values, 0.0)
    if clean.ndim == 1:
        out, valid = np.empty(clean.size), np.empty(clean.size, bool)
        filter_measured(clean, measured, weights, out, valid)
        return out, valid
    valid = shrink_mask(measured, points)
    half = points // 2
    size = values.shape[-1] - 2 * half
    out = np.zeros_like(clean)
    if size <= 0:
        return out, valid
    inner = out[..., half : half + size]
    for k, weight in enumerate(weights):
        inner += weight * clean[..., k : k + size]
    out[~valid] = 0.0
    return out, valid
