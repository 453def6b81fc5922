"""From a fit to names: components with what could stand in for them, candidates, and the odds of each."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np

from spectriage.spectra.arrays import BoolArray
from spectriage.spectra.compile.jit import packed
from spectriage.spectra.contrast.index import ContrastIndex
from spectriage.spectra.evidence.null import Null, probability
from spectriage.spectra.evidence.sighting import sight_rules_each, sighting_of
from spectriage.spectra.fitting.band_support import bands_of
from spectriage.spectra.fitting.fit import Fit, Single
from spectriage.spectra.fitting.fitter import Fitter, axis_numbers, stacked
from spectriage.spectra.fitting.library import library_of, models_of, views_of
from spectriage.spectra.fitting.memory import memory_of
from spectriage.spectra.policy.policy import Policy
from spectriage.spectra.reference import Reference
from spectriage.spectra.verdict._kernels_parts import Parts, look_at_scans
from spectriage.spectra.verdict.component import Candidate, Component
from spectriage.spectra.verdict.words import claim

CANDIDATES = 12
ALTERNATIVES = 8
ALTERNATIVE_GAIN = 0.1
"""References that explain within this log factor as much in a component's place are its alternatives."""
INTENSITY_SPREAD, UNKNOWN_SPREAD = 0.25, 0.35
"""Spread of the logarithm of an amount: of intensities between instruments, and where nothing is gained."""


class Fitted(NamedTuple):
    """A spectrum that is explained.

    Parameters
    ----------
    fitter, fit
        Of the spectrum, and what explains it.
    singles
        The references that explain most alone, best first.
    snr
        Signal-to-noise ratio of the spectrum.
    """

    fitter: Fitter
    fit: Fit
    singles: Sequence[Single]
    snr: float


class Namer:
    """Names what a fit holds, and what else the spectrum resembles.

    Parameters
    ----------
    index, policy
        The library, and what a decision asks for.
    null
        Of the library; without one there are no odds.
    allowed
        Which references may explain a spectrum, shape (n,).
    """

    def __init__(self, index: ContrastIndex, policy: Policy, null: Null | None, allowed: BoolArray) -> None:
        self._index = index
        self._policy = policy
        self._null = null
        self._allowed = allowed

    def name(self, scans: Sequence[Fitted]) -> list[tuple[tuple[Component, ...], tuple[Candidate, ...]]]:
        """Return the components of fits and the candidates for the spectra as single substances.

        Returns
        -------
        components
            Of each: largest fraction first; small ones are left out.
        candidates
            Best first.
        """
        if not scans:
            return []
        fractions = [self._fractions(scan.fit) for scan in scans]
        parts = self._look_at(scans, fractions)
        return [
            (self._components(scan, own, parts, place), self._candidates(scan, parts, place))
            for place, (scan, own) in enumerate(zip(scans, fractions, strict=True))
        ]

    def _fractions(self, fit: Fit) -> list[float]:
        """Return the share of each part of a fit in its signal, packaging not counted."""
        index = self._index
        amplitudes = zip(fit.rows, fit.amplitudes.tolist(), strict=True)
        areas = [amplitude * index.area_per_norm(row) for row, amplitude in amplitudes]
        wraps = [bool(index.packaging[row]) for row in fit.rows]
        total = sum([area for area, wrap in zip(areas, wraps, strict=True) if not wrap]) or sum(areas) or 1.0
        return [area / total for area in areas]

    def _counts(self, fit: Fit, fractions: Sequence[float]) -> list[bool]:
        """Say which parts of a fit are told of: packaging, and what is not too little."""
        return [
            bool(self._index.packaging[row]) or fraction >= self._policy.min_fraction
            for row, fraction in zip(fit.rows, fractions, strict=True)
        ]

    def _look_at(self, scans: Sequence[Fitted], fractions: Sequence[Sequence[float]]) -> Parts:
        """Look at the parts of fits, and at what else the spectra resemble."""
        index, fits = self._index, [scan.fit for scan in scans]
        most = max(len(fit.rows) for fit in fits)
        room = most + max(ALTERNATIVES, CANDIDATES + max(len(scan.singles) for scan in scans))
        counted = np.zeros((len(scans), most), np.bool_)
        singles = np.zeros((len(scans), max(len(scan.singles) for scan in scans)), np.intp)
        for place, (_, fit, alone, _) in enumerate(scans):
            counted[place, : len(fit.rows)] = self._counts(fit, fractions[place])
            singles[place, : len(alone)] = [single.row for single in alone]
        parts = _room_for(len(scans), most, singles.shape[1], index.rows.points)
        look_at_scans(
            library_of(index, room),
            views_of(fits),
            models_of(fits),
            counted,
            stacked([scan.fitter.query for scan in scans]),
            np.array([len(scan.singles) for scan in scans], np.intp),
            singles,
            np.array([axis_numbers((scan.singles[0] if scan.singles else scan.fit).axis) for scan in scans]),
            self._allowed,
            np.array([fit.query.noise for fit in fits]),
            sight_rules_each(index),
            ALTERNATIVES,
            CANDIDATES,
            memory_of(most + 1, index.rows.points),
            packed(parts),
        )
        index.rows.check()
        return parts

    def _components(
        self, scan: Fitted, fractions: Sequence[float], parts: Parts, place: int
    ) -> tuple[Component, ...]:
        _, fit, _, snr = scan
        records = self._index.references.records
        taken = {records[row].substance for row in fit.rows}
        components = []
        losses, bands = parts.losses[place].tolist(), parts.bands[place].tolist()
        counted, sightings = self._counts(fit, fractions), parts.sightings[place].tolist()
        for position, (row, fraction) in enumerate(zip(fit.rows, fractions, strict=True)):
            if not counted[position]:
                continue
            gain = losses[position]
            low, high = _interval(fraction, gain)
            alternatives = self._alternatives(parts, place, position, taken)
            siblings = any(record.family == records[row].family for record in alternatives)
            p_value, log_ratio = self._odds(fit, gain, snr)
            seen = bands[position]
            components.append(
                Component(
                    reference=records[row],
                    # members of a family that cannot be told apart here are claimed as the family
                    claim=records[row].family if siblings else claim(records[row]),
                    spectral_fraction=fraction,
                    fraction_low=low,
                    fraction_high=high,
                    score=1.0 - math.exp(-gain),
                    gain=gain,
                    probability=None if log_ratio is None else self._probability(log_ratio),
                    p_value=p_value,
                    likelihood_ratio=_ratio(log_ratio),
                    bands=bands_of(
                        self._index,
                        row,
                        fit.axis.broadening_cm,
                        parts.remaining[place, position, :seen],
                        parts.beside[place, position, :seen],
                    ),
                    alternatives=tuple(sorted(record.id for record in alternatives)),
                    sighting=sighting_of(sightings[position]),
                )
            )
        return tuple(sorted(components, key=lambda part: (-part.spectral_fraction, part.reference.id)))

    def _alternatives(
        self, parts: Parts, place: int, position: int, taken: Collection[str]
    ) -> tuple[Reference, ...]:
        """Return the references of other substances that could stand in a component's place."""
        records = self._index.references.records
        count = int(parts.counts[place, position])
        enough = float(parts.own_gains[place, position]) - ALTERNATIVE_GAIN
        others, gains = parts.others[place, position, :count], parts.gains[place, position, :count]
        found = zip(others.tolist(), gains.tolist(), strict=True)
        near = [records[row] for row, gain in found if gain >= enough]
        return tuple([record for record in near if record.substance not in taken])

    def _candidates(self, scan: Fitted, parts: Parts, place: int) -> tuple[Candidate, ...]:
        """Return the singles and what else looks like the spectrum, best first."""
        _, _, singles, snr = scan
        records = self._index.references.records
        scores = {single.row: single.similarity for single in singles}
        worst = min(scores.values(), default=1.0)
        count = int(parts.candidate_counts[place])
        others, gains = parts.candidates[place, :count], parts.candidate_gains[place, :count]
        for row, gain in zip(others.tolist(), gains.tolist(), strict=True):
            scores[row] = min(1.0 - math.exp(-gain), worst)
        ranks = self._index.id_ranks[list(scores)].tolist()
        marked = zip(scores.items(), ranks, strict=True)
        ranked = sorted([(-round(score, 9), rank, row) for (row, score), rank in marked])[:CANDIDATES]
        return self._with_odds([(records[row], max(scores[row], 0.0)) for _, _, row in ranked], snr)

    def _with_odds(self, scored: Sequence[tuple[Reference, float]], snr: float) -> tuple[Candidate, ...]:
        """Return candidates with their p-values, likelihood ratios and probabilities.

        The likelihood ratio is that of the best match being right; the candidates share its probability in
        proportion to their own ratios, each substance counting once.
        """
        if self._null is None or not scored:
            return tuple(Candidate(record, score) for record, score in scored)
        odds = self._null.first_each([score for _, score in scored], snr)
        names = [record.substance for record, _ in scored]
        best: dict[str, float] = {}
        for name, (_, log_ratio) in zip(names, odds, strict=True):
            best[name] = max(best.get(name, -math.inf), log_ratio)
        first = odds[0][1]
        shares = {name: math.exp(value - first) for name, value in best.items()}
        any_right = self._probability(first) / sum(shares.values())
        return tuple(
            [
                Candidate(record, score, any_right * shares[name], p_value, _ratio(log_ratio))
                for name, (record, score), (p_value, log_ratio) in zip(names, scored, odds, strict=True)
            ]
        )

    def _odds(self, fit: Fit, gain: float, snr: float) -> tuple[float | None, float | None]:
        """Return the p-value and the log likelihood ratio of a component."""
        if self._null is None:
            return None, None
        return self._null.first(fit.similarity, snr) if len(fit.rows) == 1 else self._null.further(gain, snr)

    def _probability(self, log_ratio: float) -> float:
        return probability(log_ratio, self._policy.prior_known)


def _room_for(scans: int, most: int, singles: int, points: int) -> Parts:
    """Return room for what a kernel writes of so many scans, with so many parts and singles at most."""
    candidates = CANDIDATES + singles
    return Parts(
        np.zeros((scans, most)),
        np.empty((scans, most, points // 2)),
        np.empty((scans, most, points // 2)),
        np.zeros((scans, most), np.intp),
        np.zeros((scans, most, 5)),
        np.zeros((scans, most)),
        np.zeros((scans, most, ALTERNATIVES), np.intp),
        np.zeros((scans, most, ALTERNATIVES)),
        np.zeros((scans, most), np.intp),
        np.zeros((scans, candidates), np.intp),
        np.zeros((scans, candidates)),
        np.zeros(scans, np.intp),
    )


def _ratio(log_ratio: float | None) -> float | None:
    return None if log_ratio is None else math.exp(min(log_ratio, 700.0))


def _interval(fraction: float, gain: float) -> tuple[float, float]:
    """Return a nominal 95 % interval of a spectral fraction; its coverage has not been measured.

    Intensities between instruments scatter by about a quarter; what a component is worth (its gain) limits
    how well its amount is known: the width grows as the evidence falls.
    """
    spread = math.hypot(INTENSITY_SPREAD, UNKNOWN_SPREAD * math.exp(-gain))
    odds = fraction / max(1.0 - fraction, 1e-9)
    low, high = odds * math.exp(-1.96 * spread), odds * math.exp(1.96 * spread)
    return low / (1.0 + low), min(high / (1.0 + high), 1.0)
