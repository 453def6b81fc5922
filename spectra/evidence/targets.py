"""The watched targets: the evidence for each."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from spectriage.spectra.compile.jit import packed, packed_as
from spectriage.spectra.contrast.index import ContrastIndex
from spectriage.spectra.evidence._kernels_amounts import Scattering
from spectriage.spectra.evidence._kernels_weighing import WeighingRules, Weights, weigh_scans
from spectriage.spectra.evidence.detection_limit import LIMIT_SETTINGS, NOISY_SNR, limit_rules
from spectriage.spectra.evidence.mass import NO_MATRIX
from spectriage.spectra.evidence.null import probability
from spectriage.spectra.evidence.presence import presence_log_odds
from spectriage.spectra.evidence.scattering import know
from spectriage.spectra.evidence.sighting import Sighting, sight_table, sighting_of
from spectriage.spectra.evidence.target_list import EVEN, GAIN, NOT_LOOKED_AT, Look, TargetList
from spectriage.spectra.evidence.target_rows import (
    BEST_LOOKS,
    TargetRows,
    TargetTable,
    table_of,
    watched_targets,
)
from spectriage.spectra.fitting.fit import Axis, Fit, standing_fits
from spectriage.spectra.fitting.fitter import Fitter
from spectriage.spectra.fitting.library import library_of
from spectriage.spectra.fitting.memory import memory_of
from spectriage.spectra.fitting.selection import required_gains
from spectriage.spectra.policy.policy import Policy
from spectriage.spectra.reference import CARRYING, Reference

CRITICAL = 0.6
"""Of the limit of detection: amounts are known to a quarter, so that 95 of 100 scans at it show more."""
LOOKED_AT = 0.5
"""Of the log gain that is asked for: from this share on it is looked what the bands show."""
_NO_LOOKS: Mapping[int, Look] = {}
_WORST_CARRYING = max(tier.rank for tier in CARRYING)


class Weighed(NamedTuple):
    """The evidence of one scan for each of several targets, and the member that shows each best."""

    evidence: TargetList
    rows: list[int]


class _Shown(NamedTuple):
    """The log odds that a member is there, how many independent bands need it, and what its bands show."""

    log_odds: float
    supports: int
    sighting: Sighting


class Asked(NamedTuple):
    """A scan in which targets are sought.

    Parameters
    ----------
    fitter, fit
        Of the scan, and the best model of it; a target's members are taken out of it first.
    other_gain
        Log gain of the best addition to that model which is not necessary; None where it is not known.
    snr
        Signal-to-noise ratio of the scan.
    """

    fitter: Fitter
    fit: Fit
    other_gain: float | None
    snr: float = math.inf


def weigh_targets(policy: Policy, targets: Sequence[TargetRows], asked: Sequence[Asked]) -> list[Weighed]:
    """Weigh the evidence for each of several targets beyond the best model without it, in several scans.

    What of that model a target makes needless stood in for it: the target is weighed on the model without
    that, and competes with what was taken out.

    Parameters
    ----------
    targets
        Their members.
    asked
        The scans, of one library.

    Returns
    -------
    list
        Of each scan, in the order of `targets`.
    """
    if not targets:
        return [Weighed(TargetList.of(()), [])] * len(asked)
    known, found = tuple(targets), dict[int, Weighed]()
    for places in _alike(asked):
        group = [asked[place] for place in places]
        weights = _weighed_by_kernel(policy, known, group)
        found.update(zip(places, _judged(policy, known, group, weights), strict=True))
    return [found[place] for place in range(len(asked))]


def limits_hold(policy: Policy, targets: Sequence[TargetRows], asked: Sequence[Asked]) -> list[bool]:
    """Say of each of several scans whether no limit of these targets is beyond what the policy asks.

    As `TargetList.beyond` does of what `weigh_targets` finds, with nothing else judged.
    """
    if not targets:
        return [True] * len(asked)
    known, found = tuple(targets), np.empty(len(asked), np.bool_)
    where, allowed = watched_targets(known).allowed(policy)
    for places in _alike(asked):
        weights = _weighed_by_kernel(policy, known, [asked[place] for place in places])
        limits = weights.numbers.reshape(len(places), -1).take(where, 1)
        found[places] = (limits <= allowed).all(1)
    return found.tolist()


def _alike(asked: Sequence[Asked]) -> Iterable[list[int]]:
    """Return the places of scans whose models have one resolution, for each."""
    alike: dict[float, list[int]] = {}
    for place, each in enumerate(asked):
        alike.setdefault(each.fit.axis.broadening_cm, []).append(place)
    return alike.values()


def _weighed_by_kernel(policy: Policy, targets: tuple[TargetRows, ...], asked: Sequence[Asked]) -> Weights:
    """Weigh targets in scans whose models have one resolution: numbers only."""
    index, fits = asked[0].fitter.index, [each.fit for each in asked]
    models, queries, places = standing_fits(fits)
    table = table_of(targets)
    scattering = know(index, [row for fit in fits for row in fit.rows])
    most = max(len(fit.rows) for fit in fits)
    room = most + max(table.most_looks, BEST_LOOKS, len(targets))
    others = [math.nan if each.other_gain is None else each.other_gain for each in asked]
    # a second time where areas were not known: once for each reference
    for _ in range(2):
        weights = _room_for(len(asked), table)
        weigh_scans(
            library_of(index, room),
            models.views(queries),
            models.models,
            np.array(places, np.intp),
            table.members,
            table.sought,
            packed(index.probes(table.watched, fits[0].axis.broadening_cm)),
            LIMIT_SETTINGS,
            limit_rules(policy.hazard_gain, policy.margin),
            packed_as(Scattering, (scattering, table.scattering, NO_MATRIX)),
            _weighing_rules(index, policy),
            sight_table(index),
            np.array([1.0 + NOISY_SNR / max(each.snr, 1.0) for each in asked]),
            queries.noise,
            np.array(others),
            memory_of(most + 1, index.rows.points),
            packed(weights),
        )
        index.rows.check()
        if all(weights.known.tolist()):
            break
        know(index, weights.rows.ravel().tolist())
    return weights


def _judged(
    policy: Policy, targets: tuple[TargetRows, ...], asked: Sequence[Asked], weights: Weights
) -> list[Weighed]:
    """Return the evidence for some targets in scans that a kernel weighed them in.

    Of what gained too little to be looked at, which is most, there are but the numbers.
    """
    numbers, shown, least = weights.numbers, weights.shown, LOOKED_AT * policy.hazard_gain
    looks: dict[int, dict[int, Look]] = {}
    rows, judge = weights.rows.tolist(), _Judge(policy, targets, asked, weights)
    for number, gains in enumerate(numbers[:, :, GAIN].tolist()):
        # a gain that is no number is not passed over
        for place in [place for place, gain in enumerate(gains) if not gain < least]:
            own, seen = numbers[number, place].tolist(), shown[number, place].tolist()
            look = judge.look(number, place, rows[number][place], own, seen)
            looks.setdefault(number, {})[place] = look
    watched, records = watched_targets(targets), asked[0].fitter.index.records
    told = [
        [
            known.told.get(row) or known.told_by(row, records[row])
            for known, row in zip(targets, best, strict=True)
        ]
        for best in rows
    ]
    return [
        # copies: an answer that is kept does not keep those of the others
        Weighed(TargetList(watched, own, numbers[place].copy(), looks.get(place, _NO_LOOKS)), rows[place])
        for place, own in enumerate(told)
    ]


class _Judge:
    """Judges by the numbers that a kernel found of targets in scans.

    Parameters
    ----------
    weights
        The numbers.
    """

    def __init__(
        self, policy: Policy, targets: Sequence[TargetRows], asked: Sequence[Asked], weights: Weights
    ) -> None:
        self._policy = policy
        self._targets = targets
        self._asked = asked
        self._weights = weights
        self._records = asked[0].fitter.index.records

    def look(self, scan: int, place: int, row: int, numbers: Sequence[float], shown: Sequence[float]) -> Look:
        """Return what is seen in a scan of the target at a place that its best member gains enough for.

        Parameters
        ----------
        row, numbers, shown
            That member, its `COLUMNS`, and what it shows as the kernel writes it.
        """
        record, axis = self._records[row], self._asked[scan].fit.axis
        gain, _, margin, *_, share, _ = numbers
        if math.isnan(gain):
            return NOT_LOOKED_AT
        seen = self._seen(record, axis, gain, shown)
        # a share that is no number clears nothing
        found = self._is_found(gain, margin, seen) and not share < self._critical_share(scan, place, record)
        carried = found and (record.tier in CARRYING or self._is_carried(scan, place, axis))
        return Look(found, seen.supports, probability(seen.log_odds, EVEN), seen.sighting, carried)

    def _is_found(self, gain: float, margin: float, seen: _Shown) -> bool:
        """Whether the evidence suffices to report a target of which there is enough."""
        return gain >= self._policy.hazard_gain and margin >= 0.0 and self._policy.is_present(seen.log_odds)

    def _critical_share(self, scan: int, place: int, record: Reference) -> float:
        """Return how much of what warns must be there to be told from the mismatch of the others.

        A share of the least amount that would be found in 95 of 100 scans (Currie 1995, Pure Appl. Chem. 67,
        1699: the critical level). What alarms is raised on less, and less of what warns is not ruled out.
        """
        known = self._targets[place]
        if not known.hazards[record.family].warns:
            return 0.0
        # the limits of the foremost members of all targets stand one after another
        start = sum([len(own.foremost) for own in self._targets[:place]])
        for at, row in enumerate(known.foremost, start):
            if self._records[row].family == record.family:
                return CRITICAL * min(float(self._weights.shares[scan, at]), 1.0)
        return 0.0

    def _seen(self, record: Reference, axis: Axis, gain: float, shown: Sequence[float]) -> _Shown:
        """Return what a member shows of its bands, in the model with it; `shown` as the kernel writes it."""
        similarity, supports, *sighting = shown
        seen = sighting_of(sighting)
        log_odds = presence_log_odds(
            seen,
            similarity=similarity,
            gain=gain,
            lacking=max(self._policy.supports_needed(record, gain) - int(supports), 0),
            axis=axis,
            tier=record.tier,
        )
        return _Shown(log_odds, int(supports), seen)

    def _is_carried(self, scan: int, place: int, axis: Axis) -> bool:
        """Whether a target that an estimated member shows best is seen by a better-known one too."""
        carriers = self._weights.carriers[scan, place].tolist()
        for row, (gain, *shown) in zip(self._targets[place].carrying, carriers, strict=False):
            if gain >= self._policy.hazard_gain:
                seen = self._seen(self._records[row], axis, gain, shown)
                if self._policy.is_present(seen.log_odds):
                    return True
        return False


def _room_for(scans: int, table: TargetTable) -> Weights:
    """Return room for what a kernel writes of some targets in so many scans."""
    count = table.members[1].size
    return Weights(
        np.zeros((scans, count), np.intp),
        np.empty((scans, count, 9)),
        np.empty((scans, count, 7)),
        np.empty((scans, count, BEST_LOOKS, 8)),
        np.empty(scans, np.bool_),
        np.empty((scans, len(table.scattering))),
    )


def _weighing_rules(index: ContrastIndex, policy: Policy) -> WeighingRules:
    """Return how targets are tried, packed."""
    gains = (LOOKED_AT * policy.hazard_gain, policy.hazard_gain)
    return packed_as(WeighingRules, (required_gains(index, policy), BEST_LOOKS, *gains, _WORST_CARRYING))
