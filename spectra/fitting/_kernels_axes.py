"""Kernels that seek the axis and the resolution at which references agree best with a query."""

from __future__ import annotations

from typing import NamedTuple

from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.compile._kernels_vectors import apart, widest
from spectriage.spectra.compile.jit import kernel
from spectriage.spectra.contrast._kernels_arguments import Query, References
from spectriage.spectra.contrast._kernels_compress import agreement, compress
from spectriage.spectra.fitting._kernels_additions import copy, weigh
from spectriage.spectra.fitting._kernels_fit import FitSettings, fit_rows, write_errors
from spectriage.spectra.fitting._kernels_memory import Memory, inside, rows_of, workspace
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


@kernel(bare=True, shared=True, fastmath=True)
def best_axes(
    references: References,
    query: Query,
    grid: FloatArray,
    settings: FitSettings,
    search: AxisSearch,
    memory: Memory,
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
    memory
        To work in.
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
    memory = Memory(*memory)
    order = memory.counts[k : k + sets]
    last = memory.numbers.size
    trial, seen_at = memory.numbers[last - 3 :], memory.numbers[last - 5 : last - 3]
    amplitudes = memory.numbers[last - 5 - k : last - 5]
    whole, moved_valid = rows_of(memory.points, 0, 3, m), memory.flags[:m]
    derivative, compressed, errors = whole[0], whole[1], whole[2]
    for i in range(k):
        amplitudes[i] = 0.0
    for part in range(2):
        seen_at[part] = _NOWHERE
    start = size = 0
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
                start, end = inside(moved_valid, 1)
                size = end - start
                compress(derivative[start:end], threshold, compressed[:size])
                write_errors(derivative[start:end], threshold, settings, errors[:size])
                seen_at[0], seen_at[1] = trial[0], trial[1]
            memory_left = memory.points[3 * m :]
            stack, curves = rows_of(memory_left, 0, k, size), rows_of(memory_left, k, 3, size)
            weights, fitted, space = curves[0], curves[1], workspace(memory, k, curves[2])
            for i in range(k):
                copy(rows[int(trial[2]), places[c, i], start : start + size], stack[i])
            weigh(moved_valid, ranges, numbers, places[c], settings.unmeasured_weight, start, weights)
            seen = derivative[start : start + size]
            own = errors[:size]
            fit_rows(stack, seen, weights, own, threshold, settings, amplitudes, fitted, space)
            merit = agreement(compressed[:size], fitted, weights, threshold)
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
