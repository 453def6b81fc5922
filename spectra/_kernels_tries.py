"""Kernels that try many fits in one call: additions, removals, axes, and single references."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spectriage.spectra._jit import kernel
from spectriage.spectra._kernels_compress import agreement, compress, weighted_cosine
from spectriage.spectra._kernels_fit import correct_axis, fit_rows

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
def log_gain(before: float, after: float, least: float) -> float:
    """Return ln((1 − before) / (1 − after)), neither difference less than `least`."""
    return float(np.log(max(1.0 - before, least) / max(1.0 - after, least)))


@kernel(fastmath=True)
def add_each(
    base: Float32Array,
    tries: Float32Array,
    holds: BoolArray,
    unmeasured_weight: float,
    derivative: Float32Array,
    compressed: Float32Array,
    weights: Float32Array,
    base_fitted: Float32Array,
    base_amplitudes: FloatArray,
    threshold: float,
    relative_error: float,
    iterations: int,
    least: float,
    gains: FloatArray,
) -> None:
    """Fit `base` (k, m) with each of `tries` (c, m) in turn: the log gain over the base alone, shape (c,).

    Outside the points where a try `holds` the weights fall to `unmeasured_weight`, without and with it alike.
    Disagreements count as `least` at least.
    """
    k, m = base.shape
    stack = np.empty((k + 1, m), np.float32)
    stack[:k] = base
    lowered = np.empty(m, np.float32)
    amplitudes = np.empty(k + 1)
    fitted = np.empty(m, np.float32)
    scratch = np.empty(m, np.float32)
    base_compressed = np.zeros(m, np.float32)
    if k > 0:
        compress(base_fitted, threshold, base_compressed)
    for c in range(tries.shape[0]):
        stack[k] = tries[c]
        lower(weights, holds[c], unmeasured_weight, lowered)
        before = weighted_cosine(compressed, base_compressed, lowered)
        amplitudes[:k] = base_amplitudes
        amplitudes[k] = 0.0
        fit_rows(stack, derivative, lowered, threshold, relative_error, iterations, amplitudes, fitted)
        gains[c] = log_gain(before, agreement(compressed, fitted, lowered, threshold, scratch), least)


@kernel(fastmath=True)
def remove_each(
    rows: Float32Array,
    derivative: Float32Array,
    compressed: Float32Array,
    weights: Float32Array,
    threshold: float,
    relative_error: float,
    iterations: int,
    least: float,
    amplitudes: FloatArray,
    similarity: float,
    losses: FloatArray,
) -> None:
    """Fit `rows` (k, m) without each of them in turn: the log gain of the whole over that, shape (k,)."""
    k, m = rows.shape
    stack = np.empty((k - 1, m), np.float32)
    kept = np.empty(k - 1)
    fitted = np.empty(m, np.float32)
    scratch = np.empty(m, np.float32)
    for left_out in range(k):
        losses[left_out] = log_gain(0.0, similarity, least)
        if k == 1:
            continue
        place = 0
        for i in range(k):
            if i != left_out:
                stack[place] = rows[i]
                kept[place] = amplitudes[i]
                place += 1
        fit_rows(stack, derivative, weights, threshold, relative_error, iterations, kept, fitted)
        without = agreement(compressed, fitted, weights, threshold, scratch)
        losses[left_out] = log_gain(without, similarity, least)


@kernel(fastmath=True)
def join_each(
    base: Float32Array,
    tries: Float32Array,
    holds: BoolArray,
    unmeasured_weight: float,
    derivative: Float32Array,
    compressed: Float32Array,
    weights: Float32Array,
    threshold: float,
    relative_error: float,
    iterations: int,
    least: float,
    similarity: FloatArray,
    amplitudes: FloatArray,
    losses: FloatArray,
) -> None:
    """Fit `base` (k, m) with each of `tries` (c, m), and each such fit without each of its rows.

    Written are the similarity (c,), the amplitudes and what each row is worth, both (c, k + 1).
    """
    k, m = base.shape
    stack = np.empty((k + 1, m), np.float32)
    stack[:k] = base
    lowered = np.empty(m, np.float32)
    fitted = np.empty(m, np.float32)
    scratch = np.empty(m, np.float32)
    for c in range(tries.shape[0]):
        stack[k] = tries[c]
        lower(weights, holds[c], unmeasured_weight, lowered)
        own = amplitudes[c]
        own[:] = 0.0
        options = (threshold, relative_error, iterations)
        fit_rows(stack, derivative, lowered, *options, own, fitted)
        similarity[c] = agreement(compressed, fitted, lowered, threshold, scratch)
        remove_each(stack, derivative, compressed, lowered, *options, least, own, similarity[c], losses[c])


@kernel(fastmath=True)
def _similarity_at(
    rows: Float32Array,
    holds: BoolArray,
    unmeasured_weight: float,
    values: Float32Array,
    valid: BoolArray,
    start_cm: float,
    step_cm: float,
    offset_cm: float,
    stretch: float,
    threshold: float,
    relative_error: float,
    iterations: int,
    amplitudes: FloatArray,
) -> float:
    """Return the similarity of the fit of `rows` (k, m) to a query whose axis is corrected."""
    m = values.size
    derivative, compressed = np.empty(m, np.float32), np.empty(m, np.float32)
    weights, fitted = np.empty(m, np.float32), np.empty(m, np.float32)
    moved_valid = np.empty(m, np.bool_)
    if offset_cm == 0.0 and stretch == 0.0:
        derivative[:] = values
        moved_valid[:] = valid
    else:
        correct_axis(values, valid, start_cm, step_cm, offset_cm, stretch, derivative, moved_valid)
    compress(derivative, threshold, compressed)
    for p in range(m):
        weights[p] = np.float32(1.0) if moved_valid[p] else np.float32(0.0)
    for i in range(rows.shape[0]):
        lower(weights, holds[i], unmeasured_weight, weights)
    fit_rows(rows, derivative, weights, threshold, relative_error, iterations, amplitudes, fitted)
    # what was the query's is not needed any more
    return agreement(compressed, fitted, weights, threshold, derivative)


@kernel(fastmath=True)
def refine_axis(
    rows: Float32Array,
    holds: BoolArray,
    unmeasured_weight: float,
    values: Float32Array,
    valid: BoolArray,
    grid: FloatArray,
    threshold: float,
    relative_error: float,
    iterations: int,
    offsets_cm: FloatArray,
    stretches: FloatArray,
    reach_cm: float,
    penalties: FloatArray,
    axis: FloatArray,
    merit: float,
) -> float:
    """Seek the axis and resolution at which rows agree best with a query, one after the other.

    Parameters
    ----------
    rows
        The references at every resolution, shape (b, k, m); each is tried.
    holds
        Where each holds, shape (k, m).
    grid
        Start and step of the axis in cm⁻¹.
    offsets_cm, stretches
        Tried in turn; offsets are added to the best one so far, up to `reach_cm`, stretches are not.
    penalties
        What the square of an offset in cm⁻¹ and of a stretch take off the similarity.
    axis
        Offset, stretch and number of the resolution to begin with; those found are left there.
    merit
        Similarity less penalties at the beginning.

    Returns
    -------
    float
        Those at the end.
    """
    trial = np.empty(3)
    amplitudes = np.zeros(rows.shape[1])
    resolutions, offsets = rows.shape[0], offsets_cm.size
    for number in range(resolutions + offsets + stretches.size):
        trial[:] = axis
        if number < resolutions:
            trial[2] = number
        elif number < resolutions + offsets:
            trial[0] = min(max(axis[0] + offsets_cm[number - resolutions], -reach_cm), reach_cm)
        else:
            trial[1] = stretches[number - resolutions - offsets]
        if trial[0] == axis[0] and trial[1] == axis[1] and trial[2] == axis[2]:
            continue
        reached = _similarity_at(
            rows[int(trial[2])],
            holds,
            unmeasured_weight,
            values,
            valid,
            grid[0],
            grid[1],
            trial[0],
            trial[1],
            threshold,
            relative_error,
            iterations,
            amplitudes,
        )
        reached -= penalties[0] * trial[0] * trial[0] + penalties[1] * trial[1] * trial[1]
        if reached > merit:
            merit = reached
            axis[:] = trial
    return merit


@kernel(fastmath=True)
def best_alone(
    widths: Float32Array,
    holds: BoolArray,
    unmeasured_weight: float,
    values: Float32Array,
    valid: BoolArray,
    grid: FloatArray,
    threshold: float,
    relative_error: float,
    iterations: int,
    offsets_cm: FloatArray,
    reach_cm: float,
    penalties: FloatArray,
    refined: int,
    worth: float,
    axes: FloatArray,
    similarity: FloatArray,
) -> None:
    """Fit each of several references alone, every one at its own best axis.

    Parameters
    ----------
    widths
        The references at every resolution, shape (c, b, 1, m).
    holds
        Where each holds, shape (c, m).
    refined, worth
        So many of the best are refined as `refine_axis` does, those not worse than the best by more than
        `worth`. The others are also compared at the axis of the best one: they need no better answer to come
        second.
    axes
        Each one's offset, stretch and number of the resolution, shape (c, 3); those found are left there.
    similarity
        Written, shape (c,).
    """
    count = widths.shape[0]
    merits = np.empty(count)
    amplitudes = np.zeros(1)
    fixed = (threshold, relative_error, iterations)
    for c in range(count):
        at = (grid[0], grid[1], axes[c, 0], axes[c, 1])
        merits[c] = _similarity_at(
            widths[c, int(axes[c, 2])],
            holds[c : c + 1],
            unmeasured_weight,
            values,
            valid,
            *at,
            *fixed,
            amplitudes,
        )
        merits[c] -= penalties[0] * axes[c, 0] ** 2 + penalties[1] * axes[c, 1] ** 2
    order = np.argsort(-merits)
    close = 0
    while close < min(refined, count) and merits[order[close]] >= merits[order[0]] - worth:
        close += 1
    best = order[0]
    for c in order[:close]:
        merits[c] = refine_axis(
            widths[c],
            holds[c : c + 1],
            unmeasured_weight,
            values,
            valid,
            grid,
            *fixed,
            offsets_cm,
            offsets_cm[:0],
            reach_cm,
            penalties,
            axes[c],
            merits[c],
        )
        if merits[c] > merits[best]:
            best = c
    cost = penalties[0] * axes[best, 0] ** 2 + penalties[1] * axes[best, 1] ** 2
    for c in order[close:]:
        there = _similarity_at(
            widths[c, int(axes[best, 2])],
            holds[c : c + 1],
            unmeasured_weight,
            values,
            valid,
            grid[0],
            grid[1],
            axes[best, 0],
            axes[best, 1],
            *fixed,
            amplitudes,
        )
        if there - cost > merits[c]:
            merits[c] = there - cost
            axes[c] = axes[best]
    for c in range(count):
        similarity[c] = merits[c] + penalties[0] * axes[c, 0] ** 2 + penalties[1] * axes[c, 1] ** 2
