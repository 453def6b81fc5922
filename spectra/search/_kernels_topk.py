"""Kernels of the exact top-k search: coarse dot products over coded rows, bounds, and exact re-scoring."""

from __future__ import annotations

import numpy as np

from spectriage.spectra.arrays import ByteArray, Float32Array, FloatArray, Int8Array, IntArray
from spectriage.spectra.compile.jit import kernel

TIE_SCALE = 1e9
"""Scores that agree when rounded to this part of one are ties."""


@kernel(fastmath={"reassoc", "contract", "nsz"})
def dot_codes(codes: Int8Array, row: int, queries: Float32Array, query: int) -> np.float32:
    """Dot product of one coded row and one query in float32; the caller's bound covers its rounding."""
    total = np.float32(0.0)
    for j in range(codes.shape[1]):
        total += np.float32(codes[row, j]) * queries[query, j]
    return total


@kernel(fastmath={"reassoc", "contract", "nsz"})
def dot_row(matrix: Float32Array, row: int, queries: FloatArray, query: int) -> float:
    """Dot product of a stored row and a query, summed in float64 in one fixed order."""
    total = 0.0
    for j in range(matrix.shape[1]):
        total += np.float64(matrix[row, j]) * queries[query, j]
    return total


@kernel()
def coarse_products(codes: Int8Array, queries: Float32Array, out: Float32Array) -> None:
    """Multiply coded rows (r, f) with few queries (q, f) into `out` (q, r)."""
    for i in range(codes.shape[0]):
        for c in range(queries.shape[0]):
            out[c, i] = dot_codes(codes, i, queries, c)


@kernel()
def decode(codes: Int8Array, out: Float32Array) -> None:
    """Turn coded rows into float32, for a matrix product with many queries."""
    for i in range(codes.shape[0]):
        for j in range(codes.shape[1]):
            out[i, j] = np.float32(codes[i, j])


@kernel()
def before(ids: ByteArray, first: int, second: int) -> bool:
    """Whether the id of one row comes before that of another; equal ids by row."""
    for j in range(ids.shape[1]):
        if ids[first, j] != ids[second, j]:
            return bool(ids[first, j] < ids[second, j])
    return first < second


@kernel()
def insert(
    score: float, row: int, ids: ByteArray, keys: FloatArray, scores: FloatArray, rows: IntArray
) -> None:
    """Put a row into a list of the best, sorted by rounded score and then id, if it belongs there."""
    key = np.rint(score * TIE_SCALE)
    last = rows.size - 1
    if key < keys[last] or (key == keys[last] and rows[last] >= 0 and before(ids, rows[last], row)):
        return
    at = last
    while at > 0 and (
        key > keys[at - 1] or (key == keys[at - 1] and (rows[at - 1] < 0 or before(ids, row, rows[at - 1])))
    ):
        keys[at], scores[at], rows[at] = keys[at - 1], scores[at - 1], rows[at - 1]
        at -= 1
    keys[at], scores[at], rows[at] = key, score, row


@kernel()
def exact_score(matrix: Float32Array, row: int, variants: FloatArray) -> float:
    """Return the best dot product of a row with the variants (v, m) of a query; 0 where it is no number."""
    best = -np.inf
    for v in range(variants.shape[0]):
        score = dot_row(matrix, row, variants, v)
        if not np.isfinite(score):
            score = 0.0
        best = max(best, score)
    return best


@kernel()
def threshold(keys: FloatArray) -> float:
    """Return the least score with which a row could still enter the list."""
    return float((keys[-1] - 0.5) / TIE_SCALE)


@kernel()
def score_all(
    matrix: Float32Array,
    variants: FloatArray,
    ids: ByteArray,
    keys: FloatArray,
    scores: FloatArray,
    rows: IntArray,
) -> None:
    """Score every row exactly."""
    for i in range(matrix.shape[0]):
        insert(exact_score(matrix, i, variants), i, ids, keys, scores, rows)


@kernel()
def survivors(
    products: Float32Array,
    start: int,
    scales: Float32Array,
    tails: Float32Array,
    steps: Float32Array,
    rests: Float32Array,
    least: float,
    bounds: Float32Array,
    found: IntArray,
) -> int:
    """List the rows of a tile whose bound reaches `least`, with their bounds; return how many.

    ``scale · (product + step) + tail · rest`` bounds a row's score with each variant from above.
    """
    count = 0
    limit = np.float32(least)
    size = bounds.size
    for i in range(size):
        bounds[i] = -np.inf
    for v in range(products.shape[0]):
        step, rest = steps[0, v], rests[0, v]
        for i in range(size):
            bound = scales[0, start + i] * (products[v, i] + step) + tails[0, start + i] * rest
            # a bound that overflowed to no number excludes nothing
            bounds[i] = max(bounds[i], bound if bound == bound else np.float32(np.inf))
    for i in range(size):
        if bounds[i] >= limit:
            found[count] = i
            count += 1
    return count


@kernel()
def closer_bound(
    products: Float32Array,
    at: int,
    row: int,
    codes: Int8Array,
    scales: Float32Array,
    tails: Float32Array,
    queries: Float32Array,
    steps: Float32Array,
    rests: Float32Array,
) -> float:
    """Bound one row's score by the coordinates of both levels; `products` are those of the first."""
    best = -np.inf
    for v in range(queries.shape[0]):
        near = scales[0, row] * (products[v, at] + steps[0, v])
        far = scales[1, row] * (dot_codes(codes, row, queries, v) + steps[1, v])
        bound = near + far + tails[1, row] * rests[1, v]
        best = max(best, bound if bound == bound else np.inf)
    return best


@kernel()
def highest(bounds: Float32Array, found: IntArray, count: int, most: int) -> IntArray:
    """Return where in `found` the rows with the highest bounds stand, at most so many, the highest first."""
    kept = np.empty(min(most, count), np.int64)
    filled = 0
    for f in range(count):
        bound = bounds[found[f]]
        at = filled
        if filled < kept.size:
            filled += 1
        elif bound > bounds[found[kept[filled - 1]]]:
            at = filled - 1
        else:
            continue
        while at > 0 and bound > bounds[found[kept[at - 1]]]:
            kept[at] = kept[at - 1]
            at -= 1
        kept[at] = f
    return kept


@kernel()
def absorb(
    products: Float32Array,
    start: int,
    matrix: Float32Array,
    codes: Int8Array,
    scales: Float32Array,
    tails: Float32Array,
    variants: FloatArray,
    queries: Float32Array,
    steps: Float32Array,
    rests: Float32Array,
    ids: ByteArray,
    keys: FloatArray,
    scores: FloatArray,
    rows: IntArray,
    counts: IntArray,
) -> None:
    """Take one tile of rows into one query's list of the best.

    Parameters
    ----------
    products
        Of the tile's first-level codes and the variants, shape (v, r).
    start
        The tile's first row.
    codes, scales, tails
        Second-level codes (n, d); scales (2, n) and tails (2, n) of both levels.
    variants, queries
        The query in full (v, m), and its second-level coordinates (v, d).
    steps, rests
        What the codes' rounding and the coordinates left out may add, shape (2, v).
    keys, scores, rows
        The list so far, best first, shape (k,).
    counts
        Rows bounded at the second level, and rows scored exactly; added to.
    """
    size = products.shape[1]
    bounds = np.empty(size, np.float32)
    found = np.empty(size, np.int64)
    count = survivors(products, start, scales, tails, steps, rests, threshold(keys), bounds, found)
    # the highest bounds first: they raise the threshold soonest
    seeds = highest(bounds, found, count, rows.size)
    for turn in range(seeds.size + count):
        f = seeds[turn] if turn < seeds.size else turn - seeds.size
        at = found[f]
        if at < 0 or bounds[at] < threshold(keys):
            continue
        found[f] = -1
        counts[0] += 1
        row = start + at
        bound = closer_bound(products, at, row, codes, scales, tails, queries, steps, rests)
        if bound >= threshold(keys):
            counts[1] += 1
            insert(exact_score(matrix, row, variants), row, ids, keys, scores, rows)


@kernel()
def absorb_tile(
    products: Float32Array,
    start: int,
    matrix: Float32Array,
    codes: Int8Array,
    scales: Float32Array,
    tails: Float32Array,
    wanted: FloatArray,
    queries: Float32Array,
    steps: Float32Array,
    rests: Float32Array,
    ids: ByteArray,
    keys: FloatArray,
    scores: FloatArray,
    rows: IntArray,
    counts: IntArray,
) -> None:
    """Take one tile of rows into the lists of q queries, `wanted` (q, v, m); the rest as for `absorb`."""
    v = wanted.shape[1]
    for q in range(wanted.shape[0]):
        absorb(
            products[q * v : (q + 1) * v],
            start,
            matrix,
            codes,
            scales,
            tails,
            wanted[q],
            queries[q * v : (q + 1) * v],
            steps[:, q * v : (q + 1) * v],
            rests[:, q * v : (q + 1) * v],
            ids,
            keys[q],
            scores[q],
            rows[q],
            counts,
        )
