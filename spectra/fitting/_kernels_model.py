"""Kernels of the steps that every search among models takes: fit one, add to it, look for what is left.

What `Fitter` does for a caller in Python, for kernels that do a whole search. The numbers are the same: both
end in `add_each` and `best_axes`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from spectriage.spectra.arrays import BoolArray, Float32Array, FloatArray, HalfArray, IndexArray, Int8Array
from spectriage.spectra.compile._kernels_calls import packed
from spectriage.spectra.compile._kernels_vectors import apart
from spectriage.spectra.compile.jit import kernel
from spectriage.spectra.contrast._kernels_arguments import Queries, Query, References
from spectriage.spectra.contrast._kernels_coarse import likeliest_each, pool_rest
from spectriage.spectra.contrast._kernels_compress import compress
from spectriage.spectra.contrast._kernels_shelf import Shelf, find_places
from spectriage.spectra.fitting._kernels_additions import add_each
from spectriage.spectra.fitting._kernels_axes import AxisSearch, best_axes
from spectriage.spectra.fitting._kernels_bands import BandRules
from spectriage.spectra.fitting._kernels_fit import FitSettings
from spectriage.spectra.fitting._kernels_memory import Memory
from spectriage.spectra.signal._kernels_grid import move


class Library(NamedTuple):
    """A library as a search takes it; n references on m points.

    Parameters
    ----------
    shelf
        The references themselves.
    coarse
        Rows of the coarse search, shape (n, g).
    families, packaging, hazardous, ranks
        The number of each one's family, whether it is packaging, or alarms or warns, and the rank of its
        tier, shape (n,).
    areas
        The area under each when its derivative has unit norm, shape (n,); only of those that are in use.
    grid
        Start and step of the axis in cm⁻¹.
    settings, bands
        How a fit weighs its points, and what counts as a band.
    """

    shelf: Shelf
    coarse: HalfArray
    families: IndexArray
    packaging: BoolArray
    hazardous: BoolArray
    ranks: Int8Array
    areas: FloatArray
    grid: FloatArray
    settings: FitSettings
    bands: BandRules


class View(NamedTuple):
    """A query at an axis: its offset and stretch, and the number of the resolution that references have."""

    query: Query
    axis: FloatArray


class Model(NamedTuple):
    """References that explain a query: see `Fit`."""

    rows: IndexArray
    amplitudes: FloatArray
    similarity: float
    fitted: Float32Array


class Added(NamedTuple):
    """A model with one more reference, for each of several: see `Additions`."""

    similarity: FloatArray
    gains: FloatArray
    amplitudes: FloatArray
    losses: FloatArray
    fitted: Float32Array


class Views(NamedTuple):
    """Several queries, each at an axis: as `Queries`, and axes of shape (s, 3).

    They are handed over flat, so that a packed one has no packed one inside.
    """

    derivative: Float32Array
    compressed: Float32Array
    valid: BoolArray
    threshold: FloatArray
    axes: FloatArray


class Models(NamedTuple):
    """Several models of at most k references: how many each has, (s,); (s, k); and their fits, (s, m)."""

    counts: IndexArray
    rows: IndexArray
    amplitudes: FloatArray
    similarity: FloatArray
    fitted: Float32Array


@kernel()
def view_of(views: Views, place: int) -> View:
    """Return one of several views."""
    derivative, compressed, valid = views.derivative[place], views.compressed[place], views.valid[place]
    return View(Query(derivative, compressed, valid, views.threshold[place]), views.axes[place])


@kernel()
def model_of(models: Models, place: int) -> Model:
    """Return one of several models."""
    count = models.counts[place]
    rows, amplitudes = models.rows[place, :count], models.amplitudes[place, :count]
    return Model(rows, amplitudes, models.similarity[place], models.fitted[place])


@kernel()
def named(library: Library) -> Library:
    """Return a library that was handed over packed, with names."""
    shelf, coarse, families, packaging, hazardous, ranks, areas, grid, settings, bands = library
    return Library(
        Shelf(*shelf),
        coarse,
        families,
        packaging,
        hazardous,
        ranks,
        areas,
        grid,
        FitSettings(*settings),
        BandRules(*bands),
    )


@kernel()
def query_of(queries: Queries, place: int) -> Query:
    """Return one of several queries."""
    derivative, compressed = queries.derivative[place], queries.compressed[place]
    thresholds: Any = queries.threshold
    return Query(derivative, compressed, queries.valid[place], thresholds[place])


@kernel()
def view_at(library: Library, query: Query, axis: FloatArray) -> View:
    """Return a query under a correction of its axis."""
    apart()
    if axis[0] == 0.0 and axis[1] == 0.0:
        return View(query, axis)
    size = query.derivative.size
    derivative, compressed, valid = (
        np.empty(size, np.float32),
        np.empty(size, np.float32),
        np.empty(size, np.bool_),
    )
    move(query.derivative, query.valid, library.grid, axis, derivative, valid)
    compress(derivative, query.threshold, compressed)
    return View(Query(derivative, compressed, valid, query.threshold), axis)


@kernel()
def nothing(view: View) -> Model:
    """Return the model without references."""
    none = np.empty(0, np.intp)
    return Model(none, np.empty(0), 0.0, np.zeros(view.query.derivative.size, np.float32))


@kernel()
def add(
    library: Library,
    memory: Memory,
    view: View,
    base: Model,
    rows: IndexArray,
    first_part: int,
    end_part: int,
) -> Added:
    """Fit a model with each of several references; what each of some of its parts is then worth."""
    apart()
    k, count = base.rows.size, rows.size
    of_each, of_parts = np.zeros((2, count)), np.zeros((2, count, k + 1))
    fitted = np.zeros(base.fitted.size, np.float32)
    if count > 0:
        asked = np.empty(k + count, np.intp)
        for i in range(k):
            asked[i] = base.rows[i]
        for i in range(count):
            asked[k + i] = rows[i]
        places = np.empty(k + count, np.intp)
        find_places(library.shelf, asked, places)
        shelf = library.shelf
        add_each(
            packed(References(shelf.rows[np.intp(view.axis[2])], shelf.ranges, shelf.numbers, places)),
            k,
            packed(view.query),
            base.fitted,
            packed(library.settings),
            first_part,
            end_part,
            packed(memory),
            of_each,
            of_parts,
            fitted,
        )
    return Added(of_each[0], of_each[1], of_parts[0], of_parts[1], fitted)


@kernel()
def fit(library: Library, memory: Memory, view: View, rows: IndexArray) -> Model:
    """Fit given references with non-negative amplitudes."""
    apart()
    empty = nothing(view)
    k = rows.size
    if k == 0:
        return empty
    base = Model(rows[: k - 1], empty.amplitudes, 0.0, empty.fitted)
    added = add(library, memory, view, base, rows[k - 1 :], 0, 0)
    return Model(rows, added.amplitudes[0], added.similarity[0], added.fitted)


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
def losses(library: Library, memory: Memory, view: View, whole: Model) -> FloatArray:
    """Return how much disagreement each component removes from the whole fit, shape (k,)."""
    apart()
    k = whole.rows.size
    empty = nothing(view)
    if k == 0:
        return empty.amplitudes
    base = Model(whole.rows[: k - 1], empty.amplitudes, 0.0, empty.fitted)
    lost: FloatArray = add(library, memory, view, base, whole.rows[k - 1 :], 0, k).losses[0]
    return lost


@kernel()
def seek(
    library: Library,
    memory: Memory,
    query: Query,
    rows: IndexArray,
    together: int,
    search: AxisSearch,
    axes: FloatArray,
    merits: FloatArray,
) -> None:
    """Seek the best axis of sets of so many references, from `axes` (c, 3) on; their merits there, (c,)."""
    apart()
    places = np.empty(rows.size, np.intp)
    find_places(library.shelf, rows, places)
    shelf = library.shelf
    best_axes(
        packed(References(shelf.rows, shelf.ranges, shelf.numbers, places.reshape(-1, together))),
        packed(query),
        library.grid,
        packed(library.settings),
        packed(search),
        packed(memory),
        axes,
        merits,
    )


@kernel()
def rest_of(view: View, model: Model, coarse_points: int) -> Float32Array:
    """Return what a model leaves, compressed and pooled for the coarse search."""
    out = np.empty(coarse_points, np.float32)
    pool_rest(packed(view.query), model.fitted, out)
    return out


@kernel()
def outside(library: Library, allowed: BoolArray, rows: IndexArray) -> BoolArray:
    """Return which references are allowed and of none of the families of some rows, shape (n,)."""
    apart()
    may = np.empty(allowed.size, np.bool_)
    for row in range(may.size):
        may[row] = allowed[row]
    for own in rows:
        family = library.families[own]
        for row in range(may.size):
            may[row] &= library.families[row] != family
    return may


@kernel()
def likeliest(library: Library, view: View, base: Model, may: BoolArray, count: int) -> IndexArray:
    """Return the rows that may be and look most like what a model leaves, best first; its own left out."""
    apart()
    n, points = library.coarse.shape
    best, counts = np.empty((1, count), np.intp), np.empty(1, np.intp)
    counts[0] = count
    rest = rest_of(view, base, points)
    likeliest_each(library.coarse, rest.reshape(1, points), may.reshape(1, n), best, counts)
    return others_than(base.rows, best[0, : counts[0]])


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
