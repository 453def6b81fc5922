"""Kernel of a derivative that knows where nothing was measured."""

from __future__ import annotations

from spectriage.spectra.arrays import BoolArray, FloatArray
from spectriage.spectra.compile._kernels_vectors import widest
from spectriage.spectra.compile.jit import kernel


@kernel(inline="always")
def _mark_whole(measured: BoolArray, half: int, valid: BoolArray) -> None:
    """Mark the points (m,) around which all were measured, as many as `half` on either side."""
    m, count, start, end = measured.size, 0, 0, measured.size
    for p in range(m):
        count += measured[p]
        valid[p] = False
    while start < end and not measured[start]:
        start += 1
    while start < end and not measured[end - 1]:
        end -= 1
    if count == end - start:
        # nothing is missing between the first and the last, as in most spectra
        start, end = start + half, max(start + half, end - half)
        for p in range(start, end):
            valid[p] = True
        start = end
    run = 0
    for p in range(start, end):
        run = run + 1 if measured[p] else 0
        if run > 2 * half:
            valid[p - half] = True


@kernel(bare=True, shared=True, fastmath={"contract"})
def filter_measured(
    values: FloatArray, measured: BoolArray, weights: FloatArray, out: FloatArray, valid: BoolArray
) -> None:
    """Write the weighted sum of the values (m,) around each point, where all of them were measured.

    The window has the odd number of `weights`; elsewhere zero is written, and that it is not valid.
    """
    widest()
    m, half = values.size, weights.size // 2
    size = max(0, m - 2 * half)
    for p in range(m):
        out[p] = 0.0
    total = out[half : half + size]
    taken = weights.size - weights.size % 4
    for k in range(0, taken, 4):
        # four in the order of one after the other: a sum is fetched and put away less often
        a, b, c, d = weights[k], weights[k + 1], weights[k + 2], weights[k + 3]
        first, second, third, fourth = values[k:], values[k + 1 :], values[k + 2 :], values[k + 3 :]
        for p in range(size):
            total[p] = (((total[p] + a * first[p]) + b * second[p]) + c * third[p]) + d * fourth[p]
    for k in range(taken, weights.size):
        weight, own = weights[k], values[k:]
        for p in range(size):
            total[p] += weight * own[p]
    _mark_whole(measured, half, valid)
    for p in range(m):
        out[p] = out[p] if valid[p] else 0.0
