"""Intervals, areas under curves and probability-of-detection fits: SciPy and statsmodels, wrapped.

A trial is a distinct material on a distinct instrument. Repeats, and different mixtures of one material, are
not independent: they belong to one cluster, and intervals are taken over clusters.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.errors import ParameterError

Binomial = Literal["wilson", "exact"]

CONFIDENCE = 0.95
RESAMPLINGS = 2000
SEED = 20_260_301


@dataclass(frozen=True)
class Interval:
    """A value with its confidence interval."""

    value: float
    low: float
    high: float
    confidence: float = CONFIDENCE

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"

    def to_json(self) -> dict[str, Any]:
        """Return value, interval and confidence; None for what is not a number."""
        return {
            "value": _finite(self.value),
            "interval": [_finite(self.low), _finite(self.high)],
            "confidence": self.confidence,
        }


def _finite(value: float) -> float | None:
    return round(float(value), 6) if np.isfinite(value) else None


@dataclass(frozen=True)
class Proportion:
    """Successes among trials, with an interval of the probability behind them.

    Parameters
    ----------
    successes, trials
        Counts; no trials give the interval 0 to 1.
    method
        ``wilson`` (Wilson 1927), or ``exact`` (Clopper & Pearson 1934) where few or no failures matter.

    Raises
    ------
    ParameterError
        When the counts are not 0 ≤ successes ≤ trials.
    """

    successes: int
    trials: int
    method: Binomial = "wilson"
    confidence: float = CONFIDENCE

    def __post_init__(self) -> None:
        if not 0 <= self.successes <= self.trials:
            raise ParameterError(f"{self.successes} of {self.trials} is not a proportion")

    @property
    def interval(self) -> Interval:
        """The two-sided interval."""
        if self.trials == 0:
            return Interval(float("nan"), 0.0, 1.0, self.confidence)
        low, high = _binomial_interval(self.successes, self.trials, self.confidence, self.method)
        return Interval(self.successes / self.trials, low, high, self.confidence)

    @property
    def upper_bound(self) -> float:
        """The one-sided upper bound (Clopper–Pearson): with no successes in n trials, 1 − 0.05^(1/n)."""
        if self.trials == 0:
            return 1.0
        return _binomial_interval(self.successes, self.trials, self.confidence, "exact", "less")[1]

    def __str__(self) -> str:
        if self.trials == 0:
            return "0/0"
        found = self.interval
        return f"{self.successes}/{self.trials} = {found.value:.3f} [{found.low:.3f}, {found.high:.3f}]"

    def to_json(self) -> dict[str, Any]:
        """Return counts, estimate, interval, method and the one-sided upper bound."""
        return {
            "successes": self.successes,
            "trials": self.trials,
            "method": self.method,
            **self.interval.to_json(),
            "upper_bound": _finite(self.upper_bound),
        }


def _binomial_interval(
    successes: int,
    trials: int,
    confidence: float,
    method: Binomial,
    alternative: Literal["two-sided", "less"] = "two-sided",
) -> tuple[float, float]:
    from scipy.stats import binomtest

    test = binomtest(successes, trials, alternative=alternative)
    found = test.proportion_ci(confidence_level=confidence, method=method)
    return float(found.low), float(found.high)


def clustered(outcomes: Mapping[Hashable, Sequence[bool]]) -> Proportion:
    """Count clusters in which anything happened: the honest denominator of a false-alarm rate.

    Parameters
    ----------
    outcomes
        What each trial of each cluster came to; a cluster with one event among many trials is one event.

    Returns
    -------
    Proportion
        Exact; its `upper_bound` is the clustered upper bound.
    """
    happened = [any(trials) for trials in outcomes.values() if len(trials)]
    return Proportion(sum(happened), len(happened), "exact")


def area_under_curve(positives: ArrayLike, negatives: ArrayLike) -> float:
    """Return the probability that a positive scores above a negative, ties counting one half.

    Hanley & McNeil 1982: the area under the ROC curve is the Mann–Whitney statistic over the pairs.
    """
    high = np.asarray(positives, dtype=np.float64)
    low = np.asarray(negatives, dtype=np.float64)
    if high.size == 0 or low.size == 0:
        return float("nan")
    from scipy.stats import mannwhitneyu

    statistic = mannwhitneyu(high, low, alternative="greater", method="asymptotic").statistic
    return float(statistic) / (high.size * low.size)


def cluster_bootstrap(
    clusters: Sequence[Any],
    statistic: Callable[[Sequence[Any]], float],
    *,
    resamplings: int = RESAMPLINGS,
    confidence: float = CONFIDENCE,
    seed: int = SEED,
) -> Interval:
    """Return a statistic with its percentile interval, whole clusters drawn with replacement.

    Parameters
    ----------
    clusters
        One item a cluster, whatever `statistic` takes a list of.
    statistic
        Of a list of clusters; a result that is not finite is left out of the interval.
    resamplings, seed
        How often, and from which seed: the same call gives the same interval.

    Raises
    ------
    ParameterError
        When there are no clusters.
    """
    if not clusters:
        raise ParameterError("there are no clusters to resample")
    rng = np.random.default_rng(seed)
    draws = rng.integers(len(clusters), size=(resamplings, len(clusters)))
    values = np.array([statistic([clusters[i] for i in draw]) for draw in draws.tolist()])
    values = values[np.isfinite(values)]
    value = statistic(clusters)
    if values.size == 0:
        return Interval(value, float("nan"), float("nan"), confidence)
    tail = 0.5 * (1.0 - confidence)
    low, high = np.quantile(values, [tail, 1.0 - tail])
    return Interval(value, float(low), float(high), confidence)


def two_way_bootstrap(
    outcomes: ArrayLike,
    rows: Sequence[Hashable],
    columns: Sequence[Hashable],
    *,
    resamplings: int = RESAMPLINGS,
    confidence: float = CONFIDENCE,
    seed: int = SEED,
) -> Interval:
    """Return a mean with its percentile interval, two crossed kinds of clusters drawn with replacement.

    Owen 2007 (Ann. Appl. Stat. 1, 386): rows and columns are drawn independently, and a cell counts as often
    as its row times its column. Wider than the truth rather than narrower.

    Parameters
    ----------
    outcomes
        Numbers or truth values, shape (n,).
    rows, columns
        To which cluster of either kind each belongs, n each.

    Raises
    ------
    ParameterError
        When there are none, or the three differ in length.
    """
    values = np.asarray(outcomes, dtype=np.float64)
    if values.size == 0 or not values.size == len(rows) == len(columns):
        raise ParameterError("outcomes, rows and columns are not one of each for every cell")
    first, second = _codes(rows), _codes(columns)
    # sums over the cells of each pair of clusters: a draw is then two small products
    shape = (int(first.max()) + 1, int(second.max()) + 1)
    totals, counts = np.zeros(shape), np.zeros(shape)
    np.add.at(totals, (first, second), values)
    np.add.at(counts, (first, second), 1.0)
    rng = np.random.default_rng(seed)
    drawn_rows = rng.multinomial(shape[0], np.full(shape[0], 1.0 / shape[0]), size=resamplings)
    drawn_columns = rng.multinomial(shape[1], np.full(shape[1], 1.0 / shape[1]), size=resamplings)
    sums = np.einsum("bi,ij,bj->b", drawn_rows, totals, drawn_columns, optimize=True)
    sizes = np.einsum("bi,ij,bj->b", drawn_rows, counts, drawn_columns, optimize=True)
    means = sums[sizes > 0.0] / sizes[sizes > 0.0]
    if means.size == 0:
        return Interval(float(values.mean()), float("nan"), float("nan"), confidence)
    tail = 0.5 * (1.0 - confidence)
    low, high = np.quantile(means, [tail, 1.0 - tail])
    return Interval(float(values.mean()), float(low), float(high), confidence)


def _codes(labels: Sequence[Hashable]) -> NDArray[np.intp]:
    places = {label: place for place, label in enumerate(dict.fromkeys(labels))}
    return np.array([places[label] for label in labels], dtype=np.intp)


@dataclass(frozen=True)
class Scored:
    """The scores of one cluster's queries: those that were in the library, and those that were not."""

    positives: tuple[float, ...] = ()
    negatives: tuple[float, ...] = ()


def clustered_area(
    clusters: Sequence[Scored], *, resamplings: int = RESAMPLINGS, seed: int = SEED
) -> Interval:
    """Return the area under the ROC curve with its cluster bootstrap interval."""

    def area(drawn: Sequence[Scored]) -> float:
        positives = [score for cluster in drawn for score in cluster.positives]
        negatives = [score for cluster in drawn for score in cluster.negatives]
        return area_under_curve(positives, negatives)

    return cluster_bootstrap(clusters, area, resamplings=resamplings, seed=seed)


def paired_difference(first: Sequence[bool], second: Sequence[bool]) -> float:
    """Return the two-sided p-value of McNemar's exact test that two methods succeed equally often.

    Raises
    ------
    ParameterError
        When the two were not tried on the same trials.
    """
    if len(first) != len(second):
        raise ParameterError(f"{len(first)} and {len(second)} outcomes are not pairs")
    only_first = sum(a and not b for a, b in zip(first, second, strict=True))
    only_second = sum(b and not a for a, b in zip(first, second, strict=True))
    if only_first + only_second == 0:
        return 1.0
    from scipy.stats import binomtest

    return float(binomtest(only_first, only_first + only_second).pvalue)


@dataclass(frozen=True)
class DetectionCurve:
    """A logistic curve of the probability of detection against the logarithm of the amount.

    Parameters
    ----------
    intercept, slope
        Of the logit against ln(amount).
    amount
        At which the probability is `level`, with its interval (delta method); NaN where the data do not
        determine it.
    level
        The probability that `amount` belongs to.
    """

    intercept: float
    slope: float
    amount: Interval
    level: float

    def probability(self, amount: ArrayLike) -> FloatArray:
        """Return the fitted probability of detection at these amounts."""
        logit = self.intercept + self.slope * np.log(np.asarray(amount, dtype=np.float64))
        return np.asarray(1.0 / (1.0 + np.exp(-np.clip(logit, -700.0, 700.0))))


def detection_curve(
    amounts: ArrayLike, detected: ArrayLike, tried: ArrayLike, *, level: float = 0.95
) -> DetectionCurve | None:
    """Fit a logistic curve to detections by maximum likelihood.

    Parameters
    ----------
    amounts
        Positive amounts, shape (n,).
    detected, tried
        How often it was found and how often tried at each amount, shape (n,).
    level
        The probability whose amount is wanted.

    Returns
    -------
    DetectionCurve or None
        None where the outcomes do not overlap (all found above some amount and none below): the maximum of
        the likelihood is then at infinity.
    """
    x = np.log(np.asarray(amounts, dtype=np.float64))
    hits = np.asarray(detected, dtype=np.float64)
    trials = np.asarray(tried, dtype=np.float64)
    partial = (hits > 0) & (hits < trials)
    if not partial.any() or np.unique(x).size < 2:
        return None
    import warnings

    from statsmodels.genmod.families import Binomial as BinomialFamily
    from statsmodels.genmod.generalized_linear_model import GLM

    design = np.column_stack([np.ones_like(x), x])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = GLM(np.column_stack([hits, trials - hits]), design, family=BinomialFamily()).fit()
    intercept, slope = (float(value) for value in fit.params)
    if not np.isfinite(slope) or slope <= 0.0:
        return None
    return DetectionCurve(intercept, slope, _amount_at(level, fit.params, fit.cov_params()), level)


def _amount_at(level: float, parameters: FloatArray, covariance: FloatArray) -> Interval:
    """Return the amount at a level: ln(amount) = (logit − a)/b, its variance by the delta method."""
    from scipy.stats import norm

    intercept, slope = (float(value) for value in parameters)
    log_amount = (np.log(level / (1.0 - level)) - intercept) / slope
    gradient = np.array([-1.0 / slope, -log_amount / slope])
    spread = float(np.sqrt(max(gradient @ np.asarray(covariance) @ gradient, 0.0)))
    reach = float(norm.ppf(0.5 + 0.5 * CONFIDENCE)) * spread
    low, high = np.exp(np.clip([log_amount - reach, log_amount + reach], -700.0, 700.0))
    return Interval(float(np.exp(log_amount)), float(low), float(high))
