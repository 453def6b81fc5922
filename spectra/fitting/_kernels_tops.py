"""Kernels that find where a curve has its tops."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spectriage.spectra.arrays import BoolArray, IndexArray
from spectriage.spectra.compile._kernels_vectors import widest, without_nans
from spectriage.spectra.compile.jit import kernel

_BLOCK = 32
"""So many points are passed over at once where none is a top."""


@kernel(bare=True, fastmath=True)
def depth_of(values: NDArray[Any]) -> float:
    """Return how far values (m,) go below zero, at least 0."""
    widest()
    without_nans()
    lowest = values.dtype.type(0.0)
    for p in range(values.size):
        lowest = values[p] if values[p] < lowest else lowest
    return -np.float64(lowest)


@kernel(bare=True)
def _mark_tops(values: NDArray[Any], least: float, marks: BoolArray) -> None:
    """Mark the local maxima of values (m,) of at least `least` above zero; of equal neighbours the last."""
    widest()
    lowest, m = values.dtype.type(least), values.size
    before, here, after = values[: m - 2], values[1 : m - 1], values[2:]
    for p in range(here.size):
        value = here[p]
        # no short cut: the points are compared many at a time
        marks[p] = (value > 0.0) & (value >= lowest) & (value >= before[p]) & (value > after[p])


@kernel()
def find_tops(values: NDArray[Any], least: float, places: IndexArray) -> int:
    """Write where values (m,) have a local maximum of at least `least` above zero; return how many."""
    inner = max(values.size - 2, 0)
    marks = np.empty(inner, np.bool_)
    if inner > 0:
        _mark_tops(values, least, marks)
    found = 0
    for start in range(0, inner, _BLOCK):
        block = marks[start : start + _BLOCK]
        tops = 0
        for p in range(block.size):
            tops += block[p]
        p = 0
        while tops > 0:
            if block[p]:
                places[found] = start + p + 1
                found += 1
                tops -= 1
            p += 1
    return found
