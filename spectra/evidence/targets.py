"""The watched targets: the evidence for each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from spectriage.spectra.arrays import BoolArray, FloatArray
from spectriage.spectra.compile.jit import packed, packed_as
from spectriage.spectra.contrast.index import ContrastIndex
from spectriage.spectra.evidence._kernels_limits import Sought
from spectriage.spectra.evidence._kernels_weighing import Scattering, WeighingRules, Weights, weigh_scans
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
from spectriage.spectra.fitting.fitter import Fitter
from spectriage.spectra.fitting.library import areas_of, library_of, models_of, views_of
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


class _Attempt(NamedTuple):
    """Targets on a model that has none of their members, of the scan of that number.

    Where the gain of the best addition which is not necessary is not known, it is that of the best harmless
    one that is of none of the families of what is `excluded`. `compete`: what the model has may be needless.
    """

    scan: int
    base: Fit
    targets: tuple[TargetRows, ...]
    other_gain: float | None
    excluded: tuple[int, ...] = ()
    compete: bool = True


def weigh_targets(
    policy: Policy, targets: Sequence[TargetRows], asked: Sequence[Asked]
) -> list[list[Weighed]]:
    """Weigh the evidence for each of several targets beyond the best model without it, in several scans.

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
    if not asked:
        return []
    weigher = _Weigher(policy, asked, watched_rows(tuple(targets)))
    attempts = []
    for scan, (fitter, fit, other_gain, _) in enumerate(asked):
        inside = set(fit.rows)
        free = tuple([known for known in targets if inside.isdisjoint(known.rows)])
        if free:
            attempts.append(_Attempt(scan, fit, free, other_gain))
        if len(free) < len(targets):
            held = [known for known in targets if not inside.isdisjoint(known.rows)]
            attempts += [
                _Attempt(scan, _without(fitter, fit, known.rows), (known,), None, known.rows)
                for known in held
            ]
    order = {known: place for place, known in enumerate(targets)}
    found: list[list[Weighed]] = [[] for _ in asked]
    for attempt, weighed in zip(attempts, weigher.on(attempts), strict=True):
        found[attempt.scan] += weighed
    for weighed in found:
        weighed.sort(key=lambda each: order[each.known])
    return found


class _Weigher:
    """Weighs targets on models of some scans; `watched` are the references of them that must be visible."""

    def __init__(self, policy: Policy, asked: Sequence[Asked], watched: tuple[int, ...]) -> None:
        self._asked = asked
        self._index = asked[0].fitter.index
        self._policy = policy
        self._watched = watched

    def on(self, attempts: Sequence[_Attempt]) -> list[list[Weighed]]:
        """Weigh targets on models, those that are alike together; the results in the order of attempts."""
        alike: dict[tuple[Any, ...], list[int]] = {}
        for place, each in enumerate(attempts):
            key = (each.targets, each.excluded, each.compete, each.base.axis.broadening_cm)
            alike.setdefault(key, []).append(place)
        found: list[list[Weighed]] = [[] for _ in attempts]
        for places in alike.values():
            tried = self._tried([attempts[place] for place in places])
            for number, place in enumerate(places):
                found[place] = self._judged(attempts[place], tried, number)
        return found

    def _tried(self, attempts: Sequence[_Attempt]) -> Weights:
        """Try the same targets on models at one resolution."""
        index, (_, first, targets, _, excluded, compete) = self._index, attempts[0]
        table = table_of(targets, self._watched)
        bases = [each.base for each in attempts]
        scattering = _know(index, [row for base in bases for row in base.rows])
        snr = [max(self._asked[each.scan].snr, 1.0) for each in attempts]
        most = max(len(base.rows) for base in bases)
        room = most + max(table.most_looks, BEST_LOOKS, len(targets))
        while True:
            tried = _room_for(attempts, table)
            weigh_scans(
                library_of(index, room),
                views_of(bases),
                models_of(bases),
                table.members,
                table.most_looks,
                packed_as(Sought, (*table.sought, np.empty(table.members[1].size))),
                packed(index.probes(self._watched, first.axis.broadening_cm)),
                weighing_rules(index, self._policy),
                packed_as(Scattering, (scattering, table.scattering, NO_MATRIX)),
                1.0 + NOISY_SNR / np.array(snr),
                compete,
                np.array([each.other_gain is None for each in attempts]),
                np.array(excluded, np.intp),
                memory_of(most + 1, index.rows.points),
                packed(tried),
            )
            index.rows.check()
            if tried.known.all():
                return tried
            # of each reference once
            _know(index, tried.rows.ravel().tolist())

    def _judged(self, attempt: _Attempt, tried: Weights, number: int) -> list[Weighed]:
        """Return the evidence on one model, of which a kernel found the numbers at a place."""
        base, targets = attempt.base, attempt.targets
        competing = bool(tried.competing[number])
        rivals = _rivals(base, tried.needless[number, :, : len(base.rows)]) if competing else {}
        other_gain = float(tried.other[number]) if attempt.other_gain is None else attempt.other_gain
        rows, shares = tried.rows[number].tolist(), tried.shares[number].tolist()
        records = self._index.references.records
        enough = 0.5 * self._policy.hazard_gain
        weighed: list[Weighed] = []
        end = 0
        for place, (known, row, numbers) in enumerate(
            zip(targets, rows, tried.numbers[number].tolist(), strict=True)
        ):
            start, end = end, end + len(known.foremost)
            if place in rivals:
                weighed += self._without_rivals(attempt, known, rivals[place])
                continue
            gain, carrying, lod, share, low, middle, high, measured = numbers
            seen, found, carried = _UNSEEN, False, False
            if gain >= enough:
                seen = self._seen(attempt, row, gain)
                least = self._critical_share(known, records[row], shares[start:end])
                found = self._is_found(gain, gain - other_gain, seen) and share >= least
                carried = found and self._is_carried(attempt, known, row)
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

    def _without_rivals(self, attempt: _Attempt, known: TargetRows, rivals: tuple[int, ...]) -> list[Weighed]:
        """Weigh a target on a model without what it makes needless.

        That stood in for the target: it competes with it, and does not precede it.
        """
        fitter = self._asked[attempt.scan].fitter
        smaller = _without(fitter, attempt.base, rivals)
        other = float(fitter.gains(smaller, rivals).max())
        return self.on([_Attempt(attempt.scan, smaller, (known,), other, compete=False)])[0]

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
        records = self._index.references.records
        for row, share in zip(known.foremost, limits, strict=True):
            if records[row].family == record.family:
                return CRITICAL * min(share, 1.0)
        return 0.0

    def _seen(self, attempt: _Attempt, row: int, gain: float) -> _Seen:
        """Look at what a member shows of its bands, in the model with it."""
        fitter = self._asked[attempt.scan].fitter
        record = fitter.index.references.records[row]
        whole = fitter.with_row(attempt.base, row)
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

    def _is_carried(self, attempt: _Attempt, known: TargetRows, shown: int) -> bool:
        """Whether a target that an estimated member shows best is seen by a better-known one too."""
        records = self._index.references.records
        fitter = self._asked[attempt.scan].fitter
        if records[shown].tier in CARRYING:
            return True
        for row in known.carrying:
            gain = float(fitter.gains(attempt.base, [row])[0])
            enough = records[row].tier in CARRYING and gain >= self._policy.hazard_gain
            if enough and self._policy.is_present(self._seen(attempt, row, gain).log_odds):
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


def _room_for(attempts: Sequence[_Attempt], table: TargetTable) -> Weights:
    """Return room for what a kernel writes of some targets on models."""
    scans, count = len(attempts), table.members[1].size
    most = max(len(each.base.rows) for each in attempts)
    numbers, shares = np.empty((scans, count, 8)), np.empty((scans, len(table.scattering)))
    numbers.fill(np.inf)
    shares.fill(np.inf)
    return Weights(
        np.zeros(scans),
        np.zeros((scans, count), np.intp),
        numbers,
        np.zeros(scans, np.bool_),
        np.zeros(scans, np.bool_),
        np.zeros((scans, count, most), np.bool_),
        shares,
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
    scattering = index.once("scattering", lambda: np.zeros((len(index), 3)))
    for row in rows:
        if math.isnan(areas[row]):
            scattering[row] = response_row(index.references.records[row])
            areas[row] = index.area_per_norm(row)
    return scattering
