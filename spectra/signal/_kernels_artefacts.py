"""Kernels that measure what disturbs a scan: how periodic, how broad and how doubled it is."""

from __future__ import annotations

from typing import NamedTuple, cast

import numpy as np

from spectriage.spectra.arrays import BoolArray, Float32Array, FloatArray
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
def disturbances(
    derivative: Float32Array,
    compressed: Float32Array,
    valid: BoolArray,
    above: FloatArray,
    step_cm: float,
    rules: ArtefactRules,
    work: FloatArray,
    out: FloatArray,
) -> None:
    """Write `ripple` of derivatives, `typical_width` of what is above backgrounds, and `doubling`; (s, 3).

    Parameters
    ----------
    derivative, compressed, valid, above
        Of s scans, shape (s, m), on an axis with a point every `step_cm`.
    work
        To work in, shape (3, m).
    """
    apart()
    rules = ArtefactRules(*rules)
    own, other, room = work[0], work[1], work[2]
    for s in range(out.shape[0]):
        for p in range(own.size):
            own[p], other[p] = derivative[s, p], compressed[s, p]
        out[s, 1] = typical_width(above[s], step_cm, room)
        out[s, 2] = doubling(own, other, rules, room)
        for p in range(own.size):
            other[p] = valid[s, p]
        out[s, 0] = ripple(own, other, rules.least_period, rules.most_period, rules.periodic, room)
