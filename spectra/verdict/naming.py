"""From a fit to names: components with what could stand in for them, candidates, and the odds of each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from spectriage.spectra.arrays import BoolArray, FloatArray
from spectriage.spectra.compile.jit import packed, packed_as
from spectriage.spectra.contrast.contrast import queries_together
from spectriage.spectra.contrast.index import ContrastIndex
from spectriage.spectra.evidence.null import Null, probability
from spectriage.spectra.evidence.scattering import know
from spectriage.spectra.evidence.sighting import sight_table, sighting_of
from spectriage.spectra.evidence.unexplained import Unexplained, left_rules, unexplained_of
from spectriage.spectra.fitting.band_list import BandList
from spectriage.spectra.fitting.band_support import known_bands
from spectriage.spectra.fitting.fit import MIN_DISAGREEMENT, Fit, fits_together
from spectriage.spectra.fitting.fitter import REFINED_FROM, Fitter
from spectriage.spectra.fitting.library import library_of
from spectriage.spectra.fitting.memory import memory_of
from spectriage.spectra.fitting.selection import Alone, alone_together
from spectriage.spectra.policy.policy import Policy
from spectriage.spectra.reference import Reference
from spectriage.spectra.verdict._kernels_candidates import FirstOdds
from spectriage.spectra.verdict._kernels_parts import Parts, Singles, look_at_scans
from spectriage.spectra.verdict.candidate_list import CandidateList
from spectriage.spectra.verdict.component import Component
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
        The references that explain most alone.
    snr
        Signal-to-noise ratio of the spectrum.
    """

    fitter: Fitter
    fit: Fit
    singles: Alone
    snr: float


class Named(NamedTuple):
    """What a spectrum is named by.

    Parameters
    ----------
    components
        Largest fraction first; small ones are left out.
    candidates
        For the whole of it as one substance, best first.
    unexplained
        Its bands that the fit does not explain.
    """

    components: tuple[Component, ...]
    candidates: CandidateList
    unexplained: Unexplained


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
        wrong, lines = (np.empty((0, 0)), np.empty((0, 2))) if null is None else null.first_table
        self._first_odds = packed_as(FirstOdds, (wrong, lines, MIN_DISAGREEMENT))

    def name(self, scans: Sequence[Fitted]) -> list[Named]:
        """Return what each of some spectra is named by."""
        if not scans:
            return []
        levels = [0 if self._null is None else self._null.level(scan.snr) for scan in scans]
        parts = self._look_at(scans, levels)
        counts, rows = parts.candidate_counts.tolist(), parts.candidates.tolist()
        each = zip(scans, levels, unexplained_of(parts.left), strict=True)
        return [
            Named(
                self._components(scan.fit, level, parts, place),
                self._candidates(rows[place][: counts[place]], parts.candidate_odds[place]),
                left,
            )
            for place, (scan, level, left) in enumerate(each)
        ]

    def _candidates(self, rows: Sequence[int], odds: FloatArray) -> CandidateList:
        """Return what a spectrum looks like, best first, with its odds as the kernel writes them."""
        records = self._index.records
        prior = None if self._null is None else self._policy.prior_known
        # a copy: an answer that is kept does not keep the numbers of all
        return CandidateList([records[row] for row in rows], odds[: len(rows)].copy(), prior)

    def _look_at(self, scans: Sequence[Fitted], levels: Sequence[int]) -> Parts:
        """Look at the parts of fits, and at what else the spectra resemble."""
        index, fits = self._index, [scan.fit for scan in scans]
        most = max(len(fit.rows) for fit in fits)
        # shares of the signal are of areas, which the kernel finds where they are known
        know(index, [row for fit in fits for row in fit.rows])
        models, queries = fits_together(fits), queries_together([fit.query for fit in fits])
        parts = _room_for(len(scans), most, index.rows.points)
        look_at_scans(
            library_of(index, most + max(ALTERNATIVES, CANDIDATES + REFINED_FROM)),
            models.views(queries),
            models.models,
            float(self._policy.min_fraction),
            queries_together([scan.fitter.query for scan in scans]).queries,
            self._singles_of(scans, levels),
            self._allowed,
            queries.noise,
            sight_table(index),
            self._first_odds,
            ALTERNATIVE_GAIN,
            CANDIDATES,
            left_rules(index.step_cm),
            memory_of(most + 1, index.rows.points),
            packed(parts),
        )
        index.rows.check()
        return parts

    def _singles_of(self, scans: Sequence[Fitted], levels: Sequence[int]) -> Singles:
        """Return what is known to explain most alone of several spectra, packed."""
        alone = alone_together([scan.singles for scan in scans])
        return packed_as(Singles, (*alone, np.array(levels, np.intp), self._index.id_ranks))

    def _components(self, fit: Fit, level: int, parts: Parts, place: int) -> tuple[Component, ...]:
        records = self._index.records
        losses, bands = parts.losses[place].tolist(), parts.bands[place].tolist()
        sightings, shown = parts.sightings[place].tolist(), parts.shown[place]
        fractions, alike = parts.fractions[place].tolist(), parts.counts[place].tolist()
        components = []
        for position, row in enumerate(fit.rows):
            fraction = fractions[position]
            if math.isnan(fraction):
                continue
            record, gain, (count, held, independent) = records[row], losses[position], bands[position]
            others = parts.others[place, position, : alike[position]].tolist() if alike[position] else []
            alternatives = self._other_substances(fit, others) if others else []
            has_sibling = record.family in [other.family for other in alternatives]
            p_value, log_ratio = self._odds(fit, gain, level)
            components.append(
                # by position: with names it takes twice as long
                Component(
                    record,
                    # members of a family that cannot be told apart here are claimed as the family
                    record.family if has_sibling else claim(record),
                    fraction,
                    *_interval(fraction, gain),
                    1.0 - math.exp(-gain),
                    gain,
                    None if log_ratio is None else self._probability(log_ratio),
                    p_value,
                    None if log_ratio is None else math.exp(min(log_ratio, 700.0)),
                    # a copy: an answer that is kept does not keep the numbers of all
                    BandList(
                        known_bands(self._index, row, fit.axis.broadening_cm),
                        shown[position, :, :count].copy(),
                        held,
                        independent,
                    ),
                    tuple(sorted([other.id for other in alternatives])),
                    sighting_of(sightings[position]),
                )
            )
        return tuple(sorted(components, key=lambda part: (-part.spectral_fraction, part.reference.id)))

    def _other_substances(self, fit: Fit, rows: Sequence[int]) -> list[Reference]:
        """Return those of some references that are of other substances than a fit has."""
        records = self._index.records
        substances = {records[row].substance for row in fit.rows}
        return [records[row] for row in rows if records[row].substance not in substances]

    def _odds(self, fit: Fit, gain: float, level: int) -> tuple[float | None, float | None]:
        """Return the p-value and the log likelihood ratio of a component, at a level of the null."""
        null = self._null
        if null is None:
            return None, None
        return null.first(fit.similarity, level) if len(fit.rows) == 1 else null.further(gain, level)

    def _probability(self, log_ratio: float) -> float:
        return probability(log_ratio, self._policy.prior_known)


def _room_for(scans: int, most: int, points: int) -> Parts:
    """Return room for what a kernel writes of so many scans, with so many parts at most."""
    return Parts(
        np.empty((scans, most)),
        np.zeros((scans, most)),
        np.empty((scans, most, 2, points // 2)),
        np.zeros((scans, most, 3), np.intp),
        np.zeros((scans, most, 5)),
        np.zeros((scans, most, ALTERNATIVES), np.intp),
        np.zeros((scans, most), np.intp),
        np.empty((scans, 2)),
        np.zeros((scans, CANDIDATES), np.intp),
        np.zeros((scans, CANDIDATES, 4)),
        np.zeros(scans, np.intp),
    )


def _interval(fraction: float, gain: float) -> tuple[float, float]:
    """Return a nominal 95 % interval of a spectral fraction; its coverage has not been measured.

    Intensities between instruments scatter by about a quarter; what a component is worth (its gain) limits
    how well its amount is known: the width grows as the evidence falls.
    """
    spread = math.hypot(INTENSITY_SPREAD, UNKNOWN_SPREAD * math.exp(-gain))
    odds = fraction / max(1.0 - fraction, 1e-9)
    low, high = odds * math.exp(-1.96 * spread), odds * math.exp(1.96 * spread)
    return low / (1.0 + low), min(high / (1.0 + high), 1.0)
