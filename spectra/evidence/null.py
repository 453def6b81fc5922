"""The library's own null distribution: how well wrong references fit, and how well right ones do.

Every family is left out in turn and its spectrum, perturbed to the mismatch between instruments and given
noise, is identified by the rest: the best fit there is wrong by construction. The same spectrum against its
own family gives how well a right reference fits. The logarithm of the disagreement, Λ = −ln(1 − V), separates
the two; a logistic regression on it gives the likelihood ratio, the ranks of the wrong ones the p-value. The
second component of a mixture is treated alike, with the log gain in place of Λ. All of it is simulated, from
the library itself: what it is worth on other instruments is for `spectriage bench calibration` to say.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.contrast.index import ContrastIndex
from spectriage.spectra.contrast.mismatch import mismatched
from spectriage.spectra.derived import NullScores
from spectriage.spectra.errors import LibraryError
from spectriage.spectra.fitting.fit import MIN_DISAGREEMENT, Axis
from spectriage.spectra.fitting.fitter import Fitter
from spectriage.spectra.progress import Progress
from spectriage.spectra.reference import ReferenceSet
from spectriage.spectra.spectrum import Spectrum

METHOD = "contrast-1"
SNR_LEVELS = (300.0, 40.0, 10.0)
MOST_FAMILIES = 240
MIN_FAMILIES = 8
SEED = 20_260_101
RIDGE = 0.02
"""Keeps the regression finite where right and wrong do not overlap; certainty then comes slowly."""

_Level = tuple[list[float], float, float]
"""Of one signal-to-noise ratio: the wrong ones in ascending order, and the coefficients of the log odds."""


@dataclass(frozen=True, eq=False)
class Null(NullScores):
    """Null and alternative of Λ for a first component, and of the log gain for a further one."""

    method: str = METHOD
    seed: int = SEED
    _fitted: dict[tuple[bool, int], _Level] = field(default_factory=dict, repr=False)

    def first(self, similarity: float, level: int) -> tuple[float, float]:
        """Return the p-value and the log likelihood ratio of a first component that fits with V."""
        disagreement = max(1.0 - similarity, MIN_DISAGREEMENT)
        return self._judge(self.wrong, self.right, -math.log(disagreement), level)

    @cached_property
    def first_table(self) -> tuple[FloatArray, FloatArray]:
        """What `first` looks up: of each level the wrong ones, ascending, (l, c), and a line, (l, 2)."""
        levels = [self._at_level(self.wrong, self.right, level) for level in range(len(self.levels))]
        wrong = np.array([known for known, *_ in levels], np.float64)
        return wrong, np.array([line for _, *line in levels], np.float64)

    def level(self, snr: float) -> int:
        """Return the level whose signal-to-noise ratio is nearest, as a ratio."""
        own = math.log(max(snr, 1.0))
        ratios = [abs(level - own) for level in self._log_levels]
        return ratios.index(min(ratios))

    @cached_property
    def _log_levels(self) -> list[float]:
        return [math.log(level) for level in self.levels.tolist()]

    def further(self, gain: float, level: int) -> tuple[float, float]:
        """Return the p-value and the log likelihood ratio of a further component with this gain."""
        return self._judge(self.added_wrong, self.added_right, gain, level)

    def _judge(self, wrong: FloatArray, right: FloatArray, value: float, level: int) -> tuple[float, float]:
        known, intercept, slope = self._at_level(wrong, right, level)
        beaten = len(known) - bisect_left(known, value)
        return (1.0 + beaten) / (len(known) + 1.0), intercept + slope * value

    def _at_level(self, wrong: FloatArray, right: FloatArray, level: int) -> _Level:
        """Return what is known at a level, fitted when it is first asked for."""
        key = (wrong is self.wrong, level)
        if key not in self._fitted:
            self._fitted[key] = (np.sort(wrong[level]).tolist(), *_logistic(wrong[level], right[level]))
        return self._fitted[key]


def probability(log_ratio: float, prior: float) -> float:
    """Return the posterior probability from a log likelihood ratio and a prior probability (Bayes)."""
    log_odds = log_ratio + math.log(prior / (1.0 - prior))
    return 1.0 / (1.0 + math.exp(-min(max(log_odds, -700.0), 700.0)))


def read_null(references: ReferenceSet) -> Null | None:
    """Return the null kept with a library; None when it has none, or one made another way.

    Raises
    ------
    LibraryError
        When its arrays do not fit each other.
    """
    kept = references.derived.null
    if kept is None or kept.method != METHOD:
        return None
    arrays = [
        np.asarray(array, np.float64)
        for array in (kept.levels, kept.wrong, kept.right, kept.added_wrong, kept.added_right)
    ]
    levels, wrong, right, added_wrong, added_right = arrays
    if wrong.ndim != 2 or wrong.shape[:1] != levels.shape or {a.shape for a in arrays[1:]} != {wrong.shape}:
        raise LibraryError("the arrays of the library's null differ in shape", remedy="build it again")
    if not all(np.isfinite(a).all() for a in arrays) or not all(a.any() for a in arrays[:3]):
        raise LibraryError("the library's null holds no numbers, or only zeros", remedy="build it again")
    return Null(levels, wrong, right, added_wrong, added_right, seed=kept.seed)


def make_null(
    references: ReferenceSet, progress: Progress | None = None, only: Collection[int] | None = None
) -> Null | None:
    """Leave every family out in turn and see how well the rest does; None for fewer than 8 families.

    With `only`, for some of the null's columns; the others are NaN. The same numbers come out of a column
    whichever are asked for.
    """
    index = ContrastIndex(references)
    rows = _one_a_family(references)
    if len(rows) < MIN_FAMILIES:
        return None
    rng = np.random.default_rng(SEED)
    results = np.full((4, len(SNR_LEVELS), len(rows)), np.nan)
    for i, row in enumerate(rows):
        partner = rows[int(rng.integers(len(rows)))]
        fraction = float(rng.uniform(0.1, 0.6))
        pure = _as_seen(references, row, rng)
        mixed = (1.0 - fraction) * pure + fraction * _as_seen(references, partner, rng)
        for s, snr in enumerate(SNR_LEVELS):
            noise = rng.normal(size=references.shift.size) / snr
            if only is not None and i not in only:
                continue
            results[:3, s, i] = _alone(index, row, Spectrum(references.shift, pure + noise))
            results[3, s, i] = _second(index, row, partner, Spectrum(references.shift, mixed + noise))
        if progress is not None:
            progress("null", i + 1, len(rows))
    wrong, right, added_wrong, added_right = results
    return Null(np.array(SNR_LEVELS), wrong, right, added_wrong, added_right)


def _one_a_family(references: ReferenceSet) -> list[int]:
    """Return one row for each family that has bands: its best known, evenly thinned when there are many."""
    best: dict[str, int] = {}
    for row, record in enumerate(references.records):
        if np.nanmax(np.abs(references.spectra[row]), initial=0.0) > 0.0:
            known = best.get(record.family)
            if known is None or record.tier.rank < references.records[known].tier.rank:
                best[record.family] = row
    rows = [best[family] for family in sorted(best)]
    return rows if len(rows) <= MOST_FAMILIES else rows[:: -(-len(rows) // MOST_FAMILIES)]


def _as_seen(references: ReferenceSet, row: int, rng: np.random.Generator) -> FloatArray:
    """Return a reference as another instrument might see it, its highest point 1."""
    seen = mismatched(references.spectra[row].astype(np.float64), references.shift, rng)
    seen = np.nan_to_num(seen)
    top = float(np.abs(seen).max())
    return seen / top if top > 0.0 else seen


def _alone(index: ContrastIndex, row: int, spectrum: Spectrum) -> tuple[float, float, float]:
    """Return Λ of the best wrong and of the right reference, and the gain of the best wrong addition."""
    fitter = Fitter(index, spectrum)
    others = index.outside_families_of([row])
    right = fitter.refine((row,), Axis())
    best = fitter.first(others)
    wrong = best[0].similarity if best else 0.0
    likeliest = fitter.likeliest(right, others, 4)
    addition = float(fitter.gains(right, likeliest).max(initial=0.0))
    return -np.log(max(1.0 - wrong, MIN_DISAGREEMENT)), -np.log(right.disagreement), addition


def _second(index: ContrastIndex, row: int, partner: int, spectrum: Spectrum) -> float:
    """Return the log gain of the second component of a mixture of two."""
    if row == partner:
        return 0.0
    fitter = Fitter(index, spectrum)
    base = fitter.refine((row,), Axis())
    return max(float(fitter.gains(base, [partner])[0]), 0.0)


def _logistic(wrong: FloatArray, right: FloatArray) -> tuple[float, float]:
    """Return intercept and slope of the log odds of "right" against "wrong", both equally likely before.

    Ridge-penalised logistic regression by Newton's method (Hastie, Tibshirani & Friedman 2009, §4.4).
    """
    x = np.concatenate([wrong, right])
    y = np.concatenate([np.zeros(wrong.size), np.ones(right.size)])
    design = np.column_stack([np.ones(x.size), x])
    weights = np.zeros(2)
    penalty = np.diag([0.0, RIDGE * x.size * 0.05])
    for _ in range(25):
        probability = 1.0 / (1.0 + np.exp(-np.clip(design @ weights, -30.0, 30.0)))
        slope = design.T @ (y - probability) - penalty @ weights
        curvature = (design * (probability * (1.0 - probability))[:, None]).T @ design + penalty
        step = np.linalg.solve(curvature + 1e-9 * np.eye(2), slope)
        weights = weights + step
        if np.abs(step).max() < 1e-8:
            break
    return float(weights[0]), float(max(weights[1], 0.0))
