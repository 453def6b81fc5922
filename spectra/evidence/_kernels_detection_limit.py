"""Kernels that seek how little of a target a scan would still have shown."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from spectriage.spectra.arrays import Float32Array, FloatArray, IndexArray
from spectriage.spectra.compile._kernels_vectors import widest
from spectriage.spectra.compile.jit import kernel
from spectriage.spectra.contrast._kernels_compress import agreement, compress
from spectriage.spectra.fitting._kernels_additions import copy
from spectriage.spectra.fitting._kernels_fit import FitSettings, fit_rows, write_errors
from spectriage.spectra.fitting._kernels_memory import Workspace

_SECANTS, _MOST_TRIES = 4, 14
_CLOSE = 0.07
"""An amount that brings what is wanted to within this, as a logarithm, tells it to a twentieth."""
_SLOPE, _LEAST_SLOPE, _GREATEST_SLOPE = 1.2, 0.3, 3.0
"""How steeply what is brought grows with the amount, both as logarithms: at first, and within what limits."""
_LEAST_SHARE = 0.02
"""What brings less than this share of what is wanted brings nothing."""


class Scene(NamedTuple):
    """A scan into which growing amounts of a target are put, and what it is then fitted by.

    Parameters
    ----------
    stack
        The model's references and, last, the target, float32, shape (k + 1, g).
    imitators, chosen
        What may be taken for the target, float32, shape (j, h), and which of these rows are tried in its
        place: none where its gain alone is asked for.
    start
        The point of `imitators` that is the first of the g.
    empty, spike
        The scan without the target, and what is put into it, float32, shape (g,).
    weights
        Of the points, float32, shape (g,).
    threshold
        Of the compression.
    """

    stack: Float32Array
    imitators: Float32Array
    chosen: IndexArray
    start: int
    empty: Float32Array
    spike: Float32Array
    weights: Float32Array
    threshold: float


@kernel(bare=True)
def brought_by(
    amount: float,
    scene: Scene,
    settings: FitSettings,
    room: Float32Array,
    space: Workspace,
) -> float:
    """Return what the target of a scene brings when this amount of it is in the scan.

    That is its log gain over the model; or, where there are imitators, by how much its log gain exceeds that
    of the best of them in its place. Memory to work in is given: `room` (k + 5, g), and `space`, whose `work`
    has one row more than a fit of k + 1 references takes.
    """
    widest()
    stack, imitators, chosen, start, empty, spike, weights, threshold = scene
    k, m = stack.shape[0] - 1, empty.size
    other, derivative, compressed = room[: k + 1], room[k + 1], room[k + 2]
    fitted, errors = room[k + 3], room[k + 4]
    amplitudes = space.work[2 * k + 5]
    for i in range(k if chosen.size > 0 else 0):
        copy(stack[i], other[i])
    added = np.float32(amount)
    for p in range(m):
        derivative[p] = empty[p] + added * spike[p] if weights[p] > 0.0 else np.float32(0.0)
    compress(derivative, threshold, compressed)
    write_errors(derivative, threshold, settings, errors)
    with_target, without = 0.0, np.inf
    # with the target first, then with each imitator in its place, or with nothing there
    for option in range(1 + max(1, chosen.size)):
        rows = stack if option == 0 or chosen.size == 0 else other
        size = k if option > 0 and chosen.size == 0 else k + 1
        if 0 < option <= chosen.size:
            copy(imitators[chosen[option - 1], start : start + m], other[k])
        similarity = 0.0
        if size > 0:
            fit_rows(
                rows[:size],
                derivative,
                weights,
                errors,
                threshold,
                settings,
                amplitudes[:size],
                fitted,
                space,
            )
            similarity = agreement(compressed, fitted, weights, threshold)
        left = np.log(max(1.0 - similarity, settings.least))
        if option == 0:
            with_target = left
        else:
            without = min(without, left)
    return float(without - with_target)


@kernel(bare=True)
def amount_that_brings(
    wanted: float,
    start: float,
    least: float,
    most: float,
    scene: Scene,
    settings: FitSettings,
    room: Float32Array,
    space: Workspace,
) -> float:
    """Return the amount that brings what is wanted, sought from `start` on between `least` and `most`.

    The secant method on logarithms, in which the curve is nearly a line, within what is known to be too
    little and enough. Infinity when the upper end does not bring it; the lower end when that does.
    """
    widest()
    low, high = np.log(least), np.log(most)
    too_little, enough = False, False
    place = np.log(start)
    slope = _SLOPE
    before, had = np.inf, 0.0
    for tries in range(_MOST_TRIES):
        brought = brought_by(np.exp(place), scene, settings, room, space)
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


@kernel(bare=True)
def least_visible(
    scene: Scene,
    settings: FitSettings,
    wanted: FloatArray,
    amounts: FloatArray,
    start: float,
    room: Float32Array,
    space: Workspace,
) -> float:
    """Seek the amount from which the target of a scene is found.

    Found is when it brings the first of `wanted`, a log gain, and the second, a margin over each imitator in
    its place. Sought between the two `amounts`, from `start` on; infinity when the upper end does not do.
    """
    widest()
    chosen = scene.chosen
    amount = amounts[0]
    for needed in range(2 if chosen.size > 0 else 1):
        # mostly no other is taken for it where it gains enough: then the search ends where it begins
        seen = Scene(
            scene.stack,
            scene.imitators,
            chosen if needed else chosen[:0],
            scene.start,
            scene.empty,
            scene.spike,
            scene.weights,
            scene.threshold,
        )
        found = amount_that_brings(
            wanted[needed], amount if needed else start, amount, amounts[1], seen, settings, room, space
        )
        if not found < np.inf:
            return np.inf
        amount = max(amount, found)
    return float(amount)
