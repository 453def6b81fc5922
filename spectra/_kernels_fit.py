"""Kernels of the non-negative fit in the contrast domain."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spectriage.spectra._jit import kernel
from spectriage.spectra._kernels_compress import agreement, compress

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@kernel()
def _solve_positive(gram: FloatArray, target: FloatArray, solution: FloatArray) -> bool:
    """Solve G x = b exactly over the entries of `solution` that are not zero; false if not the minimum.

    Cholesky's decomposition of the part; the minimum over x ≥ 0 is reached when all of x is positive there
    and no entry that is zero would rise from zero.
    """
    n = target.size
    free = np.flatnonzero(solution > 0.0)
    k = free.size
    if k == 0:
        return False
    factor = np.zeros((k, k))
    x = np.empty(k)
    for i in range(k):
        for j in range(i + 1):
            total = gram[free[i], free[j]]
            for q in range(j):
                total -= factor[i, q] * factor[j, q]
            if i == j:
                if total <= 1e-12 * gram[free[i], free[i]]:
                    return False
                factor[i, i] = np.sqrt(total)
            else:
                factor[i, j] = total / factor[j, j]
        total = target[free[i]]
        for q in range(i):
            total -= factor[i, q] * x[q]
        x[i] = total / factor[i, i]
    for i in range(k - 1, -1, -1):
        for q in range(i + 1, k):
            x[i] -= factor[q, i] * x[q]
        x[i] /= factor[i, i]
        if x[i] <= 0.0:
            return False
    for i in range(n):
        slope = target[i]
        for q in range(k):
            slope -= gram[i, free[q]] * x[q]
        if solution[i] <= 0.0 and slope > 1e-12 * abs(target[i]):
            return False
    for q in range(k):
        solution[free[q]] = x[q]
    return True


@kernel()
def nonnegative_least_squares(gram: FloatArray, target: FloatArray, solution: FloatArray) -> None:
    """Minimise ½ xᵀ G x − bᵀ x over x ≥ 0, starting from `solution`.

    Cyclic coordinate descent (Franc, Hlaváč & Navara 2005) finds which entries are zero; as soon as it has,
    the others are solved for exactly.
    """
    n = target.size
    for sweep in range(200):
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
        if largest <= 1e-12 * scale or (sweep % 4 == 1 and _solve_positive(gram, target, solution)):
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
def add_each(
    base: FloatArray,
    tries: FloatArray,
    holds: BoolArray,
    unmeasured_weight: float,
    derivative: FloatArray,
    compressed: FloatArray,
    weights: FloatArray,
    base_fitted: FloatArray,
    base_amplitudes: FloatArray,
    threshold: float,
    relative_error: float,
    iterations: int,
    before: FloatArray,
    after: FloatArray,
) -> None:
    """Fit `base` (k, m) with each of `tries` (c, m) in turn: the similarity without and with it, shape (c,).

    Outside the points where a try `holds` the weights fall to `unmeasured_weight`, without and with it alike.
    """
    k, m = base.shape
    stack = np.empty((k + 1, m))
    stack[:k] = base
    lowered = np.empty(m)
    amplitudes = np.empty(k + 1)
    fitted = np.empty(m)
    scratch = np.empty(m)
    for c in range(tries.shape[0]):
        for p in range(m):
            stack[k, p] = tries[c, p]
            lowered[p] = weights[p]
            if not holds[c, p] and weights[p] > unmeasured_weight:
                lowered[p] = unmeasured_weight
        before[c] = agreement(compressed, base_fitted, lowered, threshold, scratch) if k > 0 else 0.0
        amplitudes[:k] = base_amplitudes
        amplitudes[k] = 0.0
        fit_rows(stack, derivative, lowered, threshold, relative_error, iterations, amplitudes, fitted)
        after[c] = agreement(compressed, fitted, lowered, threshold, scratch)


@kernel(fastmath=True)
def _left_by(
    stack: FloatArray,
    derivative: FloatArray,
    compressed: FloatArray,
    weights: FloatArray,
    threshold: float,
    relative_error: float,
    iterations: int,
    amplitudes: FloatArray,
    fitted: FloatArray,
    scratch: FloatArray,
) -> float:
    """Return the logarithm of the disagreement that a fit by `stack` leaves."""
    similarity = 0.0
    if stack.shape[0] > 0:
        fit_rows(stack, derivative, weights, threshold, relative_error, iterations, amplitudes, fitted)
        similarity = agreement(compressed, fitted, weights, threshold, scratch)
    return float(np.log(max(1.0 - similarity, 1e-4)))


@kernel(fastmath=True)
def least_visible(
    stack: FloatArray,
    imitators: FloatArray,
    empty: FloatArray,
    spike: FloatArray,
    weights: FloatArray,
    base_amplitudes: FloatArray,
    threshold: float,
    relative_error: float,
    iterations: int,
    wanted: FloatArray,
    amounts: FloatArray,
    steps: int,
) -> float:
    """Bisect for the amount of `spike` (m,) in `empty` (m,) at which the last row of `stack` is found.

    Found is when it brings the log gain ``wanted[0]``, and ``wanted[1]`` more than each of `imitators`
    (j, m) in its place. `amounts` are the ends of the search; infinity when nothing below the upper is found.
    """
    k = stack.shape[0] - 1
    m = empty.size
    other = stack.copy()
    derivative = np.empty(m)
    compressed = np.empty(m)
    fitted = np.empty(m)
    scratch = np.empty(m)
    amplitudes = np.empty(k + 1)
    low, high = np.log(amounts[0]), np.log(amounts[1])
    seen = False
    for _ in range(steps):
        middle = 0.5 * (low + high)
        amount = np.exp(middle)
        for p in range(m):
            derivative[p] = empty[p] + amount * spike[p] if weights[p] > 0.0 else 0.0
        compress(derivative, threshold, compressed)
        options = (derivative, compressed, weights, threshold, relative_error, iterations)
        amplitudes[:k] = base_amplitudes
        without = _left_by(stack[:k], *options, amplitudes[:k], fitted, scratch)
        amplitudes[:k] = base_amplitudes
        amplitudes[k] = amount
        left = _left_by(stack, *options, amplitudes, fitted, scratch)
        found = without - left >= wanted[0]
        for j in range(imitators.shape[0]):
            if found:
                other[k] = imitators[j]
                amplitudes[:k] = base_amplitudes
                amplitudes[k] = amount
                found = _left_by(other, *options, amplitudes, fitted, scratch) - left >= wanted[1]
        if found:
            high = middle
            seen = True
        else:
            low = middle
    return float(np.exp(high)) if seen else np.inf


@kernel()
def correct_axis(
    values: FloatArray,
    valid: BoolArray,
    start_cm: float,
    step_cm: float,
    offset_cm: float,
    stretch: float,
    out: FloatArray,
    out_valid: BoolArray,
) -> None:
    """Move values on an even grid to an axis corrected by ``offset + stretch · (shift − 1200)``.

    Cubic Hermite interpolation with central slopes; a derivative over 42 cm⁻¹ has nothing finer. Not valid
    where one of the four points is not.
    """
    m = values.size
    for p in range(m):
        shift = start_cm + p * step_cm
        before = (shift - offset_cm + 1200.0 * stretch) / (1.0 + stretch)
        place = (before - start_cm) / step_cm
        j = int(np.floor(place))
        out[p] = 0.0
        out_valid[p] = False
        if j < 1 or j > m - 3:
            continue
        if not (valid[j - 1] and valid[j] and valid[j + 1] and valid[j + 2]):
            continue
        t = place - j
        a, b, c, d = values[j - 1], values[j], values[j + 1], values[j + 2]
        out[p] = b + 0.5 * t * (c - a + t * (2.0 * a - 5.0 * b + 4.0 * c - d + t * (3.0 * (b - c) + d - a)))
        out_valid[p] = True
