"""Kernels that choose which members of watched targets are looked at closely, and which shows each best."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spectriage.spectra.arrays import Float32Array, FloatArray, IndexArray
from spectriage.spectra.compile._kernels_vectors import float_of_upper, widest
from spectriage.spectra.compile.jit import kernel
from spectriage.spectra.contrast._kernels_coarse import best_allowed


class Members(NamedTuple):
    """The members of several targets, as rows of the library: those of one after those of the other.

    Parameters
    ----------
    rows, ends
        All members, and where those of each target end, shape (c,).
    carrying, carrying_ends
        Those that carry each target, likewise.
    """

    rows: IndexArray
    ends: IndexArray
    carrying: IndexArray
    carrying_ends: IndexArray


@kernel(fastmath=True)
def _likeness(halves: NDArray[np.uint16], pooled: Float32Array) -> np.float32:
    """Return the product of a coarse row, kept in sixteen bits, with a pooled curve; both (g,)."""
    widest()
    total = np.float32(0.0)
    for p in range(pooled.size):
        total += float_of_upper(halves[p]) * pooled[p]
    return total


@kernel()
def looked_at(
    coarse: NDArray[np.uint16],
    pooled: Float32Array,
    members: Members,
    most: int,
    looks: IndexArray,
    likely: IndexArray,
    ends: IndexArray,
) -> int:
    """Write which members of each target are looked at closely; return how many there are of all targets.

    First those that are most like a pooled curve, best first: of a target that has no more than `most`, all
    in their order; of one in which nothing is like the curve at all, its first ones. Then those that carry
    the target, where they are not among the others.

    Parameters
    ----------
    coarse, pooled
        The library's coarse rows (n, g), and the curve (g,).
    looks, ends
        Written: rows, those of one target after those of the other, and where those of each end.
    likely
        Written: how many of each target's are there for being likely, shape (c,).
    """
    rows, stops, carrying, carrying_stops = members
    longest, start = 0, 0
    for c in range(stops.size):
        longest, start = max(longest, stops[c] - start), stops[c]
    similar, every = np.empty(longest, np.float32), np.empty(longest, np.bool_)
    for i in range(longest):
        every[i] = True
    best = np.empty(most, np.intp)
    total = start = first_carrying = 0
    for c in range(stops.size):
        size = stops[c] - start
        found = 0
        if size > most:
            for i in range(size):
                similar[i] = _likeness(coarse[rows[start + i]], pooled)
            found = best_allowed(similar[:size], every[:size], best)
        if found == 0:
            found = min(size, most)
            for i in range(found):
                best[i] = i
        first = total
        for i in range(found):
            looks[total] = rows[start + best[i]]
            total += 1
        likely[c] = found
        for place in range(first_carrying, carrying_stops[c]):
            known = False
            for i in range(first, first + found):
                known |= looks[i] == carrying[place]
            if not known:
                looks[total] = carrying[place]
                total += 1
        ends[c] = total
        start, first_carrying = stops[c], carrying_stops[c]
    return total


@kernel()
def best_looks(
    gains: FloatArray,
    looks: IndexArray,
    likely: IndexArray,
    ends: IndexArray,
    members: Members,
    best: IndexArray,
    carrying_gains: FloatArray,
) -> None:
    """Write the place of each target's best likely look, and the greatest gain of those that carry it.

    Parameters
    ----------
    gains
        Of every look.
    looks, likely, ends
        As `looked_at` writes them.
    best, carrying_gains
        Written, shape (c,).
    """
    carrying, carrying_stops = members[2], members[3]
    start = first_carrying = 0
    for c in range(ends.size):
        best[c] = start
        for i in range(start, start + likely[c]):
            if gains[i] > gains[best[c]]:
                best[c] = i
        carrying_gains[c] = -np.inf
        for i in range(start, ends[c]):
            for place in range(first_carrying, carrying_stops[c]):
                if looks[i] == carrying[place]:
                    carrying_gains[c] = max(carrying_gains[c], gains[i])
        start, first_carrying = ends[c], carrying_stops[c]
