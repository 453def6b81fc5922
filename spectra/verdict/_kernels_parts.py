"""Kernel that looks at all that a scan is named by: each part of its fit, and what else it resembles."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from spectriage.spectra.arrays import BoolArray, FloatArray, IndexArray
from spectriage.spectra.compile._kernels_vectors import apart
from spectriage.spectra.compile.jit import kernel
from spectriage.spectra.contrast._kernels_arguments import Query
from spectriage.spectra.contrast._kernels_coarse import likeliest_each
from spectriage.spectra.evidence._kernels_sighting import SightRules, sight_reference
from spectriage.spectra.fitting._kernels_memory import Memory
from spectriage.spectra.fitting._kernels_model import (
    Library,
    Model,
    View,
    add,
    fit,
    losses,
    named,
    nothing,
    others_than,
    rest_of,
    view_at,
    without,
)
from spectriage.spectra.fitting._kernels_support import row_at, support_of


class Parts(NamedTuple):
    """What a scan shows of the k parts of a fit, and what else it resembles.

    Parameters
    ----------
    losses
        The log gain of each part over the rest, shape (k,).
    remaining, beside, bands
        What `weigh_bands` says of each part's bands, highest first, shape (k, most), and how many there are.
    sightings
        What `sight_reference` returns of each, shape (k, 5).
    others, other_counts
        What looks most like what each part explains, best first, and how many there are, shape (k, most).
    own_gains, other_gains
        The log gain of each part over the rest, and of each of the others in its place.
    candidates, gains
        What looks most like the whole scan, but for the singles, and the log gain of each alone.
    """

    losses: FloatArray
    remaining: FloatArray
    beside: FloatArray
    bands: IndexArray
    sightings: FloatArray
    others: IndexArray
    other_counts: IndexArray
    own_gains: FloatArray
    other_gains: FloatArray
    candidates: IndexArray
    gains: FloatArray


@kernel()
def _sight(
    library: Library, view: View, whole: Model, position: int, noise: float, rules: SightRules, out: FloatArray
) -> None:
    """Write what a scan shows of one part; nothing is looked for of what has no amplitude."""
    apart()
    out[:] = 0.0
    amplitude = whole.amplitudes[position]
    if amplitude > 0.0:
        query = view.query
        out[0], out[1], out[2], out[3], out[4] = sight_reference(
            row_at(library, view, whole.rows[position]),
            amplitude,
            (query.derivative, query.compressed, query.valid, query.threshold),
            whole.fitted,
            noise,
            rules,
        )


@kernel()
def look_at_parts(
    packed_library: Library,
    view: View,
    model: Model,
    counted: BoolArray,
    query: Query,
    singles: IndexArray,
    single_axis: FloatArray,
    allowed: BoolArray,
    noise: float,
    rules: tuple[SightRules, ...],
    most_others: int,
    most_candidates: int,
    memory: Memory,
) -> Parts:
    """Look at the parts of a fit, and at what else a scan resembles.

    Parameters
    ----------
    counted
        Which parts are looked at, shape (k,).
    query
        As it came; the candidates are compared with it at the `single_axis`.
    singles
        Candidates that are known already.
    rules
        How bands are weighed, packed, by the rank of a tier.
    """
    apart()
    library, memory, query = named(packed_library), Memory(*memory), Query(*query)
    seen, axis = view
    view, whole = View(Query(*seen), axis), Model(*model)
    k, (n, points) = whole.rows.size, library.coarse.shape
    alone = view_at(library, query, single_axis)
    empty = nothing(alone)
    room = most_candidates + singles.size
    most = max(most_others, room)
    pooled, may = np.empty((k + 1, points), np.float32), np.empty((k + 1, n), np.bool_)
    best, counts = np.empty((k + 1, most), np.intp), np.full(k + 1, most_others, np.intp)
    rests = np.empty((k, whole.fitted.size), np.float32)
    amplitudes = np.empty((k, max(k - 1, 0)))
    for i in range(k):
        rest = fit(library, memory, view, without(whole.rows, i))
        rests[i] = rest.fitted
        amplitudes[i] = rest.amplitudes
        pooled[i], may[i] = rest_of(view, rest, points), allowed
    pooled[k], may[k], counts[k] = rest_of(alone, empty, points), True, room
    # one look at the library for all of them: it reads a large one but once
    likeliest_each(library.coarse, pooled, may, best, counts)
    remaining, beside = np.empty((k, whole.fitted.size // 2)), np.empty((k, whole.fitted.size // 2))
    bands, sightings = np.zeros(k, np.intp), np.zeros((k, 5))
    own_gains, other_gains = np.zeros(k), np.zeros((k, most_others))
    for i in range(k):
        counts[i] = others_than(whole.rows, best[i, : counts[i]]).size
        if not counted[i]:
            continue
        rest = Model(without(whole.rows, i), amplitudes[i], 0.0, rests[i])
        tried = np.empty(counts[i] + 1, np.intp)
        tried[0] = whole.rows[i]
        tried[1:] = best[i, : counts[i]]
        gains = add(library, memory, view, rest, tried, 0, 0).gains
        own_gains[i] = gains[0]
        other_gains[i, : counts[i]] = gains[1:]
        support = support_of(library, view, whole, i, rest)
        bands[i] = support.centres.size
        remaining[i, : bands[i]] = support.remaining
        beside[i, : bands[i]] = support.beside
        _sight(library, view, whole, i, noise, rules[library.ranks[whole.rows[i]]], sightings[i])
    candidates = others_than(singles, best[k, : counts[k]])
    return Parts(
        losses(library, memory, view, whole),
        remaining,
        beside,
        bands,
        sightings,
        best[:k, :most_others],
        counts[:k],
        own_gains,
        other_gains,
        candidates,
        add(library, memory, alone, empty, candidates, 0, 0).gains,
    )
