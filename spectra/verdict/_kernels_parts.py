"""Kernel that looks at all that a scan is named by: each part of its fit, and what else it resembles."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spectriage.spectra.arrays import BoolArray, Float32Array, FloatArray, IndexArray
from spectriage.spectra.compile._kernels_vectors import apart
from spectriage.spectra.compile.jit import kernel
from spectriage.spectra.contrast._kernels_arguments import Queries
from spectriage.spectra.contrast._kernels_coarse import likeliest_each
from spectriage.spectra.evidence._kernels_sighting import SightTable
from spectriage.spectra.evidence._kernels_sighting_parts import sight_part
from spectriage.spectra.evidence._kernels_unexplained import LeftRules, count_left
from spectriage.spectra.fitting._kernels_additions import copy
from spectriage.spectra.fitting._kernels_memory import Memory
from spectriage.spectra.fitting._kernels_model import (
    Library,
    Model,
    Models,
    View,
    Views,
    model_of,
    named,
    nothing,
    query_of,
    rest_of,
    view_at,
    view_of,
)
from spectriage.spectra.fitting._kernels_rows import others_than, without
from spectriage.spectra.fitting._kernels_support import count_support, support_of
from spectriage.spectra.fitting._kernels_trials import add, fit, losses
from spectriage.spectra.verdict._kernels_candidates import FirstOdds, rank_candidates


class Parts(NamedTuple):
    """What s scans show of the parts of their fits, k at most, and what else they resemble.

    Parameters
    ----------
    fractions
        The share of the signal that each part has, shape (s, k); what is too little to tell of is no number.
        Packaging is not counted in the signal, but told of.
    losses
        The log gain of each part over the rest, shape (s, k).
    shown, bands
        What `weigh_bands` says of each part's bands, highest first, `remaining` over `beside`, shape
        (s, k, 2, b); and how many it has, around how many of these the scan holds, and how many pieces of
        evidence those that need it are, shape (s, k, 3).
    sightings
        What `sight_reference` returns of each, shape (s, k, 5).
    others, counts
        What explains about as much in the place of each part, and how many there are, (s, k, o) and (s, k).
    left
        What `count_left` writes of each scan, shape (s, 2).
    candidates, candidate_odds, candidate_counts
        What looks most like the whole scan, what `rank_candidates` says of each, and how many there are:
        shape (s, c), (s, c, 4) and (s,).
    """

    fractions: FloatArray
    losses: FloatArray
    shown: FloatArray
    bands: IndexArray
    sightings: FloatArray
    others: IndexArray
    counts: IndexArray
    left: FloatArray
    candidates: IndexArray
    candidate_odds: FloatArray
    candidate_counts: IndexArray


class Singles(NamedTuple):
    """Of s scans the references that explain most alone.

    Parameters
    ----------
    counts, rows
        How many there are, and their rows, shape (s,) and (s, c).
    numbers
        V of each, and its axis, shape (s, c, 4).
    levels
        The level of the null that each scan is at, shape (s,).
    id_ranks
        The place of every reference of the library in the order of their ids, shape (n,).
    """

    counts: IndexArray
    rows: IndexArray
    numbers: FloatArray
    levels: IndexArray
    id_ranks: NDArray[np.int32]


@kernel()
def _write_fractions(library: Library, whole: Model, least: float, out: FloatArray) -> None:
    """Write `Parts.fractions` of one scan, of parts whose areas are known."""
    contents = everything = 0.0
    for i in range(whole.rows.size):
        out[i] = whole.amplitudes[i] * library.areas[whole.rows[i]]
        everything += out[i]
        contents += 0.0 if library.packaging[whole.rows[i]] else out[i]
    total = contents if contents != 0.0 else everything
    for i in range(whole.rows.size):
        fraction = out[i] / (total if total != 0.0 else 1.0)
        out[i] = fraction if library.packaging[whole.rows[i]] or fraction >= least else np.nan


@kernel()
def _rests(library: Library, memory: Memory, view: View, whole: Model, fitted: Float32Array) -> FloatArray:
    """Write the fits without each part, (k, m); return their amplitudes, shape (k, k − 1)."""
    k = whole.rows.size
    amplitudes = np.empty((k, max(k - 1, 0)))
    for i in range(k):
        rest = fit(library, memory, view, without(whole.rows, i))
        copy(rest.fitted, fitted[i])
        copy(rest.amplitudes, amplitudes[i])
    return amplitudes


@kernel()
def _look_at_part(
    library: Library,
    memory: Memory,
    view: View,
    whole: Model,
    i: int,
    rest: Model,
    noise: float,
    rules: SightTable,
    equal_gain: float,
    others: IndexArray,
    place: int,
    out: Parts,
) -> None:
    """Look at one part of a fit; the others are what looks most like what it explains."""
    apart()
    tried = np.empty(others.size + 1, np.intp)
    tried[0] = whole.rows[i]
    copy(others, tried[1:])
    gains = add(library, memory, view, rest, tried).gains
    enough, alike = gains[0] - equal_gain, 0
    for j in range(others.size):
        if gains[1 + j] >= enough:
            out.others[place, i, alike] = others[j]
            alike += 1
    out.counts[place, i] = alike
    support = support_of(library, view, whole, i, rest)
    bands, held = support.centres.size, 0
    for b in range(bands):
        held += support.remaining[b] >= 0.0
    out.bands[place, i, 0], out.bands[place, i, 1] = bands, held
    out.bands[place, i, 2] = count_support(library, support)[1]
    copy(support.remaining, out.shown[place, i, 0, :bands])
    copy(support.beside, out.shown[place, i, 1, :bands])
    sight_part(library, view, whole, i, noise, rules, out.sightings[place, i])


@kernel()
def _rank(
    library: Library,
    memory: Memory,
    alone: View,
    found: IndexArray,
    singles: Singles,
    null: FirstOdds,
    place: int,
    out: Parts,
) -> None:
    """Rank the singles of a scan, and what else was found to look like it."""
    apart()
    count = singles.counts[place]
    own, numbers = singles.rows[place, :count], singles.numbers[place]
    candidates = others_than(own, found)
    gains = add(library, memory, alone, nothing(alone), candidates).gains
    rows, scores = np.empty(count + gains.size, np.intp), np.empty(count + gains.size)
    worst = 1.0
    for i in range(count):
        rows[i], scores[i] = own[i], numbers[i, 0]
        worst = min(worst, numbers[i, 0])
    for i in range(gains.size):
        rows[count + i], scores[count + i] = candidates[i], min(1.0 - np.exp(-gains[i]), worst)
    ranked, odds = out.candidates[place], out.candidate_odds[place]
    level = singles.levels[place]
    out.candidate_counts[place] = rank_candidates(rows, scores, singles.id_ranks, null, level, ranked, odds)


@kernel()
def _look_at(
    library: Library,
    memory: Memory,
    view: View,
    whole: Model,
    least_fraction: float,
    alone: View,
    singles: Singles,
    allowed: BoolArray,
    noise: float,
    rules: SightTable,
    null: FirstOdds,
    equal_gain: float,
    most_candidates: int,
    left_rules: LeftRules,
    place: int,
    out: Parts,
) -> None:
    """Look at the parts of one fit, and at what else the scan resembles."""
    apart()
    k, (n, points), most_others = whole.rows.size, library.coarse.shape, out.others.shape[2]
    empty = nothing(alone)
    room = most_candidates + singles.counts[place]
    pooled, may = np.empty((k + 1, points), np.float32), np.empty((k + 1, n), np.bool_)
    best = np.empty((k + 1, max(most_others, room)), np.intp)
    counts = np.empty(k + 1, np.intp)
    fitted = np.empty((k, whole.fitted.size), np.float32)
    _write_fractions(library, whole, least_fraction, out.fractions[place])
    amplitudes = _rests(library, memory, view, whole, fitted)
    for i in range(k + 1):
        own = view if i < k else alone
        left = Model(empty.rows, empty.amplitudes, 0.0, fitted[i] if i < k else empty.fitted)
        copy(rest_of(own, left, points), pooled[i])
        for row in range(n):
            may[i, row] = i == k or allowed[row]
        counts[i] = most_others if i < k else room
    # one look at the library for all of them: it reads a large one but once
    likeliest_each(library.coarse, pooled, may, best, counts)
    for i in range(k):
        if not np.isnan(out.fractions[place, i]):
            others = others_than(whole.rows, best[i, : counts[i]])
            rest = Model(without(whole.rows, i), amplitudes[i], 0.0, fitted[i])
            _look_at_part(library, memory, view, whole, i, rest, noise, rules, equal_gain, others, place, out)
    _rank(library, memory, alone, best[k, : counts[k]], singles, null, place, out)
    copy(losses(library, memory, view, whole), out.losses[place, :k])
    query = view.query
    count_left(query.derivative, query.valid, whole.fitted, noise, left_rules, out.left[place])


@kernel()
def look_at_scans(
    packed_library: Library,
    views: Views,
    models: Models,
    least_fraction: float,
    queries: Queries,
    packed_singles: Singles,
    allowed: BoolArray,
    noise: FloatArray,
    packed_rules: SightTable,
    packed_null: FirstOdds,
    equal_gain: float,
    most_candidates: int,
    packed_left_rules: LeftRules,
    memory: Memory,
    packed_out: Parts,
) -> None:
    """Look at the parts of the fits of several scans, and at what else these resemble.

    Parameters
    ----------
    views, models
        The scans at their axes, and the fits.
    least_fraction
        Parts of less of the signal are not looked at.
    queries
        The scans as they came; the candidates are compared with them, at the axis of the best single or,
        where there is none, of the fit.
    packed_singles
        Candidates that are known already.
    noise
        Of the derivatives, shape (s,).
    packed_rules
        How bands are weighed.
    packed_null
        What a match is worth.
    equal_gain
        What explains within this log factor as much in a part's place could stand there.
    most_candidates
        So many are looked for of the whole scan, beside the singles.
    packed_left_rules
        What counts as a band that is left.
    packed_out
        Written; zero before.
    """
    apart()
    library, memory = named(packed_library), Memory(*memory)
    queries, views, models = Queries(*queries), Views(*views), Models(*models)
    rules, singles, null, out = (
        SightTable(*packed_rules),
        Singles(*packed_singles),
        FirstOdds(*packed_null),
        Parts(*packed_out),
    )
    for s in range(models.counts.size):
        view = view_of(views, s)
        axis = singles.numbers[s, 0, 1:] if singles.counts[s] else view.axis
        _look_at(
            library,
            memory,
            view,
            model_of(models, s),
            least_fraction,
            view_at(library, query_of(queries, s), axis),
            singles,
            allowed,
            noise[s],
            rules,
            null,
            equal_gain,
            most_candidates,
            LeftRules(*packed_left_rules),
            s,
            out,
        )
