"""Bring an axis into ascending order: what may be averaged or sorted into place, and what is refused.

Exporters round an axis until two points share a value, detectors whose windows overlap step back at the
seam, and rows that were never filled hold an axis of zeros. Each leaves few irregular points in an axis that
runs one way otherwise; those are put right, and the history says how. An axis that is shuffled, or two
spectra one below the other, is refused.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from spectriage.spectra.arrays import FloatArray, IndexArray
from spectriage.spectra.errors import FormatError
from spectriage.spectra.spectrum import MIN_POINTS

# One point in so many may repeat, turn back, or lie in the overlap of two windows.
_POINTS_A_REPEAT = 20
_POINTS_A_TURN = 40
_POINTS_AN_OVERLAP = 10
# Points of two windows that lie closer than this part of a step are one.
_SAME_POINT = 0.3


class AxisOrderError(FormatError):
    """An axis that repeats values or turns too often to be put in order."""


def _without_padding(axis: FloatArray) -> slice:
    """Return the rows between runs of zeros at both ends of the axis: rows that were never filled."""
    filled = np.flatnonzero(axis != 0.0)
    if filled.size < MIN_POINTS:
        return slice(0, axis.size)
    first, last = int(filled[0]), int(filled[-1])
    return slice(first if first > 1 else 0, last + 1 if axis.size - 1 - last > 1 else axis.size)


def _refuse(axis: FloatArray, i: int, descends: bool, place: Callable[[int], str]) -> AxisOrderError:
    if axis[i] == axis[i - 1]:
        return AxisOrderError(
            f"the axis repeats {axis[i]:.10g} (index {i - 1} and {i})",
            where=place(i),
            remedy="merge or remove the repeated points",
        )
    return AxisOrderError(
        f"the axis turns at index {i}: {axis[i - 1]:.10g} then {axis[i]:.10g}, while it "
        f"{'descends' if descends else 'ascends'} as a whole",
        where=place(i),
        remedy="sort the rows by their shift; several spectra one below the other must be split",
    )


def _overlaps(axis: FloatArray, turns: IndexArray) -> list[tuple[float, float]]:
    """Return the stretches of an ascending axis that two windows share, one for each step back."""
    return [(float(axis[i + 1]), float(axis[i])) for i in turns]


def _merged(values: FloatArray, starts: IndexArray, counts: IndexArray) -> FloatArray:
    return np.asarray(np.add.reduceat(values, starts) / counts, dtype=np.float64)


def in_order(
    axis: FloatArray, intensity: FloatArray, variance: FloatArray | None, place: Callable[[int], str]
) -> tuple[FloatArray, FloatArray, FloatArray | None, tuple[str, ...]]:
    """Return the arrays by strictly ascending axis, and the history steps of what that took.

    Parameters
    ----------
    axis, intensity, variance
        Shape (n,), finite, in the file's order.
    place
        Gives the place in the file of row i, for messages.

    Raises
    ------
    AxisOrderError
        When more than one point in 20 repeats its neighbour, more than one in 40 steps back, or more than
        one in 10 lies in an overlap.
    """
    steps: list[str] = []
    kept = _without_padding(axis)
    offset = kept.start
    if kept.stop - kept.start < axis.size:
        steps.append(f"drop: {axis.size - (kept.stop - kept.start)} points at the ends whose axis is 0")
        axis, intensity = axis[kept], intensity[kept]
        variance = None if variance is None else variance[kept]
    descends = bool(axis[-1] < axis[0])
    forward = -np.diff(axis) if descends else np.diff(axis)
    bad = np.flatnonzero(forward <= 0)
    order = slice(None, None, -1) if descends else slice(None)
    reverse = ("order: descending axis reversed",) if descends else ()
    if not bad.size:
        return (
            axis[order],
            intensity[order],
            None if variance is None else variance[order],
            (*steps, *reverse),
        )

    def refuse() -> AxisOrderError:
        return _refuse(axis, int(bad[0]) + 1, descends, lambda i: place(i + offset))

    repeats = int(np.count_nonzero(forward == 0))
    rising = -axis if descends else axis
    turns = np.flatnonzero(forward < 0)
    if repeats * _POINTS_A_REPEAT >= axis.size or turns.size * _POINTS_A_TURN >= axis.size:
        raise refuse()
    shared = _overlaps(rising, turns)
    by_value = np.argsort(rising, kind="stable")
    rising = rising[by_value]
    inside = np.zeros(axis.size, dtype=np.bool_)
    for low, high in shared:
        inside |= (rising >= low) & (rising <= high)
    if int(np.count_nonzero(inside)) * _POINTS_AN_OVERLAP > axis.size * 2:
        raise refuse()
    gap = np.diff(rising)
    near = _SAME_POINT * float(np.median(gap[gap > 0]))
    joined = (gap == 0) | (inside[:-1] & inside[1:] & (gap < near))
    starts = np.flatnonzero(np.concatenate([[True], ~joined]))
    counts = np.diff(np.concatenate([starts, [axis.size]]))
    if turns.size:
        steps.append(
            f"order: the axis steps back at {turns.size} {'seam' if turns.size == 1 else 'seams'}; "
            f"{int(np.count_nonzero(inside))} points of overlapping windows sorted into place"
        )
    if starts.size < axis.size:
        steps.append(f"order: {axis.size - starts.size} points of a repeated axis value averaged into others")
    if variance is not None:
        variance = _merged(variance[by_value], starts, counts) / counts
    rising = _merged(rising, starts, counts)
    if np.any(np.diff(rising) <= 0) or rising.size < MIN_POINTS:
        raise refuse()
    intensity = _merged(intensity[by_value], starts, counts)
    if descends:
        turn = slice(None, None, -1)
        rising, intensity = -rising[turn], intensity[turn]
        variance = None if variance is None else variance[turn]
        # by the negative axis in ascending order the points stand by descending axis: turned above
    return rising, intensity, variance, (*steps, *reverse)
