"""Reweighted Whittaker smoothing of one spectrum, cut into eight stretches that are solved side by side.

Here are the solution, and the iterations of airPLS and asLS; those of arPLS are in `_kernels_baseline_arpls`.

The pivots of LDLᵀ form one chain of dependent divisions, and a processor waits for each. A spectrum of n
points is therefore cut into eight stretches of K = ⌈n / 8⌉ points; lane s holds points s·K … (s+1)·K - 1. The
last two points of a stretch separate it from the next, which the second difference does not reach across.
With the separators moved to the end of the elimination order the stretches factor independently, one to a
lane: the same Cholesky factorisation as in `_kernels_baseline`, of the matrix with rows and columns permuted,
and as stable. Points that fill the last lane up have no weight, which leaves the fit to the others unchanged.

Every array is flat, row j of all lanes at ``8 j : 8 j + 8``; weights are divided by λ.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.baseline._kernels_baseline import (
    ALL_ABOVE,
    ASLS,
    CAPPED,
    CONVERGED,
    SINGULAR,
)
from spectriage.spectra.baseline._kernels_baseline_lanes import (
    LANES,
    exponential,
    fma,
    least,
    load,
    spread,
    store,
    total,
    where_less,
)
from spectriage.spectra.compile.jit import kernel

FEWEST_POINTS = 64
"""Shorter spectra would leave a stretch hardly any points beside its separators."""
FILLING = 1e9
"""Intensity of the points that fill the last lane: above every baseline of values in 0 … 1."""

# Rows of `edges`: how the first rows of lane 0 and the last of lane 7 differ from the rows between.
DIAGONAL_0, DIAGONAL_1, OFF_0, LEFT_P0, LEFT_Q0, LEFT_Q1, DIAGONAL_P, DIAGONAL_Q, OFF_P = range(9)
# Rows of `joint`: the equations of the separators p, q of each lane, then what the lane takes from those
# of the lane before, then their solution: own, and of the lane before.
PP, PQ, QQ, RP, RQ, PP1, PQ1, QP1, QQ1, TPP, TPQ, TQQ, TP, TQ, XP, XQ, XP1, XQ1 = range(18)


def _edge_rows() -> FloatArray:
    """Return the coefficients of DᵀD that differ between lanes, one row of lanes to each."""
    edges = np.empty((9, LANES))
    edges[DIAGONAL_0], edges[DIAGONAL_1], edges[OFF_0] = 6.0, 6.0, -4.0
    edges[LEFT_P0], edges[LEFT_Q0], edges[LEFT_Q1] = 1.0, -4.0, 1.0
    edges[DIAGONAL_P], edges[DIAGONAL_Q], edges[OFF_P] = 6.0, 6.0, -4.0
    edges[[DIAGONAL_0, DIAGONAL_1, OFF_0, LEFT_P0, LEFT_Q0, LEFT_Q1], 0] = 1.0, 5.0, -2.0, 0.0, 0.0, 0.0
    edges[[DIAGONAL_P, DIAGONAL_Q, OFF_P], LANES - 1] = 5.0, 1.0, -2.0
    return edges.reshape(-1)


EDGES = _edge_rows()
"""What a kernel knows of the edges: a constant in its code."""


@kernel(inline="always")
def store_separators(
    y: FloatArray, v: FloatArray, edges: FloatArray, joint: FloatArray, last_2: Any, last_1: Any, next_to: Any
) -> None:
    """Write the equations of the two separators of each lane, its inner points eliminated.

    `last_2` and `last_1` are 1 / pivot, right-hand side and the columns of the separators of the lane before,
    of the last two inner rows; `next_to` is the coupling of the last with p, and that over its pivot.
    """
    inverse_2, z_2, p_2, q_2 = last_2
    inverse_1, z_1, p_1, q_1 = last_1
    coupling, factor_1 = next_to
    zero = spread(0.0)
    at = y.size - 2 * LANES
    weight = load(v, at)
    # fused: left to the compiler it would differ with what stands around it
    store(
        joint,
        PP * LANES,
        fma(zero - coupling, factor_1, load(edges, DIAGONAL_P * LANES) + weight - inverse_2),
    )
    store(joint, PQ * LANES, load(edges, OFF_P * LANES) - factor_1)
    store(joint, RP * LANES, weight * load(y, at) - inverse_2 * z_2 - factor_1 * z_1)
    store(joint, PP1 * LANES, zero - inverse_2 * p_2 - factor_1 * p_1)
    store(joint, PQ1 * LANES, zero - inverse_2 * q_2 - factor_1 * q_1)
    weight = load(v, at + LANES)
    store(joint, QQ * LANES, load(edges, DIAGONAL_Q * LANES) + weight - inverse_1)
    store(joint, RQ * LANES, weight * load(y, at + LANES) - inverse_1 * z_1)
    store(joint, QP1 * LANES, zero - inverse_1 * p_1)
    store(joint, QQ1 * LANES, zero - inverse_1 * q_1)


@kernel()
def eliminate(
    y: FloatArray, v: FloatArray, edges: FloatArray, factors: FloatArray, joint: FloatArray
) -> bool:
    """Eliminate the inner points of all stretches, and leave the equations of the separators in `joint`.

    False when a pivot is not positive. `factors` receives in each row: 1 / pivot, the factor of the next row,
    the right-hand side, and the two columns that couple the row with the separators of the lane before.
    """
    step = 5 * LANES
    rows = y.size // LANES
    one, six, four = spread(1.0), spread(6.0), spread(-4.0)
    zero = spread(0.0)
    weight = load(v, 0)
    inverse_2 = zero
    inverse_1 = one / (load(edges, DIAGONAL_0 * LANES) + weight)
    coupling = load(edges, OFF_0 * LANES)
    factor_1 = coupling * inverse_1
    z_2, p_2, q_2 = zero, zero, zero
    z_1, p_1, q_1 = weight * load(y, 0), load(edges, LEFT_P0 * LANES), load(edges, LEFT_Q0 * LANES)
    diagonal, source_q = load(edges, DIAGONAL_1 * LANES), load(edges, LEFT_Q1 * LANES)
    pp, pq, qq, pz, qz = zero, zero, zero, zero, zero
    failed = where_less(zero, inverse_1, zero, one)
    for j in range(1, rows - 1):
        at = (j - 1) * step
        store(factors, at, inverse_1)
        store(factors, at + LANES, factor_1)
        store(factors, at + 2 * LANES, z_1)
        store(factors, at + 3 * LANES, p_1)
        store(factors, at + 4 * LANES, q_1)
        scaled_p, scaled_q = p_1 * inverse_1, q_1 * inverse_1
        pp, pq, qq = fma(scaled_p, p_1, pp), fma(scaled_p, q_1, pq), fma(scaled_q, q_1, qq)
        pz, qz = fma(scaled_p, z_1, pz), fma(scaled_q, z_1, qz)
        if j == rows - 2:
            break
        weight = load(v, j * LANES)
        pivot = (diagonal + weight - inverse_2) - coupling * factor_1
        coupling = four - factor_1
        z = (weight * load(y, j * LANES) - inverse_2 * z_2) - factor_1 * z_1
        p = zero - inverse_2 * p_2 - factor_1 * p_1
        q = source_q - inverse_2 * q_2 - factor_1 * q_1
        inverse_2, z_2, p_2, q_2 = inverse_1, z_1, p_1, q_1
        inverse_1, z_1, p_1, q_1 = one / pivot, z, p, q
        failed = where_less(zero, inverse_1, failed, one)
        factor_1 = coupling * inverse_1
        diagonal, source_q = six, zero
    store_separators(
        y, v, edges, joint, (inverse_2, z_2, p_2, q_2), (inverse_1, z_1, p_1, q_1), (coupling, factor_1)
    )
    store(joint, TPP * LANES, pp)
    store(joint, TPQ * LANES, pq)
    store(joint, TQQ * LANES, qq)
    store(joint, TP * LANES, pz)
    store(joint, TQ * LANES, qz)
    return float(total(failed)) == 0.0


@kernel()
def solve_separators(joint: FloatArray) -> bool:
    """Solve the block tridiagonal equations of the separators; False when a pivot is not positive."""
    m = joint.reshape((18, LANES))
    for s in range(LANES):
        pp, pq, qq, rp, rq = m[PP, s], m[PQ, s], m[QQ, s], m[RP, s], m[RQ, s]
        if s + 1 < LANES:
            pp -= m[TPP, s + 1]
            pq -= m[TPQ, s + 1]
            qq -= m[TQQ, s + 1]
            rp -= m[TP, s + 1]
            rq -= m[TQ, s + 1]
        if s > 0:
            # rows of the coupling with the lane before, solved with that lane's LDLᵀ
            last_p, last_pq, last_q = m[PP, s - 1], m[PQ, s - 1], m[QQ, s - 1]
            p_p, p_q = m[PP1, s], m[PQ1, s] - last_pq * m[PP1, s]
            q_p, q_q = m[QP1, s], m[QQ1, s] - last_pq * m[QP1, s]
            pp -= p_p * p_p * last_p + p_q * p_q * last_q
            pq -= p_p * q_p * last_p + p_q * q_q * last_q
            qq -= q_p * q_p * last_p + q_q * q_q * last_q
            rp -= p_p * last_p * m[RP, s - 1] + p_q * last_q * m[RQ, s - 1]
            rq -= q_p * last_p * m[RP, s - 1] + q_q * last_q * m[RQ, s - 1]
        if not pp > 0.0:
            return False
        m[PP, s] = 1.0 / pp
        m[PQ, s] = pq * m[PP, s]
        pivot = qq - pq * m[PQ, s]
        if not pivot > 0.0:
            return False
        m[QQ, s] = 1.0 / pivot
        m[RP, s] = rp
        m[RQ, s] = rq - m[PQ, s] * rp
    x_p = x_q = 0.0
    for s in range(LANES - 1, -1, -1):
        rp, rq = m[RP, s], m[RQ, s]
        if s + 1 < LANES:
            from_p = m[PP1, s + 1] * x_p + m[QP1, s + 1] * x_q
            from_q = m[PQ1, s + 1] * x_p + m[QQ1, s + 1] * x_q
            rp -= from_p
            rq -= from_q - m[PQ, s] * from_p
        x_q = rq * m[QQ, s]
        x_p = rp * m[PP, s] - m[PQ, s] * x_q
        m[XP, s], m[XQ, s] = x_p, x_q
        if s + 1 < LANES:
            m[XP1, s + 1], m[XQ1, s + 1] = x_p, x_q
    m[XP1, 0] = m[XQ1, 0] = 0.0
    return True


@kernel()
def substitute(
    y: FloatArray, factors: FloatArray, joint: FloatArray, x: FloatArray
) -> tuple[float, float, float]:
    """Solve for the inner points; return number, sum and sum of squares of the residuals below zero."""
    step = 5 * LANES
    rows = y.size // LANES
    zero, one = spread(0.0), spread(1.0)
    left_p, left_q = load(joint, XP1 * LANES), load(joint, XQ1 * LANES)
    x_2, x_1 = load(joint, XQ * LANES), load(joint, XP * LANES)
    store(x, (rows - 1) * LANES, x_2)
    store(x, (rows - 2) * LANES, x_1)
    residual = least(load(y, (rows - 1) * LANES) - x_2, zero)
    count = where_less(residual, zero, one, zero)
    added, squares = residual, residual * residual
    residual = least(load(y, (rows - 2) * LANES) - x_1, zero)
    count = count + where_less(residual, zero, one, zero)
    added, squares = added + residual, fma(residual, residual, squares)
    for j in range(rows - 3, -1, -1):
        at = j * step
        source = load(factors, at + 2 * LANES) - load(factors, at + 3 * LANES) * left_p
        source = source - load(factors, at + 4 * LANES) * left_q
        x_0 = load(factors, at) * (source - x_2) - load(factors, at + LANES) * x_1
        store(x, j * LANES, x_0)
        x_2, x_1 = x_1, x_0
        residual = least(load(y, j * LANES) - x_0, zero)
        count = count + where_less(residual, zero, one, zero)
        added, squares = added + residual, fma(residual, residual, squares)
    return total(count), total(added), total(squares)


@kernel(inline="always")
def reweigh_asls(
    y: FloatArray, x: FloatArray, v: FloatArray, new: FloatArray, asymmetry: float, scale: float
) -> float:
    """Write the weights of Eilers and Boelens (2005) times `scale`; return their relative change."""
    above, below = spread(asymmetry * scale), spread((1.0 - asymmetry) * scale)
    filling, zero = spread(FILLING), spread(0.0)
    moved, size = spread(0.0), spread(0.0)
    for at in range(0, y.size, LANES):
        old, value = load(v, at), load(y, at)
        weight = where_less(load(x, at), value, where_less(value, filling, above, zero), below)
        store(new, at, weight)
        size = fma(old, old, size)
        moved = fma(weight - old, weight - old, moved)
    return relative(total(moved), total(size), scale)


@kernel(inline="always")
def reweigh_airpls(y: FloatArray, x: FloatArray, new: FloatArray, slope: float, scale: float) -> None:
    """Write the exponential weights of Zhang et al. (2010) times `scale`."""
    zero, steepness, unit = spread(0.0), spread(slope), spread(scale)
    for at in range(0, y.size, LANES):
        residual = least(load(y, at) - load(x, at), zero)
        store(new, at, where_less(residual, zero, unit * exponential(steepness * residual), zero))


@kernel()
def relative(moved: float, size: float, scale: float) -> float:
    """Return ‖Δv‖ / ‖v‖ of two sums of squares, the denominator at least that of one weight of 2⁻⁵²."""
    return float(np.sqrt(moved) / max(np.sqrt(size), np.finfo(np.float64).eps * scale))


@kernel()
def into_lanes(values: FloatArray, shift: float, scale: float, filling: float, out: FloatArray) -> None:
    """Write ``(values - shift) * scale`` lane by lane, and `filling` after the end."""
    rows = out.size // LANES
    for s in range(LANES):
        for j in range(rows):
            i = s * rows + j
            out[j * LANES + s] = (values[i] - shift) * scale if i < values.size else filling


@kernel()
def out_of_lanes(x: FloatArray, scale: float, shift: float, out: FloatArray) -> None:
    """Write ``x * scale + shift`` point by point."""
    rows = x.size // LANES
    for s in range(LANES):
        for j in range(min(rows, out.size - s * rows)):
            out[s * rows + j] = x[j * LANES + s] * scale + shift


@kernel()
def iterate(
    y: FloatArray,
    v: FloatArray,
    new: FloatArray,
    x: FloatArray,
    scale: float,
    method: int,
    asymmetry: float,
    norm: float,
    tol: float,
    done: int,
    history: FloatArray,
) -> tuple[int, int]:
    """Iterate from the weights `v` after `done` systems; return the status and the systems solved.

    After an even number of further systems the weights of the last one are in `new`, after an odd one in `v`.
    """
    factors = np.empty(5 * y.size)
    joint = np.empty(18 * LANES)
    for iteration in range(done, history.size):
        if not (eliminate(y, v, EDGES, factors, joint) and solve_separators(joint)):
            return SINGULAR, iteration
        count, added, _ = substitute(y, factors, joint, x)
        if method == ASLS:
            change = reweigh_asls(y, x, v, new, asymmetry, scale)
        elif count < 2.0:
            return ALL_ABOVE, iteration + 1
        else:
            change = -added / norm
            reweigh_airpls(y, x, new, min(iteration + 1, 50) / added, scale)
        history[iteration] = change
        if change < tol:
            return CONVERGED, iteration + 1
        v, new = new, v
    return CAPPED, history.size


@kernel()
def fit(
    values: FloatArray,
    low: float,
    extent: float,
    lam: float,
    method: int,
    asymmetry: float,
    norm: float,
    tol: float,
    done: int,
    weights: FloatArray,
    baseline: FloatArray,
    history: FloatArray,
) -> tuple[int, int]:
    """Fit at least `FEWEST_POINTS` values by airPLS or asLS, as `_kernels_baseline.fit` does."""
    size = LANES * ((values.size + LANES - 1) // LANES)
    y, v, new, x = np.empty(size), np.empty(size), np.empty(size), np.empty(size)
    into_lanes(values, low, 1.0 / extent, FILLING, y)
    into_lanes(weights, 0.0, 1.0 / lam, 0.0, v)
    status, solved = iterate(y, v, new, x, 1.0 / lam, method, asymmetry, norm, tol, done, history)
    if solved > done:
        out_of_lanes(x, extent, low, baseline)
        out_of_lanes(v if (solved - done) % 2 == 1 else new, lam, 0.0, weights)
    return status, solved
