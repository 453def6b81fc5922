"""The watched targets: the evidence for each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.evidence.detection_limit import Sought, limits_of_detection
from spectriage.spectra.evidence.mass import NO_MASS, mass_range
from spectriage.spectra.evidence.null import probability
from spectriage.spectra.evidence.presence import presence_log_odds
from spectriage.spectra.evidence.sighting import NOTHING, Sighting, sight
from spectriage.spectra.evidence.target_evidence import TargetEvidence
from spectriage.spectra.evidence.target_rows import BEST_LOOKS, TargetRows
from spectriage.spectra.fitting.band_support import band_support, independent_supports
from spectriage.spectra.fitting.fit import Fit
from spectriage.spectra.fitting.fitter import Fitter
from spectriage.spectra.policy.policy import Policy
from spectriage.spectra.reference import CARRYING, Reference

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
    fitter: Fitter,
    policy: Policy,
    targets: Sequence[TargetRows],
    fit: Fit,
    other_gain: float,
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
        Log gain of the best addition to the best model which is not necessary.
    snr
        Signal-to-noise ratio of the scan.

    Returns
    -------
    list
        In the order of `targets`.
    """
    weigher = _Weigher(
        fitter, policy, tuple(dict.fromkeys(row for known in targets for row in known.foremost)), snr
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

    def __init__(self, fitter: Fitter, policy: Policy, watched: tuple[int, ...], snr: float) -> None:
        self._snr = snr
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
        limits = iter(limits_of_detection(fitter, self._policy, base, plain, self._watched, snr=self._snr))
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
            carried = records[row].tier in CARRYING or self._is_carried(base, tried)
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
            hazard=known.hazards[records[row].family],
            known_tier=known.tier,
            asked=known.target,
            families=known.families,
            guessed=known.guessed,
            mass=mass_range(lod, records[known.foremost[0]], self._matrix(base))
            if known.covered
            else NO_MASS,
            share=self._share(base, tried),
            probability=probability(seen.log_odds, EVEN),
            sighting=seen.sighting,
            carried=carried,
        )

    def _share(self, base: Fit, tried: _Tried) -> float:
        """Return the share of the signal that a target has in the model with it, packaging not counted."""
        index = self._fitter.index
        *others, own = tried.amplitudes.tolist()
        area = own * index.area_per_norm(tried.row)
        contents = sum(
            amplitude * index.area_per_norm(row)
            for row, amplitude in zip(base.rows, others, strict=True)
            if not index.packaging[row]
        )
        return area / (area + contents) if area > 0.0 else 0.0

    def _matrix(self, base: Fit) -> list[tuple[Reference, float]]:
        """Return what a target would lie in: the contents of a model, each with its area."""
        index = self._fitter.index
        return [
            (index.references.records[row], amplitude * index.area_per_norm(row))
            for row, amplitude in zip(base.rows, base.amplitudes.tolist(), strict=True)
            if not index.packaging[row]
        ]

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

    def _is_carried(self, base: Fit, tried: _Tried) -> bool:
        """Whether a target that an estimated member shows best is seen by a better-known one too."""
        records = self._fitter.index.references.records
        for row in tried.known.carrying:
            gain = float(self._fitter.gains(base, [row])[0])
            enough = records[row].tier in CARRYING and gain >= self._policy.hazard_gain
            if enough and self._policy.is_present(self._seen(base, row, gain).log_odds):
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
