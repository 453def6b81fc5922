"""Kernels of the non-negative fit in the contrast domain."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spectriage.spectra._jit import kernel

FloatArray = NDArray[np.float64]


@kernel()
def nonnegative_least_squares(gram: FloatArray, target: FloatArray, solution: FloatArray) -> None:
    """Minimise ½ xᵀ G x − bᵀ x over x ≥ 0 by cyclic coordinate descent, starting from `solution`.

    Exact for the few well-separated columns of a mixture; Franc, Hlaváč & Navara 2005 give its convergence.
    """
    n = target.size
    for _ in range(200):
        largest = 0.0
        scale = 1e-300
        for i in range(n):
            if gram[i, i] <= 0.0:
                solution[i] = 0.0
                continue
            slope = target[i]
            for j in range(n):
                slope -= gram[i, j] * solution[j]
            new = max(0.0, solution[i] + slope / gram[i, i])
            largest = max(largest, abs(new - solution[i]))
            solution[i] = new
            scale = max(scale, abs(new))
        if largest <= 1e-7 * scale:
            break


@kernel(fastmath=True)
def fit_rows(
    rows: FloatArray,
    query: FloatArray,
    weights: FloatArray,
    threshold: float,
    relative_error: float,
    iterations: int,
    amplitudes: FloatArray,
    fitted: FloatArray,
) -> None:
    """Fit `query` (m,) by a non-negative combination of `rows` (k, m), reweighted by the fit's own error.

    The error of a point is taken as √(threshold² + (relative_error·signal)²): noise where there is little
    signal, mismatch between instruments where there is much.
    """
    k, m = rows.shape
    gram = np.empty((k, k))
    target = np.empty(k)
    weighted = np.empty(m)
    floor = threshold * threshold
    slope = relative_error * relative_error
    fitted[:] = 0.0
    for _ in range(iterations):
        for p in range(m):
            signal = max(abs(query[p]), abs(fitted[p]))
            weighted[p] = weights[p] / (floor + slope * signal * signal)
        for i in range(k):
            total = 0.0
            for p in range(m):
                total += rows[i, p] * weighted[p] * query[p]
            target[i] = total
            for j in range(i + 1):
                total = 0.0
                for p in range(m):
                    total += rows[i, p] * weighted[p] * rows[j, p]
                gram[i, j] = total
                gram[j, i] = total
        nonnegative_least_squares(gram, target, amplitudes)
        fitted[:] = 0.0
        for i in range(k):
            if amplitudes[i] > 0.0:
                for p in range(m):
                    fitted[p] += amplitudes[i] * rows[i, p]


@kernel(fastmath=True)
def compress(values: FloatArray, threshold: float, out: FloatArray) -> None:
    """Inverse hyperbolic sine of values over threshold: linear in the noise, logarithmic above."""
    for p in range(values.size):
        x = values[p] / threshold
        size = abs(x)
        y = np.log(size + np.sqrt(size * size + 1.0))
        out[p] = y if x >= 0.0 else -y


@kernel(fastmath=True)
def agreement(compressed: FloatArray, fitted: FloatArray, weights: FloatArray, threshold: float) -> float:
    """Cosine between a compressed query and a fit that is compressed here."""
    dot = 0.0
    first = 0.0
    second = 0.0
    for p in range(compressed.size):
        x = fitted[p] / threshold
        size = abs(x)
        y = np.log(size + np.sqrt(size * size + 1.0))
        if x < 0.0:
            y = -y
        w = weights[p]
        dot += w * compressed[p] * y
        first += w * compressed[p] * compressed[p]
        second += w * y * y
    if first <= 0.0 or second <= 0.0:
        return 0.0
    return float(dot / np.sqrt(first * second))
