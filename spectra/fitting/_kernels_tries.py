"""Kernel that tries many additions to a model in one call, and what each part is then worth."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spectriage.spectra.arrays import BoolArray, Float32Array, FloatArray
from spectriage.spectra.compile._kernels_vectors import widest
from spectriage.spectra.compile.jit import kernel
from spectriage.spectra.contrast._kernels_compress import agreement, compress, weighted_cosine
from spectriage.spectra.fitting._kernels_fit import fit_rows


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
def join_each(
    rows: Float32Array,
    ranges: BoolArray,
    numbers: NDArray[np.intp],
    places: NDArray[np.intp],
    base_count: int,
    unmeasured_weight: float,
    derivative: Float32Array,
    compressed: Float32Array,
    valid: BoolArray,
    base_fitted: Float32Array,
    threshold: float,
    relative_error: float,
    iterations: int,
    least: float,
    first_part: int,
    end_part: int,
    similarity: FloatArray,
    amplitudes: FloatArray,
    gains: FloatArray,
    losses: FloatArray,
    fitted: Float32Array,
) -> None:
    """Fit a model with each of several references in turn, and again without some of its parts.

    Outside the points where a reference holds the weights fall to `unmeasured_weight`, without and with it
    alike. Disagreements count as `least` at least.

    Parameters
    ----------
    rows, ranges, numbers
        References, shape (s, m), the ranges that such hold over, (r, m), and the number of each one's, (s,).
    places
        Where in `rows` the model's references are, so many as `base_count`, and then what is added.
    base_fitted
        The model's fit, (m,).
    derivative, compressed, valid
        Of the query, shape (m,).
    first_part, end_part
        Which parts of each model, those with the reference as its last, are left out in turn.
    similarity, amplitudes
        Written: of the fit with each, shape (c,) and (c, k + 1), the reference's own last.
    gains
        Written: the log gain over the model as it was fitted, shape (c,).
    losses
        Written for the parts asked for: the log gain over a fit without it, shape (c, k + 1).
    fitted
        Written: the fit with the last reference, shape (m,).
    """
    widest()
    k, m = base_count, derivative.size
    stack, rest = np.empty((k + 1, m), np.float32), np.empty((k, m), np.float32)
    weights, lowered = np.empty(m, np.float32), np.empty(m, np.float32)
    left, before = np.empty(m, np.float32), np.zeros(m, np.float32)
    kept, work, free = np.zeros(k), np.empty((2 * k + 5, k + 1)), np.empty(k + 1, np.intp)
    if k > 0:
        compress(base_fitted, threshold, before)
    for i in range(k):
        copy(rows[places[i]], stack[i])
    weigh(valid, ranges, numbers, places[:k], unmeasured_weight, weights)
    base_similarity = 0.0
    for c in range(places.size - k):
        place = places[k + c]
        copy(rows[place], stack[k])
        # most hold over the same range as the one before
        if c == 0 or numbers[place] != numbers[places[k + c - 1]]:
            lower(weights, ranges[numbers[place]], unmeasured_weight, lowered)
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
                fit_rows(
                    own_rows,
                    derivative,
                    lowered,
                    threshold,
                    relative_error,
                    iterations,
                    own,
                    own_fit,
                    work,
                    free,
                )
                reached = agreement(compressed, own_fit, lowered, threshold)
            if whole:
                similarity[c] = reached
                gains[c] = log_gain(base_similarity, reached, least)
            else:
                losses[c, part] = log_gain(reached, similarity[c], least)
