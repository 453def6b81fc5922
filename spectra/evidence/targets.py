"""The watched targets: the evidence for each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.evidence.detection_limit import Sought, limits_of_detection
from spectriage.spectra.evidence.null import probability
from spectriage.spectra.evidence.presence import presence_log_odds
from spectriage.spectra.evidence.sighting import NOTHING, Sighting, sight
from spectriage.spectra.evidence.target_evidence import TargetEvidence
from spectriage.spectra.fitting.band_support import band_support, independent_supports
from spectriage.spectra.fitting.fit import Fit
from spectriage.spectra.fitting.fitter import Fitter
from spectriage.spectra.policy.policy import Policy, Target
from spectriage.spectra.reference import CARRYING, Hazard, ReferenceSet, Tier

BEST_LOOKS = 4
EVEN = 0.5
"""The prior of a probability that says what the evidence alone is worth."""


@dataclass(frozen=True, eq=False)
class TargetRows:
    """The members of one target in a library.

    Parameters
    ----------
    target, rows
        What is watched for, and its members.
    carrying, tier
        The members of the strongest tier there is, and that tier.
    foremost, needed
        The best-known member of each of its families: each must be visible, in so many bands.
    hazard
        What the row that the target is known best by means.
    """

    target: Target
    rows: tuple[int, ...]
    carrying: tuple[int, ...]
    tier: Tier
    foremost: tuple[int, ...]
    needed: tuple[int, ...]
    hazard: Hazard


def target_rows(
    references: ReferenceSet, policy: Policy, targets: Sequence[Target]
) -> tuple[TargetRows, ...]:
    """Return the targets that the library has members of."""
    records = references.records
    column = references.column("family")
    found = []
    for target in targets:
        # a family that is named twice is watched for once
        names = dict.fromkeys(target.families)
        groups = [np.flatnonzero(column == name.encode("utf-8")).tolist() for name in names]
        rows = tuple(sorted(row for group in groups for row in group))
        if rows:
            tier = min((records[row].tier for row in rows), key=lambda tier: tier.rank)
            carrying = tuple(row for row in rows if records[row].tier is tier)[:BEST_LOOKS]
            foremost = tuple(
                min(group, key=lambda row: (records[row].tier.rank, row)) for group in groups if group
            )
            needed = tuple(max(1, policy.supports_needed(records[row], math.inf)) for row in foremost)
            found.append(
                TargetRows(target, rows, carrying, tier, foremost, needed, records[carrying[0]].hazard)
            )
    return tuple(found)


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


class _Tried(NamedTuple):
    """A target added to a model: its best member, what that and the best-known ones gain, the model with it.

    `amplitudes` are those of the model's references and, last, of the member.
    """

    known: TargetRows
    row: int
    gain: float
    carrying_gain: float
    similarity: float
    amplitudes: FloatArray

    @property
    def sought(self) -> Sought:
        """What the limit of detection is asked for."""
        return Sought(self.known.foremost, self.known.needed, self.row, float(self.amplitudes[-1]))


def weigh_targets(
    fitter: Fitter, policy: Policy, targets: Sequence[TargetRows], fit: Fit, other_gain: float
) -> list[Weighed]:
    """Weigh the evidence for each of several targets beyond the best model without it.

    Parameters
    ----------
    targets
        Their members.
    fit
        The best model; a target's members are taken out of it first.
    other_gain
        Log gain of the best addition to the best model which is not necessary.

    Returns
    -------
    list
        In the order of `targets`.
    """
    weigher = _Weigher(
        fitter, policy, tuple(dict.fromkeys(row for known in targets for row in known.foremost))
    )
    inside = set(fit.rows)
    outside = [known for known in targets if inside.isdisjoint(known.rows)]
    weighed = iter(weigher.on(fit, outside, other_gain))
    results = []
    for known in targets:
        if inside.isdisjoint(known.rows):
            results.append(next(weighed))
        else:
            base = _without(fitter, fit, known.rows)
            results += weigher.on(base, [known], best_other_gain(fitter, base, known.rows))
    return results


class _Weigher:
    """Weighs targets on models of one scan; `watched` are the references of them that must be visible."""

    def __init__(self, fitter: Fitter, policy: Policy, watched: tuple[int, ...]) -> None:
        self._fitter = fitter
        self._policy = policy
        self._watched = watched

    def on(
        self, base: Fit, targets: Sequence[TargetRows], other_gain: float, *, rivals_compete: bool = True
    ) -> list[Weighed]:
        """Weigh targets on one model that has none of their members."""
        fitter = self._fitter
        tried = _try_each(fitter, base, targets)
        rivals = _rivals(fitter, self._policy, base, tried) if rivals_compete else [()] * len(tried)
        plain = [each.sought for each, rival in zip(tried, rivals, strict=True) if not rival]
        limits = iter(limits_of_detection(fitter, self._policy, base, plain, self._watched))
        weighed: list[Weighed] = []
        for each, rival in zip(tried, rivals, strict=True):
            if rival:
                # what the target makes needless stood in for it: it competes with the target, and does not
                # precede it
                smaller = _without(fitter, base, rival)
                other = float(fitter.gains(smaller, rival).max())
                weighed += self.on(smaller, [each.known], other, rivals_compete=False)
            else:
                evidence = self._evidence(base, each, other_gain, next(limits))
                weighed.append(Weighed(each.known, evidence, each.row))
        return weighed

    def _evidence(self, base: Fit, tried: _Tried, other_gain: float, lod: float) -> TargetEvidence:
        records = self._fitter.index.references.records
        known, row, gain = tried.known, tried.row, tried.gain
        margin = gain - other_gain
        seen = _Seen(-math.inf, 0, NOTHING)
        carried = False
        if gain >= 0.5 * self._policy.hazard_gain:
            seen = self._seen(base, row, gain)
        found = gain >= self._policy.hazard_gain and margin >= 0.0 and self._policy.is_present(seen.log_odds)
        if found:
            carried = records[row].tier in CARRYING or self._is_carried(base, tried, seen)
        return TargetEvidence(
            name=known.target.name,
            found=found,
            gain=gain,
            carrying_gain=tried.carrying_gain,
            margin=margin,
            supports=seen.supports,
            lod=lod,
            reference=records[row],
            tier=records[row].tier,
            hazard=known.hazard,
            known_tier=known.tier,
            probability=probability(seen.log_odds, EVEN),
            sighting=seen.sighting,
            carried=carried,
        )

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

    def _is_carried(self, base: Fit, tried: _Tried, seen: _Seen) -> bool:
        """Whether a target that an estimated member shows best is seen by a better-known one too."""
        records = self._fitter.index.references.records
        for row in tried.known.carrying:
            gain = float(self._fitter.gains(base, [row])[0])
            if records[row].tier in CARRYING and gain >= self._policy.hazard_gain:
                if self._policy.is_present(self._seen(base, row, gain).log_odds):
                    return True
        return False


def _try_each(fitter: Fitter, base: Fit, targets: Sequence[TargetRows]) -> list[_Tried]:
    """Add each target's likeliest and best-known members to a model.

    The best is sought among the likeliest: the best-known are there to say what carries the target.
    """
    looks = [_looks(fitter, base, known.rows) for known in targets]
    members = [
        own + [row for row in known.carrying if row not in own]
        for own, known in zip(looks, targets, strict=True)
    ]
    flat = [row for own in members for row in own]
    joined = fitter.add_each(base, flat)
    every, similarities = joined.gains.tolist(), joined.similarity.tolist()
    results = []
    start = 0
    for known, likely, own in zip(targets, looks, members, strict=True):
        gains = dict(zip(own, every[start : start + len(own)], strict=True))
        row = max(likely, key=gains.__getitem__)
        place = start + own.index(row)
        carrying = max([gains[member] for member in known.carrying])
        results.append(
            _Tried(known, row, gains[row], carrying, similarities[place], joined.amplitudes[place])
        )
        start += len(own)
    return results


def _without(fitter: Fitter, fit: Fit, rows: tuple[int, ...]) -> Fit:
    return fitter.fit(tuple(row for row in fit.rows if row not in rows), fit.axis)


def _rivals(fitter: Fitter, policy: Policy, base: Fit, tried: Sequence[_Tried]) -> list[tuple[int, ...]]:
    """Return the components of a model, but for its first, that each target makes needless."""
    if len(base.rows) < 2:
        return [()] * len(tried)
    records = fitter.index.references.records
    required = [policy.required_gain(records[row]) for row in base.rows]
    losses = fitter.add_each(base, [each.row for each in tried], (1, len(base.rows))).losses.tolist()
    return [
        tuple([row for place, row in enumerate(base.rows) if place and own[place] < required[place]])
        for own in losses
    ]


def best_other_gain(fitter: Fitter, base: Fit, excluded: tuple[int, ...]) -> float:
    """Return the log gain of the best harmless addition to a model."""
    allowed = fitter.index.outside_families_of((*base.rows, *excluded)) & ~fitter.index.hazardous
    return float(fitter.gains(base, fitter.likeliest(base, allowed, BEST_LOOKS)).max(initial=0.0))


def _looks(fitter: Fitter, base: Fit, rows: tuple[int, ...]) -> list[int]:
    """Return the few members of a target that look most like what a fit leaves."""
    if len(rows) <= BEST_LOOKS:
        return list(rows)
    return fitter.likeliest_among(base, rows, BEST_LOOKS) or list(rows[:BEST_LOOKS])
