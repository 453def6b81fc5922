"""Kernels that seek the axis and the resolution at which references agree best with a query."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.compile._kernels_vectors import apart, widest
from spectriage.spectra.compile.jit import kernel
from spectriage.spectra.contrast._kernels_arguments import Query, References
from spectriage.spectra.contrast._kernels_compress import agreement, compress
from spectriage.spectra.fitting._kernels_additions import copy, weigh
from spectriage.spectra.fitting._kernels_fit import FitSettings, Workspace, fit_rows
from spectriage.spectra.signal._kernels_grid import move

_NOWHERE = 1e30
"""An offset that no axis has: none was seen yet."""


class AxisSearch(NamedTuple):
    """Where the best axis is sought.

    Parameters
    ----------
    offsets_cm, stretches
        Tried in turn; offsets are added to the best one so far, up to `reach_cm`, stretches are not.
    penalties
        What the square of an offset in cm⁻¹ and of a stretch take off the similarity.
    refined, worth
        So many are refined at most, those not worse than the best by more than `worth`.
    """

    offsets_cm: FloatArray
    stretches: FloatArray
    reach_cm: float
    penalties: FloatArray
    refined: int
    worth: float


@kernel(fastmath=True)
def best_axes(
    references: References,
    query: Query,
    grid: FloatArray,
    settings: FitSettings,
    search: AxisSearch,
    axes: FloatArray,
    merits: FloatArray,
) -> None:
    """Fit several sets of references, each at its own best axis and resolution.

    The best few are refined: every resolution is tried, then offsets, then stretches, each from the best so
    far. The others are also compared at the axis of the best: they need no better answer to come second.

    Parameters
    ----------
    references
        At every resolution, and the places of those of each set, shape (c, k).
    grid
        Start and step of the axis in cm⁻¹.
    axes
        Each one's offset, stretch and number of the resolution, shape (c, 3); those found are left there.
    merits
        Written: the similarity less penalties, shape (c,).
    """
    widest()
    apart()
    rows, ranges, numbers, places = references
    query, settings, search = Query(*query), FitSettings(*settings), AxisSearch(*search)
    threshold = query.threshold
    offsets_cm, stretches, penalties = search.offsets_cm, search.stretches, search.penalties
    sets, k = places.shape
    resolutions, m = rows.shape[0], rows.shape[2]
    trials = resolutions + offsets_cm.size + stretches.size
    order = np.empty(sets, np.intp)
    trial, seen_at = np.empty(3), np.full(2, _NOWHERE)
    amplitudes = np.zeros(k)
    stack = np.empty((k, m), np.float32)
    derivative, compressed, moved_valid = (
        np.empty(m, np.float32),
        np.empty(m, np.float32),
        np.empty(m, np.bool_),
    )
    weights, fitted = np.empty(m, np.float32), np.empty(m, np.float32)
    space = Workspace(np.empty((2 * k + 3, k)), np.empty(k, np.intp))
    close = best = 0
    # first each at its own axis, then the refined ones, then the others at the best one's: in one loop, since
    # every place that calls the fit compiles into a copy of it
    for turn in range(2 * sets):
        if turn == sets:
            best = order[0]
            while close < min(search.refined, sets) and merits[order[close]] >= merits[best] - search.worth:
                close += 1
        rank = turn - sets
        c = turn if rank < 0 else order[rank]
        for number in range(trials if 0 <= rank < close else 1):
            source = best if rank >= close else c
            for part in range(3):
                trial[part] = axes[source, part]
            if 0 <= rank < close:
                if number < resolutions:
                    trial[2] = number
                elif number < resolutions + offsets_cm.size:
                    moved = trial[0] + offsets_cm[number - resolutions]
                    trial[0] = min(max(moved, -search.reach_cm), search.reach_cm)
                else:
                    trial[1] = stretches[number - resolutions - offsets_cm.size]
            same = trial[0] == axes[c, 0] and trial[1] == axes[c, 1] and trial[2] == axes[c, 2]
            if rank >= 0 and same:
                continue
            if seen_at[0] != trial[0] or seen_at[1] != trial[1]:
                move(query.derivative, query.valid, grid, trial, derivative, moved_valid)
                compress(derivative, threshold, compressed)
                seen_at[0], seen_at[1] = trial[0], trial[1]
            for i in range(k):
                copy(rows[int(trial[2]), places[c, i]], stack[i])
            weigh(moved_valid, ranges, numbers, places[c], settings.unmeasured_weight, weights)
            fit_rows(stack, derivative, weights, threshold, settings, amplitudes, fitted, space)
            merit = agreement(compressed, fitted, weights, threshold)
            merit -= penalties[0] * trial[0] * trial[0] + penalties[1] * trial[1] * trial[1]
            if rank < 0 or merit > merits[c]:
                merits[c] = merit
                for part in range(3):
                    axes[c, part] = trial[part]
        if rank < 0:
            # kept in order, the best first
            at = turn
            while at > 0 and merits[order[at - 1]] < merits[c]:
                order[at] = order[at - 1]
                at -= 1
            order[at] = c
        elif rank < close and merits[c] > merits[best]:
            best = c
