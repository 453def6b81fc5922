"""The memory that a thread's fits work in, made once."""

from __future__ import annotations

from threading import local

import numpy as np

from spectriage.spectra.compile.jit import packed
from spectriage.spectra.fitting._kernels_memory import LINE_POINTS, Memory

FEW_REFERENCES = 8
_ROWS_BESIDE = 16
"""Rows of points that a kernel needs beside twice its references."""
_NUMBERS_BESIDE = 32
"""Numbers beside the matrices, and whole numbers beside one a reference: the search of axes keeps the order
of its `REFINED_FROM` sets there."""


class _Own(local):
    """What the memory of one thread has room for, and that memory."""

    references = points = 0
    memory: Memory


_own = _Own()


def memory_of(references: int, points: int) -> Memory:
    """Return memory for fits of up to so many references of so many points, packed for kernels.

    Every thread has its own: what one call of a kernel leaves in it means nothing to the next.
    """
    if _own.references < references or _own.points < points:
        _own.references = max(references, _own.references, FEW_REFERENCES)
        _own.points = max(points, _own.points)
        _own.memory = packed(_made(_own.references, _own.points))
    return _own.memory


def _made(references: int, points: int) -> Memory:
    rows = 2 * (references + 1) + _ROWS_BESIDE
    size = rows * (points + LINE_POINTS)
    whole = np.empty(size + LINE_POINTS, np.float32)
    start = (-whole.ctypes.data % (4 * LINE_POINTS)) // 4
    n = references + 1
    return Memory(
        whole[start : start + size],
        np.empty(points, np.bool_),
        np.empty((2 * n + 8) * n + _NUMBERS_BESIDE),
        np.empty(n + _NUMBERS_BESIDE, np.intp),
    )
