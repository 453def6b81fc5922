"""A model while it grows: what is known of the library, what is asked, and the steps that all of it takes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spectriage.spectra.arrays import BoolArray, Float32Array, FloatArray, IndexArray
from spectriage.spectra.compile.jit import kernel
from spectriage.spectra.contrast._kernels_arguments import Query, References, moved_query, some_references
from spectriage.spectra.contrast._kernels_compress import compress
from spectriage.spectra.fitting._kernels_axes import AxisSearch, best_axes
from spectriage.spectra.fitting._kernels_fit import FitSettings
from spectriage.spectra.fitting._kernels_model import fit_model, placed
from spectriage.spectra.signal._kernels_grid import move

NOTHING = -1


class Library(NamedTuple):
    """What the selection must know of every reference, shape (n,) each but for the first.

    Parameters
    ----------
    coarse
        Rows of the coarse search, in sixteen bits, shape (n, g).
    families, ranks
        The number of its family, and of its tier, 0 for the strongest.
    packaging, hazardous
        Whether it is packaging, and whether it alarms or warns.
    required
        The log gain that it must bring.
    kinds
        How many bands must need it: 0 for none, 1 as of materials with few lines, 2 as of others that alarm.
    """

    coarse: NDArray[np.uint16]
    families: IndexArray
    ranks: IndexArray
    packaging: BoolArray
    hazardous: BoolArray
    required: FloatArray
    kinds: IndexArray


class SelectionRules(NamedTuple):
    """What is asked of an addition.

    Parameters
    ----------
    most, most_packagings
        Components and packagings at most.
    tried
        So many that are likeliest are tried each time.
    seen_share
        The share of an addition's bands, by height, that must need it.
    hazard_gain
        The log gain that a hazard must bring.
    equal_gain
        Forms within this log gain of each other fit equally well.
    few_ranks
        From this tier on a harmless component gives way to another family of a stronger tier.
    """

    most: int
    most_packagings: int
    tried: int
    seen_share: float
    hazard_gain: float
    equal_gain: float
    few_ranks: int


class Model(NamedTuple):
    """A model that grows; what is written of it is read again when the selection goes on.

    Parameters
    ----------
    numbers
        How many components it has, what is done next, at which component, how many others were looked at,
        how many rows are missing, and the best addition that was not needed: shape (6,).
    rows, amplitudes
        Its components, with room for two more.
    others
        The rows that are looked at or missing, shape (n,) at most.
    axis
        Offset, stretch and number of the resolution, shape (3,).
    values
        Its V, and the log gain of the best addition that was not needed, shape (2,).
    derivative, compressed, valid
        The query at its axis, shape (m,).
    fitted
        Its sum, shape (m,).
    """

    numbers: IndexArray
    rows: IndexArray
    amplitudes: FloatArray
    others: IndexArray
    axis: FloatArray
    values: FloatArray
    derivative: Float32Array
    compressed: Float32Array
    valid: BoolArray
    fitted: Float32Array


@kernel()
def open_rows(
    library: Library, rows: IndexArray, allowed: BoolArray, most: int, most_packagings: int
) -> BoolArray:
    """Return which references may still be added (n,): each family counts once, and there is a most."""
    packagings = 0
    for row in rows:
        packagings += library.packaging[row]
    no_packaging, no_contents = packagings >= most_packagings, rows.size - packagings >= most
    still_open = np.empty(allowed.size, np.bool_)
    for p in range(allowed.size):
        usable = allowed[p] and not (no_packaging if library.packaging[p] else no_contents)
        for row in rows:
            usable &= library.families[p] != library.families[row]
        still_open[p] = usable
    return still_open


@kernel(inline="always")
def missing(place_of: IndexArray, rows: IndexArray) -> int:
    """Return how many of some rows are not at hand."""
    count = 0
    for row in rows:
        count += place_of[row] < 0
    return count


@kernel(inline="always")
def settle(
    references: References,
    place_of: IndexArray,
    query: Query,
    grid: FloatArray,
    settings: FitSettings,
    search: AxisSearch,
    model: Model,
) -> None:
    """Bring a model to the axis and resolution where it agrees best, and the query with it."""
    rows = model.rows[: model.numbers[0]]
    places = placed(place_of, rows, rows[:0]).reshape(1, -1)
    axes, merits = model.axis.reshape(1, 3), np.empty(1)
    sets = some_references(references[0], references[1], references[2], places)
    best_axes(sets, query, grid, settings, search, axes, merits)
    move(query[0], query[2], grid, model.axis, model.derivative, model.valid)
    compress(model.derivative, query[3], model.compressed)


@kernel(inline="always")
def at_its_axis(model: Model, query: Query) -> Query:
    """Return the query at a model's axis."""
    return moved_query(model.derivative, model.compressed, model.valid, query[3])


@kernel(inline="always")
def at_its_width(references: References, place_of: IndexArray, model: Model) -> References:
    """Return the references at a model's resolution."""
    return some_references(references[0][int(model.axis[2])], references[1], references[2], place_of)


@kernel(inline="always")
def refit(
    references: References, place_of: IndexArray, query: Query, settings: FitSettings, model: Model
) -> None:
    """Fit a model at its axis."""
    rows = model.rows[: model.numbers[0]]
    model.values[0] = fit_model(references, place_of, rows, query, settings, model.amplitudes, model.fitted)
