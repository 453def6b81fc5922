"""Kernels that ask of every band of a reference whether a scan shows it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spectriage.spectra.arrays import BoolArray, Float32Array, FloatArray
from spectriage.spectra.compile._kernels_vectors import apart
from spectriage.spectra.compile.jit import kernel
from spectriage.spectra.contrast._kernels_arguments import Query
from spectriage.spectra.fitting._kernels_tops import depth_of, find_tops

_CHANCE_HEIGHT, _CHANCE_VARIANCE = 0.8, 0.3
"""Relative to what is expected: the height of a band of something else, where one is, and its variance."""
_CHANCE_LEAST = 0.4
"""Bands of something else that are at least so high, relative to what is expected, may be taken for it."""
_MOST_CHANCE = 0.9
_LEAST_VARIANCE = 0.01
_HALF = 0.5


class SightRules(NamedTuple):
    """How bands are weighed; `evidence.sighting` has the reasons.

    Parameters
    ----------
    least_height
        Bands of at least this share of the reference's highest count.
    mismatch
        What the fit of the others is off by, as a share of their curvature within `near` points.
    spread, missing
        How much the heights of the reference's bands scatter, relative to what is expected, and the chance
        that one of them is absent all the same.
    tolerance
        Points by which a band may stand elsewhere.
    visible
        A band would have to show where what is shown is so sure, relative to what is expected.
    speaks
        A log likelihood ratio from which a band speaks for or against.
    shared
        Where all bands are one piece of evidence, shape (m,).
    """

    least_height: float
    mismatch: float
    spread: float
    missing: float
    tolerance: int
    near: int
    visible: float
    speaks: float
    shared: BoolArray


class SightTable(NamedTuple):
    """How the bands of references of every tier are weighed: `SightRules` of t tiers.

    Parameters
    ----------
    tiers
        The spread, what is missing and the tolerance of each, by its rank, shape (t, 3).
    """

    least_height: float
    mismatch: float
    tiers: FloatArray
    near: int
    visible: float
    speaks: float
    shared: BoolArray


@kernel()
def density(value: float, middle: float, variance: float) -> float:
    """Return a Gaussian density, but for a constant factor."""
    return float(np.exp(-0.5 * (value - middle) ** 2 / variance) / np.sqrt(variance))


@kernel()
def log_ratio(share: float, variance: float, spread: float, missing: float, chance: float) -> float:
    """Return ln of the likelihood of a band's height if its reference is there, over that if it is not.

    Parameters
    ----------
    share, variance
        What is shown as a share of what is expected, and how sure that is.
    spread, missing
        How much the heights of the reference's bands scatter, and the chance that one is absent all the same.
    chance
        That a band of something else stands there.
    """
    absent = density(share, 0.0, variance)
    there = (1.0 - missing) * density(share, 1.0, variance + spread**2) + missing * absent
    other = density(share, _CHANCE_HEIGHT, variance + _CHANCE_VARIANCE)
    return float(np.log(there / ((1.0 - chance) * absent + chance * other)))


@kernel()
def sight_bands(
    row: Float32Array,
    amplitude: float,
    query: Query,
    fitted: Float32Array,
    noise: float,
    rules: SightRules,
    centres: NDArray[np.intp],
    out: FloatArray,
) -> int:
    """Weigh every band of a reference in a scan; return how many were weighed.

    Parameters
    ----------
    row, amplitude
        The reference's derivative (m,), and how much of it the fit has.
    query, fitted
        The scan, and the whole fit, shape (m,).
    noise
        Standard deviation of the derivative.
    centres
        Written: where the bands are, shape (m,).
    out
        Written, shape (m, 4): of each band its height as a share of the highest, what the scan shows as a
        share of what is expected, the standard deviation of that, and the log ratio of the likelihoods.
    """
    derivative, valid = query.derivative, query.valid
    tolerance, near = rules.tolerance, rules.near
    m = row.size
    curvature, left, others = np.empty(m), np.empty(m), np.empty(m)
    count, highest = 0, depth_of(row)
    for p in range(m):
        curvature[p] = -row[p] if valid[p] else 0.0
        others[p] = fitted[p] - amplitude * row[p]
        left[p] = others[p] - derivative[p] if valid[p] else 0.0
    for p in range(m):
        count += valid[p]
    tops = np.empty(m, np.intp)
    top_count = find_tops(left, 0.0, tops)
    heights = np.empty(top_count)
    for i in range(top_count):
        heights[i] = left[tops[i]]
    bands = find_tops(curvature, rules.least_height * highest, centres)
    first = 0
    for b in range(bands):
        centre = centres[b]
        expected = amplitude * curvature[centre]
        low, high = max(0, centre - tolerance), min(m, centre + tolerance + 1)
        shown, has_top, higher = 0.0, False, 0
        # counted, not looked up: to sort is more to compile than all else here
        least = _CHANCE_LEAST * expected
        for i in range(top_count):
            higher += heights[i] >= least
        while first < top_count and tops[first] < low:
            first += 1
        near_top = first
        while near_top < top_count and tops[near_top] < high:
            shown, has_top = max(shown, heights[near_top]), True
            near_top += 1
        if not has_top:
            # the flank of something else is not a band
            shown = min(max(left[centre], 0.0), _HALF * expected)
        crowd = 0.0
        for p in range(max(0, centre - near), min(m, centre + near + 1)):
            crowd = max(crowd, abs(others[p]))
        variance = (noise**2 + (rules.mismatch * crowd) ** 2) / expected**2 + _LEAST_VARIANCE
        share = min(shown / expected, 1.0)
        chance = min(higher * (2 * tolerance + 1) / max(count, 1), _MOST_CHANCE)
        out[b, 0] = curvature[centre] / highest
        out[b, 1] = shown / expected
        out[b, 2] = np.sqrt(variance)
        out[b, 3] = 0.0
        if variance < 1.0:
            out[b, 3] = log_ratio(share, variance, rules.spread, rules.missing, chance)
    return bands


@kernel(shared=True)
def sight_reference(
    row: Float32Array, amplitude: float, query: Query, fitted: Float32Array, noise: float, rules: SightRules
) -> tuple[float, float, float, int, int]:
    """Return what all bands of a reference say together; arguments as of `sight_bands`.

    That is the log ratio of the likelihoods, the shares by height of the bands which the scan would have to
    show that speak for it and against, how many the scan would have to show, and how many speak for it.
    """
    apart()
    query, rules = Query(*query), SightRules(*rules)
    centres, bands = np.empty(row.size, np.intp), np.empty((row.size, 4))
    count = sight_bands(row, amplitude, query, fitted, noise, rules, centres, bands)
    alone = together = 0.0
    visible = supported = contradicted = 0.0
    expected, seen = 0, 0
    for b in range(count):
        height, uncertainty, ratio = bands[b, 0], bands[b, 2], bands[b, 3]
        if ratio > 0.0 and rules.shared[centres[b]]:
            together = max(together, ratio)
        else:
            alone += ratio
        seen += ratio > rules.speaks
        if uncertainty < rules.visible:
            expected += 1
            visible += height
            supported += height if ratio > rules.speaks else 0.0
            contradicted += height if ratio < -rules.speaks else 0.0
    if visible > 0.0:
        supported, contradicted = supported / visible, contradicted / visible
    return alone + together, supported, contradicted, expected, seen
