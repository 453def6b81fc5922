"""Kernels that bring a spectrum onto another axis and carry its variance along."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spectriage.spectra._jit import kernel

FloatArray = NDArray[np.float64]


@kernel()
def average_cells(
    shift: FloatArray, values: FloatArray, variance: FloatArray, centres: FloatArray, width: float
) -> tuple[FloatArray, FloatArray]:
    """Mean of the linear interpolant of (shift, values) over cells of one width.

    Near the ends of `shift` a cell is narrowed on both sides, so that its mean still stands for its centre;
    beyond them the end's value is held.
    """
    n = shift.size
    m = centres.size
    mean = np.zeros(m)
    spread = np.zeros(m)
    start = 0
    for k in range(m):
        centre = min(max(centres[k], shift[0]), shift[n - 1])
        half = max(min(0.5 * width, centre - shift[0], shift[n - 1] - centre), 1e-9 * width)
        low = max(centre - half, shift[0])
        high = min(centre + half, shift[n - 1])
        while start < n - 2 and shift[start + 1] <= low:
            start += 1
        length = high - low
        carried = 0.0
        total = 0.0
        total_variance = 0.0
        j = start
        while j < n - 1 and shift[j] < high:
            a = max(low, shift[j])
            b = min(high, shift[j + 1])
            step = shift[j + 1] - shift[j]
            middle = (0.5 * (a + b) - shift[j]) / step
            share = (b - a) / length
            left = carried + share * (1.0 - middle)
            carried = share * middle
            total += left * values[j]
            total_variance += left * left * variance[j]
            j += 1
        total += carried * values[j]
        total_variance += carried * carried * variance[j]
        mean[k] = total
        spread[k] = total_variance
    return mean, spread


@kernel()
def _cubic_weights(x0: float, x1: float, x2: float, x3: float, x: float, weights: FloatArray) -> None:
    """Weights of four points in the cubic Hermite interpolant between x1 and x2, parabolic slopes."""
    h0, h1, h2 = x1 - x0, x2 - x1, x3 - x2
    t = (x - x1) / h1
    value1 = (1.0 + 2.0 * t) * (1.0 - t) ** 2
    value2 = t * t * (3.0 - 2.0 * t)
    slope1 = t * (1.0 - t) ** 2 * h1
    slope2 = t * t * (t - 1.0) * h1
    weights[0] = -slope1 * h1 / (h0 * (h0 + h1))
    weights[1] = value1 + slope1 * (h1 - h0) / (h0 * h1) - slope2 * h2 / (h1 * (h1 + h2))
    weights[2] = value2 + slope1 * h0 / (h1 * (h0 + h1)) + slope2 * (h2 - h1) / (h1 * h2)
    weights[3] = slope2 * h1 / (h2 * (h1 + h2))


@kernel()
def interpolate_cubic(
    shift: FloatArray, values: FloatArray, variance: FloatArray, centres: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Cubic Hermite interpolation at `centres`; beyond the ends of `shift` the end's value is held.

    The first and last slopes are those of a line through two points, so that lines are kept to the ends.
    """
    n = shift.size
    m = centres.size
    out = np.zeros(m)
    spread = np.zeros(m)
    weights = np.zeros(4)
    j = 0
    for k in range(m):
        x = min(max(centres[k], shift[0]), shift[n - 1])
        while j < n - 2 and shift[j + 1] < x:
            j += 1
        x0 = shift[j - 1] if j > 0 else 2.0 * shift[0] - shift[1]
        x3 = shift[j + 2] if j + 2 < n else 2.0 * shift[n - 1] - shift[n - 2]
        _cubic_weights(x0, shift[j], shift[j + 1], x3, x, weights)
        if j == 0:
            weights[1] += 2.0 * weights[0]
            weights[2] -= weights[0]
            weights[0] = 0.0
        if j + 2 >= n:
            weights[2] += 2.0 * weights[3]
            weights[1] -= weights[3]
            weights[3] = 0.0
        for i in range(4):
            index = min(max(j - 1 + i, 0), n - 1)
            out[k] += weights[i] * values[index]
            spread[k] += weights[i] * weights[i] * variance[index]
    return out, spread
