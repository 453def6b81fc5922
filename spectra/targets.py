"""The watched targets: the evidence for each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from spectriage.spectra.bands import band_support, independent_supports
from spectriage.spectra.detection import Sought, limits_of_detection
from spectriage.spectra.fit import Fit
from spectriage.spectra.mixture import Fitter
from spectriage.spectra.policy import Policy, Target
from spectriage.spectra.reference import ReferenceSet, Tier
from spectriage.spectra.result import TargetEvidence
from spectriage.spectra.spectrum import FloatArray

BEST_LOOKS = 4


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
    """

    target: Target
    rows: tuple[int, ...]
    carrying: tuple[int, ...]
    tier: Tier
    foremost: tuple[int, ...]
    needed: tuple[int, ...]

    @property
    def best_known(self) -> int:
        """The row that the target is known best by."""
        return self.carrying[0]


def target_rows(
    references: ReferenceSet, policy: Policy, targets: Sequence[Target]
) -> tuple[TargetRows, ...]:
    """Return the targets that the library has members of."""
    records = references.records
    column = references.column("family")
    found = []
    for target in targets:
        groups = [np.flatnonzero(column == name.encode("utf-8")).tolist() for name in target.families]
        rows = tuple(sorted(row for group in groups for row in group))
        if rows:
            tier = min((records[row].tier for row in rows), key=lambda tier: tier.rank)
            carrying = tuple(row for row in rows if records[row].tier is tier)[:BEST_LOOKS]
            foremost = tuple(
                min(group, key=lambda row: (records[row].tier.rank, row)) for group in groups if group
            )
            needed = tuple(max(1, policy.supports_needed(records[row], math.inf)) for row in foremost)
            found.append(TargetRows(target, rows, carrying, tier, foremost, needed))
    return tuple(found)


@dataclass(frozen=True, eq=False)
class Weighed:
    """The evidence for a target, and the member that shows it best."""

    known: TargetRows
    evidence: TargetEvidence
    row: int


@dataclass(frozen=True, eq=False)
class _Tried:
    """A target added to a model: its best member, the gains of its members, and the model with the best.

    `amplitudes` and `losses` are those of the model's references and, last, of the member.
    """

    known: TargetRows
    row: int
    gains: dict[int, float]
    similarity: float
    amplitudes: FloatArray
    losses: FloatArray

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
    inside = set(fit.rows)
    outside = [known for known in targets if inside.isdisjoint(known.rows)]
    weighed = iter(_weigh_on(fitter, policy, outside, fit, other_gain))
    results = []
    for known in targets:
        if inside.isdisjoint(known.rows):
            results.append(next(weighed))
        else:
            base = _without(fitter, fit, known.rows)
            results += _weigh_on(fitter, policy, [known], base, best_other_gain(fitter, base, known.rows))
    return results


def _weigh_on(
    fitter: Fitter,
    policy: Policy,
    targets: Sequence[TargetRows],
    base: Fit,
    other_gain: float,
    *,
    rivals_compete: bool = True,
) -> list[Weighed]:
    """Weigh targets on one model that has none of their members."""
    tried = _try_each(fitter, base, targets)
    rivals = [_rivals(fitter, policy, base, each) if rivals_compete else () for each in tried]
    plain = [each for each, rival in zip(tried, rivals, strict=True) if not rival]
    limits = iter(limits_of_detection(fitter, policy, base, [each.sought for each in plain]))
    weighed: list[Weighed] = []
    for each, rival in zip(tried, rivals, strict=True):
        if rival:
            # what the target makes needless stood in for it: it competes with the target, and does not
            # precede it
            smaller = _without(fitter, base, rival)
            other = float(fitter.gains(smaller, rival).max())
            weighed += _weigh_on(fitter, policy, [each.known], smaller, other, rivals_compete=False)
        else:
            evidence = _evidence(fitter, policy, base, each, other_gain, next(limits))
            weighed.append(Weighed(each.known, evidence, each.row))
    return weighed


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
    every = iter(fitter.gains(base, flat).tolist())
    gains = [dict(zip(own, islice(every, len(own)), strict=True)) for own in members]
    best = [max(own, key=of.__getitem__) for own, of in zip(looks, gains, strict=True)]
    joined = fitter.joined(base, best)
    parts = zip(joined.similarity.tolist(), joined.amplitudes, joined.losses, strict=True)
    return [
        _Tried(known, row, of, *part)
        for known, row, of, part in zip(targets, best, gains, parts, strict=True)
    ]


def _evidence(
    fitter: Fitter, policy: Policy, base: Fit, tried: _Tried, other_gain: float, lod: float
) -> TargetEvidence:
    records = fitter.index.references.records
    known, row = tried.known, tried.row
    gain = tried.gains[row]
    margin = gain - other_gain
    supports = 0
    if gain >= 0.5 * policy.hazard_gain:
        larger = fitter.with_row(base, row)
        supports = independent_supports(band_support(fitter, larger, len(larger.rows) - 1))
    return TargetEvidence(
        name=known.target.name,
        found=gain >= policy.hazard_gain
        and supports >= policy.supports_needed(records[row], gain)
        and margin >= policy.required_margin(_explains(fitter, policy, base, tried)),
        gain=gain,
        carrying_gain=max(tried.gains[other] for other in known.carrying),
        margin=margin,
        supports=supports,
        lod=lod,
        reference=records[row],
        tier=known.tier,
        hazard=records[known.best_known].hazard,
    )


def _explains(fitter: Fitter, policy: Policy, base: Fit, tried: _Tried) -> bool:
    """Whether the model with the target explains the scan."""
    records = fitter.index.references.records
    parts = [records[row] for row in (*base.rows, tried.row)]
    return tried.similarity >= policy.explained_by(parts, tried.amplitudes)


def _without(fitter: Fitter, fit: Fit, rows: tuple[int, ...]) -> Fit:
    return fitter.fit(tuple(row for row in fit.rows if row not in rows), fit.axis)


def _rivals(fitter: Fitter, policy: Policy, base: Fit, tried: _Tried) -> tuple[int, ...]:
    """Return the components of a model, but for its first, that a target makes needless."""
    records = fitter.index.references.records
    return tuple(
        row
        for row, loss in list(zip(base.rows, tried.losses.tolist(), strict=False))[1:]
        if loss < policy.required_gain(records[row])
    )


def best_other_gain(fitter: Fitter, base: Fit, excluded: tuple[int, ...]) -> float:
    """Return the log gain of the best harmless addition to a model."""
    allowed = fitter.index.outside_families_of((*base.rows, *excluded)) & ~fitter.index.hazardous
    return float(fitter.gains(base, fitter.looks(base, allowed, BEST_LOOKS)).max(initial=0.0))


def _looks(fitter: Fitter, base: Fit, rows: tuple[int, ...]) -> list[int]:
    """Return the few members of a target that look most like what a fit leaves."""
    if len(rows) <= BEST_LOOKS:
        return list(rows)
    return fitter.looks_among(base, rows, BEST_LOOKS) or list(rows[:BEST_LOOKS])
