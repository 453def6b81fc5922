"""The watched targets: the evidence for each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from spectriage.spectra.arrays import BoolArray, FloatArray
from spectriage.spectra.compile.jit import packed, packed_as
from spectriage.spectra.contrast.index import ContrastIndex
from spectriage.spectra.evidence._kernels_limits import Sought
from spectriage.spectra.evidence._kernels_weighing import Scattering, WeighingRules, Weights, weigh_on
from spectriage.spectra.evidence.detection_limit import LIMIT_SETTINGS, NOISY_SNR, limit_rules
from spectriage.spectra.evidence.mass import NO_MASS, NO_MATRIX, MassRange, response_row
from spectriage.spectra.evidence.null import probability
from spectriage.spectra.evidence.presence import presence_log_odds
from spectriage.spectra.evidence.sighting import NOTHING, Sighting, sight
from spectriage.spectra.evidence.target_evidence import TargetEvidence
from spectriage.spectra.evidence.target_rows import (
    BEST_LOOKS,
    TargetRows,
    TargetTable,
    table_of,
    watched_rows,
)
from spectriage.spectra.fitting.band_support import band_support, independent_supports
from spectriage.spectra.fitting.fit import Fit
from spectriage.spectra.fitting.fitter import Fitter, place_of
from spectriage.spectra.fitting.library import areas_of, library_of
from spectriage.spectra.fitting.memory import memory_of
from spectriage.spectra.fitting.selection import required_gains
from spectriage.spectra.policy.policy import Policy
from spectriage.spectra.reference import CARRYING, Reference

CRITICAL = 0.6
"""Of the limit of detection: amounts are known to a quarter, so that 95 of 100 scans at it show more."""
EVEN = 0.5
"""The prior of a probability that says what the evidence alone is worth."""


class Weighed(NamedTuple):
    """The evidence for a target, and the member that shows it best."""

    known: TargetRows
    evidence: TargetEvidence
    row: int


class _Seen(NamedTuple):
    """The log odds that a member is there, how many independent bands need it, and what its bands show."""

    log_odds: float
    supports: int
    sighting: Sighting


_UNSEEN = _Seen(-math.inf, 0, NOTHING)
_UNSEEN_PROBABILITY = probability(-math.inf, EVEN)


def weigh_targets(
    fitter: Fitter,
    policy: Policy,
    targets: Sequence[TargetRows],
    fit: Fit,
    other_gain: float | None,
    *,
    snr: float = math.inf,
) -> list[Weighed]:
    """Weigh the evidence for each of several targets beyond the best model without it.

    Parameters
    ----------
    targets
        Their members.
    fit
        The best model; a target's members are taken out of it first.
    other_gain
        Log gain of the best addition to the best model which is not necessary; None where it is not known.
    snr
        Signal-to-noise ratio of the scan.

    Returns
    -------
    list
        In the order of `targets`.
    """
    weigher = _Weigher(fitter, policy, watched_rows(tuple(targets)), snr)
    inside = set(fit.rows)
    outside = [known for known in targets if inside.isdisjoint(known.rows)]
    weighed = iter(weigher.on(fit, outside, other_gain))
    results = []
    for known in targets:
        if inside.isdisjoint(known.rows):
            results.append(next(weighed))
        else:
            base = _without(fitter, fit, known.rows)
            results += weigher.on(base, [known], None, excluded=known.rows)
    return results


class _Weigher:
    """Weighs targets on models of one scan; `watched` are the references of them that must be visible."""

    def __init__(self, fitter: Fitter, policy: Policy, watched: tuple[int, ...], snr: float) -> None:
        self._snr = snr
        self._fitter = fitter
        self._policy = policy
        self._watched = watched

    def on(
        self,
        base: Fit,
        targets: Sequence[TargetRows],
        other_gain: float | None,
        *,
        excluded: tuple[int, ...] = (),
        compete: bool = True,
    ) -> list[Weighed]:
        """Weigh targets on one model that has none of their members.

        Where the gain of the best addition which is not necessary is not known, it is that of the best
        harmless one that is of none of the families of what is `excluded`.
        """
        if not targets:
            return []
        fitter = self._fitter
        table = table_of(tuple(targets), self._watched)
        tried = self._tried(base, table, other_gain is None, excluded, compete)
        rivals = _rivals(base, tried.needless) if tried.competing else {}
        other_gain = tried.other if other_gain is None else other_gain
        records = fitter.index.references.records
        rows, numbers, references = tried.rows.tolist(), tried.numbers.tolist(), tried.shares.tolist()
        enough = 0.5 * self._policy.hazard_gain
        weighed: list[Weighed] = []
        end = 0
        for place, (known, row) in enumerate(zip(targets, rows, strict=True)):
            start, end = end, end + len(known.foremost)
            if place in rivals:
                # what the target makes needless stood in for it: it competes with the target, and does not
                # precede it
                smaller = _without(fitter, base, rivals[place])
                other = float(fitter.gains(smaller, rivals[place]).max())
                weighed += self.on(smaller, [known], other, compete=False)
                continue
            gain, carrying, lod, share, low, middle, high, measured = numbers[place]
            seen, found, carried = _UNSEEN, False, False
            if gain >= enough:
                seen = self._seen(base, row, gain)
                least = self._critical_share(known, records[row], references[start:end])
                found = self._is_found(gain, gain - other_gain, seen) and share >= least
                carried = found and self._is_carried(base, known, row)
            evidence = _evidence(
                known,
                records[row],
                (gain, carrying, gain - other_gain),
                lod,
                MassRange(low, middle, high, measured == 0.0) if middle < math.inf else NO_MASS,
                share,
                (seen, found, carried),
            )
            weighed.append(Weighed(known, evidence, row))
        return weighed

    def _tried(
        self, base: Fit, table: TargetTable, seek_other: bool, excluded: tuple[int, ...], compete: bool
    ) -> Weights:
        """Try targets on a model."""
        index = self._fitter.index
        scattering = _know(index, base.rows)
        while True:
            tried = Weights(
                *weigh_on(
                    library_of(index),
                    (base.query.packed, place_of(base.axis)),
                    (np.array(base.rows, np.intp), base.amplitudes, base.similarity, base.fitted),
                    table.members,
                    table.most_looks,
                    packed_as(Sought, (*table.sought, np.empty(table.members[1].size))),
                    packed(index.probes(self._watched, base.axis.broadening_cm)),
                    weighing_rules(index, self._policy),
                    packed_as(Scattering, (scattering, table.scattering, NO_MATRIX)),
                    1.0 + NOISY_SNR / max(self._snr, 1.0),
                    compete,
                    seek_other,
                    np.array(excluded, np.intp),
                    memory_of(len(base.rows) + 1, index.rows.points),
                )
            )
            index.rows.check()
            if tried.known:
                return tried
            # of each reference once
            _know(index, tried.rows.tolist())

    def _is_found(self, gain: float, margin: float, seen: _Seen) -> bool:
        """Whether the evidence suffices to report a target of which there is enough."""
        return gain >= self._policy.hazard_gain and margin >= 0.0 and self._policy.is_present(seen.log_odds)

    def _critical_share(self, known: TargetRows, record: Reference, limits: Sequence[float]) -> float:
        """Return how much of what warns must be there to be told from the mismatch of the others.

        A share of the least amount that would be found in 95 of 100 scans (Currie 1995, Pure Appl. Chem. 67,
        1699: the critical level). What alarms is raised on less, and less of what warns is not ruled out.
        The `limits` are those of the target's foremost members.
        """
        if not known.hazards[record.family].warns:
            return 0.0
        records = self._fitter.index.references.records
        for row, share in zip(known.foremost, limits, strict=True):
            if records[row].family == record.family:
                return CRITICAL * min(share, 1.0)
        return 0.0

    def _seen(self, base: Fit, row: int, gain: float) -> _Seen:
        """Look at what a member shows of its bands, in the model with it."""
        fitter = self._fitter
        record = fitter.index.references.records[row]
        whole = fitter.with_row(base, row)
        place = len(whole.rows) - 1
        supports = independent_supports(band_support(fitter, whole, place))
        sighting = sight(fitter, whole, place)
        log_odds = presence_log_odds(
            sighting,
            similarity=whole.similarity,
            gain=gain,
            lacking=max(self._policy.supports_needed(record, gain) - supports, 0),
            axis=whole.axis,
            tier=record.tier,
        )
        return _Seen(log_odds, supports, sighting)

    def _is_carried(self, base: Fit, known: TargetRows, shown: int) -> bool:
        """Whether a target that an estimated member shows best is seen by a better-known one too."""
        records = self._fitter.index.references.records
        if records[shown].tier in CARRYING:
            return True
        for row in known.carrying:
            gain = float(self._fitter.gains(base, [row])[0])
            enough = records[row].tier in CARRYING and gain >= self._policy.hazard_gain
            if enough and self._policy.is_present(self._seen(base, row, gain).log_odds):
                return True
        return False


def _evidence(
    known: TargetRows,
    record: Reference,
    gains: tuple[float, float, float],
    lod: float,
    mass: MassRange,
    share: float,
    judged: tuple[_Seen, bool, bool],
) -> TargetEvidence:
    """Return what a scan says of a target: of the gains its own, the carrying ones', and the margin.

    By position: with names it takes twice as long, and there is one for every target of every scan.
    """
    seen, found, carried = judged
    gain, carrying_gain, margin = gains
    return TargetEvidence(
        known.target.name,
        found,
        gain,
        carrying_gain,
        margin,
        seen.supports,
        lod,
        record,
        record.tier,
        known.hazards[record.family],
        known.tier,
        known.target,
        known.families,
        known.guessed,
        mass,
        known.provisional,
        share,
        _UNSEEN_PROBABILITY if seen is _UNSEEN else probability(seen.log_odds, EVEN),
        seen.sighting,
        carried,
    )


def _without(fitter: Fitter, fit: Fit, rows: tuple[int, ...]) -> Fit:
    return fitter.fit(tuple(row for row in fit.rows if row not in rows), fit.axis)


def _rivals(base: Fit, needless: BoolArray) -> dict[int, tuple[int, ...]]:
    """Return the components of a model that each target makes needless, by its place."""
    return {
        place: tuple([base.rows[at] for at in np.flatnonzero(needless[place]).tolist()])
        for place in np.flatnonzero(needless.any(axis=1)).tolist()
    }


def weighing_rules(index: ContrastIndex, policy: Policy) -> WeighingRules:
    """Return how targets are tried, packed."""
    required = required_gains(index, policy)
    limits = limit_rules(policy.hazard_gain, policy.margin)
    return packed_as(WeighingRules, (required, BEST_LOOKS, LIMIT_SETTINGS, limits))


def _know(index: ContrastIndex, rows: Sequence[int]) -> FloatArray:
    """Take the areas of some references for kernels that need them, and how strongly they scatter.

    Returns
    -------
    scattering
        `response_row` of each reference of the library, as far as any was asked for, shape (n, 3).
    """
    areas = areas_of(index)
    scattering = index.once("scattering", lambda: np.full((len(index), 3), np.nan))
    for row in rows:
        if math.isnan(areas[row]):
            scattering[row] = response_row(index.references.records[row])
            areas[row] = index.area_per_norm(row)
    return scattering
