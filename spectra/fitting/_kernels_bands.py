"""Kernels that ask of every band of a component whether it is needed there."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spectriage.spectra.arrays import BoolArray, Float32Array, FloatArray
from spectriage.spectra.compile._kernels_vectors import widest
from spectriage.spectra.compile.jit import kernel
from spectriage.spectra.contrast._kernels_arguments import Query
from spectriage.spectra.contrast._kernels_compress import compress


class BandsOfComponent(NamedTuple):
    """A component of a fit, and its bands.

    Parameters
    ----------
    row, amplitude
        Its derivative, float32, shape (m,), and how much of it.
    centres, heights
        Where its bands are, and their curvatures, float32, shape (b,).
    """

    row: Float32Array
    amplitude: float
    centres: NDArray[np.intp]
    heights: Float32Array


class BandRules(NamedTuple):
    """What counts as a band of a component, and when it is needed.

    Parameters
    ----------
    window, crowd
        Points to either side that are the band, and that are near it.
    support, crowd_share
        The share of the disagreement to which the component must lower it there; and the share of another's
        height nearby that may be mismatch: a band must be higher than that.
    least_height
        As a share of the reference's highest: what is lower is no band.
    shared
        Where all bands are one piece of evidence, shape (m,).
    """

    window: int
    crowd: int
    support: float
    crowd_share: float
    least_height: float
    shared: BoolArray


@kernel(bare=True, fastmath=True)
def _best_scale(curve: Float32Array, other: Float32Array) -> np.float32:
    """Return how many times a curve (m,) comes nearest to another one."""
    widest()
    energy = dot = 0.0
    for p in range(curve.size):
        energy += np.float64(curve[p] * curve[p])
        dot += np.float64(curve[p] * other[p])
    return np.float32(dot / energy if energy > 0.0 else 0.0)


@kernel(fastmath=True)
def _disagreement(
    fitted: Float32Array,
    query: Query,
    out: FloatArray,
) -> None:
    """Write the squared difference of query and fit, point by point: compressed, and as it is; out (2, m).

    A weak band shows in the first, a strong one on the flank of another's in the second.
    """
    widest()
    derivative, compressed, valid, threshold = query
    m = fitted.size
    own = np.empty(m, np.float32)
    compress(fitted, threshold, own)
    scale = _best_scale(own, compressed)
    for p in range(m):
        first = compressed[p] - scale * own[p] if valid[p] else np.float32(0.0)
        second = derivative[p] - fitted[p] if valid[p] else np.float32(0.0)
        out[0, p] = first * first
        out[1, p] = second * second


@kernel(shared=True)
def weigh_bands(
    fitted: Float32Array,
    rest: Float32Array,
    query: Query,
    component: BandsOfComponent,
    window: int,
    crowd: int,
    remaining: FloatArray,
    beside: FloatArray,
) -> None:
    """Compare a fit with one without a component, around each of the component's bands.

    Parameters
    ----------
    fitted, rest
        The fit with and without the component, shape (m,).
    window, crowd
        Points to either side that count as the band, and as near it.
    remaining
        Written: the disagreement with the component as a share of that without, shape (b,); negative where
        the query is not valid all around the band.
    beside
        Written: the highest curvature of the others near the band over the component's own, shape (b,).
    """
    widest()
    row, amplitude, centres, heights = component
    query = Query(*query)
    valid = query.valid
    m = fitted.size
    after, before = np.empty((2, m)), np.empty((2, m))
    _disagreement(fitted, query, after)
    _disagreement(rest, query, before)
    for b in range(centres.size):
        centre = centres[b]
        low, high = max(0, centre - window), min(m, centre + window + 1)
        remaining[b] = 1.0
        for kind in range(2):
            left = whole = 0.0
            for p in range(low, high):
                left += after[kind, p]
                whole += before[kind, p]
            if whole > 0.0:
                remaining[b] = min(remaining[b], left / whole) if kind else left / whole
        for p in range(low, high):
            if not valid[p]:
                remaining[b] = -1.0
        highest = -np.inf
        for p in range(max(0, centre - crowd), min(m, centre + crowd + 1)):
            highest = max(highest, amplitude * row[p] - fitted[p])
        own = amplitude * heights[b]
        beside[b] = highest / own if own > 0.0 else (np.inf if highest > 0.0 else 0.0)


@kernel(bare=True)
def count_bands(
    centres: NDArray[np.intp],
    ends: NDArray[np.intp],
    valid: BoolArray,
    rules: BandRules,
    counts: NDArray[np.intp],
) -> None:
    """Count the pieces of evidence that several references could give: bands around which `valid` (m,) holds.

    Parameters
    ----------
    centres, ends
        The references' bands, one after the other, and where those of each end, shape (c,).
    counts
        Written, shape (c,).
    """
    window, shared = rules.window, rules.shared
    m = valid.size
    first, end = 0, m
    while first < m and not valid[first]:
        first += 1
    while end > first and not valid[end - 1]:
        end -= 1
    gaps = 0
    for p in range(first, end):
        gaps += not valid[p]
    start = 0
    for c in range(ends.size):
        alone, together = 0, 0
        for b in range(start, ends[c]):
            centre, whole = centres[b], True
            low, high = max(0, centre - window), min(m, centre + window + 1)
            if gaps == 0:
                whole = first <= low and high <= end
            else:
                for p in range(low, high):
                    whole &= valid[p]
            alone += whole and not shared[centre]
            together |= whole and shared[centre]
        counts[c] = alone + together
        start = ends[c]
