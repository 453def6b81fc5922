"""Kernel that tries many additions to a model in one call, and what each part is then worth."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spectriage.spectra._jit import kernel
from spectriage.spectra._kernels_compress import agreement, compress, weighted_cosine
from spectriage.spectra._kernels_fit import fit_rows

FloatArray = NDArray[np.float64]
Float32Array = NDArray[np.float32]
BoolArray = NDArray[np.bool_]


@kernel()
def lower(weights: Float32Array, holds: BoolArray, most: float, out: Float32Array) -> None:
    """Write `weights`, no more than `most` where a reference does not hold; all shape (m,)."""
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


@kernel(fastmath=True)
def join_each(
    base: Float32Array,
    tries: Float32Array,
    ranges: BoolArray,
    numbers: NDArray[np.intp],
    unmeasured_weight: float,
    derivative: Float32Array,
    compressed: Float32Array,
    weights: Float32Array,
    base_fitted: Float32Array,
    threshold: float,
    relative_error: float,
    iterations: int,
    least: float,
    remove: bool,
    similarity: FloatArray,
    amplitudes: FloatArray,
    gains: FloatArray,
    losses: FloatArray,
) -> None:
    """Fit a model with each of several references in turn, and again without each part of it.

    Outside the points where a reference holds the weights fall to `unmeasured_weight`, without and with it
    alike. Disagreements count as `least` at least.

    Parameters
    ----------
    base, base_fitted
        The model's references, shape (k, m), and its fit, (m,).
    tries
        What is added, shape (c, m).
    ranges, numbers
        Where references hold, shape (r, m), and which of these each of `tries` does, shape (c,).
    derivative, compressed, weights
        Of the query, shape (m,).
    remove
        Whether the parts are asked for.
    similarity, amplitudes
        Written: of the fit with each, shape (c,) and (c, k + 1), the reference's own last.
    gains
        Written: the log gain over the model as it was fitted, shape (c,).
    losses
        Written if asked for: the log gain over a fit without each part, shape (c, k + 1).
    """
    k, m = base.shape
    stack, rest = np.empty((k + 1, m), np.float32), np.empty((k, m), np.float32)
    lowered, fitted = np.empty(m, np.float32), np.empty(m, np.float32)
    scratch, before = np.empty(m, np.float32), np.zeros(m, np.float32)
    kept = np.zeros(k)
    if k > 0:
        compress(base_fitted, threshold, before)
    for i in range(k):
        copy(base[i], stack[i])
    for c in range(tries.shape[0]):
        copy(tries[c], stack[k])
        lower(weights, ranges[numbers[c]], unmeasured_weight, lowered)
        # the whole first, then without each part
        for left_out in range(-1, k + 1 if remove else 0):
            rows, own = (rest, kept) if left_out >= 0 else (stack, amplitudes[c])
            place = 0
            for i in range(k + 1 if left_out >= 0 else 0):
                if i != left_out:
                    copy(stack[i], rest[place])
                    place += 1
            reached = 0.0
            if rows.shape[0] > 0:
                fit_rows(rows, derivative, lowered, threshold, relative_error, iterations, own, fitted)
                reached = agreement(compressed, fitted, lowered, threshold, scratch)
            if left_out >= 0:
                losses[c, left_out] = log_gain(reached, similarity[c], least)
            else:
                similarity[c] = reached
                gains[c] = log_gain(weighted_cosine(compressed, before, lowered), reached, least)
