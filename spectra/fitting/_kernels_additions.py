"""Kernel that tries many additions to a model in one call, and what each part is then worth."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spectriage.spectra.arrays import BoolArray, Float32Array, FloatArray
from spectriage.spectra.compile._kernels_vectors import apart, widest
from spectriage.spectra.compile.jit import kernel
from spectriage.spectra.contrast._kernels_arguments import Query, References
from spectriage.spectra.contrast._kernels_compress import agreement, compress, weighted_cosine
from spectriage.spectra.fitting._kernels_fit import FitSettings, Workspace, fit_rows


@kernel()
def lower(weights: Float32Array, holds: BoolArray, most: float, out: Float32Array) -> None:
    """Write `weights`, no more than `most` where a reference does not hold; all shape (m,)."""
    widest()
    limit = np.float32(most)
    for p in range(weights.size):
        out[p] = weights[p] if holds[p] or weights[p] < limit else limit


@kernel()
def copy(source: Float32Array, out: Float32Array) -> None:
    """Copy values (m,): a slice that is assigned compiles into several times as much."""
    for p in range(out.size):
        out[p] = source[p]


@kernel()
def log_gain(before: float, after: float, least: float) -> float:
    """Return ln((1 − before) / (1 − after)), neither difference less than `least`."""
    return float(np.log(max(1.0 - before, least) / max(1.0 - after, least)))


@kernel()
def weigh(
    valid: BoolArray,
    ranges: BoolArray,
    numbers: NDArray[np.intp],
    places: NDArray[np.intp],
    most: float,
    out: Float32Array,
) -> None:
    """Write each point's weight (m,): 0 where the query is not valid, `most` where a reference does not hold.

    The references are those at `places` of a matrix whose rows hold over the `numbers`-th of `ranges` (r, m).
    """
    widest()
    for p in range(out.size):
        out[p] = np.float32(1.0) if valid[p] else np.float32(0.0)
    for place in places:
        lower(out, ranges[numbers[place]], most, out)


@kernel(fastmath=True)
def add_each(
    references: References,
    base_count: int,
    query: Query,
    base_fitted: Float32Array,
    settings: FitSettings,
    first_part: int,
    end_part: int,
    of_each: FloatArray,
    of_parts: FloatArray,
    fitted: Float32Array,
) -> None:
    """Fit a model with each of several references in turn, and again without some of its parts.

    Outside the points where a reference holds the weights fall, without and with it alike.

    Parameters
    ----------
    references
        Its places are those of the model's references, so many as `base_count`, and then what is added.
    base_fitted
        The model's fit, (m,).
    first_part, end_part
        Which parts of each model, those with the reference as its last, are left out in turn.
    of_each
        Written, shape (2, c): the similarity with each, and its log gain over the model as it was fitted.
    of_parts
        Written, shape (2, c, k + 1): the amplitudes with each, its own last; and, for the parts asked for,
        the log gain over a fit without it.
    fitted
        Written: the fit with the last reference, shape (m,).
    """
    widest()
    apart()
    rows, ranges, numbers, places = references
    query, settings = Query(*query), FitSettings(*settings)
    derivative, compressed, threshold = query.derivative, query.compressed, query.threshold
    similarity, gains = of_each[0], of_each[1]
    amplitudes, losses = of_parts[0], of_parts[1]
    k, m = base_count, derivative.size
    stack, rest = np.empty((k + 1, m), np.float32), np.empty((k, m), np.float32)
    weights, lowered = np.empty(m, np.float32), np.empty(m, np.float32)
    left, before = np.empty(m, np.float32), np.zeros(m, np.float32)
    kept, space = np.zeros(k), Workspace(np.empty((2 * k + 5, k + 1)), np.empty(k + 1, np.intp))
    if k > 0:
        compress(base_fitted, threshold, before)
    for i in range(k):
        copy(rows[places[i]], stack[i])
    weigh(query.valid, ranges, numbers, places[:k], settings.unmeasured_weight, weights)
    base_similarity = 0.0
    for c in range(places.size - k):
        place = places[k + c]
        copy(rows[place], stack[k])
        # most hold over the same range as the one before
        if c == 0 or numbers[place] != numbers[places[k + c - 1]]:
            lower(weights, ranges[numbers[place]], settings.unmeasured_weight, lowered)
            base_similarity = weighted_cosine(compressed, before, lowered)
        # the whole first, then without each part
        for part in range(first_part - 1, end_part):
            whole = part < first_part
            own_rows, own, own_fit = (stack, amplitudes[c], fitted) if whole else (rest, kept, left)
            at = 0
            for i in range(0 if whole else k + 1):
                if i != part:
                    copy(stack[i], rest[at])
                    at += 1
            reached = 0.0
            if own_rows.shape[0] > 0:
                fit_rows(own_rows, derivative, lowered, threshold, settings, own, own_fit, space)
                reached = agreement(compressed, own_fit, lowered, threshold)
            if whole:
                similarity[c] = reached
                gains[c] = log_gain(base_similarity, reached, settings.least)
            else:
                losses[c, part] = log_gain(reached, similarity[c], settings.least)
