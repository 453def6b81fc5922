"""Kernel that finds long runs of one value."""

from __future__ import annotations

from spectriage.spectra.arrays import BoolArray, FloatArray
from spectriage.spectra.compile.jit import kernel


@kernel(shared=True)
def mark_runs(
    values: FloatArray, axis: FloatArray, least_points: int, least_width: float, marked: BoolArray
) -> int:
    """Mark the runs of one value that have so many points and are so wide on the axis; all of shape (n,).

    Return how many points that is.
    """
    # most spectra have not so many points that are as the one before, wherever these stand
    alike = 1
    for place in range(1, values.size):
        alike += values[place] == values[place - 1]
    if alike < least_points:
        return 0
    count, start = 0, 0
    for place in range(1, values.size + 1):
        if place < values.size and values[place] == values[start]:
            continue
        if place - start >= least_points and axis[place - 1] - axis[start] >= least_width:
            for point in range(start, place):
                marked[point] = True
            count += place - start
        start = place
    return count
