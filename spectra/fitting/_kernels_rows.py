"""Kernels over lists of the library's rows, or of values, of which there are a few."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spectriage.spectra.arrays import FloatArray, IndexArray
from spectriage.spectra.compile.jit import kernel


@kernel()
def without(rows: IndexArray, position: int) -> IndexArray:
    """Return rows but for one."""
    out = np.empty(rows.size - 1, np.intp)
    for i in range(out.size):
        out[i] = rows[i if i < position else i + 1]
    return out


@kernel()
def with_last(rows: IndexArray, row: int) -> IndexArray:
    """Return rows and one more."""
    out = np.empty(rows.size + 1, np.intp)
    for i in range(rows.size):
        out[i] = rows[i]
    out[rows.size] = row
    return out


@kernel()
def others_than(rows: IndexArray, found: IndexArray) -> IndexArray:
    """Return what was found but for some rows; what is given is written over."""
    kept = 0
    for row in found:
        if not is_among(row, rows):
            found[kept] = row
            kept += 1
    return found[:kept]


@kernel()
def is_among(row: int, rows: IndexArray) -> bool:
    """Say whether a row is one of some."""
    for other in rows:
        if row == other:
            return True
    return False


@kernel()
def taken(values: NDArray[Any], places: IndexArray) -> Any:
    """Return values (n,) at some places: an array that is indexed by another one compiles into far more."""
    out = np.empty(places.size, values.dtype)
    for i in range(places.size):
        out[i] = values[places[i]]
    return out


@kernel()
def descending(values: FloatArray) -> IndexArray:
    """Return the order of a few values, the greatest first; of equal ones the first comes first."""
    order = np.empty(values.size, np.intp)
    for i in range(values.size):
        at = i
        while at > 0 and values[order[at - 1]] < values[i]:
            order[at] = order[at - 1]
            at -= 1
        order[at] = i
    return order


@kernel()
def once_each(rows: IndexArray) -> tuple[IndexArray, IndexArray]:
    """Return rows without repetition, in their order, and which of them each of the given ones is."""
    distinct, which = np.empty(rows.size, np.intp), np.empty(rows.size, np.intp)
    count = 0
    for i in range(rows.size):
        at = 0
        while at < count and distinct[at] != rows[i]:
            at += 1
        if at == count:
            distinct[count] = rows[i]
            count += 1
        which[i] = at
    return distinct[:count], which
