"""The watched targets: the evidence for each."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.compile.jit import packed_as
from spectriage.spectra.evidence._kernels_limits import Sought
from spectriage.spectra.evidence._kernels_targets import best_looks, looked_at
from spectriage.spectra.evidence.detection_limit import limits_of_detection
from spectriage.spectra.evidence.mass import NO_MASS, MassRange, Response, mass_in, matrix_of
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
from spectriage.spectra.fitting.fitter import Fitter
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


class _Limit(NamedTuple):
    """A limit: as a share of the signal; and of what most is needed of by mass, with how it scatters.

    `foremost` are the limits of the target's foremost members.
    """

    lod: float
    share: float
    heaviest: Response | None
    foremost: list[float]


class _Tried(NamedTuple):
    """Targets added to a model: each one's best member, what that and those that carry it gain.

    Parameters
    ----------
    table
        The targets, as kernels take them.
    rows, gains, carrying_gains
        The best member of each, its log gain, and the greatest of those that carry the target.
    amplitudes
        Of the model's references and, last, of the member, shape (c, k + 1).
    """

    table: TargetTable
    rows: list[int]
    gains: list[float]
    carrying_gains: list[float]
    amplitudes: FloatArray


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
        if not targets:
            return []
        fitter = self._fitter
        tried = _try_each(fitter, base, table_of(tuple(targets), self._watched))
        rivals = _rivals(fitter, self._policy, base, tried) if rivals_compete else {}
        limits = self._limits(base, targets, tried, rivals)
        matrix = matrix_of(self._contents(base))
        shares = self._shares(base, tried)
        weighed: list[Weighed] = []
        for place, known in enumerate(targets):
            limit = limits[place]
            if limit is None:
                # what the target makes needless stood in for it: it competes with the target, and does not
                # precede it
                smaller = _without(fitter, base, rivals[place])
                other = float(fitter.gains(smaller, rivals[place]).max())
                weighed += self.on(smaller, [known], other, rivals_compete=False)
                continue
            row, gain, share = tried.rows[place], tried.gains[place], shares[place]
            seen, found, carried = _UNSEEN, False, False
            if gain >= 0.5 * self._policy.hazard_gain:
                seen = self._seen(base, row, gain)
                found = self._is_found(known, row, gain, gain - other_gain, seen, share, limit)
                carried = found and self._is_carried(base, known, row)
            evidence = _evidence(
                known,
                fitter.index.references.records[row],
                (gain, tried.carrying_gains[place], gain - other_gain),
                limit,
                NO_MASS if limit.heaviest is None else mass_in(limit.share, limit.heaviest, matrix),
                share,
                (seen, found, carried),
            )
            weighed.append(Weighed(known, evidence, row))
        return weighed

    def _limits(
        self, base: Fit, targets: Sequence[TargetRows], tried: _Tried, rivals: Mapping[int, tuple[int, ...]]
    ) -> list[_Limit | None]:
        """Return the limits of the targets, none for those that have rivals."""
        table, places = tried.table, [place for place in range(len(targets)) if place not in rivals]
        if rivals:
            table = table_of(tuple([targets[place] for place in places]), self._watched)
        amplitudes = tried.amplitudes[places, -1]
        sought = packed_as(Sought, (*table.sought, amplitudes))
        held = [tried.rows[place] for place in places]
        limits = limits_of_detection(
            self._fitter, self._policy, base, sought, held, self._watched, snr=self._snr
        )
        found: list[_Limit | None] = [None] * len(targets)
        start, references = 0, limits.references
        for place, lod, heaviest in zip(places, limits.targets, limits.heaviest, strict=True):
            end = start + len(targets[place].foremost)
            if heaviest < 0:
                found[place] = _Limit(lod, math.inf, None, references[start:end])
            else:
                own = table.scattering[heaviest]
                found[place] = _Limit(lod, references[heaviest], own, references[start:end])
            start = end
        return found

    def _is_found(
        self,
        known: TargetRows,
        row: int,
        gain: float,
        margin: float,
        seen: _Seen,
        share: float,
        limit: _Limit,
    ) -> bool:
        """Whether the evidence suffices to report a target."""
        return (
            gain >= self._policy.hazard_gain
            and margin >= 0.0
            and self._policy.is_present(seen.log_odds)
            and share >= self._critical_share(known, self._fitter.index.references.records[row], limit)
        )

    def _critical_share(self, known: TargetRows, record: Reference, limit: _Limit) -> float:
        """Return how much of what warns must be there to be told from the mismatch of the others.

        A share of the least amount that would be found in 95 of 100 scans (Currie 1995, Pure Appl. Chem. 67,
        1699: the critical level). What alarms is raised on less, and less of what warns is not ruled out.
        """
        if not known.hazards[record.family].warns:
            return 0.0
        records = self._fitter.index.references.records
        for row, share in zip(known.foremost, limit.foremost, strict=True):
            if records[row].family == record.family:
                return CRITICAL * min(share, 1.0)
        return 0.0

    def _shares(self, base: Fit, tried: _Tried) -> list[float]:
        """Return the share of the signal that each target has in the model with it, packaging not counted."""
        index = self._fitter.index
        areas = [0.0 if index.packaging[row] else index.area_per_norm(row) for row in base.rows]
        shares = []
        for row, (*others, own) in zip(tried.rows, tried.amplitudes.tolist(), strict=True):
            area = own * index.area_per_norm(row)
            contents = sum([amplitude * other for amplitude, other in zip(others, areas, strict=True)])
            shares.append(area / (area + contents) if area > 0.0 else 0.0)
        return shares

    def _contents(self, base: Fit) -> list[tuple[Reference, float]]:
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
    limit: _Limit,
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
        limit.lod,
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


def _try_each(fitter: Fitter, base: Fit, table: TargetTable) -> _Tried:
    """Add each target's likeliest and best-known members to a model.

    The best is sought among the likeliest: the best-known are there to say what carries the target.
    """
    looks = np.empty(table.most_looks, np.intp)
    likely, ends, best = np.empty((3, table.members[1].size), np.intp)
    total = looked_at(
        fitter.index.coarse, fitter.coarse_rest(base), table.members, BEST_LOOKS, looks, likely, ends
    )
    joined = fitter.add_each(base, looks[:total].tolist())
    carrying_gains = np.empty(best.size)
    best_looks(joined.gains, looks, likely, ends, table.members, best, carrying_gains)
    return _Tried(
        table,
        looks[best].tolist(),
        joined.gains[best].tolist(),
        carrying_gains.tolist(),
        joined.amplitudes[best],
    )


def _without(fitter: Fitter, fit: Fit, rows: tuple[int, ...]) -> Fit:
    return fitter.fit(tuple(row for row in fit.rows if row not in rows), fit.axis)


def _rivals(fitter: Fitter, policy: Policy, base: Fit, tried: _Tried) -> dict[int, tuple[int, ...]]:
    """Return the components of a model, but for its first, that each target makes needless, by its place."""
    count = len(base.rows)
    if count < 2:
        return {}
    records = fitter.index.references.records
    required = np.array([policy.required_gain(records[row]) for row in base.rows])
    losses = fitter.add_each(base, tried.rows, (1, count)).losses
    needless = losses[:, :count] < required
    needless[:, 0] = False
    return {
        place: tuple([base.rows[at] for at in np.flatnonzero(needless[place]).tolist()])
        for place in np.flatnonzero(needless.any(axis=1)).tolist()
    }


def best_other_gain(fitter: Fitter, base: Fit, excluded: tuple[int, ...]) -> float:
    """Return the log gain of the best harmless addition to a model."""
    allowed = fitter.index.outside_families_of((*base.rows, *excluded)) & ~fitter.index.hazardous
    return float(fitter.gains(base, fitter.likeliest(base, allowed, BEST_LOOKS)).max(initial=0.0))
