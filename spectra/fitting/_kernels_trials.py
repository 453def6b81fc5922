"""Kernels that try models on a query: fit one, add to it, and ask what its parts are worth."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from spectriage.spectra.arrays import Float32Array, FloatArray, IndexArray
from spectriage.spectra.compile._kernels_calls import packed
from spectriage.spectra.compile._kernels_vectors import apart
from spectriage.spectra.compile.jit import kernel
from spectriage.spectra.contrast._kernels_arguments import References
from spectriage.spectra.contrast._kernels_shelf import find_places
from spectriage.spectra.fitting._kernels_additions import add_each, add_row, copy
from spectriage.spectra.fitting._kernels_memory import Memory
from spectriage.spectra.fitting._kernels_model import Library, Model, View, nothing
from spectriage.spectra.fitting._kernels_rows import with_last


class Added(NamedTuple):
    """A model with one more reference, for each of several: see `Additions`.

    The amplitudes, shape (c, k + 1), are of the model's references and, last, of the one that is added.
    """

    similarity: FloatArray
    gains: FloatArray
    amplitudes: FloatArray


@kernel()
def _try(
    library: Library,
    memory: Memory,
    view: View,
    base_rows: IndexArray,
    base_fitted: Float32Array,
    rows: IndexArray,
    first_part: int,
    end_part: int,
    known: bool,
    of_each: FloatArray,
    of_parts: FloatArray,
    fitted: Float32Array,
) -> None:
    """Fit a model with each of several references: `add_each`, by the rows of the library."""
    apart()
    k, count = base_rows.size, rows.size
    if count == 0:
        return
    asked, places = np.empty(k + count, np.intp), np.empty(k + count, np.intp)
    copy(base_rows, asked[:k])
    copy(rows, asked[k:])
    shelf = library.shelf
    find_places(shelf, asked, places)
    add_each(
        packed(References(shelf.rows[np.intp(view.axis[2])], shelf.ranges, shelf.numbers, places)),
        k,
        packed(view.query),
        base_fitted,
        packed(library.settings),
        first_part,
        end_part,
        known,
        packed(memory),
        of_each,
        of_parts,
        fitted,
    )


@kernel()
def add(library: Library, memory: Memory, view: View, base: Model, rows: IndexArray) -> Added:
    """Fit a model with each of several references."""
    apart()
    of_each, of_parts = np.zeros((2, rows.size)), np.zeros((2, rows.size, base.rows.size + 1))
    no_fit = np.empty(0, np.float32)
    _try(library, memory, view, base.rows, base.fitted, rows, 0, 0, False, of_each, of_parts, no_fit)
    return Added(of_each[0], of_each[1], of_parts[0])


@kernel()
def added_to(library: Library, view: View, base: Model, row: int, added: Added, place: int) -> Model:
    """Return a model with one reference that was added to it: what `fit` would find again."""
    apart()
    rows, amplitudes = with_last(base.rows, row), added.amplitudes[place]
    fitted = np.empty(view.query.derivative.size, np.float32)
    places = np.empty(rows.size, np.intp)
    find_places(library.shelf, rows, places)
    for i in range(rows.size):
        add_row(library.shelf.rows[np.intp(view.axis[2]), places[i]], amplitudes[i], i == 0, fitted)
    return Model(rows, amplitudes, added.similarity[place], fitted)


@kernel()
def fit(library: Library, memory: Memory, view: View, rows: IndexArray) -> Model:
    """Fit given references with non-negative amplitudes."""
    apart()
    k = rows.size
    if k == 0:
        return nothing(view)
    of_each, of_parts = np.zeros((2, 1)), np.zeros((2, 1, k))
    no_fit, fitted = np.empty(0, np.float32), np.empty(view.query.derivative.size, np.float32)
    _try(library, memory, view, rows[: k - 1], no_fit, rows[k - 1 :], 0, 0, False, of_each, of_parts, fitted)
    return Model(rows, of_parts[0, 0], of_each[0, 0], fitted)


@kernel()
def losses_of_each(
    library: Library,
    memory: Memory,
    view: View,
    base: IndexArray,
    rows: IndexArray,
    similarity: FloatArray,
    first_part: int,
    end_part: int,
) -> FloatArray:
    """Return how much disagreement some parts of a model with each of several references remove.

    How similar the scan is to each whole is known, shape (c,). Returned is shape (c, k + 1), zero for parts
    that were not asked for.
    """
    apart()
    of_each, of_parts = np.zeros((2, rows.size)), np.zeros((2, rows.size, base.size + 1))
    copy(similarity, of_each[0])
    no_fit = np.empty(0, np.float32)
    _try(library, memory, view, base, no_fit, rows, first_part, end_part, True, of_each, of_parts, no_fit)
    lost: FloatArray = of_parts[1]
    return lost


@kernel()
def losses(library: Library, memory: Memory, view: View, whole: Model) -> FloatArray:
    """Return how much disagreement each component removes from the whole fit, shape (k,)."""
    k = whole.rows.size
    if k == 0:
        return np.empty(0)
    base, last, similarity = whole.rows[: k - 1], whole.rows[k - 1 :], np.full(1, whole.similarity)
    lost: FloatArray = losses_of_each(library, memory, view, base, last, similarity, 0, k)[0]
    return lost
