"""Kernels of the sums behind a weighted fit: Gᵢⱼ = Σ w rᵢ rⱼ and bᵢ = Σ w rᵢ q.

Up to three references are written out: all sums are then taken in one pass, in registers, which is twice as
fast as one pass for each sum.
"""

from __future__ import annotations

import numpy as np

from spectriage.spectra.arrays import Float32Array, FloatArray
from spectriage.spectra.compile._kernels_vectors import widest
from spectriage.spectra.compile.jit import kernel

_ZERO = np.float32(0.0)


@kernel(fastmath=True)
def combine(rows: Float32Array, amplitudes: FloatArray, out: Float32Array) -> None:
    """Write the sum of rows (k, m), each times its amplitude."""
    widest()
    for p in range(out.size):
        out[p] = _ZERO
    for i in range(rows.shape[0]):
        if amplitudes[i] > 0.0:
            amplitude = np.float32(amplitudes[i])
            for p in range(out.size):
                out[p] += amplitude * rows[i, p]


@kernel(fastmath=True)
def moments(
    rows: Float32Array,
    query: Float32Array,
    weights: Float32Array,
    amplitudes: FloatArray,
    floor: float,
    slope: float,
    gram: FloatArray,
    target: FloatArray,
) -> None:
    """Write G (k, k) and b (k,) of rows (k, m) and a query (m,).

    A point's weight is divided by ``floor + slope · signal²``, the signal being the greater of the query and
    the fit by `amplitudes`.
    """
    widest()
    k = rows.shape[0]
    least, rise = np.float32(floor), np.float32(slope)
    if k == 1:
        _of_one(rows, query, weights, amplitudes, least, rise, gram, target)
    elif k == 2:
        _of_two(rows, query, weights, amplitudes, least, rise, gram, target)
    elif k == 3:
        _of_three(rows, query, weights, amplitudes, least, rise, gram, target)
    else:
        _of_many(rows, query, weights, amplitudes, least, rise, gram, target)
    for i in range(k):
        for j in range(i):
            gram[j, i] = gram[i, j]


@kernel(fastmath=True)
def _of_many(
    rows: Float32Array,
    query: Float32Array,
    weights: Float32Array,
    amplitudes: FloatArray,
    least: np.float32,
    rise: np.float32,
    gram: FloatArray,
    target: FloatArray,
) -> None:
    widest()
    k, m = rows.shape
    weighted, weighted_row = np.empty(m, np.float32), np.empty(m, np.float32)
    combine(rows, amplitudes, weighted)
    for p in range(m):
        measured, explained = abs(query[p]), abs(weighted[p])
        signal = measured if measured > explained else explained
        weighted[p] = weights[p] / (least + rise * signal * signal)
    for i in range(k):
        total = _ZERO
        for p in range(m):
            weighted_row[p] = rows[i, p] * weighted[p]
            total += weighted_row[p] * query[p]
        target[i] = total
        for j in range(i + 1):
            total = _ZERO
            for p in range(m):
                total += weighted_row[p] * rows[j, p]
            gram[i, j] = total


@kernel(fastmath=True)
def _of_one(
    rows: Float32Array,
    query: Float32Array,
    weights: Float32Array,
    amplitudes: FloatArray,
    least: np.float32,
    rise: np.float32,
    gram: FloatArray,
    target: FloatArray,
) -> None:
    widest()
    x = np.float32(amplitudes[0])
    g = b = _ZERO
    for p in range(query.size):
        r, q = rows[0, p], query[p]
        measured, explained = abs(q), abs(x * r)
        signal = measured if measured > explained else explained
        w = r * (weights[p] / (least + rise * signal * signal))
        g += w * r
        b += w * q
    gram[0, 0], target[0] = g, b


@kernel(fastmath=True)
def _of_two(
    rows: Float32Array,
    query: Float32Array,
    weights: Float32Array,
    amplitudes: FloatArray,
    least: np.float32,
    rise: np.float32,
    gram: FloatArray,
    target: FloatArray,
) -> None:
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


@kernel(fastmath=True)
def _of_three(
    rows: Float32Array,
    query: Float32Array,
    weights: Float32Array,
    amplitudes: FloatArray,
    least: np.float32,
    rise: np.float32,
    gram: FloatArray,
    target: FloatArray,
) -> None:
    widest()
    x, y, z = np.float32(amplitudes[0]), np.float32(amplitudes[1]), np.float32(amplitudes[2])
    g11 = g21 = g22 = g31 = g32 = g33 = b1 = b2 = b3 = _ZERO
    for p in range(query.size):
        r, s, t, q = rows[0, p], rows[1, p], rows[2, p], query[p]
        measured, explained = abs(q), abs(x * r + y * s + z * t)
        signal = measured if measured > explained else explained
        w = weights[p] / (least + rise * signal * signal)
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
