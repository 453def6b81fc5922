"""Kernels of the limit of detection: how little of a target a scan would still have shown."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spectriage.spectra.arrays import BoolArray, Float32Array, FloatArray
from spectriage.spectra.compile._kernels_vectors import widest
from spectriage.spectra.compile.jit import kernel
from spectriage.spectra.contrast._kernels_arguments import Query, References
from spectriage.spectra.contrast._kernels_compress import agreement, compress
from spectriage.spectra.fitting._kernels_additions import copy, lower, weigh
from spectriage.spectra.fitting._kernels_fit import FitSettings, Workspace, fit_rows

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
    imitators
        What may be taken for the target, float32, shape (j, g); none where its gain alone is asked for.
    empty, spike
        The scan without the target, and what is put into it, float32, shape (g,).
    weights
        Of the points, float32, shape (g,).
    base_amplitudes
        Of the model, shape (k,).
    threshold
        Of the compression.
    """

    stack: Float32Array
    imitators: Float32Array
    empty: Float32Array
    spike: Float32Array
    weights: Float32Array
    base_amplitudes: FloatArray
    threshold: float


class Targets(NamedTuple):
    """Targets, thinned: one point in `thin` is used, g in all.

    Parameters
    ----------
    thin
        Of so many points one is used.
    derivatives, holds
        The targets and where they hold, shape (c, g).
    put_in
        The targets as they are put in, shape (c, g).
    imitators, families
        What may be taken for each target, the likest first, shape (c, j, g), and the numbers of their
        families, shape (c, j); −1 where there is none.
    """

    thin: int
    derivatives: Float32Array
    holds: BoolArray
    put_in: Float32Array
    imitators: Float32Array
    families: NDArray[np.intp]


class Asked(NamedTuple):
    """Which of the targets are asked for, shape (a,), and how much the query may hold of each, (a,)."""

    places: NDArray[np.intp]
    held_amounts: FloatArray


class LimitSearch(NamedTuple):
    """What is sought, and where.

    Parameters
    ----------
    wanted
        The log gain, and the margin over each imitator, that say that a target is found.
    amounts
        The ends of the search.
    imitators
        The most that are tried for a target.
    """

    wanted: FloatArray
    amounts: FloatArray
    imitators: int


@kernel()
def brought_by(
    amount: float,
    scene: Scene,
    settings: FitSettings,
    room: Float32Array,
    space: Workspace,
) -> float:
    """Return what the target of a scene brings when this amount of it is in the scan.

    That is its log gain over the model; or, where there are imitators, by how much its log gain exceeds that
    of the best of them in its place. Memory to work in is given: `room` (k + 4, g), and `space`, whose `work`
    has one row more than a fit of k + 1 references takes.
    """
    widest()
    stack, imitators, empty, spike, weights, base_amplitudes, threshold = scene
    k, m = stack.shape[0] - 1, empty.size
    other, derivative, compressed, fitted = room[: k + 1], room[k + 1], room[k + 2], room[k + 3]
    amplitudes = space.work[2 * k + 5]
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


@kernel()
def amount_that_brings(
    wanted: float,
    start: float,
    amounts: FloatArray,
    scene: Scene,
    settings: FitSettings,
    room: Float32Array,
    space: Workspace,
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


@kernel()
def least_visible(
    scene: Scene,
    settings: FitSettings,
    search: LimitSearch,
    start: float,
    room: Float32Array,
    space: Workspace,
) -> float:
    """Seek the amount from which the target of a scene is found.

    Found is when it brings the log gain that is wanted, and the margin wanted over each imitator in its
    place. `start` is where the search begins; infinity when its upper end does not do.
    """
    widest()
    imitators, amounts = scene.imitators, search.amounts
    amount = amounts[0]
    among = np.empty(2)
    among[1] = amounts[1]
    for needed in range(2 if imitators.shape[0] > 0 else 1):
        # mostly no other is taken for it where it gains enough: then the search ends where it begins
        among[0] = amount
        seen = Scene(
            scene.stack,
            imitators if needed else imitators[:0],
            scene.empty,
            scene.spike,
            scene.weights,
            scene.base_amplitudes,
            scene.threshold,
        )
        found = amount_that_brings(
            search.wanted[needed], amount if needed else start, among, seen, settings, room, space
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
    references: References,
    base_amplitudes: FloatArray,
    query: Query,
    targets: Targets,
    asked: Asked,
    taken_families: NDArray[np.intp],
    settings: FitSettings,
    search: LimitSearch,
    found: FloatArray,
) -> None:
    """Seek the least visible amount of some targets on one model; written to `found` (a,).

    Parameters
    ----------
    references
        Their places are those of the model's references, one for each amplitude, and then, for each of
        `asked`, of what the query may hold of it: that is taken out first.
    query
        Not thinned, shape (m,).
    taken_families
        Of each target's imitators those are tried that are not of these families.
    """
    widest()
    rows, ranges, numbers, places = references
    query, targets, asked = Query(*query), Targets(*targets), Asked(*asked)
    settings, search = FitSettings(*settings), LimitSearch(*search)
    derivative, thin = query.derivative, targets.thin
    k = base_amplitudes.size
    m = targets.derivatives.shape[1]
    stack = np.empty((k + 1, m), np.float32)
    whole_weights = np.empty(derivative.size, np.float32)
    weights, lowered, empty = np.empty(m, np.float32), np.empty(m, np.float32), np.empty(m, np.float32)
    others = np.empty((search.imitators, m), np.float32)
    room = np.empty((k + 4, m), np.float32)
    space = Workspace(np.empty((2 * k + 6, k + 1)), np.empty(k + 1, np.intp))
    for i in range(k):
        thinned(rows[places[i]], thin, stack[i])
    weigh(query.valid, ranges, numbers, places[:k], settings.unmeasured_weight, whole_weights)
    thinned(whole_weights, thin, weights)
    start = np.sqrt(search.amounts[0] * search.amounts[1])
    for place in range(asked.places.size):
        c = asked.places[place]
        copy(targets.derivatives[c], stack[k])
        lower(weights, targets.holds[c], settings.unmeasured_weight, lowered)
        count = 0
        for j in range(targets.families.shape[1]):
            usable = targets.families[c, j] >= 0 and count < search.imitators
            for family in taken_families:
                usable &= targets.families[c, j] != family
            if usable:
                copy(targets.imitators[c, j], others[count])
                count += 1
        taken = np.float32(asked.held_amounts[place])
        held = rows[places[k + place]]
        for p in range(m):
            empty[p] = derivative[p * thin] - taken * held[p * thin]
        scene = Scene(
            stack, others[:count], empty, targets.put_in[c], lowered, base_amplitudes, query.threshold
        )
        found[place] = least_visible(scene, settings, search, start, room, space)
        # what one target needs is a good guess of what the next one does
        if found[place] < np.inf:
            start = found[place]


@kernel()
def limits_from(
    amounts: FloatArray,
    areas: FloatArray,
    places: NDArray[np.intp],
    numbers: NDArray[np.intp],
    present: float,
    most_share: float,
    limits: FloatArray,
) -> None:
    """Write the limit of each target, a share of the signal: that of its reference that is hardest to see.

    Parameters
    ----------
    amounts, places, numbers
        Of every reference: the amount that would be seen, where its area is, and its target, shape (r,).
    areas
        Under references, when their derivatives have unit norm.
    present
        The area under what is there; negative for nothing: then the amount is in the whole of the scan.
    most_share
        A greater share is no limit.
    limits
        Written, shape (c,); infinite where there is no amount or no area, or no reference at all.
    """
    for c in range(limits.size):
        limits[c] = -np.inf
    for r in range(amounts.size):
        amount, area = amounts[r], areas[places[r]]
        share = np.inf
        if amount < np.inf and area > 0.0:
            share = amount * area / (amount * area + (area if present < 0.0 else present))
        limits[numbers[r]] = max(limits[numbers[r]], share if share <= most_share else np.inf)
    for c in range(limits.size):
        if limits[c] < 0.0:
            limits[c] = np.inf
