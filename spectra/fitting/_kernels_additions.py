"""Kernel that tries many additions to a model in one call, and what each part is then worth."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spectriage.spectra.arrays import BoolArray, Float32Array, FloatArray
from spectriage.spectra.compile._kernels_vectors import apart, widest
from spectriage.spectra.compile.jit import kernel
from spectriage.spectra.contrast._kernels_arguments import Query, References
from spectriage.spectra.contrast._kernels_compress import agreement, compress, weighted_cosine
from spectriage.spectra.fitting._kernels_fit import FitSettings, fit_rows, write_errors
from spectriage.spectra.fitting._kernels_memory import Memory, inside, rows_of, workspace


@kernel(bare=True)
def lower(weights: Float32Array, holds: BoolArray, most: float, out: Float32Array) -> None:
    """Write `weights`, no more than `most` where a reference does not hold; all shape (m,)."""
    widest()
    limit = np.float32(most)
    for p in range(weights.size):
        out[p] = weights[p] if holds[p] or weights[p] < limit else limit


@kernel(bare=True)
def copy(source: NDArray[Any], out: NDArray[Any]) -> None:
    """Copy values (m,) of any kind: a slice that is assigned compiles into several times as much."""
    for p in range(out.size):
        out[p] = source[p]


@kernel(bare=True)
def log_gain(before: float, after: float, least: float) -> float:
    """Return ln((1 − before) / (1 − after)), neither difference less than `least`."""
    return float(np.log(max(1.0 - before, least) / max(1.0 - after, least)))


@kernel(bare=True)
def weigh(
    valid: BoolArray,
    ranges: BoolArray,
    numbers: NDArray[np.intp],
    places: NDArray[np.intp],
    most: float,
    start: int,
    out: Float32Array,
) -> None:
    """Write the weights of points from `start` on.

    0 where the query is not valid, no more than `most` where a reference does not hold.
    The references are those at `places` of a matrix whose rows hold over the `numbers`-th of `ranges` (r, m).
    """
    widest()
    # a slice: of a sum the compiler does not know that it is no place from the end
    measured = valid[start : start + out.size]
    for p in range(out.size):
        out[p] = np.float32(1.0) if measured[p] else np.float32(0.0)
    limit = np.float32(most)
    for place in places:
        holds = ranges[numbers[place], start : start + out.size]
        # as `lower`, which takes one point after the other where it writes over what it reads
        for p in range(out.size):
            out[p] = out[p] if holds[p] or out[p] < limit else limit


@kernel(bare=True, fastmath=True)
def add_row(row: Float32Array, amplitude: float, first: bool, out: Float32Array) -> None:
    """Add a reference to a sum of them (m,); the first is written over what is there."""
    widest()
    factor = np.float32(amplitude)
    for p in range(out.size):
        out[p] = factor * row[p] + (np.float32(0.0) if first else out[p])


@kernel(bare=True, shared=True, fastmath=True)
def add_each(
    references: References,
    base_count: int,
    query: Query,
    base_fitted: Float32Array,
    settings: FitSettings,
    first_part: int,
    end_part: int,
    known: bool,
    memory: Memory,
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
        The model's fit, (m,), or empty: then gains are over nothing.
    first_part, end_part
        Which parts of each model, those with the reference as its last, are left out in turn.
    known
        The similarities are given: then nothing is fitted but what lacks a part.
    memory
        To work in.
    of_each
        Shape (2, c): the similarity with each, and its log gain over the model as it was fitted. Written
        unless known.
    of_parts
        Shape (2, c, k + 1). Written unless known: the amplitudes with each, its own last. Written: for the
        parts asked for, the log gain over a fit without it.
    fitted
        Written: the fit with the last reference, shape (m,); empty where that is not asked for.
    """
    widest()
    apart()
    rows, ranges, numbers, places = references
    query, settings, memory = Query(*query), FitSettings(*settings), Memory(*memory)
    threshold, most = query.threshold, settings.unmeasured_weight
    similarity, gains = of_each[0], of_each[1]
    amplitudes, losses = of_parts[0], of_parts[1]
    k = base_count
    start, end = inside(query.valid, 1)
    m = end - start
    stack, rest = rows_of(memory.points, 0, k + 1, m), rows_of(memory.points, k + 1, k, m)
    curves = rows_of(memory.points, 2 * k + 1, 8, m)
    derivative, compressed, before, weights = curves[0], curves[1], curves[2], curves[3]
    lowered, own_fit, errors = curves[4], curves[5], curves[6]
    space = workspace(memory, k + 1, curves[7])
    kept = memory.numbers[memory.numbers.size - k :]
    copy(query.derivative[start:end], derivative)
    copy(query.compressed[start:end], compressed)
    write_errors(derivative, threshold, settings, errors)
    for p in range(m):
        before[p] = 0.0
    if k > 0 and base_fitted.size > 0:
        compress(base_fitted[start:end], threshold, before)
    for i in range(k):
        copy(rows[places[i], start:end], stack[i])
    weigh(query.valid, ranges, numbers, places[:k], most, start, weights)
    base_similarity = 0.0
    for c in range(places.size - k):
        place = places[k + c]
        copy(rows[place, start:end], stack[k])
        # most hold over the same range as the one before
        if c == 0 or numbers[place] != numbers[places[k + c - 1]]:
            lower(weights, ranges[numbers[place], start:end], most, lowered)
            base_similarity = weighted_cosine(compressed, before, lowered)
        # the whole first, then without each part
        for part in range(first_part if known else first_part - 1, end_part):
            whole = part < first_part
            own_rows, own = (stack, amplitudes[c]) if whole else (rest, kept)
            at = 0
            for i in range(0 if whole else k + 1):
                if i != part:
                    copy(stack[i], rest[at])
                    at += 1
            reached = 0.0
            if own_rows.shape[0] > 0:
                fit_rows(own_rows, derivative, lowered, errors, threshold, settings, own, own_fit, space)
                reached = agreement(compressed, own_fit, lowered, threshold)
            if whole:
                similarity[c] = reached
                gains[c] = log_gain(base_similarity, reached, settings.least)
            else:
                losses[c, part] = log_gain(reached, similarity[c], settings.least)
    if fitted.size > 0:
        last = places.size - 1 - k
        for i in range(k):
            add_row(rows[places[i]], amplitudes[last, i], i == 0, fitted)
        add_row(rows[places[k + last]], amplitudes[last, k], k == 0, fitted)
