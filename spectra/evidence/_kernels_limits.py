"""Kernel of the limits of detection of several targets."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from spectriage.spectra.arrays import Float32Array, FloatArray, IndexArray
from spectriage.spectra.compile._kernels_vectors import apart, widest
from spectriage.spectra.compile.jit import kernel
from spectriage.spectra.contrast._kernels_arguments import Probes, Query, References
from spectriage.spectra.evidence._kernels_detection_limit import Scene, least_visible
from spectriage.spectra.fitting._kernels_additions import copy, lower, weigh
from spectriage.spectra.fitting._kernels_bands import BandRules, count_bands
from spectriage.spectra.fitting._kernels_fit import FitSettings, Workspace


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


@kernel()
def _thinned(values: Float32Array, thin: int, out: Float32Array) -> None:
    """Write every so many-th of some values."""
    for p in range(out.size):
        out[p] = values[p * thin]


@kernel()
def _share(amount: float, area: float, present: float, most_share: float) -> float:
    """Return the share of the signal that an amount makes; infinite for none."""
    share = np.inf
    if amount < np.inf and area > 0.0:
        # beside nothing, in the whole of the scan
        share = amount * area / (amount * area + (area if present < 0.0 else present))
    return float(share if share <= most_share else np.inf)


@kernel()
def _mass(share: float, response: float) -> float:
    """Return what a share of the signal is by mass, but for what is the same for all."""
    return float(share / (1.0 - share) / response if share < 1.0 else np.inf)


@kernel()
def limits_each(
    references: References,
    base_amplitudes: FloatArray,
    query: Query,
    probes: Probes,
    sought: Sought,
    taken_families: IndexArray,
    bands: BandRules,
    settings: FitSettings,
    rules: LimitRules,
    scatter: float,
    present: float,
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
        Their places are those of the model's references, one for each amplitude, and then, for each target,
        of what the query may hold of it: that is taken out first.
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
    """
    widest()
    apart()
    rows, ranges, numbers, places = references
    query, probes, sought = Query(*query), Probes(*probes), Sought(*sought)
    settings, rules, bands = FitSettings(*settings), LimitRules(*rules), BandRules(*bands)
    derivative, thin = query.derivative, probes.thin
    k = base_amplitudes.size
    m = probes.derivatives.shape[1]
    in_range = np.empty(probes.band_ends.size, np.intp)
    count_bands(probes.bands, probes.band_ends, query.valid, bands, in_range)
    stack = np.empty((k + 1, m), np.float32)
    whole_weights = np.empty(derivative.size, np.float32)
    weights, lowered, empty = np.empty(m, np.float32), np.empty(m, np.float32), np.empty(m, np.float32)
    others = np.empty((rules.imitators, m), np.float32)
    room = np.empty((k + 4, m), np.float32)
    space = Workspace(np.empty((2 * k + 6, k + 1)), np.empty(k + 1, np.intp))
    for i in range(k):
        _thinned(rows[places[i]], thin, stack[i])
    weigh(query.valid, ranges, numbers, places[:k], settings.unmeasured_weight, whole_weights)
    _thinned(whole_weights, thin, weights)
    amounts = np.empty(sought.places.size)
    for r in range(amounts.size):
        amounts[r] = np.inf
    for turn in range(2):
        start = np.sqrt(rules.amounts[0] * rules.amounts[1])
        for r in range(amounts.size):
            c, target = sought.places[r], sought.numbers[r]
            seen = in_range[c]
            if seen < sought.needed[r] or (turn > 0 and (seen > rules.few or amounts[r] < np.inf)):
                continue
            copy(probes.derivatives[c], stack[k])
            lower(weights, probes.holds[c], settings.unmeasured_weight, lowered)
            count = 0
            for j in range(probes.imitator_families.shape[1]):
                usable = probes.imitator_families[c, j] >= 0 and count < rules.imitators
                for family in taken_families:
                    usable &= probes.imitator_families[c, j] != family
                if usable:
                    copy(probes.imitators[c, j], others[count])
                    count += 1
            taken = np.float32(sought.amplitudes[target])
            held = rows[places[k + target]]
            for p in range(m):
                empty[p] = derivative[p * thin] - taken * held[p * thin]
            scene = Scene(
                stack,
                others[:count],
                empty,
                probes.perturbed[c],
                lowered,
                base_amplitudes,
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
