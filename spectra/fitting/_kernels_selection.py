"""Kernel of the forward selection: components are added while they are needed, then given their best form.

It works on rows that it is handed. Of a large library these are few: where it comes upon others, it says
which, stops, and goes on from there when called again. Its steps are written into it (`inline`), so that
they are compiled but once.
"""

from __future__ import annotations

import numpy as np

from spectriage.spectra.arrays import BoolArray, FloatArray, IndexArray
from spectriage.spectra.compile._kernels_vectors import apart
from spectriage.spectra.compile.jit import kernel
from spectriage.spectra.contrast._kernels_arguments import Query, References
from spectriage.spectra.fitting._kernels_axes import AxisSearch
from spectriage.spectra.fitting._kernels_bands import BandRules
from spectriage.spectra.fitting._kernels_fit import FitSettings
from spectriage.spectra.fitting._kernels_forms import exchange, in_order
from spectriage.spectra.fitting._kernels_growing import (
    NOTHING,
    Library,
    Model,
    SelectionRules,
    at_its_axis,
    at_its_width,
    missing,
    open_rows,
    refit,
    settle,
)
from spectriage.spectra.fitting._kernels_model import (
    NO_PART,
    fit_model,
    likeliest_rows,
    losses_of,
    supports_of,
    try_additions,
)

ADD, FORM, DONE = 0, 1, 2
"""What is done next: the best addition is looked for, or the best form of a component; or nothing."""
_WEAK, _STRONG = 2.0, 4.0
"""A gain of less than so many times the least of a hazard is weak; from so many times on it is strong."""


@kernel()
def supports_needed(kind: int, gain: float, hazard_gain: float) -> int:
    """Return how many independent bands must need a reference of a kind that brings this log gain."""
    if kind == 0:
        return 0
    weak = gain < _WEAK * hazard_gain
    if kind == 1:
        return 3 if weak else 2 if gain < _STRONG * hazard_gain else 1
    return 4 if weak else 3


@kernel(inline="always")
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
        refit(references, place_of, query, settings, model)


@kernel(inline="always")
def _look(
    library: Library,
    query: Query,
    allowed: BoolArray,
    singles: IndexArray,
    rules: SelectionRules,
    model: Model,
) -> int:
    """Write the rows that may be what a model lacks: the likeliest, and the best singles; return how many."""
    usable = open_rows(library, model.rows[: model.numbers[0]], allowed, rules.most, rules.most_packagings)
    others = model.others
    count = likeliest_rows(library.coarse, query, model.fitted, usable, others[: rules.tried])
    for row in singles:
        known = not usable[row]
        for i in range(count):
            known |= others[i] == row
        if not known:
            others[count] = row
            count += 1
    return count


@kernel(inline="always")
def _greatest_first(values: FloatArray) -> IndexArray:
    """Return the places of some values (n,), the greatest first; of equal ones the first."""
    order = np.empty(values.size, np.intp)
    for i in range(values.size):
        at = i
        while at > 0 and values[order[at - 1]] < values[i]:
            order[at] = order[at - 1]
            at -= 1
        order[at] = i
    return order


@kernel(inline="always")
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
            NO_PART,
            of_each,
            of_parts,
            fitted,
        )
    gains = of_each[1]
    excess = np.empty(count)
    for i in range(count):
        excess[i] = gains[i] - library.required[others[i]]
    amplitudes = np.empty(k + 1)
    for i in _greatest_first(excess):
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


@kernel(inline="always")
def _add(
    references: References,
    place_of: IndexArray,
    library: Library,
    query: Query,
    grid: FloatArray,
    settings: FitSettings,
    search: AxisSearch,
    row: int,
    model: Model,
) -> bool:
    """Add a component and drop what it makes needless; say whether it is still there then."""
    k = model.numbers[0]
    model.numbers[5] = NOTHING
    model.rows[k] = row
    model.numbers[0] = k + 1
    settle(references, place_of, query, grid, settings, search, model)
    here, at_axis = at_its_width(references, place_of, model), at_its_axis(model, query)
    refit(here, place_of, at_axis, settings, model)
    _drop_needless(here, place_of, library, at_axis, settings, model)
    kept = False
    for i in range(model.numbers[0]):
        kept |= model.rows[i] == row
    return kept


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
    apart()
    library, rules, bands, model = Library(*library), SelectionRules(*rules), BandRules(*bands), Model(*model)
    state = model.numbers
    if state[0] < 0:
        # not begun: one component, at the axis of the best single
        state[0] = 1
        settle(references, place_of, query, grid, settings, first_search, model)
        here = at_its_width(references, place_of, model)
        refit(here, place_of, at_its_axis(model, query), settings, model)
    looked = state[3] != NOTHING
    while state[1] != DONE:
        at_axis, here = at_its_axis(model, query), at_its_width(references, place_of, model)
        if state[1] == ADD:
            if not looked:
                state[3] = _look(library, at_axis, allowed, singles, rules, model)
                state[4] = missing(place_of, model.others[: state[3]])
                if state[4] > 0:
                    return int(state[4])
            looked = False
            row = _best_needed(here, place_of, library, at_axis, settings, bands, rules, model)
            kept = row != NOTHING
            if kept:
                kept = _add(references, place_of, library, query, grid, settings, search, row, model)
            state[1] = ADD if kept else FORM
        elif state[2] < state[0]:
            state[4] = exchange(here, place_of, library, at_axis, settings, allowed, rules, model)
            if state[4] > 0:
                return int(state[4])
            state[2] += 1
        else:
            if state[0] > 1:
                in_order(model)
                refit(here, place_of, at_axis, settings, model)
            state[1] = DONE
    return 0
