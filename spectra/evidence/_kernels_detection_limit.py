"""Kernels of the limit of detection: how little of a target a scan would still have shown."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spectriage.spectra.arrays import BoolArray, Float32Array, FloatArray
from spectriage.spectra.compile._kernels_vectors import widest
from spectriage.spectra.compile.jit import kernel
from spectriage.spectra.contrast._kernels_compress import agreement, compress
from spectriage.spectra.fitting._kernels_fit import fit_rows
from spectriage.spectra.fitting._kernels_tries import copy, lower, weigh

_SECANTS, _MOST_TRIES = 4, 14
_CLOSE = 0.07
"""An amount that brings what is wanted to within this, as a logarithm, tells it to a twentieth."""
_SLOPE, _LEAST_SLOPE, _GREATEST_SLOPE = 1.2, 0.3, 3.0
"""How steeply what is brought grows with the amount, both as logarithms: at first, and within what limits."""
_LEAST_SHARE = 0.02
"""What brings less than this share of what is wanted brings nothing."""


@kernel()
def brought_by(
    amount: float,
    stack: Float32Array,
    imitators: Float32Array,
    empty: Float32Array,
    spike: Float32Array,
    weights: Float32Array,
    base_amplitudes: FloatArray,
    threshold: float,
    relative_error: float,
    iterations: int,
    least: float,
    room: Float32Array,
    work: FloatArray,
    free: NDArray[np.intp],
) -> float:
    """Return what the last row of `stack` brings when an amount of `spike` is in `empty`.

    That is its log gain over the other rows; or, where there are `imitators` (j, m), by how much its log gain
    exceeds that of the best of them in its place. Memory to work in is given: `room` (k + 4, m), and what
    `fit_rows` asks for.
    """
    widest()
    k, m = stack.shape[0] - 1, empty.size
    other, derivative, compressed, fitted = room[: k + 1], room[k + 1], room[k + 2], room[k + 3]
    amplitudes = work[2 * k + 5]
    for i in range(k + 1):
        copy(stack[i], other[i])
    added = np.float32(amount)
    for p in range(m):
        derivative[p] = empty[p] + added * spike[p] if weights[p] > 0.0 else np.float32(0.0)
    compress(derivative, threshold, compressed)
    with_target, without = 0.0, np.inf
    # with the target first, then with each imitator in its place, or with nothing there
    for option in range(1 + max(1, imitators.shape[0])):
        size = k if option > 0 and imitators.shape[0] == 0 else k + 1
        if 0 < option <= imitators.shape[0]:
            copy(imitators[option - 1], other[k])
        for i in range(k):
            amplitudes[i] = base_amplitudes[i]
        amplitudes[k] = amount
        similarity = 0.0
        if size > 0:
            fit_rows(
                other[:size],
                derivative,
                weights,
                threshold,
                relative_error,
                iterations,
                amplitudes[:size],
                fitted,
                work,
                free,
            )
            similarity = agreement(compressed, fitted, weights, threshold)
        left = np.log(max(1.0 - similarity, least))
        if option == 0:
            with_target = left
        else:
            without = min(without, left)
    return float(without - with_target)


@kernel()
def amount_that_brings(
    wanted: float,
    start: float,
    amounts: FloatArray,
    stack: Float32Array,
    imitators: Float32Array,
    empty: Float32Array,
    spike: Float32Array,
    weights: Float32Array,
    base_amplitudes: FloatArray,
    threshold: float,
    relative_error: float,
    iterations: int,
    least: float,
    room: Float32Array,
    work: FloatArray,
    free: NDArray[np.intp],
) -> float:
    """Return the amount that brings what is wanted, sought from `start` on between the two of `amounts`.

    The secant method on logarithms, in which the curve is nearly a line, within what is known to be too
    little and enough. Infinity when the upper end does not bring it; the lower end when that does.
    """
    widest()
    low, high = np.log(amounts[0]), np.log(amounts[1])
    too_little, enough = False, False
    place = np.log(start)
    slope = _SLOPE
    before, had = np.inf, 0.0
    for tries in range(_MOST_TRIES):
        brought = brought_by(
            np.exp(place),
            stack,
            imitators,
            empty,
            spike,
            weights,
            base_amplitudes,
            threshold,
            relative_error,
            iterations,
            least,
            room,
            work,
            free,
        )
        has = np.log(max(brought / wanted, _LEAST_SHARE))
        if before < np.inf and abs(place - before) > 1e-6:
            slope = min(max((has - had) / (place - before), _LEAST_SLOPE), _GREATEST_SLOPE)
        before, had = place, has
        if abs(has) <= _CLOSE:
            return float(np.exp(place - has / slope))
        if has > 0.0:
            if place <= low:
                return float(np.exp(low))
            high, enough = place, True
        else:
            if place >= high:
                return np.inf
            low, too_little = place, True
        if enough and too_little and high - low < _CLOSE:
            break
        # a curve with a bend may send the secant to and fro: then the middle is taken
        place = 0.5 * (low + high) if enough and too_little and tries >= _SECANTS else place - has / slope
        # an end that was tried is not tried again
        if place <= low:
            place = 0.5 * (low + high) if too_little else low
        elif place >= high:
            place = 0.5 * (low + high) if enough else high
    return float(np.exp(high)) if enough else np.inf


@kernel()
def least_visible(
    stack: Float32Array,
    imitators: Float32Array,
    empty: Float32Array,
    spike: Float32Array,
    weights: Float32Array,
    base_amplitudes: FloatArray,
    threshold: float,
    relative_error: float,
    iterations: int,
    least: float,
    wanted: FloatArray,
    amounts: FloatArray,
    start: float,
    room: Float32Array,
    work: FloatArray,
    free: NDArray[np.intp],
) -> float:
    """Seek the amount of `spike` (m,) in `empty` (m,) from which the last row of `stack` is found.

    Found is when it brings the log gain ``wanted[0]``, and ``wanted[1]`` more than each of `imitators`
    (j, m) in its place. `amounts` are the ends of the search, `start` is where it begins; infinity when the
    upper end does not do.
    """
    widest()
    amount = amounts[0]
    among = np.empty(2)
    among[1] = amounts[1]
    for needed in range(2 if imitators.shape[0] > 0 else 1):
        # mostly no other is taken for it where it gains enough: then the search ends where it begins
        among[0] = amount
        found = amount_that_brings(
            wanted[needed],
            amount if needed else start,
            among,
            stack,
            imitators if needed else imitators[:0],
            empty,
            spike,
            weights,
            base_amplitudes,
            threshold,
            relative_error,
            iterations,
            least,
            room,
            work,
            free,
        )
        if not found < np.inf:
            return np.inf
        amount = max(amount, found)
    return float(amount)


@kernel()
def thinned(values: Float32Array, thin: int, out: Float32Array) -> None:
    """Write every so many-th of some values."""
    for p in range(out.size):
        out[p] = values[p * thin]


@kernel()
def least_visible_each(
    rows: Float32Array,
    ranges: BoolArray,
    numbers: NDArray[np.intp],
    places: NDArray[np.intp],
    base_amplitudes: FloatArray,
    derivative: Float32Array,
    valid: BoolArray,
    thin: int,
    unmeasured_weight: float,
    asked: NDArray[np.intp],
    targets: Float32Array,
    holds: BoolArray,
    held_amounts: FloatArray,
    unlike: Float32Array,
    imitators: Float32Array,
    families: NDArray[np.intp],
    taken_families: NDArray[np.intp],
    most: int,
    threshold: float,
    relative_error: float,
    iterations: int,
    least: float,
    wanted: FloatArray,
    amounts: FloatArray,
    found: FloatArray,
) -> None:
    """Seek the least visible amount of some targets on one model; written to `found` (a,).

    Parameters
    ----------
    rows, ranges, numbers
        References, shape (s, m), the ranges that such hold over, (r, m), and the number of each one's, (s,).
    places
        Where in `rows` the model's references are, one for each amplitude, and then, for each of `asked`,
        what the query may hold of it.
    derivative, valid, thin
        Of the query, shape (m,); one point in `thin` is used, g in all.
    asked
        Which of the targets are asked for, shape (a,).
    targets, holds
        The targets and where they hold, thinned, shape (c, g).
    held_amounts
        How much the query may hold of each of `asked`: it is taken out first; shape (a,).
    unlike
        The targets as they are put in, shape (c, g).
    imitators, families
        What may be taken for each target, the likest first, shape (c, j, g), and the numbers of their
        families, shape (c, j); −1 where there is none.
    taken_families, most
        Of each target's imitators the first so many are tried that are not of these families.
    """
    widest()
    k = base_amplitudes.size
    m = targets.shape[1]
    stack = np.empty((k + 1, m), np.float32)
    whole_weights = np.empty(derivative.size, np.float32)
    weights, lowered, empty = np.empty(m, np.float32), np.empty(m, np.float32), np.empty(m, np.float32)
    others = np.empty((most, m), np.float32)
    room, work, free = (
        np.empty((k + 4, m), np.float32),
        np.empty((2 * k + 6, k + 1)),
        np.empty(k + 1, np.intp),
    )
    for i in range(k):
        thinned(rows[places[i]], thin, stack[i])
    weigh(valid, ranges, numbers, places[:k], unmeasured_weight, whole_weights)
    thinned(whole_weights, thin, weights)
    start = np.sqrt(amounts[0] * amounts[1])
    for place in range(asked.size):
        c = asked[place]
        copy(targets[c], stack[k])
        lower(weights, holds[c], unmeasured_weight, lowered)
        count = 0
        for j in range(families.shape[1]):
            usable = families[c, j] >= 0 and count < most
            for family in taken_families:
                usable &= families[c, j] != family
            if usable:
                copy(imitators[c, j], others[count])
                count += 1
        taken = np.float32(held_amounts[place])
        held = rows[places[k + place]]
        for p in range(m):
            empty[p] = derivative[p * thin] - taken * held[p * thin]
        found[place] = least_visible(
            stack,
            others[:count],
            empty,
            unlike[c],
            lowered,
            base_amplitudes,
            threshold,
            relative_error,
            iterations,
            least,
            wanted,
            amounts,
            start,
            room,
            work,
            free,
        )
        # what one target needs is a good guess of what the next one does
        if found[place] < np.inf:
            start = found[place]
