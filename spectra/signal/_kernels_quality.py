"""Kernel that sees a saturated detector in a spectrum."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.compile._kernels_vectors import widest
from spectriage.spectra.compile.jit import kernel
from spectriage.spectra.statistics._kernels_statistics import extremes, quantile, quantile_of

_ROOT_6 = 2.449489742783178
_LOW_SHARE = 0.1


class PlateauRules(NamedTuple):
    """What says that the top of a spectrum is a plateau; `signal.quality` has the reasons.

    Parameters
    ----------
    points
        On it, at least.
    share
        What they may vary by, as a share of the height.
    abrupt
        How far, relative to that, the second point beside it must lie below.
    """

    points: int
    share: float
    abrupt: float


@kernel(inline="always")
def _longest_run(values: FloatArray, least: float) -> int:
    """Return how many values in a row are at least so high, at most."""
    longest = run = 0
    for p in range(values.size):
        run = run + 1 if values[p] >= least else 0
        longest = max(longest, run)
    return longest


@kernel(inline="always")
def _is_abrupt(values: FloatArray, start: int, end: int, fall: float) -> bool:
    """Whether a run of values stands so far above the second ones beside it, where there are any."""
    level = 0.0
    for p in range(start, end):
        level += values[p] / (end - start)
    beside = -np.inf
    if start >= 2:
        beside = values[start - 2]
    if end + 1 < values.size:
        beside = max(beside, values[end + 1])
    return bool(beside > -np.inf and level - beside >= fall)


@kernel(bare=True, fastmath=True)
def _curvatures(values: FloatArray) -> float:
    """Return the sum of the second differences of values (n,), all taken as positive."""
    widest()
    total = 0.0
    for p in range(values.size - 2):
        total += abs(values[p + 2] - values[p + 1] - (values[p + 1] - values[p]))
    return total


@kernel(inline="always")
def _may_have_plateau(values: FloatArray, top: float, low: float, rules: PlateauRules) -> bool:
    """Whether so many points as a plateau has are near the top: `_has_plateau` asks for more.

    The height over the lowest point is no less than that over a quantile, and twice a mean no less than a
    median (Markov's inequality): neither has to be sought.
    """
    n = values.size
    noise = 2.0 * _curvatures(values) / max(n - 2, 1) / 0.6745 / _ROOT_6
    depth = 2.0 * max(rules.share * (top - low), 3.0 * noise)
    least = top - (1.0 + 1e-6) * depth - 1e-12 * max(abs(top), abs(low))
    near = 0
    for p in range(n):
        # what is no number rules nothing out
        near += not values[p] < least
    return near >= rules.points


@kernel(inline="always")
def _has_plateau(values: FloatArray, top: float, rules: PlateauRules) -> bool:
    n = values.size
    height = top - quantile(values, _LOW_SHARE)
    if height <= 0.0 or n - 2 < rules.points:
        return False
    curvature = np.empty(n - 2)
    for p in range(n - 2):
        curvature[p] = abs(values[p + 2] - values[p + 1] - (values[p + 1] - values[p]))
    # the second difference of white noise has √6 times its standard deviation
    noise = quantile_of(curvature, 0.5) / 0.6745 / _ROOT_6
    depth = 2.0 * max(rules.share * height, 3.0 * noise)
    run = 0
    for p in range(n + 1):
        if p < n and values[p] >= top - depth:
            run += 1
            continue
        if run >= rules.points and _is_abrupt(values, p - run, p, rules.abrupt * depth):
            return True
        run = 0
    return False


@kernel(shared=True)
def is_cut_off(values: FloatArray, equal_points: int, rules: PlateauRules) -> bool:
    """Say whether the highest of values (n,) are a detector's limit.

    That is when at least `equal_points` in a row have the greatest value, which is not the typical one; or
    when they lie on a plateau, see `PlateauRules`.
    """
    rules = PlateauRules(*rules)
    low, top = extremes(values)
    highest = 0
    for p in range(values.size):
        highest += values[p] >= top
    if highest >= equal_points and _longest_run(values, top) >= equal_points and top > quantile(values, 0.5):
        return True
    return _may_have_plateau(values, top, low, rules) and _has_plateau(values, top, rules)


@kernel()
def stand_over(values: FloatArray, below: FloatArray) -> tuple[float, float]:
    """Return how high the highest of values (k,) stands over others, at least 0, and the median of these."""
    own = np.empty(below.size)
    for p in range(values.size):
        own[p] = values[p] - below[p]
    height = max(0.0, extremes(own)[1])
    for p in range(values.size):
        own[p] = below[p]
    return height, quantile_of(own, 0.5)
