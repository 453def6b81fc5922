"""What kernels of a fit work in: memory that is handed to them, in rows that begin with a cache line.

A vector that lies across two lines of the processor's cache is read twice, which costs loops over short
spectra that are in the cache a quarter of their time.
"""

from __future__ import annotations

from typing import NamedTuple

from spectriage.spectra.arrays import BoolArray, Float32Array, FloatArray, IndexArray
from spectriage.spectra.compile.jit import kernel

LINE_POINTS = 16
"""Single-precision values in a cache line of 64 bytes, and in the widest vector."""


class Memory(NamedTuple):
    """Memory for the fits of one thread.

    Parameters
    ----------
    points
        For rows of points, float32, begins with a cache line.
    flags
        For one row of them that says yes or no.
    numbers, counts
        For small matrices and for whole numbers.
    """

    points: Float32Array
    flags: BoolArray
    numbers: FloatArray
    counts: IndexArray


class Workspace(NamedTuple):
    """Where one fit of up to n references works.

    Parameters
    ----------
    work, free
        Shapes (2n + 3, n), or more rows, and (n,).
    weighted
        A row of points.
    """

    work: FloatArray
    free: IndexArray
    weighted: Float32Array


@kernel(bare=True, inline="always")
def workspace(memory: Memory, references: int, weighted: Float32Array) -> Workspace:
    """Return where fits of up to so many references work; one row of its `work` more than a fit takes."""
    rows = 2 * references + 4
    work = memory.numbers[: rows * references].reshape(rows, references)
    return Workspace(work, memory.counts[:references], weighted)


@kernel(bare=True, inline="always")
def rows_of(memory: Float32Array, first: int, rows: int, size: int) -> Float32Array:
    """Return some rows of so many points, those from the first on that memory has room for: (rows, size)."""
    return memory[first * size : (first + rows) * size].reshape(rows, size)


@kernel(bare=True)
def inside(valid: BoolArray, thin: int) -> tuple[int, int]:
    """Return from which point to before which a spectrum is measured, in whole lines where it is that long.

    Of every `thin`-th point of the axis, the first among them.
    """
    size = (valid.size + thin - 1) // thin
    first, last = 0, size - 1
    while first < last and not valid[first * thin]:
        first += 1
    while last > first and not valid[last * thin]:
        last -= 1
    return first // LINE_POINTS * LINE_POINTS, min(size, (last // LINE_POINTS + 1) * LINE_POINTS)
