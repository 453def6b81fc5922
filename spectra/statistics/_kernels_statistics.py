"""Kernels of robust statistics: medians, quantiles, the noise of a curve, and its spikes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.compile._kernels_vectors import widest, without_nans
from spectriage.spectra.compile.jit import kernel

_MAGNITUDE = np.int64(0x7FFFFFFFFFFFFFFF)
_SIGN_BIT = np.int64(63)


_MANY, _FEWER = 256, 8
"""Of more keys than these, what is still in question is put together once it is so many times less."""

_ROUNDED = 1.0 - 1e-9
"""Less than one by more than what is rounded."""
_MEAN_TO_DEVIATION = 1.2533141373155003
"""√(π/2): the standard deviation of Gaussian noise over its mean absolute deviation."""


@kernel(bare=True, fastmath=True)
def extremes(values: FloatArray) -> tuple[float, float]:
    """Return the least and the greatest of finite values (n,), n > 0."""
    widest()
    without_nans()
    low, high = values[0], values[0]
    for p in range(values.size):
        low = values[p] if values[p] < low else low
        high = values[p] if values[p] > high else high
    return low, high


@kernel(inline="always")
def _as_ordered(bits: NDArray[np.int64]) -> None:
    """Turn the bits of doubles into numbers in the same order, and such numbers into bits again."""
    for p in range(bits.size):
        bits[p] ^= (bits[p] >> _SIGN_BIT) & _MAGNITUDE


@kernel()
def _count_to(keys: NDArray[np.int64], limit: np.int64) -> int:
    """Count the keys that are no greater than a limit."""
    widest()
    count = 0
    for p in range(keys.size):
        count += keys[p] <= limit
    return count


@kernel()
def _next_from(keys: NDArray[np.int64], limit: np.int64) -> np.int64:
    """Return the least key that is no less than a limit; the greatest number there is when none is."""
    widest()
    least = _MAGNITUDE
    for p in range(keys.size):
        key = keys[p] if keys[p] >= limit else _MAGNITUDE
        least = min(least, key)
    return least


@kernel(inline="always")
def _between(keys: NDArray[np.int64], low: np.int64, high: np.int64, count: int) -> NDArray[np.int64]:
    """Return the `count` keys from `low` to `high`."""
    # every key is written, and stays where one that counts comes after it
    found = np.empty(count + 1, np.int64)
    at = 0
    for p in range(keys.size):
        found[at] = keys[p]
        at += (low <= keys[p]) & (keys[p] <= high)
    return found[:count]


@kernel(inline="always")
def _select(keys: NDArray[np.int64], place: int) -> np.int64:
    """Return what would stand at `place` if the keys (n,) were sorted.

    By bisection between the least and the greatest: what is counted a few times over, in vector instructions,
    is found sooner than by a search whose every step hangs on a comparison that cannot be foreseen.
    """
    widest()
    low, high = keys[0], keys[0]
    for p in range(keys.size):
        low, high = min(low, keys[p]), max(high, keys[p])
    below, up_to, passed = 0, keys.size, 0
    left = keys
    while low < high and up_to - below > 1:
        if left.size > _MANY and _FEWER * (up_to - below) < left.size:
            left, passed = _between(left, low, high, up_to - below), below
        # the mean of two numbers whose sum may not fit
        middle = (low & high) + ((low ^ high) >> np.int64(1))
        count = passed + _count_to(left, middle)
        if count > place:
            high, up_to = middle, count
        else:
            low, below = middle + np.int64(1), count
    return _next_from(left, low)


@kernel()
def quantile_of(values: FloatArray, share: float) -> float:
    """Return the quantile of finite values (n,), linear between two of them; n > 0. The values are lost."""
    widest()
    place = share * (values.size - 1)
    first = int(place)
    keys = values.view(np.int64)
    _as_ordered(keys)
    found = np.empty(2, np.int64)
    found[0] = found[1] = _select(keys, first)
    if place > first and _count_to(keys, found[0]) <= first + 1:
        found[1] = _next_from(keys, found[0] + np.int64(1))
    _as_ordered(found)
    ends = found.view(np.float64)
    return float(ends[0] + (place - first) * (ends[1] - ends[0]))


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
    widest()
    half = weights.size // 2
    size = values.size - 2 * half
    left = np.empty(size)
    for p in range(size):
        left[p] = values[half + p]
    # four in the order of one after the other: a sum is fetched and put away less often
    whole = weights.size - weights.size % 4
    for k in range(0, whole, 4):
        a, b, c, d = weights[k], weights[k + 1], weights[k + 2], weights[k + 3]
        first, second, third, fourth = values[k:], values[k + 1 :], values[k + 2 :], values[k + 3 :]
        for p in range(size):
            left[p] = (((left[p] - a * first[p]) - b * second[p]) - c * third[p]) - d * fourth[p]
    for k in range(whole, weights.size):
        weight, first = weights[k], values[k:]
        for p in range(size):
            left[p] -= weight * first[p]
    for p in range(size):
        left[p] *= left[p]
    local = np.zeros(size - width + 1)
    for k in range(0, width - 3, 4):
        first, second, third, fourth = left[k:], left[k + 1 :], left[k + 2 :], left[k + 3 :]
        for p in range(local.size):
            local[p] = (((local[p] + first[p]) + second[p]) + third[p]) + fourth[p]
    for k in range(width - width % 4, width):
        first = left[k:]
        for p in range(local.size):
            local[p] += first[p]
    return quantile_of(local, share) / width


@kernel(inline="always")
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


@kernel(bare=True)
def _may_stand_out(values: FloatArray, width: int, sharpness: float) -> bool:
    """Whether points with six around them may be sharp: what `_is_sharp` says of each asks for more.

    Their lowest is no higher than the first and the last of them, and the median around no lower than the
    least. All points are looked at at once, and hardly a spectrum has one that may.
    """
    widest()
    without_nans()
    least = _ROUNDED * sharpness
    # slices: of a sum the compiler does not know that it is no place from the end
    second, third, first_of_top, last_of_top = values[1:], values[2:], values[3:], values[2 + width :]
    fourth, fifth, sixth = values[3 + width :], values[4 + width :], values[5 + width :]
    found = 0
    for p in range(sixth.size):
        a, b, c, d, e, f = values[p], second[p], third[p], fourth[p], fifth[p], sixth[p]
        low = a if a < b else b
        high = a if a > b else b
        low = c if c < low else low
        high = c if c > high else high
        low = d if d < low else low
        high = d if d > high else high
        low = e if e < low else low
        high = e if e > high else high
        low = f if f < low else low
        high = f if f > high else high
        top, last = first_of_top[p], last_of_top[p]
        height = top if top < last else last
        found += height - low > least * (high - low)
    return found > 0


@kernel(inline="always")
def _has_sharp(values: FloatArray, most_points: int, sharpness: float) -> bool:
    """Whether any points may be sharp; those with fewer than six around them are looked at one by one."""
    n = values.size
    for width in range(1, most_points + 1):
        # less than once the range is asked of points as well where more of it is found around them
        if sharpness < 1.0 or _may_stand_out(values, width, sharpness):
            return True
        for start in (1, 2, n - width - 2, n - width - 1):
            if 1 <= start < n - width and _is_sharp(values, start, width, sharpness):
                return True
    return False


@kernel(shared=True)
def sharp_steps(
    values: FloatArray, threshold: float, most_points: int, sharpness: float, places: NDArray[np.intp]
) -> int:
    """Find where values (n,) rise and fall again by far more than they usually change; return how often.

    Each row of `places` (k, 2) is the first point that stands out, and how many do, up to `most_points`; no
    more are found than it has room for. The change is measured by its modified z-score: less the median, in
    units of the median absolute deviation over 0.6745 (where that is zero, of 1.2533 times the mean one:
    Iglewicz & Hoaglin 1993, How to Detect and Handle Outliers). The points stand out by `sharpness` times
    what those around them vary.
    """
    n = values.size - 1
    # what is usual is not asked where nothing is sharp
    if not _has_sharp(values, most_points, sharpness):
        return 0
    steps, own = np.empty(n), np.empty(n)
    for p in range(n):
        own[p] = values[p + 1] - values[p]
    for p in range(n):
        steps[p] = own[p]
    middle = quantile_of(own, 0.5)
    for p in range(n):
        steps[p] -= middle
        own[p] = abs(steps[p])
    scale = quantile_of(own, 0.5) / 0.6745
    if scale == 0.0:
        # more than half of the steps are equal, as in a spectrum clipped at zero
        for p in range(n):
            scale += _MEAN_TO_DEVIATION * abs(steps[p]) / n
    limit = threshold * scale
    count = 0
    for width in range(1, most_points + 1):
        for p in range(n - width):
            if limit > 0.0 and steps[p] > limit and steps[p + width] < -limit and count < len(places):
                if _is_sharp(values, p + 1, width, sharpness):
                    places[count, 0] = p + 1
                    places[count, 1] = width
                    count += 1
    return count


@kernel()
def peak_widths(
    values: FloatArray,
    axis: FloatArray,
    reach: float,
    least_height: float,
    places: NDArray[np.intp],
    heights: FloatArray,
    widths: FloatArray,
) -> int:
    """Find the peaks of values (n,) that stand over their surroundings; return how many.

    Parameters
    ----------
    axis
        Ascending, shape (n,).
    reach
        How far to either side of a top its feet are looked for.
    least_height
        Over the higher of its two feet.
    places, heights, widths
        Written: where the tops are, their heights over the mean of their feet, and their widths at half of
        that; shape (n,).
    """
    n = values.size
    count = 0
    for p in range(1, n - 1):
        if not (values[p] >= values[p - 1] and values[p] > values[p + 1]):
            continue
        left = right = values[p]
        # most tops are noise, and end here at the first step: a higher one is near
        q = p - 1
        while q >= 0 and axis[p] - axis[q] <= reach and values[q] <= values[p]:
            left = min(left, values[q])
            q -= 1
        highest = q < 0 or axis[p] - axis[q] > reach
        q = p + 1
        while highest and q < n and axis[q] - axis[p] <= reach:
            right = min(right, values[q])
            highest = values[q] <= values[p]
            q += 1
        if not highest or values[p] - max(left, right) < least_height:
            continue
        half = 0.5 * (values[p] + 0.5 * (left + right))
        low, high = p, p
        while low > 0 and values[low] > half:
            low -= 1
        while high < n - 1 and values[high] > half:
            high += 1
        start, end = axis[low], axis[high]
        if values[low + 1] > values[low] and values[low] <= half:
            start += (axis[low + 1] - axis[low]) * (half - values[low]) / (values[low + 1] - values[low])
        if values[high - 1] > values[high] and values[high] <= half:
            end -= (axis[high] - axis[high - 1]) * (half - values[high]) / (values[high - 1] - values[high])
        places[count], heights[count], widths[count] = p, values[p] - 0.5 * (left + right), end - start
        count += 1
    return count
