"""Kernels of one model: a few references fitted to a query at one axis, and whether each is seen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spectriage.spectra.arrays import BoolArray, Float32Array, FloatArray, IndexArray
from spectriage.spectra.compile.jit import kernel
from spectriage.spectra.contrast._kernels_arguments import Query, References, some_references
from spectriage.spectra.contrast._kernels_coarse import likeliest_each, pool_rest
from spectriage.spectra.fitting._kernels_additions import add_each
from spectriage.spectra.fitting._kernels_bands import BandRules, component_bands, weigh_bands
from spectriage.spectra.fitting._kernels_fit import FitSettings

NO_PART: int = np.intp(0)  # type: ignore[assignment]
"""Of the parts of models none, or the first; a plain 0 would be a type of its own, and compiled for twice."""


@kernel()
def placed(place_of: IndexArray, first: IndexArray, second: IndexArray) -> IndexArray:
    """Return the places of two lists of rows, one after the other."""
    out = np.empty(first.size + second.size, np.intp)
    for i in range(first.size):
        out[i] = place_of[first[i]]
    for i in range(second.size):
        out[first.size + i] = place_of[second[i]]
    return out


@kernel()
def try_additions(
    references: References,
    place_of: IndexArray,
    model: IndexArray,
    base_fitted: Float32Array,
    added: IndexArray,
    query: Query,
    settings: FitSettings,
    end_part: int,
    of_each: FloatArray,
    of_parts: FloatArray,
    fitted: Float32Array,
) -> None:
    """Fit a model with each of several rows of the library; see `add_each`.

    What the parts before `end_part` are worth is told as well.
    """
    rows, ranges, numbers, _ = references
    for c in range(of_parts.shape[1]):
        for i in range(of_parts.shape[2]):
            of_parts[0, c, i] = of_parts[1, c, i] = 0.0
    add_each(
        some_references(rows, ranges, numbers, placed(place_of, model, added)),
        model.size,
        query,
        base_fitted,
        settings,
        NO_PART,
        end_part,
        of_each,
        of_parts,
        fitted,
    )


@kernel()
def fit_model(
    references: References,
    place_of: IndexArray,
    model: IndexArray,
    query: Query,
    settings: FitSettings,
    amplitudes: FloatArray,
    fitted: Float32Array,
) -> float:
    """Fit a model (k,) to a query: its amplitudes (k,) and its sum (m,) are written, its V is returned."""
    k = model.size
    nothing = np.zeros(fitted.size, np.float32)
    if k == 0:
        for p in range(fitted.size):
            fitted[p] = nothing[p]
        return 0.0
    of_each, of_parts = np.empty((2, 1)), np.empty((2, 1, k))
    try_additions(
        references,
        place_of,
        model[:-1],
        nothing,
        model[k - 1 :],
        query,
        settings,
        NO_PART,
        of_each,
        of_parts,
        fitted,
    )
    for i in range(k):
        amplitudes[i] = of_parts[0, 0, i]
    return float(of_each[0, 0])


@kernel(inline="always")
def losses_of(
    references: References,
    place_of: IndexArray,
    model: IndexArray,
    query: Query,
    settings: FitSettings,
    losses: FloatArray,
) -> None:
    """Write by how much the disagreement grows, as a logarithm, without each part of a model; shape (k,)."""
    k = model.size
    nothing, fitted = np.zeros(query[0].size, np.float32), np.empty(query[0].size, np.float32)
    of_each, of_parts = np.empty((2, 1)), np.empty((2, 1, k))
    try_additions(
        references,
        place_of,
        model[:-1],
        nothing,
        model[k - 1 :],
        query,
        settings,
        k,
        of_each,
        of_parts,
        fitted,
    )
    for i in range(k):
        losses[i] = of_parts[1, 0, i]


@kernel()
def likeliest_rows(
    coarse: NDArray[np.uint16],
    query: Query,
    fitted: Float32Array,
    allowed: BoolArray,
    best: IndexArray,
) -> int:
    """Write the allowed rows that look most like what a fit leaves, best first; return how many there are."""
    derivative, _, valid, threshold = query
    pooled = np.empty((1, coarse.shape[1]), np.float32)
    pool_rest(derivative, fitted, valid, threshold, pooled[0])
    room, counts = np.empty(1, np.intp), np.empty(1, np.intp)
    room[0] = best.size
    likeliest_each(coarse, pooled, allowed.reshape(1, -1), room, best.reshape(1, -1), counts)
    return int(counts[0])


@kernel(inline="always")
def bands_of(row: Float32Array, least_height: float, centres: IndexArray) -> int:
    """Write where a reference (m,) has bands, local maxima of its curvature, the highest first.

    Those of at least `least_height` of the highest; returned is how many there are.
    """
    m = row.size
    top = np.float32(0.0)
    for p in range(m):
        top = max(top, -row[p])
    least = np.float32(least_height * np.float64(top))
    count = 0
    if top > np.float32(0.0):
        for p in range(1, m - 1):
            height = -row[p]
            if height >= -row[p - 1] and height > -row[p + 1] and height >= least:
                at = count
                while at > 0 and -row[centres[at - 1]] < height:
                    centres[at] = centres[at - 1]
                    at -= 1
                centres[at] = p
                count += 1
    return count


@kernel(inline="always")
def supports_of(
    row: Float32Array,
    amplitude: float,
    fitted: Float32Array,
    rest: Float32Array,
    query: Query,
    rules: BandRules,
) -> tuple[int, float]:
    """Return how many pieces of evidence need a component, and the share of its bands that do, by height.

    Parameters
    ----------
    row, amplitude
        The component.
    fitted, rest
        The fit with and without it, shape (m,).
    """
    centres = np.empty(row.size, np.intp)
    count = bands_of(row, rules.least_height, centres)
    centres = centres[:count]
    heights, remaining, beside = np.empty(count, np.float32), np.empty(count), np.empty(count)
    for b in range(count):
        heights[b] = -row[centres[b]]
    component = component_bands(row, amplitude, centres, heights)
    weigh_bands(fitted, rest, query, component, rules.window, rules.crowd, remaining, beside)
    alone, together = 0, 0
    total = supported = 0.0
    for b in range(count):
        if remaining[b] >= 0.0:
            share = np.float64(heights[b] / heights[0])
            total += share
            if remaining[b] <= rules.support and not rules.crowd_share * beside[b] > 1.0:
                supported += share
                together |= rules.shared[centres[b]]
                alone += not rules.shared[centres[b]]
    return alone + together, supported / total if total > 0.0 else 0.0
