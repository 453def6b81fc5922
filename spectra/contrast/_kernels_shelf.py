"""Kernels that find references by their rows of the library, whatever its size.

A small library is on the shelf as a whole. Of a large one those references are brought that are asked for:
compiled code that misses one calls back for it, and goes on.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from spectriage.spectra.arrays import BoolArray, Float32Array, IndexArray
from spectriage.spectra.compile._kernels_calls import call_back
from spectriage.spectra.compile.jit import kernel


class Shelf(NamedTuple):
    """Where the references of a library stand, at every resolution.

    Parameters
    ----------
    rows
        Float32, shape (b, s, m).
    ranges, numbers
        The ranges that references hold over, shape (r, m), and the number of that at each place, (s,).
    keys
        The row of the library at each place, shape (s,); of length 0 where every row stands at its own.
    used
        How many places are taken, shape (1,).
    bring
        The address of a function that brings a row to a place.
    """

    rows: Float32Array
    ranges: BoolArray
    numbers: IndexArray
    keys: IndexArray
    used: IndexArray
    bring: int


@kernel(bare=True)
def find_places(shelf: Shelf, rows: IndexArray, places: IndexArray) -> None:
    """Write where some rows of the library stand, shape (k,); what stood elsewhere may be gone after that."""
    keys, used = shelf.keys, shelf.used
    if keys.size > 0 and used[0] + rows.size > keys.size:
        if rows.size > keys.size:
            raise IndexError("more references are asked for together than the shelf has room for")
        used[0] = 0
    for i in range(rows.size):
        place = rows[i]
        if keys.size > 0:
            place = 0
            while place < used[0] and keys[place] != rows[i]:
                place += 1
            if place == used[0]:
                keys[place] = rows[i]
                call_back(shelf.bring, np.int64(rows[i]), np.int64(place))
                used[0] += 1
        places[i] = place
