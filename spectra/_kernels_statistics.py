"""Kernels of robust statistics: medians, quantiles, the noise of a curve, and its spikes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spectriage.spectra._jit import kernel

FloatArray = NDArray[np.float64]


@kernel()
def quantile(values: FloatArray, share: float) -> float:
    """Return the quantile of values (n,), linear between two of them; n > 0."""
    place = share * (values.size - 1)
    low = int(place)
    parted = np.partition(values, low)
    below = parted[low]
    if place == low:
        return float(below)
    return float(below + (place - low) * (parted[low + 1 :].min() - below))


@kernel()
def residual_level(values: FloatArray, weights: FloatArray, width: int, share: float) -> float:
    """Return a quantile of the local mean square of what a symmetric filter leaves of values (n,).

    Parameters
    ----------
    weights
        The filter, odd and shorter than `values`.
    width
        Points of the local mean, at most those that the filter leaves.
    share
        The quantile.
    """
    half = weights.size // 2
    size = values.size - 2 * half
    left = values[half : half + size].copy()
    for k in range(weights.size):
        weight = weights[k]
        for p in range(size):
            left[p] -= weight * values[p + k]
    local = np.zeros(size - width + 1)
    for k in range(width):
        for p in range(local.size):
            local[p] += left[p + k] * left[p + k]
    return float(quantile(local, share)) / width


@kernel()
def _is_sharp(values: FloatArray, start: int, width: int, sharpness: float) -> bool:
    """Whether `width` points from `start` stand out of the six around them, which are level by comparison."""
    around = np.empty(6)
    count = 0
    for p in range(max(0, start - 3), start):
        around[count] = values[p]
        count += 1
    for p in range(start + width, min(values.size, start + width + 3)):
        around[count] = values[p]
        count += 1
    if count < 4:
        return False
    level = np.sort(around[:count])
    middle = 0.5 * (level[(count - 1) // 2] + level[count // 2])
    height = values[start : start + width].min() - middle
    return bool(height > sharpness * (level[-1] - level[0]))


@kernel()
def sharp_steps(values: FloatArray, threshold: float, widest: int, sharpness: float) -> NDArray[np.intp]:
    """Return where values rise and fall again by far more than they usually change; shape (k, 2).

    Each row is the first point that stands out, and how many do, up to `widest`. The change is measured by
    its modified z-score: less the median, in units of the median absolute deviation over 0.6745. The points
    stand out by `sharpness` times what those around them vary.
    """
    n = values.size - 1
    steps = values[1:] - values[:-1]
    middle = quantile(steps, 0.5)
    steps -= middle
    spread = quantile(np.abs(steps), 0.5) / 0.6745
    places = np.empty((n * widest, 2), np.intp)
    count = 0
    if spread > 0.0:
        limit = threshold * spread
        for width in range(1, widest + 1):
            for p in range(n - width):
                if steps[p] > limit and steps[p + width] < -limit:
                    if _is_sharp(values, p + 1, width, sharpness):
                        places[count, 0] = p + 1
                        places[count, 1] = width
                        count += 1
    return places[:count]
