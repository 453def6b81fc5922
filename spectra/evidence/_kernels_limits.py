"""Kernel of the limits of detection of several targets."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from spectriage.spectra.arrays import Float32Array, FloatArray, IndexArray
from spectriage.spectra.compile._kernels_vectors import apart, widest
from spectriage.spectra.compile.jit import kernel
from spectriage.spectra.contrast._kernels_arguments import Probes, Query, References
from spectriage.spectra.evidence._kernels_detection_limit import Scene, least_visible
from spectriage.spectra.fitting._kernels_additions import copy, lower
from spectriage.spectra.fitting._kernels_bands import BandRules, count_bands
from spectriage.spectra.fitting._kernels_fit import FitSettings
from spectriage.spectra.fitting._kernels_memory import Memory, inside, rows_of, workspace


class Sought(NamedTuple):
    """The c targets whose limits are asked for, and r references of them, each of which must be visible.

    Parameters
    ----------
    places, needed, numbers
        Of every reference: its place among the probes, how many of its bands must be in range, and the number
        of its target, shape (r,).
    worth, responses
        A factor on the amount, for what its table is uncertain by, and its signal per mass, shape (r,).
    amplitudes
        How much the query may hold of each target, shape (c,).
    """

    places: IndexArray
    needed: IndexArray
    numbers: IndexArray
    worth: FloatArray
    responses: FloatArray
    amplitudes: FloatArray


class LimitRules(NamedTuple):
    """What says that a target is found, and what is added to that. There are two turns.

    In the second, less is wanted for references of few bands that no amount was found for in the first.

    Parameters
    ----------
    wanted
        The log gain, and the margin over each imitator, that say that a target is found, shape (2, 2).
    factors
        On the amount so found, by the number of bands that are in range; the last for more, shape (2, b).
    few
        So many bands are few.
    amounts
        The ends of the search.
    imitators
        The most that are tried for a target.
    most_share
        A greater share of the signal is no limit.
    """

    wanted: FloatArray
    factors: FloatArray
    few: int
    amounts: FloatArray
    imitators: int
    most_share: float


@kernel(bare=True)
def _thinned(values: Float32Array, thin: int, start: int, out: Float32Array) -> None:
    """Write every so many-th of some values, from one of those on."""
    every = values[start * thin :: thin]
    for p in range(out.size):
        out[p] = every[p]


@kernel(bare=True)
def _share(amount: float, area: float, present: float, most_share: float) -> float:
    """Return the share of the signal that an amount makes; infinite for none."""
    share = np.inf
    if amount < np.inf and area > 0.0:
        # beside nothing, in the whole of the scan
        share = amount * area / (amount * area + (area if present < 0.0 else present))
    return float(share if share <= most_share else np.inf)


@kernel(bare=True)
def _mass(share: float, response: float) -> float:
    """Return what a share of the signal is by mass, but for what is the same for all."""
    return float(share / (1.0 - share) / response if share < 1.0 else np.inf)


@kernel(bare=True)
def limits_each(
    references: References,
    query: Query,
    probes: Probes,
    sought: Sought,
    taken_families: IndexArray,
    bands: BandRules,
    settings: FitSettings,
    rules: LimitRules,
    scatter: float,
    present: float,
    memory: Memory,
    in_range: IndexArray,
    limits: FloatArray,
    shares: FloatArray,
    heaviest: IndexArray,
) -> None:
    """Write the limit of detection of some targets on one model, as shares of the signal, (c,).

    That of a target is that of its reference that is hardest to see; infinite where no amount would do, where
    too few bands are in range, and for a target without references.

    Written too: that of every reference, `shares` (r,), and of each target the place among them of the one
    that most is needed of by mass, `heaviest` (c,); negative for a target without references.

    Parameters
    ----------
    references
        Their places are those of the model's references, and then, for each target, of what the query may
        hold of it: that is taken out first.
    query
        Not thinned, shape (m,).
    taken_families
        Of each target's imitators those are tried that are not of these families.
    bands
        Which bands are in range.
    scatter
        A factor on every amount.
    present
        The area under what the model has; negative for nothing.
    memory
        To work in.
    in_range
        Written: how many pieces of evidence each probe could give.
    """
    widest()
    apart()
    rows, ranges, numbers, places = references
    query, probes, sought = Query(*query), Probes(*probes), Sought(*sought)
    settings, rules, bands = FitSettings(*settings), LimitRules(*rules), BandRules(*bands)
    memory = Memory(*memory)
    thin = probes.thin
    k = places.size - limits.size
    start_point, end = inside(query.valid, thin)
    m = end - start_point
    count_bands(probes.bands, probes.band_ends, query.valid, bands, in_range)
    stack, room = rows_of(memory.points, 0, k + 1, m), rows_of(memory.points, k + 1, k + 5, m)
    curves = rows_of(memory.points, 2 * k + 6, 5, m)
    weights, lowered, empty, seen_there = curves[0], curves[1], curves[2], curves[3]
    space = workspace(memory, k + 1, curves[4])
    others = memory.counts[k + 1 : k + 1 + rules.imitators]
    _thinned(query.derivative, thin, start_point, seen_there)
    for i in range(k):
        _thinned(rows[places[i]], thin, start_point, stack[i])
    for p in range(m):
        weights[p] = np.float32(1.0)
    lower(weights, query.valid[start_point * thin :: thin], 0.0, weights)
    for i in range(k):
        holds = ranges[numbers[places[i]], start_point * thin :: thin]
        lower(weights, holds, settings.unmeasured_weight, weights)
    amounts = shares
    for r in range(amounts.size):
        amounts[r] = np.inf
    for turn in range(2):
        start = np.sqrt(rules.amounts[0] * rules.amounts[1])
        for r in range(amounts.size):
            c, target = sought.places[r], sought.numbers[r]
            seen = in_range[c]
            if seen < sought.needed[r] or (turn > 0 and (seen > rules.few or amounts[r] < np.inf)):
                continue
            copy(probes.derivatives[c, start_point:end], stack[k])
            lower(weights, probes.holds[c, start_point:end], settings.unmeasured_weight, lowered)
            count = 0
            for j in range(probes.imitator_families.shape[1]):
                usable = probes.imitator_families[c, j] >= 0 and count < rules.imitators
                for family in taken_families:
                    usable &= probes.imitator_families[c, j] != family
                if usable:
                    others[count] = j
                    count += 1
            taken = np.float32(sought.amplitudes[target])
            every = rows[places[k + target], start_point * thin :: thin]
            for p in range(m):
                empty[p] = seen_there[p] - taken * every[p]
            scene = Scene(
                stack,
                probes.imitators[c],
                others[:count],
                start_point,
                empty,
                probes.perturbed[c, start_point:end],
                lowered,
                query.threshold,
            )
            found = least_visible(scene, settings, rules.wanted[turn], rules.amounts, start, room, space)
            # what one target needs is a good guess of what the next one does
            if found < np.inf:
                start = found
            factor = rules.factors[turn, min(seen, rules.factors.shape[1] - 1)]
            amounts[r] = found * factor * sought.worth[r]
    for target in range(limits.size):
        limits[target], heaviest[target] = -np.inf, -1
    for r in range(amounts.size):
        target, area = sought.numbers[r], probes.areas[sought.places[r]]
        shares[r] = _share(scatter * amounts[r], area, present, rules.most_share)
        limits[target] = max(limits[target], shares[r])
        worst = heaviest[target]
        own = _mass(shares[r], sought.responses[r])
        if worst < 0 or own > _mass(shares[worst], sought.responses[worst]):
            heaviest[target] = r
    for target in range(limits.size):
        if limits[target] < 0.0:
            limits[target] = np.inf
