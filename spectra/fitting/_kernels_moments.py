"""Kernels of the sums behind a weighted fit: Gᵢⱼ = Σ w rᵢ rⱼ and bᵢ = Σ w rᵢ q.

They are of rows (k, m), a query (m,) and weights (m,). A point's weight is divided by
``least + rise · signal²``, the signal being the greater of the query and the fit by `amplitudes` (k,). Of G
(k, k) the lower half is written. At `first` there is no fit, and what a weight is divided by is known: the
`errors` (m,).

Up to three references are written out: all sums are then taken in one pass, in registers, which is twice as
fast as one pass for each sum; and they are returned too, since what solves for them need not wait for memory.
They stand in what calls them: to hand over so many arrays takes a tenth of the time of a short spectrum.
"""

from __future__ import annotations

import numpy as np

from spectriage.spectra.arrays import Float32Array, FloatArray
from spectriage.spectra.compile._kernels_vectors import apart, widest
from spectriage.spectra.compile.jit import kernel

_ZERO = np.float32(0.0)
TWO_VECTORS = 32
"""Points in two of the widest vectors. What is over is added up in another order by `of_two_at_first` than by
`of_two`, and who replays a record is to find what was recorded to the last digit."""


@kernel(bare=True, fastmath=True)
def combine(rows: Float32Array, amplitudes: FloatArray, out: Float32Array) -> None:
    """Write the sum of rows (k, m), each times its amplitude."""
    widest()
    k = rows.shape[0]
    if k == 0:
        for p in range(out.size):
            out[p] = _ZERO
    for i in range(0, k, 2):
        # two at a time; of an odd number the last is added with nothing
        other = min(i + 1, k - 1)
        x, y = np.float32(amplitudes[i]), np.float32(amplitudes[other] if other > i else 0.0)
        if i == 0:
            for p in range(out.size):
                out[p] = x * rows[0, p] + y * rows[other, p]
        else:
            for p in range(out.size):
                out[p] += x * rows[i, p] + y * rows[other, p]


@kernel(bare=True, fastmath=True)
def _weigh_by_four(
    rows: Float32Array,
    query: Float32Array,
    weights: Float32Array,
    amplitudes: FloatArray,
    least: np.float32,
    rise: np.float32,
    weighted: Float32Array,
) -> None:
    """Write the weight of each point, by a fit of four references."""
    widest()
    x, y = np.float32(amplitudes[0]), np.float32(amplitudes[1])
    z, v = np.float32(amplitudes[2]), np.float32(amplitudes[3])
    for p in range(query.size):
        measured = abs(query[p])
        # in the order of `combine`
        explained = abs((x * rows[0, p] + y * rows[1, p]) + (z * rows[2, p] + v * rows[3, p]))
        signal = measured if measured > explained else explained
        weighted[p] = weights[p] / (least + rise * signal * signal)


@kernel(bare=True, fastmath=True)
def _weigh_by_many(
    rows: Float32Array,
    query: Float32Array,
    weights: Float32Array,
    first: bool,
    amplitudes: FloatArray,
    least: np.float32,
    rise: np.float32,
    weighted: Float32Array,
) -> None:
    """Write the weight of each point, by a fit of any number of references, or none at first."""
    widest()
    if first:
        for p in range(query.size):
            weighted[p] = _ZERO
    else:
        combine(rows, amplitudes, weighted)
    for p in range(query.size):
        measured, explained = abs(query[p]), abs(weighted[p])
        signal = measured if measured > explained else explained
        weighted[p] = weights[p] / (least + rise * signal * signal)


@kernel(bare=True, fastmath=True)
def of_many(
    rows: Float32Array,
    query: Float32Array,
    weights: Float32Array,
    first: bool,
    amplitudes: FloatArray,
    least: np.float32,
    rise: np.float32,
    gram: FloatArray,
    target: FloatArray,
    weighted: Float32Array,
) -> None:
    """Take the sums two references by two at a time, the weights of the points before."""
    widest()
    k, m = rows.shape
    if k == 4 and not first:
        _weigh_by_four(rows, query, weights, amplitudes, least, rise, weighted)
    else:
        _weigh_by_many(rows, query, weights, first, amplitudes, least, rise, weighted)
    for i in range(0, k, 2):
        # of an odd number the last stands for two
        other = min(i + 1, k - 1)
        for j in range(0, i, 2):
            a = b = c = d = _ZERO
            for p in range(m):
                wr, ws = weighted[p] * rows[i, p], weighted[p] * rows[other, p]
                a += wr * rows[j, p]
                b += wr * rows[j + 1, p]
                c += ws * rows[j, p]
                d += ws * rows[j + 1, p]
            gram[i, j], gram[i, j + 1], gram[other, j], gram[other, j + 1] = a, b, c, d
        a = b = c = d = e = _ZERO
        for p in range(m):
            wr, ws = weighted[p] * rows[i, p], weighted[p] * rows[other, p]
            a += wr * rows[i, p]
            b += ws * rows[i, p]
            c += ws * rows[other, p]
            d += wr * query[p]
            e += ws * query[p]
        gram[i, i], gram[other, i], gram[other, other] = a, b, c
        target[i], target[other] = d, e


@kernel(bare=True, fastmath=True, inline="always")
def of_one(
    rows: Float32Array,
    query: Float32Array,
    weights: Float32Array,
    errors: Float32Array,
    first: bool,
    amplitudes: FloatArray,
    least: np.float32,
    rise: np.float32,
    gram: FloatArray,
    target: FloatArray,
) -> tuple[float, float]:
    widest()
    x = np.float32(amplitudes[0])
    g = b = _ZERO
    for p in range(query.size):
        r, q = rows[0, p], query[p]
        measured, explained = abs(q), abs(x * r)
        signal = measured if measured > explained else explained
        w = r * (weights[p] / (errors[p] if first else least + rise * signal * signal))
        g += w * r
        b += w * q
    gram[0, 0], target[0] = g, b
    return np.float64(g), np.float64(b)


@kernel(bare=True, fastmath=True, inline="always")
def of_two(
    rows: Float32Array,
    query: Float32Array,
    weights: Float32Array,
    amplitudes: FloatArray,
    least: np.float32,
    rise: np.float32,
    gram: FloatArray,
    target: FloatArray,
) -> tuple[float, float, float, float, float]:
    widest()
    x, y = np.float32(amplitudes[0]), np.float32(amplitudes[1])
    g11 = g21 = g22 = b1 = b2 = _ZERO
    for p in range(query.size):
        r, s, q = rows[0, p], rows[1, p], query[p]
        measured, explained = abs(q), abs(x * r + y * s)
        signal = measured if measured > explained else explained
        w = weights[p] / (least + rise * signal * signal)
        wr, ws = w * r, w * s
        g11 += wr * r
        g21 += ws * r
        g22 += ws * s
        b1 += wr * q
        b2 += ws * q
    gram[0, 0], gram[1, 0], gram[1, 1] = g11, g21, g22
    target[0], target[1] = b1, b2
    return np.float64(g11), np.float64(g21), np.float64(g22), np.float64(b1), np.float64(b2)


@kernel(bare=True, fastmath=True)
def of_two_at_first(
    rows: Float32Array,
    query: Float32Array,
    weights: Float32Array,
    errors: Float32Array,
    gram: FloatArray,
    target: FloatArray,
) -> tuple[float, float, float, float, float]:
    # written into its caller it changes in which order the compiler lets the others add up
    apart()
    widest()
    g11 = g21 = g22 = b1 = b2 = _ZERO
    for p in range(query.size):
        r, s, q = rows[0, p], rows[1, p], query[p]
        w = weights[p] / errors[p]
        wr, ws = w * r, w * s
        g11 += wr * r
        g21 += ws * r
        g22 += ws * s
        b1 += wr * q
        b2 += ws * q
    gram[0, 0], gram[1, 0], gram[1, 1] = g11, g21, g22
    target[0], target[1] = b1, b2
    return np.float64(g11), np.float64(g21), np.float64(g22), np.float64(b1), np.float64(b2)


@kernel(bare=True, fastmath=True, inline="always")
def of_three(
    rows: Float32Array,
    query: Float32Array,
    weights: Float32Array,
    errors: Float32Array,
    first: bool,
    amplitudes: FloatArray,
    least: np.float32,
    rise: np.float32,
    gram: FloatArray,
    target: FloatArray,
) -> tuple[float, float, float, float, float, float, float, float, float]:
    widest()
    x, y, z = np.float32(amplitudes[0]), np.float32(amplitudes[1]), np.float32(amplitudes[2])
    g11 = g21 = g22 = g31 = g32 = g33 = b1 = b2 = b3 = _ZERO
    for p in range(query.size):
        r, s, t, q = rows[0, p], rows[1, p], rows[2, p], query[p]
        measured, explained = abs(q), abs(x * r + y * s + z * t)
        signal = measured if measured > explained else explained
        w = weights[p] / (errors[p] if first else least + rise * signal * signal)
        wr, ws, wt = w * r, w * s, w * t
        g11 += wr * r
        g21 += ws * r
        g22 += ws * s
        g31 += wt * r
        g32 += wt * s
        g33 += wt * t
        b1 += wr * q
        b2 += ws * q
        b3 += wt * q
    gram[0, 0], gram[1, 0], gram[1, 1] = g11, g21, g22
    gram[2, 0], gram[2, 1], gram[2, 2] = g31, g32, g33
    target[0], target[1], target[2] = b1, b2, b3
    return (
        np.float64(g11),
        np.float64(g21),
        np.float64(g22),
        np.float64(g31),
        np.float64(g32),
        np.float64(g33),
        np.float64(b1),
        np.float64(b2),
        np.float64(b3),
    )
