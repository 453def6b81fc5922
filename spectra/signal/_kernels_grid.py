"""Kernels that bring a spectrum onto another axis and carry its variance along."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from spectriage.spectra.arrays import BoolArray, Float32Array, FloatArray, IndexArray
from spectriage.spectra.compile._kernels_vectors import widest
from spectriage.spectra.compile.jit import kernel

_ZERO = np.float32(0.0)


class Cells(NamedTuple):
    """What each of m cells takes of n points: their mean is a sum of these, each times its share.

    Parameters
    ----------
    firsts
        The first of each cell's points, one after the other, shape (m,).
    ends, shares
        Where the shares of each cell end, shape (m,); and all of them, with room for n + 4m.
    """

    firsts: IndexArray
    ends: IndexArray
    shares: FloatArray


@kernel()
def room_for_cells(points: int, cells: int) -> Cells:
    """Return room for what so many cells take of so many points."""
    # a point is in two cells where it lies between them, or in both by rounding; each takes two at its ends
    return Cells(np.empty(cells, np.intp), np.empty(cells, np.intp), np.empty(points + 4 * cells))


@kernel()
def write_cells(shift: FloatArray, centres: FloatArray, width: float, cells: Cells) -> None:
    """Write what cells of one width take of the linear interpolant between points (n,).

    Near the ends of `shift` a cell is narrowed on both sides, so that its mean still stands for its centre;
    beyond them the end's value is held.
    """
    firsts, ends, shares = cells
    n = shift.size
    start = at = 0
    for k in range(centres.size):
        centre = min(max(centres[k], shift[0]), shift[n - 1])
        half = max(min(0.5 * width, centre - shift[0], shift[n - 1] - centre), 1e-9 * width)
        low = max(centre - half, shift[0])
        high = min(centre + half, shift[n - 1])
        while start < n - 2 and shift[start + 1] <= low:
            start += 1
        firsts[k] = start
        length = high - low
        carried = 0.0
        j = start
        while j < n - 1 and shift[j] < high:
            a = max(low, shift[j])
            b = min(high, shift[j + 1])
            step = shift[j + 1] - shift[j]
            middle = (0.5 * (a + b) - shift[j]) / step
            share = (b - a) / length
            shares[at] = carried + share * (1.0 - middle)
            carried = share * middle
            at += 1
            j += 1
        shares[at] = carried
        at += 1
        ends[k] = at


@kernel()
def average_cells(
    values: FloatArray, variance: FloatArray, cells: Cells, mean: FloatArray, spread: FloatArray
) -> None:
    """Write the mean of values (n,) over cells, and its variance, shape (m,)."""
    firsts, ends, shares = cells
    at = 0
    for k in range(mean.size):
        total = total_variance = 0.0
        place = firsts[k] - at
        while at < ends[k]:
            share = shares[at]
            total += share * values[place + at]
            total_variance += share * share * variance[place + at]
            at += 1
        mean[k] = total
        spread[k] = total_variance


@kernel()
def measured_points(
    axis: FloatArray,
    shift: FloatArray,
    rounding: float,
    gap: float,
    values: FloatArray,
    variance: FloatArray,
    measured: BoolArray,
) -> tuple[int, int, int]:
    """Write which points of a grid an axis covers, and zero for values where it does not.

    Return how many it covers, the first and the last.

    Parameters
    ----------
    axis, shift
        The axis (n,) and the grid (m,), both ascending.
    rounding
        A grid point that lies beyond the axis' ends by no more than this is covered.
    gap
        Between two points of the axis further apart nothing is.
    values, variance
        On the grid, shape (m,); set to zero where not covered.
    measured
        Written, shape (m,).
    """
    n = axis.size
    j, count, first, last = 0, 0, 0, 0
    for p in range(shift.size):
        while j < n - 1 and axis[j + 1] <= shift[p]:
            j += 1
        within = axis[0] - rounding <= shift[p] <= axis[n - 1] + rounding
        between = j < n - 1 and axis[j] < shift[p] and axis[j + 1] - axis[j] > gap
        measured[p] = within and not between
        if measured[p]:
            first = p if count == 0 else first
            last = p
            count += 1
        else:
            values[p] = 0.0
            variance[p] = 0.0
    return count, first, last


@kernel()
def gather(values: FloatArray, measured: BoolArray, first: int, last: int, found: FloatArray) -> None:
    """Write the values that were measured, shape (m,), one after the other; the first and last are known."""
    if last - first + 1 == found.size:
        # nothing is missing between them, as in most spectra
        between = values[first : last + 1]
        for p in range(found.size):
            found[p] = between[p]
        return
    at = 0
    for p in range(values.size):
        if measured[p]:
            found[at] = values[p]
            at += 1


@kernel()
def spread_out(values: FloatArray, measured: BoolArray, first: int, last: int, found: FloatArray) -> None:
    """Write values to where they were measured, shape (m,), and what is no number elsewhere."""
    for p in range(found.size):
        found[p] = np.nan
    if last - first + 1 == values.size:
        between = found[first : last + 1]
        for p in range(values.size):
            between[p] = values[p]
        return
    at = 0
    for p in range(found.size):
        if measured[p]:
            found[p] = values[at]
            at += 1


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
    shift: FloatArray,
    values: FloatArray,
    variance: FloatArray,
    centres: FloatArray,
    out: FloatArray,
    spread: FloatArray,
) -> None:
    """Write the cubic Hermite interpolant at `centres`, and its variance.

    Beyond the ends of `shift` the end's value is held.

    The first and last slopes are those of a line through two points, so that lines are kept to the ends.
    """
    n = shift.size
    weights = np.zeros(4)
    j = 0
    for k in range(centres.size):
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
        out[k] = spread[k] = 0.0
        for i in range(4):
            index = min(max(j - 1 + i, 0), n - 1)
            out[k] += weights[i] * values[index]
            spread[k] += weights[i] * weights[i] * variance[index]


@kernel(bare=True, fastmath=True)
def _hermite_run(
    values: Float32Array,
    valid: BoolArray,
    place: float,
    rise: float,
    out: Float32Array,
    out_valid: BoolArray,
) -> None:
    """Interpolate between the second and the third of four values, from each point on; (m + 3,) to (m,).

    The share of the way between them is `place` at first and rises by `rise` from point to point. Cubic
    Hermite interpolation with central slopes; not valid where one of the four points is not.
    """
    widest()
    half, one, two, three = np.float32(0.5), np.float32(1.0), np.float32(2.0), np.float32(3.0)
    first, step = np.float32(place), np.float32(rise)
    for p in range(out.size):
        whole = valid[p] & valid[p + 1] & valid[p + 2] & valid[p + 3]
        t = first + step * np.float32(p)
        a = half * t * (t * (two - t) - one)
        b = one + half * t * t * (three * t - two - three)
        c = half * t * (one + t * (two + two - three * t))
        d = half * t * t * (t - one)
        total = a * values[p] + b * values[p + 1] + c * values[p + 2] + d * values[p + 3]
        out[p] = total if whole else _ZERO
        out_valid[p] = whole


@kernel(bare=True)
def correct_axis(
    values: Float32Array,
    valid: BoolArray,
    start_cm: float,
    step_cm: float,
    offset_cm: float,
    stretch: float,
    out: Float32Array,
    out_valid: BoolArray,
) -> None:
    """Move values on an even grid to an axis corrected by ``offset + stretch · (shift − 1200)``.

    Cubic Hermite interpolation with central slopes; a derivative over 42 cm⁻¹ has nothing finer. Not valid
    where one of the four points is not.
    """
    widest()
    m = values.size
    for p in range(m):
        out[p] = _ZERO
    for p in range(m):
        out_valid[p] = False
    # point p lies at `place + p · pace` on the axis as it was, in points
    pace = 1.0 / (1.0 + stretch)
    place = ((start_cm - offset_cm + 1200.0 * stretch) * pace - start_cm) / step_cm
    rise = pace - 1.0
    p = 0
    while p < m:
        # as far as points lie between neighbours so many points away, they are interpolated together
        moved = int(np.floor(place + p * rise))
        end = m
        if rise > 0.0:
            end = min(m, int(np.ceil((moved + 1.0 - place) / rise)))
        elif rise < 0.0:
            end = min(m, int(np.floor((moved - place) / rise)) + 1)
        end = max(end, p + 1)
        first, last = max(p, 1 - moved), min(end, m - 2 - moved)
        if last > first:
            source = first + moved - 1
            share = place + first * rise - moved
            _hermite_run(values[source:], valid[source:], share, rise, out[first:last], out_valid[first:last])
        p = end


@kernel(bare=True, shared=True)
def move(
    values: Float32Array,
    valid: BoolArray,
    grid: FloatArray,
    axis: FloatArray,
    out: Float32Array,
    out_valid: BoolArray,
) -> None:
    """Write a query's derivative, its axis corrected by the first two of `axis`: an offset, a stretch."""
    widest()
    if axis[0] == 0.0 and axis[1] == 0.0:
        # nothing is between points: what holds, holds to the ends
        for p in range(out.size):
            out[p] = values[p]
            out_valid[p] = valid[p]
    else:
        correct_axis(values, valid, grid[0], grid[1], axis[0], axis[1], out, out_valid)
