"""Kernel of the forward selection; `selection` has its rules in words."""

from __future__ import annotations

import numpy as np

from spectriage.spectra.arrays import BoolArray, FloatArray, IndexArray
from spectriage.spectra.compile._kernels_vectors import apart
from spectriage.spectra.compile.jit import kernel
from spectriage.spectra.contrast._kernels_arguments import Queries, Query
from spectriage.spectra.contrast._kernels_coarse import coarse_best
from spectriage.spectra.fitting._kernels_additions import copy
from spectriage.spectra.fitting._kernels_axes import AxisSearch
from spectriage.spectra.fitting._kernels_memory import Memory
from spectriage.spectra.fitting._kernels_model import (
    Library,
    Model,
    View,
    likeliest,
    named,
    nothing,
    outside,
    query_of,
    seek,
    view_at,
)
from spectriage.spectra.fitting._kernels_rows import descending, is_among, taken, with_last, without
from spectriage.spectra.fitting._kernels_selected import Selected, SelectionRules, Singles
from spectriage.spectra.fitting._kernels_support import count_support, support_of
from spectriage.spectra.fitting._kernels_trials import add, added_to, fit, losses


@kernel()
def _supports_needed(rules: SelectionRules, row: int, gain: float) -> int:
    """Return how many independent bands must need a reference that brings this log gain."""
    at = 0
    while at < rules.gains.size and gain >= rules.gains[at]:
        at += 1
    needed: int = rules.needed[rules.supports[row], at]
    return needed


@kernel()
def _find_singles(
    library: Library, memory: Memory, query: Query, rules: SelectionRules, search: AxisSearch, most: int
) -> Singles:
    """Return the references that explain most alone, every one at its own best axis."""
    apart()
    best, moves = np.empty(most, np.intp), np.empty(most, np.intp)
    count = coarse_best(query.compressed, library.coarse, rules.coarse_penalties, rules.allowed, best, moves)
    axes, merits = np.zeros((count, 3)), np.empty(count)
    similarity, keys = np.empty(count), np.empty(count)
    for i in range(count):
        axes[i, 0] = moves[i] * library.grid[1]
    if count > 0:
        seek(library, memory, query, best[:count], 1, search, axes, merits)
    for i in range(count):
        offset, stretch = axes[i, 0], axes[i, 1]
        penalty = rules.offset_penalty * (offset * offset) + rules.stretch_penalty * (stretch * stretch)
        similarity[i] = merits[i] + penalty
        keys[i] = similarity[i] - penalty
    order = descending(keys)
    sorted_axes = np.empty((count, 3))
    for i in range(count):
        copy(axes[order[i]], sorted_axes[i])
    return Singles(taken(best, order), taken(similarity, order), sorted_axes)


@kernel()
def _refined(
    library: Library, memory: Memory, query: Query, rows: IndexArray, axis: FloatArray, search: AxisSearch
) -> View:
    """Return the query at the axis and resolution where references agree best jointly, sought from one on."""
    axes, merits = np.empty((1, 3)), np.empty(1)
    for part in range(3):
        axes[0, part] = axis[part]
    seek(library, memory, query, rows, rows.size, search, axes, merits)
    return view_at(library, query, axes[0])


@kernel()
def _still_open(library: Library, rules: SelectionRules, rows: IndexArray) -> BoolArray:
    """Return which references may still be added: each family counts once, and there is a most."""
    may = outside(library, rules.allowed, rows)
    packagings = 0
    for row in rows:
        packagings += library.packaging[row]
    wrapped, filled = packagings >= rules.most_packagings, rows.size - packagings >= rules.most
    if wrapped or filled:
        for row in range(may.size):
            may[row] &= not (wrapped if library.packaging[row] else filled)
    return may


@kernel()
def _to_try(
    library: Library, view: View, model: Model, singles: Singles, rules: SelectionRules
) -> IndexArray:
    """Return the additions that are worth a try."""
    may = _still_open(library, rules, model.rows)
    found = likeliest(library, view, model, may, rules.likeliest)
    rows = np.empty(found.size + rules.seconds, np.intp)
    count = 0
    for row in found:
        rows[count] = row
        count += 1
    for other in range(1, min(1 + rules.seconds, singles.rows.size)):
        row = singles.rows[other]
        if may[row] and not is_among(row, rows[:count]):
            rows[count] = row
            count += 1
    return rows[:count]


@kernel()
def _is_seen(
    library: Library, view: View, larger: Model, base: Model, rules: SelectionRules, gain: float
) -> bool:
    """Whether an addition explains its own bands, and not only what the others left at a few of them."""
    row = larger.rows[larger.rows.size - 1]
    if library.packaging[row]:
        return True
    support = support_of(library, view, larger, larger.rows.size - 1, base)
    share, count = count_support(library, support)
    return share >= rules.seen_share and count >= _supports_needed(rules, row, gain)


@kernel()
def _without_needless(
    library: Library, memory: Memory, view: View, model: Model, rules: SelectionRules
) -> Model:
    """Drop components that later ones made unnecessary, the least necessary first."""
    apart()
    while model.rows.size > 1:
        lost = losses(library, memory, view, model)
        worst = 0
        for i in range(lost.size):
            lost[i] -= rules.required[model.rows[i]]
            if lost[i] < lost[worst]:
                worst = i
        if lost[worst] >= 0.0:
            break
        model = fit(library, memory, view, without(model.rows, worst))
    return model


@kernel()
def _forms(library: Library, row: int, rules: SelectionRules) -> IndexArray:
    """Return a reference and the others of its family that may be used."""
    rows = np.empty(library.families.size + 1, np.intp)
    rows[0] = row
    count = 1
    for other in range(library.families.size):
        if library.families[other] == library.families[row] and other != row and rules.allowed[other]:
            rows[count] = other
            count += 1
    return rows[:count]


@kernel()
def _better_known(
    library: Library, view: View, model: Model, rest: Model, row: int, rules: SelectionRules
) -> IndexArray:
    """Return what is of another family, looks like what the rest leaves, and is of a stronger tier."""
    may = outside(library, rules.allowed, model.rows)
    found = likeliest(library, view, rest, may, rules.likeliest)
    count = 0
    for other in found:
        if library.ranks[other] < library.ranks[row]:
            found[count] = other
            count += 1
    return found[:count]


@kernel()
def _best_forms(library: Library, memory: Memory, view: View, model: Model, rules: SelectionRules) -> Model:
    """Exchange each component for what fits about as well and is known by the stronger evidence."""
    apart()
    for position in range(model.rows.size):
        row = model.rows[position]
        rows = _forms(library, row, rules)
        guessed = not library.hazardous[row] and library.ranks[row] > rules.known_rank
        if rows.size == 1 and not guessed:
            continue
        rest = fit(library, memory, view, without(model.rows, position))
        if guessed:
            for other in _better_known(library, view, model, rest, row, rules):
                rows = with_last(rows, other)
        if rows.size == 1:
            continue
        gains = add(library, memory, view, rest, rows).gains
        enough = gains[0]
        for gain in gains:
            enough = max(enough, gain)
        enough -= rules.equal_gain
        best = -1
        for i in range(rows.size):
            if gains[i] >= enough:
                if best < 0:
                    best = i
                    continue
                rank, least = library.ranks[rows[i]], library.ranks[rows[best]]
                better = gains[i] > gains[best] or (gains[i] == gains[best] and rows[i] < rows[best])
                if rank < least or (rank == least and better):
                    best = i
        if best > 0:
            rows_now = np.empty(model.rows.size, np.intp)
            copy(model.rows, rows_now)
            rows_now[position] = rows[best]
            model = fit(library, memory, view, rows_now)
    return model


@kernel()
def _strongest_first(library: Library, memory: Memory, view: View, model: Model) -> Model:
    """Return the fit with its references in the order of their amplitudes."""
    rows = taken(model.rows, descending(model.amplitudes))
    for i in range(rows.size):
        if rows[i] != model.rows[i]:
            return fit(library, memory, view, rows)
    return model


@kernel()
def select_scans(
    packed_library: Library,
    queries: Queries,
    packed_rules: SelectionRules,
    memory: Memory,
    most_singles: int,
    packed_out: Selected,
) -> None:
    """Select the references that each of several queries needs; `packed_out` is written."""
    apart()
    library, memory, queries = named(packed_library), Memory(*memory), Queries(*queries)
    rules = SelectionRules(*packed_rules)
    out = Selected(*packed_out)
    for s in range(out.counts.size):
        query = query_of(queries, s)
        view, model, singles, rejected, gain = _select(library, query, rules, memory, most_singles)
        k = model.rows.size
        out.counts[s], out.rejected[s], out.single_counts[s] = k, rejected, singles.rows.size
        copy(model.rows, out.rows[s, :k])
        copy(model.amplitudes, out.amplitudes[s, :k])
        copy(model.fitted, out.fitted[s])
        copy(view.query.derivative, out.derivative[s])
        copy(view.query.compressed, out.compressed[s])
        copy(view.query.valid, out.valid[s])
        out.similarity[s], out.gains[s] = model.similarity, gain
        copy(view.axis, out.axes[s])
        for i in range(singles.rows.size):
            out.single_rows[s, i], out.singles[s, i, 0] = singles.rows[i], singles.similarity[i]
            copy(singles.axes[i], out.singles[s, i, 1:])


@kernel()
def _select(
    library: Library, query: Query, rules: SelectionRules, memory: Memory, most_singles: int
) -> tuple[View, Model, Singles, int, float]:
    """Select the references that a query needs.

    Returns
    -------
    view, model
        The query at its axis, and the fit.
    singles
        The references that explain most alone.
    rejected, gain
        The best addition that was not necessary, −1 for none, and its log gain.
    """
    apart()
    one_axis, both = AxisSearch(*rules.one_axis), AxisSearch(*rules.both)
    singles = _find_singles(library, memory, query, rules, one_axis, most_singles)
    view = View(query, np.zeros(3))
    model = nothing(view)
    rejected, rejected_gain = -1, 0.0
    if singles.rows.size == 0 or singles.similarity[0] <= 0.0:
        return view, model, Singles(singles.rows[:0], singles.similarity[:0], singles.axes), rejected, 0.0
    view = _refined(library, memory, query, singles.rows[:1], singles.axes[0], both)
    model = fit(library, memory, view, singles.rows[:1])
    going = True
    while going:
        rows = _to_try(library, view, model, singles, rules)
        added = add(library, memory, view, model, rows)
        excess = np.empty(rows.size)
        for i in range(rows.size):
            excess[i] = added.gains[i] - rules.required[rows[i]]
        going = False
        for i in descending(excess):
            row, gain = rows[i], added.gains[i]
            if excess[i] >= 0.0:
                larger = added_to(library, view, model, row, added, i)
                if _is_seen(library, view, larger, model, rules, gain):
                    view = _refined(library, memory, query, larger.rows, view.axis, one_axis)
                    model = fit(library, memory, view, larger.rows)
                    model = _without_needless(library, memory, view, model, rules)
                    rejected, rejected_gain = -1, 0.0
                    going = is_among(row, model.rows)
                    break
            if rejected < 0 or gain > rejected_gain:
                rejected, rejected_gain = row, gain
    model = _best_forms(library, memory, view, model, rules)
    return view, _strongest_first(library, memory, view, model), singles, rejected, rejected_gain
