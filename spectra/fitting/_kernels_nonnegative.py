"""Kernels that minimise ½ xᵀ G x − bᵀ x over x ≥ 0: the amplitudes of a fit from its sums.

Up to four are solved for in registers, by elimination without divisions (Bareiss 1968, Math. Comp. 22, 565):
all pivots are multiples of those of Gauss, and the processor waits for one division instead of one for each.
They give up where one but the last would not be positive; `minimise` does that, and more of them.
"""

from __future__ import annotations

import numpy as np

from spectriage.spectra.arrays import FloatArray, IndexArray
from spectriage.spectra.compile.jit import kernel

_SINGULAR = 1e-6
"""A pivot below this share of its row is rounding: the sums are of single precision."""
_DENORMAL = 1e-290
"""Below this a double loses digits: the last pivot of four is a product of eight sums."""


@kernel(bare=True)
def solve_one(g00: float, b0: float, x: FloatArray) -> bool:
    """Solve for one, zero where there is nothing."""
    x[0] = max(0.0, b0 / g00) if g00 > 0.0 else 0.0
    return True


@kernel(bare=True)
def solve_two(g00: float, g10: float, g11: float, b0: float, b1: float, x: FloatArray) -> bool:
    """Solve for two; false, and nothing written, where the first would not be positive or G is singular.

    The last may be zero: mostly it is what was tried, and it would not rise where the other solves its own.
    """
    d11 = g00 * g11 - g10 * g10
    # what is no number is not greater
    if not (g00 > 0.0 and d11 > _SINGULAR * (g00 * g11)):
        return False
    x1 = max((g00 * b1 - g10 * b0) / d11, 0.0)
    x0 = (b0 - g10 * x1) * (1.0 / g00)
    if not x0 > 0.0:
        return False
    x[0], x[1] = x0, x1
    return True


@kernel(bare=True)
def solve_three(
    g00: float,
    g10: float,
    g11: float,
    g20: float,
    g21: float,
    g22: float,
    b0: float,
    b1: float,
    b2: float,
    x: FloatArray,
) -> bool:
    """Solve for three, as `solve_two`."""
    d11, d21, d22 = g00 * g11 - g10 * g10, g00 * g21 - g20 * g10, g00 * g22 - g20 * g20
    c1, c2 = g00 * b1 - g10 * b0, g00 * b2 - g20 * b0
    e22 = d11 * d22 - d21 * d21
    scale = g00 * d11
    if not (g00 > 0.0 and d11 > _SINGULAR * (g00 * g11) and e22 > _SINGULAR * (scale * g22)):
        return False
    x2 = max((d11 * c2 - d21 * c1) / e22, 0.0)
    x1 = (c1 - d21 * x2) * (1.0 / d11)
    x0 = (b0 - g10 * x1 - g20 * x2) * (1.0 / g00)
    if not (x0 > 0.0 and x1 > 0.0):
        return False
    x[0], x[1], x[2] = x0, x1, x2
    return True


@kernel(bare=True)
def solve_four(gram: FloatArray, target: FloatArray, x: FloatArray) -> bool:
    """Solve for four, as `solve_two`; of G (4, 4) the lower half is read."""
    g00, g10, g11 = gram[0, 0], gram[1, 0], gram[1, 1]
    g20, g21, g22 = gram[2, 0], gram[2, 1], gram[2, 2]
    g30, g31, g32, g33 = gram[3, 0], gram[3, 1], gram[3, 2], gram[3, 3]
    b0, b1, b2, b3 = target[0], target[1], target[2], target[3]
    d11, d21, d22 = g00 * g11 - g10 * g10, g00 * g21 - g20 * g10, g00 * g22 - g20 * g20
    d31, d32, d33 = g00 * g31 - g30 * g10, g00 * g32 - g30 * g20, g00 * g33 - g30 * g30
    c1, c2, c3 = g00 * b1 - g10 * b0, g00 * b2 - g20 * b0, g00 * b3 - g30 * b0
    e22, e32, e33 = d11 * d22 - d21 * d21, d11 * d32 - d31 * d21, d11 * d33 - d31 * d31
    f2, f3 = d11 * c2 - d21 * c1, d11 * c3 - d31 * c1
    h33 = e22 * e33 - e32 * e32
    scale = g00 * d11
    if not (
        g00 > 0.0
        and d11 > _SINGULAR * (g00 * g11)
        and e22 > _SINGULAR * (scale * g22)
        and h33 > max(_SINGULAR * (scale * e22 * g33), _DENORMAL)
    ):
        return False
    x3 = max((e22 * f3 - e32 * f2) / h33, 0.0)
    x2 = (f2 - e32 * x3) * (1.0 / e22)
    x1 = (c1 - d21 * x2 - d31 * x3) * (1.0 / d11)
    x0 = (b0 - g10 * x1 - g20 * x2 - g30 * x3) * (1.0 / g00)
    if not (x0 > 0.0 and x1 > 0.0 and x2 > 0.0):
        return False
    x[0], x[1], x[2], x[3] = x0, x1, x2, x3
    return True


@kernel(bare=True)
def _solve_part(
    gram: FloatArray,
    target: FloatArray,
    free: IndexArray,
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
def _solve_positive(
    gram: FloatArray,
    target: FloatArray,
    solution: FloatArray,
    all_free: bool,
    free: IndexArray,
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


@kernel(bare=True)
def minimise(
    gram: FloatArray,
    target: FloatArray,
    solution: FloatArray,
    free: IndexArray,
    factor: FloatArray,
    x: FloatArray,
) -> None:
    """Minimise ½ xᵀ G x − bᵀ x over x ≥ 0, starting from `solution`; memory is given: (k,), (k, k) and (k,).

    The lower half of G (k, k) is given, the other is written.

    Leaving out what comes out negative mostly finds at once which entries are zero. Where it does not, cyclic
    coordinate descent does (Franc, Hlaváč & Navara 2005), and the others are then solved for exactly.
    """
    n = target.size
    for i in range(n):
        for j in range(i):
            gram[j, i] = gram[i, j]
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
