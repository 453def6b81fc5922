"""Kernels of the coarse search: pooled unit vectors, and the best few of many."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spectriage.spectra.arrays import BoolArray, Float32Array, FloatArray, IndexArray
from spectriage.spectra.compile._kernels_vectors import float_of_upper, widest
from spectriage.spectra.compile.jit import kernel
from spectriage.spectra.contrast._kernels_arguments import Query
from spectriage.spectra.contrast._kernels_compress import compress

_ZERO = np.float32(0.0)
POOL = 4
"""So many points are one in the coarse search; sums over them are written out, to be vector instructions."""


@kernel(bare=True, fastmath=True, inline="always")
def _to_unit_norm(values: Float32Array) -> None:
    """Divide values by their norm, where they have one."""
    energy = np.float32(0.0)
    for g in range(values.size):
        energy += values[g] * values[g]
    if energy > 0.0:
        scale = np.float32(1.0 / np.sqrt(energy))
        for g in range(values.size):
            values[g] *= scale


@kernel(fastmath=True)
def pool(compressed: Float32Array, moved: int, out: Float32Array) -> None:
    """Write sums over groups of `POOL` values of a curve (m,) moved up by `moved` points, of unit norm.

    Shape of `out` is (⌈m / POOL⌉,); what moves in at the ends is zero.
    """
    widest()
    m = compressed.size
    # the groups that lie wholly inside, and with some care the others
    first = min((max(0, moved) + POOL - 1) // POOL, out.size)
    last = max(min((m + moved) // POOL, m // POOL), first)
    for g in range(first, last):
        p = g * POOL - moved
        out[g] = compressed[p] + compressed[p + 1] + compressed[p + 2] + compressed[p + 3]
    for edge in range(out.size - last + first):
        g = edge if edge < first else edge + last - first
        out[g] = np.float32(0.0)
        for p in range(max(g * POOL - moved, 0), min(min((g + 1) * POOL, m) - moved, m)):
            out[g] += compressed[p]
    _to_unit_norm(out)


@kernel(fastmath=True)
def pool_moved(compressed: Float32Array, reach: int, out: Float32Array) -> None:
    """Write `pool` of a curve moved by −reach to reach points, shape (2·reach + 1, ⌈m / POOL⌉)."""
    widest()
    m, groups = compressed.size, out.shape[1]
    # each sum of POOL values in a row, by the point modulo POOL that it begins at: a move takes one of these
    sums = np.zeros((POOL, m // POOL + 2), np.float32)
    for phase in range(POOL):
        inside = (m + phase) // POOL
        for k in range(1, inside):
            p = k * POOL - phase
            sums[phase, k] = compressed[p] + compressed[p + 1] + compressed[p + 2] + compressed[p + 3]
        for p in range(min(POOL - phase, m)):
            sums[phase, 0] += compressed[p]
        for p in range(max(inside, 1) * POOL - phase, m):
            sums[phase, max(inside, 1)] += compressed[p]
    for row in range(2 * reach + 1):
        moved = row - reach
        phase, first = moved % POOL, moved // POOL
        own = out[row]
        for g in range(groups):
            own[g] = np.float32(0.0)
        start = max(first, 0)
        size = min(groups, sums.shape[1] + first) - start
        for g in range(size):
            own[start + g] = sums[phase, start - first + g]
        if m % POOL:
            # what moves beyond the end is not counted
            own[groups - 1] = np.float32(0.0)
            for p in range(max((groups - 1) * POOL - moved, 0), min(m - moved, m)):
                own[groups - 1] += compressed[p]
        _to_unit_norm(own)


@kernel(shared=True, fastmath=True)
def pool_rest(query: Query, fitted: Float32Array, out: Float32Array) -> None:
    """Write `pool` of what a fit leaves of a query, compressed."""
    widest()
    derivative, _, valid, threshold = query
    m = derivative.size
    left, compressed = np.empty(m, np.float32), np.empty(m, np.float32)
    for p in range(m):
        left[p] = derivative[p] - fitted[p] if valid[p] else np.float32(0.0)
    compress(left, threshold, compressed)
    pool(compressed, 0, out)


@kernel(fastmath=True)
def products_with_coarse(coarse: NDArray[np.uint16], queries: Float32Array, out: Float32Array) -> None:
    """Write the products of coarse rows (n, g), kept in sixteen bits, with queries (k, g); shape (n, k).

    Four rows by four queries at a time, so that what is read is used more than once.
    """
    widest()
    count, points = queries.shape
    last = coarse.shape[0] - 1
    for a in range(0, coarse.shape[0], 4):
        # of the last four some may be the last one again
        b, c, d = min(a + 1, last), min(a + 2, last), min(a + 3, last)
        for i in range(0, count, 4):
            j, k, l = min(i + 1, count - 1), min(i + 2, count - 1), min(i + 3, count - 1)
            ai = bi = ci = di = _ZERO
            if i == l:
                for p in range(points):
                    ai += float_of_upper(coarse[a, p]) * queries[i, p]
                    bi += float_of_upper(coarse[b, p]) * queries[i, p]
                    ci += float_of_upper(coarse[c, p]) * queries[i, p]
                    di += float_of_upper(coarse[d, p]) * queries[i, p]
                out[a, i], out[b, i], out[c, i], out[d, i] = ai, bi, ci, di
                continue
            aj = ak = al = bj = bk = bl = cj = ck = cl = dj = dk = dl = _ZERO
            for p in range(points):
                value = float_of_upper(coarse[a, p])
                ai += value * queries[i, p]
                aj += value * queries[j, p]
                ak += value * queries[k, p]
                al += value * queries[l, p]
                value = float_of_upper(coarse[b, p])
                bi += value * queries[i, p]
                bj += value * queries[j, p]
                bk += value * queries[k, p]
                bl += value * queries[l, p]
                value = float_of_upper(coarse[c, p])
                ci += value * queries[i, p]
                cj += value * queries[j, p]
                ck += value * queries[k, p]
                cl += value * queries[l, p]
                value = float_of_upper(coarse[d, p])
                di += value * queries[i, p]
                dj += value * queries[j, p]
                dk += value * queries[k, p]
                dl += value * queries[l, p]
            out[a, i], out[a, j], out[a, k], out[a, l] = ai, aj, ak, al
            out[b, i], out[b, j], out[b, k], out[b, l] = bi, bj, bk, bl
            out[c, i], out[c, j], out[c, k], out[c, l] = ci, cj, ck, cl
            out[d, i], out[d, j], out[d, k], out[d, l] = di, dj, dk, dl


@kernel()
def best_allowed(values: Float32Array, allowed: BoolArray, best: NDArray[np.intp]) -> int:
    """Write the places of the greatest allowed values above zero, greatest first; return how many there are.

    As many as `best` has room for. Of equal values the first place comes first.
    """
    room = best.size
    count = 0
    least = np.float32(0.0)
    for place in range(values.size):
        value = values[place]
        if value > least and allowed[place]:
            at = min(count, room - 1)
            while at > 0 and values[best[at - 1]] < value:
                best[at] = best[at - 1]
                at -= 1
            best[at] = place
            count = min(count + 1, room)
            if count == room:
                least = values[best[room - 1]]
    return count


@kernel(fastmath=True)
def best_moves(
    similarities: Float32Array, penalties: Float32Array, best: Float32Array, move: NDArray[np.intp]
) -> None:
    """Write each row's greatest similarity less penalty, and at which move; shapes (n, k) and (k,)."""
    for row in range(similarities.shape[0]):
        greatest = similarities[row, 0] - penalties[0]
        at = 0
        for k in range(1, similarities.shape[1]):
            value = similarities[row, k] - penalties[k]
            if value > greatest:
                greatest = value
                at = k
        best[row] = greatest
        move[row] = at


@kernel()
def coarse_best(
    compressed: Float32Array,
    coarse: NDArray[np.uint16],
    penalties: Float32Array,
    allowed: BoolArray,
    best: NDArray[np.intp],
    moves: NDArray[np.intp],
) -> int:
    """Write the rows that are most like a curve (m,), each at the move that suits it best; return how many.

    Parameters
    ----------
    coarse
        Rows (n, g), in sixteen bits.
    penalties
        What a move by −reach to reach points takes off the similarity, shape (2·reach + 1,).
    allowed
        Which rows count, shape (n,).
    best, moves
        Written: the rows, best first, and the move of each in points; as many as there is room for.
    """
    reach = penalties.size // 2
    moved = np.empty((penalties.size, coarse.shape[1]), np.float32)
    similarities = np.empty((coarse.shape[0], penalties.size), np.float32)
    greatest, at = np.empty(coarse.shape[0], np.float32), np.empty(coarse.shape[0], np.intp)
    pool_moved(compressed, reach, moved)
    products_with_coarse(coarse, moved, similarities)
    best_moves(similarities, penalties, greatest, at)
    count = best_allowed(greatest, allowed, best)
    for i in range(count):
        moves[i] = at[best[i]] - reach
    return count


@kernel(shared=True)
def likeliest_each(
    coarse: NDArray[np.uint16],
    pooled: Float32Array,
    allowed: BoolArray,
    best: NDArray[np.intp],
    counts: NDArray[np.intp],
) -> None:
    """Write the allowed rows most like each of several pooled curves, best first, and how many there are.

    Parameters
    ----------
    coarse
        Rows (n, g), in sixteen bits; read but once.
    pooled, allowed
        Of each curve: shape (k, g), and which rows count for it, (k, n).
    best
        Written, shape (k, most).
    counts
        How many are wanted for each; written: how many there are, shape (k,).
    """
    similarities = np.empty((coarse.shape[0], pooled.shape[0]), np.float32)
    own = np.empty(coarse.shape[0], np.float32)
    products_with_coarse(coarse, pooled, similarities)
    for i in range(pooled.shape[0]):
        for row in range(own.size):
            own[row] = similarities[row, i]
        counts[i] = best_allowed(own, allowed[i], best[i, : counts[i]])


@kernel()
def greatest_moved(
    compressed: Float32Array,
    places: IndexArray,
    reach: int,
    near: int,
    coarse: NDArray[np.uint16],
    out: FloatArray,
) -> None:
    """Write the move and the row at which each of some curves is most like one of some rows.

    The curves are the rows of `compressed` that stand at `places`, shape (s,). That is among moves by −reach
    to reach points. Shape of `out` is (s, 4): the move, the row, how much the curve is like it, and how much
    it is at most when moved by no more than `near`.
    """
    moved = np.empty((2 * reach + 1, coarse.shape[1]), np.float32)
    cosines = np.empty((coarse.shape[0], 2 * reach + 1), np.float32)
    for curve in range(places.size):
        pool_moved(compressed[places[curve]], reach, moved)
        products_with_coarse(coarse, moved, cosines)
        move, at = 0, 0
        best, best_near = np.float32(-np.inf), np.float32(-np.inf)
        for place in range(2 * reach + 1):
            for row in range(coarse.shape[0]):
                cosine = cosines[row, place]
                if cosine > best:
                    best, move, at = cosine, place - reach, row
                if abs(place - reach) <= near and cosine > best_near:
                    best_near = cosine
        out[curve, 0], out[curve, 1], out[curve, 2], out[curve, 3] = move, at, best, best_near
