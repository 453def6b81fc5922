"""Kernels that measure what disturbs a scan: how periodic, how broad and how doubled it is, and lamps."""

from __future__ import annotations

from typing import NamedTuple, cast

import numpy as np

from spectriage.spectra.arrays import BoolArray, Float32Array, FloatArray, IndexArray
from spectriage.spectra.compile._kernels_vectors import apart, widest
from spectriage.spectra.compile.jit import kernel

_WIDTH_OF_RATIO = 2.3548 / 1.4142135623730951
"""Of a Gaussian, ‖f‖ / ‖f′‖ = √2 σ, and its width at half height is 2.3548 σ."""
_HERE = cast(int, np.intp(0))
"""No lag. A plain 0 is a type of its own, for which all is compiled once more."""


class ArtefactRules(NamedTuple):
    """What says that a scan is disturbed; `signal.artefacts` has the reasons.

    Parameters
    ----------
    least_period, most_period, least_split, most_split
        What is looked for, in points.
    periodic, doubled
        The autocorrelation that is a ripple's, and that of bands which stand twice.
    top, bands
        Bands are tops of so much of the greatest; fewer of them are not looked at.
    """

    least_period: int
    most_period: int
    least_split: int
    most_split: int
    periodic: float
    doubled: float
    top: float
    bands: int


class LampRules(NamedTuple):
    """What says that the lines of a lamp are in a scan; `signal.artefacts` has the reasons.

    Parameters
    ----------
    lines_cm, ends
        Wavenumbers of the lines in vacuum, one lamp after the other, and where those of each end.
    top, tops
        Of the highest of the tops of so much of the greatest, so many are looked at.
    lines, share
        So many of them must be lines of the lamp, and so much of their heights.
    reach_cm, offsets_cm
        How far from a line a top is it, at one of these offsets of the axis, ascending.
    """

    lines_cm: FloatArray
    ends: IndexArray
    top: float
    tops: int
    lines: int
    share: float
    reach_cm: float
    offsets_cm: FloatArray


@kernel(bare=True, fastmath=True)
def product(values: FloatArray, lag: int) -> float:
    """Return the sum of the products of values (m,) with those `lag` points further on."""
    apart()
    widest()
    further = values[lag:]
    total = 0.0
    for p in range(further.size):
        total += values[p] * further[p]
    return total


@kernel(bare=True, inline="always")
def ripple(values: FloatArray, holds: FloatArray, low: int, most: int, least: float, auto: FloatArray) -> int:
    """Return the period of a ripple, in points; 0 where there is none.

    A ripple is like itself a period further on, and two: bands of a material are not. At each lag the
    autocorrelation is taken by how many points hold that hold again so far on.

    Parameters
    ----------
    values, holds
        A curve, zero where it does not hold, and ones where it does; shape (m,).
    low, most
        The least period and the greatest.
    least
        What the autocorrelation must reach.
    auto
        To work in, shape (m,).
    """
    most = min(most, (values.size - 1) // 2)
    first = most + 1
    for lag in range(most + 1):
        auto[lag] = product(values, lag)
        # where a broad band is still like itself is no period
        if auto[lag] < 0.0 and first > most:
            first = max(low, lag)
    count, span = 0, 0
    for p in range(values.size):
        if holds[p] > 0.0:
            count += 1
        span += count > 0
    best, period = least * auto[0] / max(count, 1), 0
    for lag in range(first, most + 1):
        # so many points hold at least that hold again: mostly that is enough to know
        if auto[lag] < best * max(2 * count - span - lag, 1):
            continue
        like = auto[lag] / max(product(holds, lag), 1.0)
        again = product(values, 2 * lag) / max(product(holds, 2 * lag), 1.0)
        if min(like, again) > best or (min(like, again) == best and period == 0):
            best, period = min(like, again), lag
    return period


@kernel(bare=True, inline="always")
def typical_width(above: FloatArray, step_cm: float, smooth: FloatArray) -> float:
    """Return the width at half height of a Gaussian with the same ratio of height to slope, in cm⁻¹.

    Parameters
    ----------
    above
        Intensity over the background, shape (m,).
    smooth
        To work in, shape (m,).
    """
    m = above.size
    for p in range(m):
        smooth[p] = 0.0
    for k in range(-2, 3):
        for p in range(max(0, -k), min(m, m - k)):
            smooth[p] += 0.2 * above[p + k]
    # in the middle over two steps, at the ends over one
    slope = (smooth[1] - smooth[0]) ** 2 + (smooth[m - 1] - smooth[m - 2]) ** 2
    for p in range(m - 2):
        slope += 0.25 * (smooth[p + 2] - smooth[p]) ** 2
    return float(_WIDTH_OF_RATIO * step_cm * np.sqrt(product(above, _HERE) / slope)) if slope > 0.0 else 0.0


@kernel(bare=True, inline="always")
def doubling(derivative: FloatArray, compressed: FloatArray, rules: ArtefactRules, auto: FloatArray) -> int:
    """Return by how many points every band stands beside itself; 0 where it does not.

    Parameters
    ----------
    derivative, compressed
        Shape (m,).
    auto
        To work in, shape (m,): the mean of the autocorrelations of both.
    """
    m = derivative.size
    greatest, bands = 0.0, 0
    for p in range(m):
        greatest = max(greatest, abs(derivative[p]))
    for p in range(1, m - 1):
        here = derivative[p]
        bands += here <= -rules.top * greatest and here <= derivative[p - 1] and here < derivative[p + 1]
    best, high = rules.least_split, min(rules.most_split, m - 2)
    if bands < rules.bands or high < best:
        return 0
    own, other = 2.0 * product(derivative, _HERE), 2.0 * product(compressed, _HERE)
    for lag in range(best - 1, high + 2):
        like = product(derivative, lag) / own + product(compressed, lag) / other
        auto[lag] = like * m / (m - lag)
    for lag in range(best + 1, high + 1):
        if auto[lag] > auto[best]:
            best = lag
    # a summit, not the flank of a broad one
    if auto[best] < rules.doubled or auto[best] <= max(auto[best - 1], auto[best + 1]):
        return 0
    return best


@kernel(bare=True)
def highest_tops(derivative: FloatArray, least: float, places: FloatArray, heights: FloatArray) -> int:
    """Write the places, in points, and the heights of the highest tops, the highest first; return how many.

    Parameters
    ----------
    derivative
        Shape (m,).
    least
        Of the greatest, a top has so much at least.
    places, heights
        Written, shape (k,): no more of them are looked for.
    """
    greatest, count = 0.0, 0
    for p in range(derivative.size):
        greatest = max(greatest, abs(derivative[p]))
    for p in range(1, derivative.size - 1):
        here = derivative[p]
        if here > -least * greatest or here > derivative[p - 1] or here >= derivative[p + 1]:
            continue
        at = min(count, heights.size - 1)
        if count == heights.size and -here <= heights[at]:
            continue
        while at > 0 and heights[at - 1] < -here:
            heights[at], places[at] = heights[at - 1], places[at - 1]
            at -= 1
        heights[at], places[at] = -here, p
        count = min(count + 1, heights.size)
    return count


@kernel(bare=True)
def lines_seen(
    waves_cm: FloatArray, heights: FloatArray, lines_cm: FloatArray, low_cm: float, high_cm: float
) -> tuple[int, float]:
    """Return how many tops are lines of a lamp, and their heights together.

    Parameters
    ----------
    waves_cm, heights
        Wavenumbers of the light at the tops, which fall along the axis, and their heights, shape (k,).
    lines_cm
        Those of the lines.
    low_cm, high_cm
        From where to where on the axis, as seen from a line, a top is it.
    """
    count, height = 0, 0.0
    for t in range(waves_cm.size):
        for k in range(lines_cm.size):
            if low_cm <= lines_cm[k] - waves_cm[t] <= high_cm:
                count, height = count + 1, height + heights[t]
                break
    return count, height


@kernel(bare=True)
def lamp_of(
    derivative: FloatArray, grid: FloatArray, laser_nm: float, rules: LampRules, work: FloatArray
) -> int:
    """Return which lamp's lines make the highest tops of a derivative (m,), −1 for none.

    Parameters
    ----------
    grid
        Start and step of the axis, cm⁻¹.
    laser_nm
        The excitation; not positive where it is not known.
    work
        To work in, shape (m,).
    """
    if not laser_nm > 0.0:
        return -1
    places, heights = work[: rules.tops], work[rules.tops : 2 * rules.tops]
    count = highest_tops(derivative, rules.top, places, heights)
    if count < rules.lines:
        return -1
    total = 0.0
    for t in range(count):
        places[t] = 1e7 / laser_nm - (grid[0] + grid[1] * places[t])
        total += heights[t]
    waves_cm, heights, least = places[:count], heights[:count], rules.share * total
    offsets_cm, reach_cm, start = rules.offsets_cm, rules.reach_cm, 0
    for lamp in range(rules.ends.size):
        lines_cm = rules.lines_cm[start : rules.ends[lamp]]
        start = rules.ends[lamp]
        # most scans have too little there at any offset of the axis
        low_cm, high_cm = offsets_cm[0] - reach_cm, offsets_cm[offsets_cm.size - 1] + reach_cm
        if lines_seen(waves_cm, heights, lines_cm, low_cm, high_cm)[1] < least:
            continue
        for o in range(offsets_cm.size):
            low_cm, high_cm = offsets_cm[o] - reach_cm, offsets_cm[o] + reach_cm
            seen, height = lines_seen(waves_cm, heights, lines_cm, low_cm, high_cm)
            if seen >= rules.lines and height >= least:
                return lamp
    return -1


@kernel(bare=True)
def disturbances(
    derivative: Float32Array,
    compressed: Float32Array,
    valid: BoolArray,
    intensity: FloatArray,
    baseline: FloatArray,
    measured: BoolArray,
    places: IndexArray,
    lasers_nm: FloatArray,
    grid: FloatArray,
    rules: ArtefactRules,
    lamps: LampRules,
    work: FloatArray,
    out: FloatArray,
) -> None:
    """Write `ripple` of derivatives, `typical_width` of what is above backgrounds, `doubling` and `lamp_of`.

    Parameters
    ----------
    derivative, compressed, valid
        Of scans in the contrast domain, shape (n, m).
    intensity, baseline, measured
        The scans, their backgrounds, and where they hold, shape (n, m).
    places
        Where those stand that are looked at, shape (s,).
    lasers_nm
        Of these, shape (s,).
    grid
        Start and step of their axis, cm⁻¹.
    work
        To work in, shape (4, m).
    out
        Written, shape (s, 4).
    """
    apart()
    rules, lamps = ArtefactRules(*rules), LampRules(*lamps)
    own, other, above, room = work[0], work[1], work[2], work[3]
    for s in range(places.size):
        place = places[s]
        for p in range(own.size):
            own[p], other[p] = derivative[place, p], compressed[place, p]
        for p in range(above.size):
            above[p] = intensity[place, p] - baseline[place, p] if measured[place, p] else 0.0
        out[s, 1] = typical_width(above, grid[1], room)
        out[s, 2] = doubling(own, other, rules, room)
        out[s, 3] = lamp_of(own, grid, lasers_nm[s], lamps, room)
        for p in range(own.size):
            other[p] = valid[place, p]
        out[s, 0] = ripple(own, other, rules.least_period, rules.most_period, rules.periodic, room)
