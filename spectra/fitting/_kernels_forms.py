"""Kernels that exchange a component for what fits about as well and is known by the stronger evidence."""

from __future__ import annotations

import numpy as np

from spectriage.spectra.arrays import BoolArray, Float32Array, IndexArray
from spectriage.spectra.compile.jit import kernel
from spectriage.spectra.contrast._kernels_arguments import Query, References
from spectriage.spectra.fitting._kernels_fit import FitSettings
from spectriage.spectra.fitting._kernels_growing import (
    NOTHING,
    Library,
    Model,
    SelectionRules,
    missing,
    open_rows,
    refit,
)
from spectriage.spectra.fitting._kernels_model import NO_PART, fit_model, likeliest_rows, try_additions


@kernel(inline="always")
def _forms_of(
    library: Library,
    query: Query,
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
        rows = model.rows[: model.numbers[0]]
        # others than these, however many there are
        outside = open_rows(library, rows, allowed, rows.size + 1, rows.size + 1)
        best = np.empty(rules.tried, np.intp)
        for i in range(likeliest_rows(library.coarse, query, rest_fitted, outside, best)):
            if library.ranks[best[i]] < library.ranks[row]:
                others[count] = best[i]
                count += 1
    return count


@kernel(inline="always")
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
        references, place_of, rest, rest_fitted, tried, query, settings, NO_PART, of_each, of_parts, fitted
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


@kernel(inline="always")
def in_order(model: Model) -> None:
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


@kernel(inline="always")
def exchange(
    references: References,
    place_of: IndexArray,
    library: Library,
    query: Query,
    settings: FitSettings,
    allowed: BoolArray,
    rules: SelectionRules,
    model: Model,
) -> int:
    """Give the component whose turn it is its best form; return how many rows are missing for that."""
    k, position = model.numbers[0], model.numbers[2]
    rest, amplitudes = np.empty(k - 1, np.intp), np.empty(k)
    for i in range(k - 1):
        rest[i] = model.rows[i if i < position else i + 1]
    rest_fitted = np.empty_like(model.fitted)
    fit_model(references, place_of, rest, query, settings, amplitudes, rest_fitted)
    model.numbers[3] = _forms_of(library, query, allowed, rules, rest_fitted, model)
    absent = missing(place_of, model.others[: model.numbers[3]])
    if absent == 0 and model.numbers[3] > 0:
        best = _best_form(references, place_of, library, query, settings, rules, rest, rest_fitted, model)
        if best != model.rows[position]:
            model.rows[position] = best
            refit(references, place_of, query, settings, model)
    return absent
