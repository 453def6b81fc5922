"""Kernel that tries targets on one model: each one's best member, what competes with it, and its limit."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from spectriage.spectra.arrays import BoolArray, FloatArray, IndexArray
from spectriage.spectra.compile._kernels_calls import packed
from spectriage.spectra.compile._kernels_vectors import apart
from spectriage.spectra.compile.jit import kernel
from spectriage.spectra.contrast._kernels_arguments import Probes, References
from spectriage.spectra.contrast._kernels_shelf import find_places
from spectriage.spectra.evidence._kernels_limits import LimitRules, Sought, limits_each
from spectriage.spectra.evidence._kernels_mass import mass_between, matrix_of
from spectriage.spectra.evidence._kernels_targets import Members, best_looks, looked_at
from spectriage.spectra.fitting._kernels_additions import copy
from spectriage.spectra.fitting._kernels_fit import FitSettings
from spectriage.spectra.fitting._kernels_memory import Memory
from spectriage.spectra.fitting._kernels_model import (
    Library,
    Model,
    Models,
    View,
    Views,
    add,
    likeliest,
    model_of,
    named,
    outside,
    rest_of,
    taken,
    view_of,
)


class WeighingRules(NamedTuple):
    """How targets are tried.

    Parameters
    ----------
    required
        The log gain that each reference must bring, shape (n,).
    looks
        So many members of a target are looked at closely.
    settings, limits
        How fits are weighed in the search of limits, and what that seeks.
    """

    required: FloatArray
    looks: int
    settings: FitSettings
    limits: LimitRules


class Scattering(NamedTuple):
    """How strongly references scatter: as `_kernels_mass.matrix_of` takes it.

    Parameters
    ----------
    all, sought
        Of each reference of the library, as far as it is in use, shape (n, 3), and of those sought, (r, 3).
    nothing
        What nothing counts as, shape (3,).
    """

    all: FloatArray
    sought: FloatArray
    nothing: FloatArray


class Weights(NamedTuple):
    """What was found of c targets on each of s models, with r references whose limits are sought.

    Parameters
    ----------
    other
        The log gain of the best harmless addition, where it was asked for, shape (s,).
    rows
        The best member of each, shape (s, c).
    numbers
        Shape (s, c, 8): of the best member its log gain; the greatest of those that carry the target; the
        limit; the share of the signal that it has in the model with it, packaging not counted; and the limit
        by mass: low, middle, high, and 1 where all it rests on was measured. The limits are infinite where
        the target makes something needless.
    known
        Whether the areas of all members are known: else the shares are no numbers. Shape (s,).
    competing, needless
        Whether any target makes any of the model's references needless, (s,), and which of them, (s, c, k).
    shares
        The limit of each reference, shape (s, r).
    """

    other: FloatArray
    rows: IndexArray
    numbers: FloatArray
    known: BoolArray
    competing: BoolArray
    needless: BoolArray
    shares: FloatArray


@kernel()
def _best_other(
    library: Library, memory: Memory, view: View, base: Model, excluded: IndexArray, looks: int
) -> float:
    """Return the log gain of the best harmless addition to a model."""
    may = outside(library, ~library.hazardous, base.rows)
    rows = likeliest(library, view, base, outside(library, may, excluded), looks)
    best = 0.0
    for gain in add(library, memory, view, base, rows, 0, 0).gains:
        best = max(best, gain)
    return best


@kernel()
def _find_needless(
    library: Library,
    memory: Memory,
    view: View,
    base: Model,
    rows: IndexArray,
    required: FloatArray,
    out: BoolArray,
) -> bool:
    """Write which references of a model, but for its first, each of some additions makes needless; if any."""
    k, found = base.rows.size, False
    if k > 1:
        losses = add(library, memory, view, base, rows, 1, k).losses
        for c in range(rows.size):
            for i in range(1, k):
                out[c, i] = losses[c, i] < required[base.rows[i]]
                found |= out[c, i]
    return found


@kernel()
def _sought_without(sought: Sought, left_out: BoolArray, kept: IndexArray) -> tuple[Sought, IndexArray]:
    """Return what is sought but for some targets, and the places of its references among all."""
    numbers = np.empty(left_out.size, np.intp)
    for c in range(kept.size):
        numbers[kept[c]] = c
    places = np.empty(sought.places.size, np.intp)
    count = 0
    for r in range(places.size):
        if not left_out[sought.numbers[r]]:
            places[count] = r
            count += 1
    places = places[:count]
    return (
        Sought(
            taken(sought.places, places),
            taken(sought.needed, places),
            taken(numbers, taken(sought.numbers, places)),
            taken(sought.worth, places),
            taken(sought.responses, places),
            taken(sought.amplitudes, kept),
        ),
        places,
    )


@kernel()
def _present_area(library: Library, base: Model) -> float:
    """Return the area under the contents of a model; where it has only packaging, under all; −1 for none."""
    if base.rows.size == 0:
        return -1.0
    contents = whole = energy = 0.0
    for i in range(base.rows.size):
        area = base.amplitudes[i] * library.areas[base.rows[i]]
        whole += area
        contents += 0.0 if library.packaging[base.rows[i]] else area
    for value in base.fitted:
        energy += np.float64(value) * np.float64(value)
    # what the model does not explain is signal too: its area is taken in proportion
    return float((contents if contents != 0.0 else whole) / max(np.sqrt(energy), 0.1))


@kernel()
def _write_limits(
    library: Library,
    memory: Memory,
    view: View,
    base: Model,
    sought: Sought,
    probes: Probes,
    rules: WeighingRules,
    scattering: Scattering,
    scatter: float,
    rows: IndexArray,
    needless: BoolArray,
    numbers: FloatArray,
    all_shares: FloatArray,
) -> None:
    """Write the limits of the targets that make nothing needless."""
    apart()
    count, k = rows.size, base.rows.size
    left_out = np.zeros(count, np.bool_)
    for c in range(count):
        for i in range(k):
            left_out[c] |= needless[c, i]
    kept, some = np.empty(count, np.intp), 0
    for c in range(count):
        kept[some] = c
        some += not left_out[c]
    kept = kept[:some]
    own, references = _sought_without(sought, left_out, kept)
    asked = np.empty(k + kept.size, np.intp)
    copy(base.rows, asked[:k])
    copy(taken(rows, kept), asked[k:])
    places = np.empty(asked.size, np.intp)
    find_places(library.shelf, asked, places)
    limits, shares, heaviest = np.empty(kept.size), np.empty(references.size), np.empty(kept.size, np.intp)
    shelf = library.shelf
    limits_each(
        packed(References(shelf.rows[np.intp(view.axis[2])], shelf.ranges, shelf.numbers, places)),
        base.amplitudes,
        packed(view.query),
        packed(probes),
        packed(own),
        taken(library.families, base.rows),
        packed(library.bands),
        packed(rules.settings),
        packed(rules.limits),
        scatter,
        _present_area(library, base),
        packed(memory),
        np.empty(probes.areas.size, np.intp),
        limits,
        shares,
        heaviest,
    )
    matrix = _matrix(library, base, scattering)
    for c in range(kept.size):
        number = numbers[kept[c]]
        number[2], worst = limits[c], heaviest[c]
        if worst >= 0:
            response = scattering.sought[references[worst]]
            number[4], number[5], number[6] = mass_between(shares[worst], response, matrix)
            number[7] = min(matrix[2], response[2])
    for r in range(references.size):
        all_shares[references[r]] = shares[r]


@kernel()
def _matrix(library: Library, base: Model, scattering: Scattering) -> tuple[float, float, float]:
    """Return what a target would lie in: the contents of a model."""
    parts, responses = np.zeros(base.rows.size), np.empty((base.rows.size, 3))
    for i in range(parts.size):
        copy(scattering.all[base.rows[i]], responses[i])
        if not library.packaging[base.rows[i]]:
            parts[i] = base.amplitudes[i] * library.areas[base.rows[i]]
    return matrix_of(parts, responses, scattering.nothing)


@kernel()
def _share(library: Library, base: Model, row: int, amplitudes: FloatArray) -> float:
    """Return the share of the signal that an addition has in the model with it, packaging not counted."""
    contents = 0.0
    for i in range(base.rows.size):
        if not library.packaging[base.rows[i]]:
            contents += amplitudes[i] * library.areas[base.rows[i]]
    own = amplitudes[base.rows.size] * library.areas[row]
    return own / (own + contents) if not own <= 0.0 else 0.0


@kernel()
def _weigh(
    library: Library,
    memory: Memory,
    view: View,
    base: Model,
    members: Members,
    most_looks: int,
    sought: Sought,
    probes: Probes,
    rules: WeighingRules,
    scattering: Scattering,
    scatter: float,
    compete: bool,
    place: int,
    out: Weights,
) -> None:
    """Try targets on one model; `out` is written at a place."""
    apart()
    count, k = members.ends.size, base.rows.size
    looks, likely, ends = np.empty(most_looks, np.intp), np.empty(count, np.intp), np.empty(count, np.intp)
    best, carrying = np.empty(count, np.intp), np.empty(count)
    pooled = rest_of(view, base, library.coarse.shape[1])
    total = looked_at(library.coarse, pooled, packed(members), rules.looks, looks, likely, ends)
    tried = add(library, memory, view, base, looks[:total], 0, 0)
    best_looks(tried.gains, looks, likely, ends, packed(members), best, carrying)
    rows, needless, numbers = out.rows[place], out.needless[place], out.numbers[place]
    for c in range(count):
        rows[c] = looks[best[c]]
    out.known[place] = True
    if compete:
        out.competing[place] = _find_needless(library, memory, view, base, rows, rules.required, needless)
    for c in range(count):
        amplitudes = tried.amplitudes[best[c]]
        sought.amplitudes[c] = amplitudes[k]
        numbers[c, 0], numbers[c, 1] = tried.gains[best[c]], carrying[c]
        numbers[c, 3], numbers[c, 7] = _share(library, base, rows[c], amplitudes), 0.0
        out.known[place] &= not np.isnan(library.areas[rows[c]])
    if sought.places.size > 0:
        _write_limits(
            library,
            memory,
            view,
            base,
            sought,
            probes,
            rules,
            scattering,
            scatter,
            rows,
            needless,
            numbers,
            out.shares[place],
        )


@kernel()
def weigh_scans(
    packed_library: Library,
    views: Views,
    models: Models,
    members: Members,
    most_looks: int,
    sought: Sought,
    probes: Probes,
    rules: WeighingRules,
    scattering: Scattering,
    scatters: FloatArray,
    compete: bool,
    seek_other: BoolArray,
    excluded: IndexArray,
    memory: Memory,
    packed_out: Weights,
) -> None:
    """Try targets on models that have none of their members, of one scan each.

    Parameters
    ----------
    views, models
        The scans, whose references have one resolution, and the models.
    members, most_looks
        Of the targets, and how many are looked at closely, at most.
    sought
        The references whose limits are sought; the amplitudes are written over.
    scatters
        A factor on every amount, for noise, shape (s,).
    compete
        Whether what the models have may be needless with a target.
    seek_other, excluded
        For which scans the best harmless addition is sought, and references whose families it is not of.
    packed_out
        Written; its limits are infinite before.
    """
    apart()
    library, memory = named(packed_library), Memory(*memory)
    views, models = Views(*views), Models(*models)
    asked, wanted = WeighingRules(*rules), Sought(*sought)
    own_rules = WeighingRules(
        asked.required, asked.looks, FitSettings(*asked.settings), LimitRules(*asked.limits)
    )
    own_members, own_probes = Members(*members), Probes(*probes)
    out = Weights(*packed_out)
    for s in range(models.counts.size):
        view, base = view_of(views, s), model_of(models, s)
        if seek_other[s]:
            out.other[s] = _best_other(library, memory, view, base, excluded, own_rules.looks)
        _weigh(
            library,
            memory,
            view,
            base,
            own_members,
            most_looks,
            wanted,
            own_probes,
            own_rules,
            Scattering(*scattering),
            scatters[s],
            compete,
            s,
            out,
        )
