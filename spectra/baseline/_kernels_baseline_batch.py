"""Reweighted Whittaker smoothing of many spectra, eight at a time, one to a lane.

The lanes iterate in step but do not wait for each other: a lane whose spectrum has converged takes the next
one. When no spectrum waits and fewer than `WORTHWHILE` lanes are busy, theirs are left for the single fit,
which is then cheaper.

Point j of all lanes is at ``8 j : 8 j + 8`` of every array; weights are divided by λ.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from spectriage.spectra.arrays import FloatArray, IntArray
from spectriage.spectra.baseline._kernels_baseline import (
    AIRPLS,
    ALL_ABOVE,
    ARPLS,
    ASLS,
    CAPPED,
    CONVERGED,
    SINGULAR,
    STEEPEST,
)
from spectriage.spectra.baseline._kernels_baseline_lanes import (
    LANES,
    exponential,
    fma,
    least,
    load,
    logistic,
    spread,
    store,
    where_less,
)
from spectriage.spectra.baseline._kernels_baseline_split import FEWEST_POINTS
from spectriage.spectra.compile.jit import kernel

WORTHWHILE = 6
"""With fewer busy lanes, as many single fits are faster."""
MOST_POINTS = 6000
"""Of more points, eight spectra and their factors outgrow a cache of 2 MB, and single fits are faster too."""

UNFINISHED = -1
"""Status of a row that is left for the single fit."""

# Rows of `sums`: what a pass leaves of each lane, and what it is given.
FAILED, COUNT, ADDED, SQUARES, MOVED, SIZE, SLOPE, OFFSET = range(8)


@kernel()
def next_row(diagonal: Any, off: Any, weight: Any, value: Any, before: Any) -> Any:
    """Return 1 / pivot, factor, coupling and right-hand side, then pivot and side of the row before.

    `before` is what this returned for the row before; `off` couples the row with the next.
    """
    inverse_1, factor_1, coupling_1, z_1, inverse_2, z_2 = before
    pivot = (diagonal + weight - inverse_2) - coupling_1 * factor_1
    z = (weight * value - inverse_2 * z_2) - factor_1 * z_1
    coupling = off - factor_1
    inverse = spread(1.0) / pivot
    return inverse, coupling * inverse, coupling, z, inverse_1, z_1


@kernel()
def eliminate(y: FloatArray, v: FloatArray, factors: FloatArray, sums: FloatArray) -> None:
    """Eliminate from both ends at once, and solve for the two points in the middle.

    Each end is a chain of dependent divisions; two of them keep the processor busy while it waits for one.
    `factors` receives of each point 1 / pivot, the factor of the next towards the middle, and the right-hand
    side, of the two in the middle the solution; `sums` whether a pivot was not positive.
    """
    points = y.size // LANES
    middle = (points - 1) // 2
    zero, one, four, six = spread(0.0), spread(1.0), spread(-4.0), spread(6.0)
    diagonal, off = one, spread(-2.0)
    up = (zero, zero, zero, zero, zero, zero)
    down = up
    failed = zero
    for j in range(middle):
        i = points - 1 - j
        up = next_row(diagonal, off, load(v, j * LANES), load(y, j * LANES), up)
        store(factors, 3 * j * LANES, up[0])
        store(factors, (3 * j + 1) * LANES, up[1])
        store(factors, (3 * j + 2) * LANES, up[3])
        failed = where_less(zero, up[0], failed, one)
        if i > middle + 1:  # with an odd number of points the upper part has one fewer
            down = next_row(diagonal, off, load(v, i * LANES), load(y, i * LANES), down)
            store(factors, 3 * i * LANES, down[0])
            store(factors, (3 * i + 1) * LANES, down[1])
            store(factors, (3 * i + 2) * LANES, down[3])
            failed = where_less(zero, down[0], failed, one)
        diagonal = six if j > 0 else spread(5.0)
        off = four
    weight, upper_weight = load(v, middle * LANES), load(v, (middle + 1) * LANES)
    pivot = (six + weight - up[4]) - up[2] * up[1] - down[0]
    upper_pivot = (six + upper_weight - down[4]) - down[2] * down[1] - up[0]
    coupling = four - up[1] - down[1]
    z = weight * load(y, middle * LANES) - up[4] * up[5] - up[1] * up[3] - down[0] * down[3]
    upper_z = (
        upper_weight * load(y, (middle + 1) * LANES) - down[4] * down[5] - down[1] * down[3] - up[0] * up[3]
    )
    inverse = one / pivot
    factor = coupling * inverse
    upper_pivot = upper_pivot - coupling * factor
    upper_x = (upper_z - factor * z) / upper_pivot
    store(factors, (3 * middle + 5) * LANES, upper_x)
    store(factors, (3 * middle + 2) * LANES, inverse * z - factor * upper_x)
    failed = where_less(zero, pivot, where_less(zero, upper_pivot, failed, one), one)
    store(sums, FAILED * LANES, failed)


@kernel()
def substitute(y: FloatArray, factors: FloatArray, sums: FloatArray) -> None:
    """Solve for the points from the middle outwards, each solution in place of the right-hand side.

    `sums` receives number, sum and sum of squares of the residuals below zero.
    """
    points = y.size // LANES
    middle = (points - 1) // 2
    zero, one = spread(0.0), spread(1.0)
    x_1, x_2 = load(factors, (3 * middle + 2) * LANES), load(factors, (3 * middle + 5) * LANES)
    w_1, w_2 = x_2, x_1
    residual, other = (
        least(load(y, middle * LANES) - x_1, zero),
        least(load(y, (middle + 1) * LANES) - x_2, zero),
    )
    count = where_less(residual, zero, one, zero) + where_less(other, zero, one, zero)
    added, squares = residual + other, fma(residual, residual, other * other)
    for step in range(1, middle + 1):
        at = 3 * (middle - step) * LANES
        x_0 = load(factors, at) * (load(factors, at + 2 * LANES) - x_2) - load(factors, at + LANES) * x_1
        store(factors, at + 2 * LANES, x_0)
        x_1, x_2 = x_0, x_1
        residual = least(load(y, (middle - step) * LANES) - x_0, zero)
        count = count + where_less(residual, zero, one, zero)
        added, squares = added + residual, fma(residual, residual, squares)
        if middle + 1 + step < points:
            at = 3 * (middle + 1 + step) * LANES
            w_0 = load(factors, at) * (load(factors, at + 2 * LANES) - w_2) - load(factors, at + LANES) * w_1
            store(factors, at + 2 * LANES, w_0)
            w_1, w_2 = w_0, w_1
            residual = least(load(y, (middle + 1 + step) * LANES) - w_0, zero)
            count = count + where_less(residual, zero, one, zero)
            added, squares = added + residual, fma(residual, residual, squares)
    store(sums, COUNT * LANES, count)
    store(sums, ADDED * LANES, added)
    store(sums, SQUARES * LANES, squares)


@kernel()
def reweigh(
    y: FloatArray,
    v: FloatArray,
    factors: FloatArray,
    sums: FloatArray,
    method: int,
    asymmetry: float,
    scale: float,
) -> None:
    """Replace the weights by the next times `scale`; `sums` receives ‖Δv‖² and ‖v‖² of each lane."""
    slope, offset = load(sums, SLOPE * LANES), load(sums, OFFSET * LANES)
    zero, steepest, unit = spread(0.0), spread(STEEPEST), spread(scale)
    above, below = spread(asymmetry * scale), spread((1.0 - asymmetry) * scale)
    moved, size = zero, zero
    for at in range(0, y.size, LANES):
        old = load(v, at)
        residual = load(y, at) - load(factors, 3 * at + 2 * LANES)
        if method == ARPLS:
            weight = unit * logistic(least(fma(slope, residual, offset), steepest))
        elif method == ASLS:
            weight = where_less(zero, residual, above, below)
        else:
            weight = where_less(residual, zero, unit * exponential(slope * least(residual, zero)), zero)
        store(v, at, weight)
        size = fma(old, old, size)
        moved = fma(weight - old, weight - old, moved)
    store(sums, MOVED * LANES, moved)
    store(sums, SIZE * LANES, size)


@kernel()
def squares_about(y: FloatArray, factors: FloatArray, lane: int, mean: float) -> float:
    """Return the sum of squares about `mean` of the residuals below zero of one lane."""
    squares = 0.0
    for j in range(y.size // LANES):
        residual = y[j * LANES + lane] - factors[(3 * j + 2) * LANES + lane]
        if residual < 0.0:
            squares += (residual - mean) ** 2
    return squares


@kernel()
def prepare_weights(
    y: FloatArray, factors: FloatArray, sums: FloatArray, method: int, solved: IntArray, lane: int
) -> None:
    """Set slope and offset of the exponent of one lane's weights."""
    count, added = sums[COUNT * LANES + lane], sums[ADDED * LANES + lane]
    slope = offset = 0.0
    if method == ARPLS and count >= 2.0:
        mean = added / count
        about_mean = sums[SQUARES * LANES + lane] - added * mean
        if about_mean < 1e-3 * sums[SQUARES * LANES + lane]:  # too much has cancelled
            about_mean = squares_about(y, factors, lane, mean)
        std = max(np.sqrt(about_mean / (count - 1.0)), np.finfo(np.float64).eps)
        slope = 2.0 / std
        offset = -slope * (2.0 * std - mean)
    elif method == AIRPLS and count >= 2.0:
        slope = min(solved[lane], 50) / added
    sums[SLOPE * LANES + lane] = slope
    sums[OFFSET * LANES + lane] = offset


@kernel()
def decide(
    sums: FloatArray, method: int, norm: float, tol: float, cap: int, scale: float, solved: int, lane: int
) -> int:
    """Return the status of one lane after a system, -1 when it goes on."""
    if sums[FAILED * LANES + lane] != 0.0:
        return SINGULAR
    if method != ASLS and sums[COUNT * LANES + lane] < 2.0:
        return ALL_ABOVE
    if method == AIRPLS:
        change = -sums[ADDED * LANES + lane] / norm
    else:
        size = max(np.sqrt(sums[SIZE * LANES + lane]), np.finfo(np.float64).eps * scale)
        change = np.sqrt(sums[MOVED * LANES + lane]) / size
    if change < tol:
        return CONVERGED
    return CAPPED if solved >= cap else -1


@kernel()
def next_waiting(extents: FloatArray, waiting: int) -> int:
    """Return the first spectrum from `waiting` on that is not flat."""
    while waiting < extents.size and extents[waiting] == 0.0:
        waiting += 1
    return waiting


@kernel()
def fill_lane(
    y: FloatArray, v: FloatArray, lane: int, values: FloatArray, low: float, extent: float, scale: float
) -> None:
    """Put a spectrum with weights of one into a lane."""
    inverse = 1.0 / extent
    for j in range(values.size):
        y[j * LANES + lane] = (values[j] - low) * inverse
        v[j * LANES + lane] = scale


@kernel()
def empty_lane(factors: FloatArray, lane: int, low: float, extent: float, baseline: FloatArray) -> None:
    """Take the baseline out of a lane."""
    for j in range(baseline.size):
        baseline[j] = factors[(3 * j + 2) * LANES + lane] * extent + low


@kernel()
def fit(
    values: FloatArray,
    lows: FloatArray,
    extents: FloatArray,
    settings: tuple[float, int, float, float, int],
    norms: FloatArray,
    outcome: tuple[FloatArray, IntArray, IntArray],
) -> None:
    """Fit the rows of `values`, with the arguments of `_kernels_baseline.fit` one for each row.

    `settings` are λ, method, asymmetry, tolerance and the most systems to solve; `outcome` is baselines,
    statuses and iterations. A row is left `UNFINISHED` that is better fitted by itself: it has the weights to
    go on from in place of its baseline, and the systems already solved as its iterations. Rows of extent zero
    are left alone.
    """
    lam, method, asymmetry, tol, cap = settings
    baselines, statuses, iterations = outcome
    count, points = values.shape
    scale = 1.0 / lam
    for row in range(count):
        if extents[row] != 0.0:
            statuses[row] = UNFINISHED
            baselines[row, :] = 1.0
    if not FEWEST_POINTS <= points <= MOST_POINTS:
        return
    y, v = np.zeros(points * LANES), np.full(points * LANES, scale)
    factors, sums = np.empty(3 * points * LANES), np.zeros(8 * LANES)
    row_of, solved = np.full(LANES, -1), np.zeros(LANES, np.int64)
    waiting, busy = next_waiting(extents, 0), LANES
    while busy >= WORTHWHILE:
        for lane in range(LANES):
            if row_of[lane] < 0 and waiting < count:
                fill_lane(y, v, lane, values[waiting], lows[waiting], extents[waiting], scale)
                row_of[lane], solved[lane] = waiting, 0
                waiting = next_waiting(extents, waiting + 1)
        busy = int((row_of >= 0).sum())
        if busy < WORTHWHILE:
            break
        eliminate(y, v, factors, sums)
        substitute(y, factors, sums)
        for lane in range(LANES):
            solved[lane] += 1
            prepare_weights(y, factors, sums, method, solved, lane)
        reweigh(y, v, factors, sums, method, asymmetry, scale)
        for lane in range(LANES):
            row = row_of[lane]
            if row < 0:
                continue
            status = decide(sums, method, norms[row], tol, cap, scale, solved[lane], lane)
            if status == SINGULAR:  # the single fit, from the beginning, keeps the baseline before
                row_of[lane] = -1
            elif status >= 0:
                statuses[row], iterations[row] = status, solved[lane]
                empty_lane(factors, lane, lows[row], extents[row], baselines[row])
                row_of[lane] = -1
    for lane in range(LANES):
        row = row_of[lane]
        if row >= 0:
            iterations[row] = solved[lane]
            baselines[row] = v[lane::LANES] * lam
