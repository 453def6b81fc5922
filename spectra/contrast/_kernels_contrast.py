"""Kernel that brings a query on the library's grid into the contrast domain."""

from __future__ import annotations

import numpy as np

from spectriage.spectra.arrays import BoolArray, Float32Array, FloatArray
from spectriage.spectra.baseline._kernels_baseline_lanes import LANES, fma, load, spread, total
from spectriage.spectra.compile._kernels_vectors import apart
from spectriage.spectra.compile.jit import kernel
from spectriage.spectra.contrast._kernels_compress import compress
from spectriage.spectra.signal._kernels_derivative import filter_measured
from spectriage.spectra.statistics._kernels_statistics import extremes


@kernel(bare=True)
def into_contrast(
    intensity: FloatArray,
    measured: BoolArray,
    weights: FloatArray,
    settings: tuple[float, float, float],
    values: FloatArray,
    derivative: Float32Array,
    compressed: Float32Array,
    valid: BoolArray,
) -> tuple[float, float]:
    """Write a query's derivative, that compressed, and where both hold; return the norm and the threshold.

    Parameters
    ----------
    intensity, measured
        On the grid, shape (m,); zero where not measured.
    weights
        Of the derivative, shape (k,), odd.
    settings
        The threshold times the norm that noise asks for; the least threshold; and the norm over the greatest
        intensity up to which a derivative is rounding.
    values
        Written: the derivative in its own unit, shape (m,).
    derivative, compressed, valid
        Written, shape (m,); the derivative of unit norm. What is flat has the norm 0 and the threshold 1.
    """
    apart()
    by_noise, least, rounding = settings
    filter_measured(intensity, measured, weights, values, valid)
    m = values.size
    whole, added, squares = m - m % LANES, spread(0.0), 0.0
    for at in range(0, whole, LANES):
        value = load(values, at)
        added = fma(value, value, added)
    for p in range(whole, m):
        squares += values[p] * values[p]
    norm = np.sqrt(squares + total(added))
    low, high = extremes(intensity)
    greatest = max(-low, high, 0.0)
    # a constant or a line leaves the rounding of its own size
    flat = norm <= rounding * greatest or not norm < np.inf
    if flat:
        norm, threshold = 0.0, 1.0
    else:
        threshold = by_noise / norm + least
    for p in range(m):
        derivative[p] = 0.0 if flat else values[p] / norm
    compress(derivative, threshold, compressed)
    return norm, threshold
