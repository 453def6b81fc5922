"""What the kernels of whole searches share: the library, a query at an axis, and models of it.

With `_kernels_trials` they do in a search what `Fitter` does for a caller in Python, with the same numbers:
both end in `add_each` and `best_axes`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from spectriage.spectra.arrays import BoolArray, Float32Array, FloatArray, HalfArray, IndexArray, Int8Array
from spectriage.spectra.compile._kernels_calls import packed
from spectriage.spectra.compile._kernels_vectors import apart
from spectriage.spectra.compile.jit import kernel
from spectriage.spectra.contrast._kernels_arguments import Queries, Query, References
from spectriage.spectra.contrast._kernels_coarse import likeliest_each, pool_rest
from spectriage.spectra.contrast._kernels_compress import compress
from spectriage.spectra.contrast._kernels_shelf import Shelf, find_places
from spectriage.spectra.fitting._kernels_axes import AxisSearch, best_axes
from spectriage.spectra.fitting._kernels_bands import BandRules
from spectriage.spectra.fitting._kernels_fit import FitSettings
from spectriage.spectra.fitting._kernels_memory import Memory
from spectriage.spectra.fitting._kernels_rows import others_than
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
