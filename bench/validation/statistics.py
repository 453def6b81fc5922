"""Statistics that only validation needs: sample sizes, ROC curves and the parts of a spread."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from spectriage.bench.report.statistics import Interval
from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.errors import ParameterError

MAX_FAILURES = 1000


def lower_bound(successes: int, trials: int, confidence: float) -> float:
    """Return the one-sided lower bound of a probability (Clopper & Pearson 1934); 0 without trials."""
    if trials == 0:
        return 0.0
    from scipy.stats import binomtest

    test = binomtest(successes, trials, alternative="greater")
    return float(test.proportion_ci(confidence_level=confidence, method="exact").low)


def upper_bound(events: int, trials: int, confidence: float) -> float:
    """Return the one-sided upper bound of a probability; without events about 3/n at 95 % (rule of three)."""
    return 1.0 - lower_bound(trials - events, trials, confidence) if trials else 1.0


def trials_needed(pod: float, confidence: float, failures: int = 0) -> int:
    """Return the smallest number of trials that shows a probability of detection.

    So many trials with at most `failures` misses put the one-sided Clopper–Pearson bound at or above `pod`:
    the smallest n with P(X ≤ failures | n, 1 − pod) ≤ 1 − confidence.

    Raises
    ------
    ParameterError
        When a probability is not between 0 and 1, or failures is out of range.
    """
    for name, value in (("pod", pod), ("confidence", confidence)):
        if not 0.0 < value < 1.0:
            raise ParameterError(f"{name} = {value} is not between 0 and 1")
    if not 0 <= failures <= MAX_FAILURES:
        raise ParameterError(f"failures = {failures} is not between 0 and {MAX_FAILURES}")
    from scipy.stats import binom

    def shows(trials: int) -> bool:
        return bool(binom.cdf(failures, trials, 1.0 - pod) <= 1.0 - confidence)

    high = max(failures + 1, math.ceil(math.log(1.0 - confidence) / math.log(pod)))
    while not shows(high):
        high *= 2
    low = failures
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if shows(middle) else (middle, high)
    return high


def allowed_failures(trials: int, pod: float, confidence: float) -> int | None:
    """Return how many misses among these trials still show a probability of detection; None when none do."""
    from scipy.stats import binom

    counts = np.arange(trials + 1)
    legal = counts[binom.cdf(counts, trials, 1.0 - pod) <= 1.0 - confidence]
    return int(legal[-1]) if legal.size else None


def roc_curve(positives: ArrayLike, negatives: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return false-positive and true-positive rates at every threshold, ascending, from (0, 0) to (1, 1)."""
    high = np.asarray(positives, dtype=np.float64)
    low = np.asarray(negatives, dtype=np.float64)
    thresholds = np.unique(np.concatenate([high, low]))[::-1]
    true = [0.0, *((high[None, :] >= thresholds[:, None]).mean(axis=1))]
    false = [0.0, *((low[None, :] >= thresholds[:, None]).mean(axis=1))]
    return np.asarray(false), np.asarray(true)


@dataclass(frozen=True)
class Spread:
    """What a quantity scatters by, and where that comes from.

    Parameters
    ----------
    mean
        Of all values.
    repeat_sd, spot_sd, unit_sd
        Standard deviations between repeats, between spots of one sample and between instruments.
    repeatability
        The first, with its χ² interval.
    reproducibility
        Root of the sum of all three variances, with Satterthwaite's interval.
    """

    mean: float
    repeat_sd: float
    spot_sd: float
    unit_sd: float
    repeatability: Interval
    reproducibility: Interval

    def to_json(self) -> dict[str, Any]:
        """Return the parts."""
        return {
            "mean": round(self.mean, 6),
            "repeat_sd": round(self.repeat_sd, 6),
            "spot_sd": round(self.spot_sd, 6),
            "unit_sd": round(self.unit_sd, 6),
            "repeatability": self.repeatability.to_json(),
            "reproducibility": self.reproducibility.to_json(),
        }


def spread_parts(values: ArrayLike, confidence: float = 0.95) -> Spread:
    """Split the scatter of balanced, nested measurements, as ISO 5725-2 does with laboratories.

    Parameters
    ----------
    values
        Shape (units, spots, repeats), at least 2 units and 2 repeats.

    Raises
    ------
    ParameterError
        When the shape is another.
    """
    y = np.asarray(values, dtype=np.float64)
    if y.ndim != 3 or y.shape[0] < 2 or y.shape[2] < 2 or y.shape[1] < 1:
        raise ParameterError(f"values of shape {y.shape} are not units x spots x repeats, 2 or more each")
    p, q, n = y.shape
    cell, unit, mean = y.mean(axis=2), y.mean(axis=(1, 2)), float(y.mean())
    within = float(((y - cell[:, :, None]) ** 2).sum()) / (p * q * (n - 1))
    between_spots = float(n * ((cell - unit[:, None]) ** 2).sum()) / (p * (q - 1)) if q > 1 else within
    between_units = float(q * n * ((unit - mean) ** 2).sum()) / (p - 1)
    spot_variance = max((between_spots - within) / n, 0.0) if q > 1 else 0.0
    base = between_spots if q > 1 else within
    unit_variance = max((between_units - base) / (q * n), 0.0)
    total = within + spot_variance + unit_variance
    # Weights of the mean squares in the total, for Satterthwaite's degrees of freedom.
    terms = [(between_units / (q * n), p - 1), (within * (1.0 - 1.0 / n), p * q * (n - 1))]
    if q > 1:
        terms.append((between_spots * (1.0 / n - 1.0 / (q * n)), p * (q - 1)))
    freedom = sum(t for t, _ in terms) ** 2 / max(sum(t * t / df for t, df in terms), 1e-300)
    return Spread(
        mean,
        math.sqrt(within),
        math.sqrt(spot_variance),
        math.sqrt(unit_variance),
        _sd_interval(within, p * q * (n - 1), confidence),
        _sd_interval(total, freedom, confidence),
    )


def _sd_interval(variance: float, freedom: float, confidence: float) -> Interval:
    from scipy.stats import chi2

    value = math.sqrt(variance)
    if variance == 0.0 or freedom <= 0.0:
        return Interval(value, value, value, confidence)
    tail = 0.5 * (1.0 - confidence)
    low, high = chi2.ppf([1.0 - tail, tail], freedom)
    return Interval(
        value, math.sqrt(variance * freedom / low), math.sqrt(variance * freedom / high), confidence
    )
