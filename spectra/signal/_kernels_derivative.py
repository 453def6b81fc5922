"""Kernel of a derivative that knows where nothing was measured."""

from __future__ import annotations

from spectriage.spectra.arrays import BoolArray, FloatArray
from spectriage.spectra.compile.jit import kernel


@kernel(bare=True, shared=True, fastmath=True)
def filter_measured(
    values: FloatArray, measured: BoolArray, weights: FloatArray, out: FloatArray, valid: BoolArray
) -> None:
    """Write the weighted sum of the values (m,) around each point, where all of them were measured.

    The window has the odd number of `weights`; elsewhere zero is written, and that it is not valid.
    """
    m, half = values.size, weights.size // 2
    size = max(0, m - 2 * half)
    for p in range(m):
        out[p] = 0.0
    total = out[half : half + size]
    for k in range(weights.size):
        weight = weights[k]
        for p in range(size):
            total[p] += weight * values[p + k]
    for p in range(m):
        valid[p] = False
    run = 0
    for p in range(m):
        run = run + 1 if measured[p] else 0
        if run >= weights.size:
            valid[p - half] = True
    for p in range(m):
        out[p] = out[p] if valid[p] else 0.0
