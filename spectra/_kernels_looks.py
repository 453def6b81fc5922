"""Kernels of the first look: pooled unit vectors, and the best few of many."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spectriage.spectra._jit import kernel
from spectriage.spectra._kernels_compress import compress

Float32Array = NDArray[np.float32]
BoolArray = NDArray[np.bool_]


@kernel(fastmath=True)
def pool(compressed: Float32Array, points: int, moved: int, out: Float32Array) -> None:
    """Write sums over groups of `points` values of a curve (m,) moved up by `moved` points, of unit norm.

    Shape of `out` is (⌈m / points⌉,); what moves in at the ends is zero.
    """
    m = compressed.size
    for g in range(out.size):
        out[g] = np.float32(0.0)
    first, last = max(0, moved), min(m, m + moved)
    for p in range(first, last):
        out[p // points] += compressed[p - moved]
    energy = np.float32(0.0)
    for g in range(out.size):
        energy += out[g] * out[g]
    if energy > 0.0:
        scale = np.float32(1.0 / np.sqrt(energy))
        for g in range(out.size):
            out[g] *= scale


@kernel(fastmath=True)
def pool_moved(compressed: Float32Array, points: int, reach: int, out: Float32Array) -> None:
    """Write `pool` of a curve moved by −reach to reach points, shape (2·reach + 1, g)."""
    for row in range(2 * reach + 1):
        pool(compressed, points, row - reach, out[row])


@kernel(fastmath=True)
def pool_rest(
    derivative: Float32Array,
    fitted: Float32Array,
    valid: BoolArray,
    threshold: float,
    points: int,
    out: Float32Array,
) -> None:
    """Write `pool` of what a fit leaves of a query, compressed."""
    m = derivative.size
    left, compressed = np.empty(m, np.float32), np.empty(m, np.float32)
    for p in range(m):
        left[p] = derivative[p] - fitted[p] if valid[p] else np.float32(0.0)
    compress(left, threshold, compressed)
    pool(compressed, points, 0, out)


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
    looks: Float32Array, penalties: Float32Array, best: Float32Array, move: NDArray[np.intp]
) -> None:
    """Write each row's greatest look less penalty, and at which move; looks (n, k), penalties (k,)."""
    for row in range(looks.shape[0]):
        greatest = looks[row, 0] - penalties[0]
        at = 0
        for k in range(1, looks.shape[1]):
            value = looks[row, k] - penalties[k]
            if value > greatest:
                greatest = value
                at = k
        best[row] = greatest
        move[row] = at
