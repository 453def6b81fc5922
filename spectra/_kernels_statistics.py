"""Kernels of robust statistics: medians, quantiles, the noise of a curve, and its spikes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spectriage.spectra._jit import kernel

FloatArray = NDArray[np.float64]


@kernel()
def _select(values: FloatArray, place: int) -> float:
    """Return what would stand at `place` if values (n,) were sorted; nothing after it is then less.

    Hoare's quickselect, in place: NumPy's partition brings a whole sorting library along when it is compiled.
    """
    low, high = 0, values.size - 1
    while low < high:
        pivot = values[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if place <= j:
            high = j
        elif place >= i:
            low = i
        else:
            break
    return float(values[place])


@kernel()
def quantile_of(values: FloatArray, share: float) -> float:
    """Return the quantile of finite values (n,), linear between two of them; n > 0. Their order is lost."""
    place = share * (values.size - 1)
    low = int(place)
    below = _select(values, low)
    if place == low:
        return float(below)
    above = values[low + 1]
    for p in range(low + 2, values.size):
        above = min(above, values[p])
    return float(below + (place - low) * (above - below))


@kernel()
def quantile(values: FloatArray, share: float) -> float:
    """Return the quantile of finite values (n,), linear between two of them; n > 0."""
    own = np.empty(values.size)
    for p in range(values.size):
        own[p] = values[p]
    return quantile_of(own, share)


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
    left = np.empty(size)
    for p in range(size):
        left[p] = values[half + p]
    for k in range(weights.size):
        weight = weights[k]
        for p in range(size):
            left[p] -= weight * values[p + k]
    local = np.zeros(size - width + 1)
    for k in range(width):
        for p in range(local.size):
            local[p] += left[p + k] * left[p + k]
    return quantile_of(local, share) / width


@kernel()
def _is_sharp(values: FloatArray, start: int, width: int, sharpness: float) -> bool:
    """Whether `width` points from `start` stand out of the six around them, which are level by comparison."""
    around = np.empty(6)
    count = 0
    for p in range(max(0, start - 3), min(values.size, start + width + 3)):
        if p < start or p >= start + width:
            # kept in order
            at = count
            while at > 0 and around[at - 1] > values[p]:
                around[at] = around[at - 1]
                at -= 1
            around[at] = values[p]
            count += 1
    if count < 4:
        return False
    height = values[start]
    for p in range(start, start + width):
        height = min(height, values[p])
    middle = 0.5 * (around[(count - 1) // 2] + around[count // 2])
    return bool(height - middle > sharpness * (around[count - 1] - around[0]))


@kernel()
def sharp_steps(
    values: FloatArray, threshold: float, widest: int, sharpness: float, places: NDArray[np.intp]
) -> int:
    """Find where values (n,) rise and fall again by far more than they usually change; return how often.

    Each row of `places` (k, 2) is the first point that stands out, and how many do, up to `widest`; no more
    are found than it has room for. The change is measured by its modified z-score: less the median, in units
    of the median absolute deviation over 0.6745. The points stand out by `sharpness` times what those around
    them vary.
    """
    n = values.size - 1
    steps, own = np.empty(n), np.empty(n)
    for p in range(n):
        own[p] = values[p + 1] - values[p]
    for p in range(n):
        steps[p] = own[p]
    middle = quantile_of(own, 0.5)
    for p in range(n):
        steps[p] -= middle
        own[p] = abs(steps[p])
    limit = threshold * quantile_of(own, 0.5) / 0.6745
    count = 0
    for width in range(1, widest + 1):
        for p in range(n - width):
            if limit > 0.0 and steps[p] > limit and steps[p + width] < -limit and count < len(places):
                if _is_sharp(values, p + 1, width, sharpness):
                    places[count, 0] = p + 1
                    places[count, 1] = width
                    count += 1
    return count
