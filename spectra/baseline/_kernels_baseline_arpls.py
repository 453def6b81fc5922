"""arPLS of one spectrum: the weights of an iteration and the elimination with them, in one pass.

As in `_kernels_baseline_split` a spectrum is cut into eight stretches, one to a lane. There the elimination
waits for its chain of divisions, and the weights wait for theirs, which hang on nothing. Taken together the
processor makes weights while it waits for a pivot. It looks ahead over no more than a hundred instructions,
so this has to be laid out for it: a weight is made in five stages, and each step of the loop takes every
stage with another row. What the last pass eliminates, one of thirty, is for nothing.

The numbers are those of two passes, to the last bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.baseline._kernels_baseline import ALL_ABOVE, CAPPED, CONVERGED, SINGULAR, STEEPEST
from spectriage.spectra.baseline._kernels_baseline_lanes import (
    LANES,
    fma,
    least,
    load,
    power_of_two,
    spread,
    store,
    total,
    where_less,
)
from spectriage.spectra.baseline._kernels_baseline_split import (
    DIAGONAL_0,
    DIAGONAL_1,
    EDGES,
    FILLING,
    LEFT_P0,
    LEFT_Q0,
    LEFT_Q1,
    OFF_0,
    TP,
    TPP,
    TPQ,
    TQ,
    TQQ,
    into_lanes,
    out_of_lanes,
    relative,
    solve_separators,
    store_separators,
    substitute,
)
from spectriage.spectra.compile._kernels_vectors import aligned
from spectriage.spectra.compile.jit import kernel

STAGES = 4
"""So many rows before it is stored a weight is begun."""
# Rows of a table: what the first, the second and every other row of a stretch have of DᵀD and of the
# separators of the lane before, four for each; and what is the same in all lanes, more than there are
# registers for: constants that were put away on the stack cost more than these.
DIAGONAL, OFF, LEFT_P, LEFT_Q = range(4)
SLOPE, OFFSET, SCALE, STEEP, SHIFTER, PER_LN_2, LN_2, REST_OF_LN_2, E_0, E_1, E_2, O_0, O_1 = range(12, 25)


@kernel()
def aligned_room(size: int) -> FloatArray:
    """Return a new array that begins where vectors are read in one piece."""
    room = np.empty(size + LANES)
    skip = (-(room.ctypes.data // 8)) % LANES
    return room[skip : skip + size]


def _table() -> FloatArray:
    """Return the table, without slope, offset and scale; the constants are those of `logistic`."""
    edges, table = EDGES.reshape(-1, LANES), np.zeros((25, LANES))
    table[:4] = edges[[DIAGONAL_0, OFF_0, LEFT_P0, LEFT_Q0]]
    table[4 + DIAGONAL], table[4 + LEFT_Q] = edges[DIAGONAL_1], edges[LEFT_Q1]
    table[8 + DIAGONAL], table[4 + OFF], table[8 + OFF] = 6.0, -4.0, -4.0
    table[STEEP], table[SHIFTER], table[PER_LN_2] = STEEPEST, 6755399441055744.0 + 1023.0, 1.4426950408889634
    table[LN_2], table[REST_OF_LN_2] = -0.6931471803691238, -1.9082149292705877e-10
    table[E_0], table[E_1], table[E_2], table[O_0], table[O_1] = 30240.0, 3360.0, 30.0, 15120.0, 420.0
    return table.reshape(-1)


_TABLE = _table()


@kernel()
def reduced(table: FloatArray, distance: Any) -> tuple[Any, Any]:
    """Return r and the shifted k of the exponent of a residual: the first stage of `logistic`."""
    exponent = fma(load(table, SLOPE * LANES), distance, load(table, OFFSET * LANES))
    exponent = least(exponent, load(table, STEEP * LANES))
    shifted = fma(exponent, load(table, PER_LN_2 * LANES), load(table, SHIFTER * LANES))
    k = shifted - load(table, SHIFTER * LANES)
    r = fma(k, load(table, LN_2 * LANES), exponent)
    return fma(k, load(table, REST_OF_LN_2 * LANES), r), shifted


@kernel()
def even_and_odd(table: FloatArray, r: Any) -> tuple[Any, Any]:
    """Return the even and the odd part of the approximant of exp r: the second stage of `logistic`."""
    square = r * r
    even = fma(load(table, E_2 * LANES), square, load(table, E_1 * LANES))
    even = fma(even, square, load(table, E_0 * LANES))
    return even, r * fma(square + load(table, O_1 * LANES), square, load(table, O_0 * LANES))


@kernel(inline="always")
def squares_about(y: FloatArray, x: FloatArray, mean: float) -> float:
    """Return the sum of squares about `mean` of the residuals below zero."""
    zero, centre, squares = spread(0.0), spread(mean), spread(0.0)
    for at in range(0, y.size, LANES):
        residual = load(y, at) - load(x, at)
        distance = where_less(residual, zero, residual - centre, zero)
        squares = fma(distance, distance, squares)
    return float(total(squares))


@kernel(inline="always")
def standard_deviation(y: FloatArray, x: FloatArray, count: float, added: float, squares: float) -> float:
    """Return the sample standard deviation of the residuals below zero."""
    about_mean = squares - added * added / count
    if about_mean < 1e-3 * squares:  # too much has cancelled
        about_mean = squares_about(y, x, added / count)
    std = np.sqrt(about_mean / (count - 1.0))
    return std if std > 0.0 else np.finfo(np.float64).eps


@kernel()
def weigh_and_eliminate(
    y: FloatArray,
    x: FloatArray,
    v: FloatArray,
    new: FloatArray,
    table: FloatArray,
    settings: tuple[float, float, float],
    factors: FloatArray,
    joint: FloatArray,
) -> tuple[bool, float, float]:
    """Write the weights of the next system, and eliminate the inner points of all stretches with them.

    Return whether every pivot was positive, ‖Δv‖² and ‖v‖².

    Parameters
    ----------
    x
        The baseline that the weights are to be of.
    v, new
        The weights before, and written, both times the scale. They may be one array.
    table
        See above; slope and offset are written there.
    settings
        Slope and offset of the logistic function's exponent; and 1 where the weights stay as they are,
        else 0.
    factors, joint
        Written as by `_kernels_baseline_split.eliminate`.
    """
    aligned()
    rows = y.size // LANES
    zero, one, given = spread(0.0), spread(1.0), spread(settings[2])
    store(table, SLOPE * LANES, spread(settings[0]))
    store(table, OFFSET * LANES, spread(settings[1]))
    moved, size, failed = zero, zero, zero
    inverse_2, z_2, p_2, q_2, coupling = zero, zero, zero, zero, zero
    inverse_1, z_1, p_1, q_1, factor_1 = zero, zero, zero, zero, zero
    pp, pq, qq, pz, qz = zero, zero, zero, zero, zero
    # of rows one, two, three and four steps ahead of the one that is eliminated
    share, low, high, even, odd, shifted_3, r, shifted_4 = zero, zero, one, zero, zero, zero, zero, zero
    for step in range(rows + STAGES):
        fraction, share = share, low / high
        low = even - odd
        high = fma(power_of_two(shifted_3), even + odd, low)
        even, odd = even_and_odd(table, r)
        shifted_3 = shifted_4
        ahead = min(step, rows - 1) * LANES
        r, shifted_4 = reduced(table, load(y, ahead) - load(x, ahead))
        j = step - STAGES
        if j < 0:
            continue
        old, value = load(v, j * LANES), load(y, j * LANES)
        weight = where_less(zero, given, old, load(table, SCALE * LANES) * fraction)
        store(new, j * LANES, weight)
        size = fma(old, old, size)
        moved = fma(weight - old, weight - old, moved)
        if j >= rows - 2:
            continue
        kind = 4 * min(j, 2) * LANES
        pivot = (load(table, kind) + weight - inverse_2) - coupling * factor_1
        coupling = load(table, kind + OFF * LANES) - factor_1
        taken, rest = inverse_2 * z_2, factor_1
        if j == 1:  # nothing is two rows before: which product is rounded first must not change
            taken, rest = factor_1 * z_1, zero
        z = fma(weight, value, zero - taken) - rest * z_1
        p = load(table, kind + LEFT_P * LANES) - inverse_2 * p_2 - factor_1 * p_1
        q = load(table, kind + LEFT_Q * LANES) - inverse_2 * q_2 - factor_1 * q_1
        inverse_2, z_2, p_2, q_2 = inverse_1, z_1, p_1, q_1
        inverse_1, z_1, p_1, q_1 = one / pivot, z, p, q
        failed = where_less(zero, inverse_1, failed, one)
        factor_1 = coupling * inverse_1
        at = 5 * j * LANES
        store(factors, at, inverse_1)
        store(factors, at + LANES, factor_1)
        store(factors, at + 2 * LANES, z_1)
        store(factors, at + 3 * LANES, p_1)
        store(factors, at + 4 * LANES, q_1)
        scaled_p, scaled_q = p_1 * inverse_1, q_1 * inverse_1
        pp, pq, qq = fma(scaled_p, p_1, pp), fma(scaled_p, q_1, pq), fma(scaled_q, q_1, qq)
        pz, qz = fma(scaled_p, z_1, pz), fma(scaled_q, z_1, qz)
    store_separators(
        y, new, EDGES, joint, (inverse_2, z_2, p_2, q_2), (inverse_1, z_1, p_1, q_1), (coupling, factor_1)
    )
    store(joint, TPP * LANES, pp)
    store(joint, TPQ * LANES, pq)
    store(joint, TQQ * LANES, qq)
    store(joint, TP * LANES, pz)
    store(joint, TQ * LANES, qz)
    return float(total(failed)) == 0.0, total(moved), total(size)


@kernel()
def iterate(
    y: FloatArray,
    v: FloatArray,
    new: FloatArray,
    x: FloatArray,
    scale: float,
    tol: float,
    done: int,
    history: FloatArray,
) -> tuple[int, int]:
    """Iterate from the weights `v` after `done` systems; return the status and the systems solved.

    After an even number of further systems the weights of the last one are in `new`, after an odd one in `v`.
    """
    factors, joint, table = aligned_room(5 * y.size), aligned_room(18 * LANES), aligned_room(_TABLE.size)
    for i in range(table.size):
        table[i] = _TABLE[i]
    store(table, SCALE * LANES, spread(scale))
    for i in range(x.size):
        x[i] = 0.0
    positive, moved, size = weigh_and_eliminate(y, x, v, v, table, (0.0, 0.0, 1.0), factors, joint)
    for iteration in range(done, history.size):
        if not (positive and solve_separators(joint)):
            return SINGULAR, iteration
        count, added, squares = substitute(y, factors, joint, x)
        if count < 2.0:
            return ALL_ABOVE, iteration + 1
        std = standard_deviation(y, x, count, added, squares)
        settings = 2.0 / std, -(2.0 / std) * (2.0 * std - added / count), 0.0
        positive, moved, size = weigh_and_eliminate(y, x, v, new, table, settings, factors, joint)
        history[iteration] = relative(moved, size, scale)
        if history[iteration] < tol:
            return CONVERGED, iteration + 1
        v, new = new, v
    return CAPPED, history.size


@kernel()
def fit(
    values: FloatArray,
    low: float,
    extent: float,
    lam: float,
    tol: float,
    done: int,
    weights: FloatArray,
    baseline: FloatArray,
    history: FloatArray,
) -> tuple[int, int]:
    """Fit at least `FEWEST_POINTS` values; arguments and result as in `_kernels_baseline.fit`."""
    size = LANES * ((values.size + LANES - 1) // LANES)
    y, v, new, x = aligned_room(size), aligned_room(size), aligned_room(size), aligned_room(size)
    into_lanes(values, low, 1.0 / extent, FILLING, y)
    into_lanes(weights, 0.0, 1.0 / lam, 0.0, v)
    status, solved = iterate(y, v, new, x, 1.0 / lam, tol, done, history)
    if solved > done:
        out_of_lanes(x, extent, low, baseline)
        out_of_lanes(v if (solved - done) % 2 == 1 else new, lam, 0.0, weights)
    return status, solved
