"""Kernel of the forward selection: components are added while they are needed, then given their best form.

It works on rows that it is handed. Of a large library these are few: where it comes upon others, it says
which, stops, and goes on from there when called again.
"""

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
from spectriage.spectra.fitting._kernels_model import (
    BandRules,
    fit_model,
    likeliest_rows,
    losses_of,
    placed,
    supports_of,
    try_additions,
)
from spectriage.spectra.signal._kernels_grid import move

ADD, FORM, DONE = 0, 1, 2
"""What is done next: the best addition is looked for, or the best form of a component; or nothing."""
NOTHING = -1
_WEAK, _STRONG = 2.0, 4.0
"""A gain of less than so many times the least of a hazard is weak; from so many times on it is strong."""


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
def supports_needed(kind: int, gain: float, hazard_gain: float) -> int:
    """Return how many independent bands must need a reference of a kind that brings this log gain."""
    if kind == 0:
        return 0
    weak = gain < _WEAK * hazard_gain
    if kind == 1:
        return 3 if weak else 2 if gain < _STRONG * hazard_gain else 1
    return 4 if weak else 3


@kernel()
def _open_rows(
    library: Library, rows: IndexArray, allowed: BoolArray, rules: SelectionRules, only_families: bool
) -> BoolArray:
    """Return which references may still be added (n,): each family counts once, and there is a most.

    With `only_families` there is no most.
    """
    packagings = 0
    for row in rows:
        packagings += library.packaging[row]
    no_packaging = packagings >= rules.most_packagings and not only_families
    no_contents = rows.size - packagings >= rules.most and not only_families
    open_rows = np.empty(allowed.size, np.bool_)
    for p in range(allowed.size):
        usable = allowed[p] and not (no_packaging if library.packaging[p] else no_contents)
        for row in rows:
            usable &= library.families[p] != library.families[row]
        open_rows[p] = usable
    return open_rows


@kernel()
def _missing(place_of: IndexArray, rows: IndexArray) -> int:
    """Return how many of some rows are not at hand."""
    count = 0
    for row in rows:
        count += place_of[row] < 0
    return count


@kernel()
def _settle(
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


@kernel()
def _at_its_axis(model: Model, query: Query) -> Query:
    """Return the query at a model's axis."""
    return moved_query(model.derivative, model.compressed, model.valid, query[3])


@kernel()
def _at_its_width(references: References, place_of: IndexArray, model: Model) -> References:
    """Return the references at a model's resolution."""
    return some_references(references[0][int(model.axis[2])], references[1], references[2], place_of)


@kernel()
def _refit(
    references: References, place_of: IndexArray, query: Query, settings: FitSettings, model: Model
) -> None:
    """Fit a model at its axis."""
    rows = model.rows[: model.numbers[0]]
    model.values[0] = fit_model(references, place_of, rows, query, settings, model.amplitudes, model.fitted)


@kernel()
def _drop_needless(
    references: References,
    place_of: IndexArray,
    library: Library,
    query: Query,
    settings: FitSettings,
    model: Model,
) -> None:
    """Drop components that later ones made unnecessary, the least necessary first."""
    losses = np.empty(model.rows.size)
    while model.numbers[0] > 1:
        k = model.numbers[0]
        losses_of(references, place_of, model.rows[:k], query, settings, losses[:k])
        worst = 0
        for i in range(k):
            losses[i] -= library.required[model.rows[i]]
            if losses[i] < losses[worst]:
                worst = i
        if losses[worst] >= 0.0:
            break
        for i in range(worst, k - 1):
            model.rows[i] = model.rows[i + 1]
        model.numbers[0] = k - 1
        _refit(references, place_of, query, settings, model)


@kernel()
def _look(
    library: Library,
    query: Query,
    allowed: BoolArray,
    singles: IndexArray,
    rules: SelectionRules,
    model: Model,
) -> int:
    """Write the rows that may be what a model lacks: the likeliest, and the best singles; return how many."""
    open_rows = _open_rows(library, model.rows[: model.numbers[0]], allowed, rules, False)
    others = model.others
    count = likeliest_rows(library.coarse, query, model.fitted, open_rows, others[: rules.tried])
    for row in singles:
        known = not open_rows[row]
        for i in range(count):
            known |= others[i] == row
        if not known:
            others[count] = row
            count += 1
    return count


@kernel()
def _best_needed(
    references: References,
    place_of: IndexArray,
    library: Library,
    query: Query,
    settings: FitSettings,
    bands: BandRules,
    rules: SelectionRules,
    model: Model,
) -> int:
    """Return the best addition of those looked at that is needed and seen; `NOTHING` when there is none.

    The best of those that are not is kept in mind.
    """
    k, count = model.numbers[0], model.numbers[3]
    rows, others = model.rows[: k + 1], model.others[:count]
    of_each, of_parts = np.empty((2, count)), np.empty((2, count, k + 1))
    fitted = np.empty_like(model.fitted)
    if count > 0:
        try_additions(
            references,
            place_of,
            rows[:k],
            model.fitted,
            others,
            query,
            settings,
            0,
            of_each,
            of_parts,
            fitted,
        )
    gains = of_each[1]
    excess, order = np.empty(count), np.empty(count, np.intp)
    for i in range(count):
        excess[i] = gains[i] - library.required[others[i]]
        at = i
        while at > 0 and excess[order[at - 1]] < excess[i]:
            order[at] = order[at - 1]
            at -= 1
        order[at] = i
    amplitudes = np.empty(k + 1)
    for i in order:
        row = others[i]
        if excess[i] >= 0.0:
            rows[k] = row
            fit_model(references, place_of, rows, query, settings, amplitudes, fitted)
            if library.packaging[row]:
                return int(row)
            pieces, share = supports_of(
                references[0][place_of[row]], amplitudes[k], fitted, model.fitted, query, bands
            )
            needed = supports_needed(library.kinds[row], gains[i], rules.hazard_gain)
            if share >= rules.seen_share and pieces >= needed:
                return int(row)
        if model.numbers[5] == NOTHING or gains[i] > model.values[1]:
            model.numbers[5], model.values[1] = row, gains[i]
    return NOTHING


@kernel()
def _forms_of(
    references: References,
    place_of: IndexArray,
    library: Library,
    query: Query,
    settings: FitSettings,
    allowed: BoolArray,
    rules: SelectionRules,
    rest_fitted: Float32Array,
    model: Model,
) -> int:
    """Write what may stand in a component's place: its family, and what is better known; return how many."""
    row, others = model.rows[model.numbers[2]], model.others
    count = 0
    for other in range(allowed.size):
        if allowed[other] and other != row and library.families[other] == library.families[row]:
            others[count] = other
            count += 1
    if not library.hazardous[row] and library.ranks[row] >= rules.few_ranks:
        outside = _open_rows(library, model.rows[: model.numbers[0]], allowed, rules, True)
        best = np.empty(rules.tried, np.intp)
        for i in range(likeliest_rows(library.coarse, query, rest_fitted, outside, best)):
            if library.ranks[best[i]] < library.ranks[row]:
                others[count] = best[i]
                count += 1
    return count


@kernel()
def _best_form(
    references: References,
    place_of: IndexArray,
    library: Library,
    query: Query,
    settings: FitSettings,
    rules: SelectionRules,
    rest: IndexArray,
    rest_fitted: Float32Array,
    model: Model,
) -> int:
    """Return what fits about as well as the best in a component's place, and is best known."""
    row, count = model.rows[model.numbers[2]], model.numbers[3]
    tried = np.empty(count + 1, np.intp)
    tried[0] = row
    for i in range(count):
        tried[i + 1] = model.others[i]
    of_each, of_parts = np.empty((2, count + 1)), np.empty((2, count + 1, rest.size + 1))
    fitted = np.empty_like(model.fitted)
    try_additions(
        references, place_of, rest, rest_fitted, tried, query, settings, 0, of_each, of_parts, fitted
    )
    gains = of_each[1]
    enough = gains.max() - rules.equal_gain
    best = NOTHING
    for i in range(count + 1):
        if gains[i] >= enough:
            rank = library.ranks[tried[i]]
            better = best == NOTHING or rank < library.ranks[tried[best]]
            if not better and rank == library.ranks[tried[best]]:
                same = gains[i] == gains[best]
                better = gains[i] > gains[best] or (same and tried[i] < tried[best])
            if better:
                best = i
    return int(tried[best])


@kernel()
def _in_order(model: Model) -> None:
    """Bring a model's components into the order of their amplitudes, the greatest first."""
    k = model.numbers[0]
    rows, amplitudes = model.rows[:k].copy(), model.amplitudes
    for i in range(k):
        at = i
        while at > 0 and amplitudes[at - 1] < amplitudes[at]:
            amplitudes[at - 1], amplitudes[at] = amplitudes[at], amplitudes[at - 1]
            rows[at - 1], rows[at] = rows[at], rows[at - 1]
            at -= 1
    for i in range(k):
        model.rows[i] = rows[i]


@kernel()
def grow(
    references: References,
    place_of: IndexArray,
    library: Library,
    query: Query,
    grid: FloatArray,
    allowed: BoolArray,
    singles: IndexArray,
    settings: FitSettings,
    first_search: AxisSearch,
    search: AxisSearch,
    bands: BandRules,
    rules: SelectionRules,
    model: Model,
) -> int:
    """Let a model of one component grow until nothing more is needed; return how many rows are missing.

    Parameters
    ----------
    references
        At every resolution.
    place_of
        Where each row of the library is among them; negative for one that is not. Those that are needed and
        missing are then written to the model's `others`: called again with them, it goes on.
    query
        As it was measured.
    grid
        Start and step of its axis in cm⁻¹.
    allowed
        Which rows may be used, shape (n,).
    singles
        What explains the query second best alone, to be tried with the likeliest.
    first_search, search
        How the axis of the first component, and then that of more, is sought.
    """
    library, rules, bands, model = Library(*library), SelectionRules(*rules), BandRules(*bands), Model(*model)
    state = model.numbers
    if state[0] < 0:
        # not begun: one component, at the axis of the best single
        state[0] = 1
        _settle(references, place_of, query, grid, settings, first_search, model)
        here = _at_its_width(references, place_of, model)
        _refit(here, place_of, _at_its_axis(model, query), settings, model)
    looked = state[3] != NOTHING
    while state[1] != DONE:
        here = _at_its_width(references, place_of, model)
        at_axis = _at_its_axis(model, query)
        k = state[0]
        if state[1] == ADD:
            if not looked:
                state[3] = _look(library, at_axis, allowed, singles, rules, model)
                state[4] = _missing(place_of, model.others[: state[3]])
                if state[4] > 0:
                    return int(state[4])
            looked = False
            row = _best_needed(here, place_of, library, at_axis, settings, bands, rules, model)
            if row == NOTHING:
                state[1] = FORM
                continue
            state[5] = NOTHING
            model.rows[k] = row
            state[0] = k + 1
            _settle(references, place_of, query, grid, settings, search, model)
            here = _at_its_width(references, place_of, model)
            at_axis = _at_its_axis(model, query)
            _refit(here, place_of, at_axis, settings, model)
            _drop_needless(here, place_of, library, at_axis, settings, model)
            kept = False
            for i in range(state[0]):
                kept |= model.rows[i] == row
            if not kept:
                state[1] = FORM
        elif state[2] < k:
            rest, amplitudes = np.empty(k - 1, np.intp), np.empty(k)
            for i in range(k - 1):
                rest[i] = model.rows[i if i < state[2] else i + 1]
            rest_fitted = np.empty_like(model.fitted)
            fit_model(here, place_of, rest, at_axis, settings, amplitudes, rest_fitted)
            state[3] = _forms_of(
                here, place_of, library, at_axis, settings, allowed, rules, rest_fitted, model
            )
            state[4] = _missing(place_of, model.others[: state[3]])
            if state[4] > 0:
                return int(state[4])
            if state[3] > 0:
                row = model.rows[state[2]]
                best = _best_form(here, place_of, library, at_axis, settings, rules, rest, rest_fitted, model)
                if best != row:
                    model.rows[state[2]] = best
                    _refit(here, place_of, at_axis, settings, model)
            state[2] += 1
        else:
            if k > 1:
                _in_order(model)
                _refit(here, place_of, at_axis, settings, model)
            state[1] = DONE
    return 0
