"""Kernels of the non-negative fit in the contrast domain.

Spectra are in single precision, as the references are kept; the few amplitudes are solved for in double.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spectriage.spectra.arrays import Float32Array, FloatArray
from spectriage.spectra.compile._kernels_vectors import widest
from spectriage.spectra.compile.jit import kernel
from spectriage.spectra.fitting._kernels_memory import Workspace
from spectriage.spectra.fitting._kernels_moments import combine, moments

_SINGULAR = 1e-6
"""A pivot below this share of its row is rounding: the sums are of single precision."""


class FitSettings(NamedTuple):
    """How a fit weighs its points.

    Parameters
    ----------
    relative_error
        Proportional error of a derivative between instruments.
    iterations
        So many times the fit is made, each weighted by the one before.
    unmeasured_weight
        The most that a point outside a reference's range counts.
    least
        A disagreement counts as this at least.
    """

    relative_error: float
    iterations: int
    unmeasured_weight: float
    least: float


@kernel(bare=True)
def _solve_part(
    gram: FloatArray,
    target: FloatArray,
    free: NDArray[np.intp],
    count: int,
    factor: FloatArray,
    x: FloatArray,
) -> bool:
    """Solve G x = b over `count` entries, those of `free`, by Cholesky's decomposition; false if singular."""
    for i in range(count):
        for j in range(i + 1):
            total = gram[free[i], free[j]]
            for q in range(j):
                total -= factor[i, q] * factor[j, q]
            if i == j:
                if total <= _SINGULAR * gram[free[i], free[i]]:
                    return False
                factor[i, i] = np.sqrt(total)
            else:
                factor[i, j] = total / factor[j, j]
        total = target[free[i]]
        for q in range(i):
            total -= factor[i, q] * x[q]
        x[i] = total / factor[i, i]
    for i in range(count - 1, -1, -1):
        for q in range(i + 1, count):
            x[i] -= factor[q, i] * x[q]
        x[i] /= factor[i, i]
    return True


@kernel(bare=True)
def _solve_few(gram: FloatArray, target: FloatArray, solution: FloatArray) -> bool:
    """Solve G x = b of up to three, written out, for x ≥ 0; false, and nothing written, where it cannot.

    The last may be zero: mostly it is what was tried, and it would not rise where the others solve theirs.
    """
    first = gram[0, 0]
    if target.size == 1:
        solution[0] = max(0.0, target[0] / first) if first > 0.0 else 0.0
        return True
    if target.size > 3:
        return False
    if first <= 0.0:
        return False
    l10 = gram[1, 0] / first
    second = gram[1, 1] - l10 * gram[1, 0]
    if second <= _SINGULAR * gram[1, 1]:
        return False
    y1 = target[1] - l10 * target[0]
    x2 = l20 = 0.0
    if target.size == 3:
        l20 = gram[2, 0] / first
        left = gram[2, 1] - l20 * gram[1, 0]
        l21 = left / second
        third = gram[2, 2] - l20 * gram[2, 0] - l21 * left
        if third <= _SINGULAR * gram[2, 2]:
            return False
        x2 = max((target[2] - l20 * target[0] - l21 * y1) / third, 0.0)
        y1 -= left * x2
    x1 = y1 / second
    if x1 <= 0.0 and target.size == 3:
        return False
    x1 = max(x1, 0.0)
    x0 = target[0] / first - l10 * x1 - l20 * x2
    if x0 <= 0.0:
        return False
    solution[0], solution[1] = x0, x1
    if target.size == 3:
        solution[2] = x2
    return True


@kernel(bare=True)
def _solve_positive(
    gram: FloatArray,
    target: FloatArray,
    solution: FloatArray,
    all_free: bool,
    free: NDArray[np.intp],
    factor: FloatArray,
    x: FloatArray,
) -> bool:
    """Solve over the entries of `solution` that are positive, or over all; false if not the minimum.

    What comes out negative is left out and the rest solved for again. The minimum over x ≥ 0 is reached when
    all of x is positive and no entry that was left out would rise from zero.
    """
    n = target.size
    count = 0
    for i in range(n):
        if gram[i, i] > 0.0 and (all_free or solution[i] > 0.0):
            free[count] = i
            count += 1
    while count > 0:
        if not _solve_part(gram, target, free, count, factor, x):
            return False
        kept = 0
        for q in range(count):
            if x[q] > 0.0:
                free[kept] = free[q]
                x[kept] = x[q]
                kept += 1
        if kept == count:
            break
        count = kept
    position = 0
    for i in range(n):
        if position < count and free[position] == i:
            position += 1
            continue
        slope = target[i]
        for q in range(count):
            slope -= gram[i, free[q]] * x[q]
        if gram[i, i] > 0.0 and slope > 1e-12 * abs(target[i]):
            return False
    for i in range(n):
        solution[i] = 0.0
    for q in range(count):
        solution[free[q]] = x[q]
    return True


@kernel()
def nonnegative_least_squares(gram: FloatArray, target: FloatArray, solution: FloatArray) -> None:
    """Minimise ½ xᵀ G x − bᵀ x over x ≥ 0 of one or more, starting from `solution`."""
    n = target.size
    if not _solve_few(gram, target, solution):
        _minimise(gram, target, solution, np.empty(n, np.intp), np.empty((n, n)), np.empty(n))


@kernel(bare=True)
def _minimise(
    gram: FloatArray,
    target: FloatArray,
    solution: FloatArray,
    free: NDArray[np.intp],
    factor: FloatArray,
    x: FloatArray,
) -> None:
    """Minimise as `nonnegative_least_squares`, in memory that is given: (k,), (k, k) and (k,).

    Leaving out what comes out negative mostly finds at once which entries are zero. Where it does not, cyclic
    coordinate descent does (Franc, Hlaváč & Navara 2005), and the others are then solved for exactly.
    """
    n = target.size
    if _solve_positive(gram, target, solution, True, free, factor, x):
        return
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
        if largest <= 1e-12 * scale:
            break
        if sweep % 4 == 1 and _solve_positive(gram, target, solution, False, free, factor, x):
            break


@kernel(bare=True, fastmath=True)
def fit_rows(
    rows: Float32Array,
    query: Float32Array,
    weights: Float32Array,
    threshold: float,
    settings: FitSettings,
    amplitudes: FloatArray,
    fitted: Float32Array,
    space: Workspace,
) -> None:
    """Fit `query` (m,) by a non-negative combination of `rows` (k, m), reweighted by the fit's own error.

    The error of a point is taken as √(threshold² + (relative_error·signal)²): noise where there is little
    signal, mismatch between instruments where there is much. The `space` is for k references at least.
    """
    widest()
    work, free = space.work, space.free
    relative_error = settings.relative_error
    k, room = rows.shape[0], free.size
    gram, factor, target, x = work[:room], work[room : 2 * room], work[2 * room, :k], work[2 * room + 1]
    before = work[2 * room + 2]
    # the fit that the first weights are taken from is none, whatever the solution starts with
    for i in range(k):
        before[i] = 0.0
    floor, slope = threshold * threshold, relative_error * relative_error
    for _ in range(settings.iterations):
        moments(rows, query, weights, before, floor, slope, gram, target, space.weighted)
        if not _solve_few(gram, target, amplitudes):
            _minimise(gram, target, amplitudes, free, factor, x)
        for i in range(k):
            before[i] = amplitudes[i]
    combine(rows, amplitudes, fitted)
