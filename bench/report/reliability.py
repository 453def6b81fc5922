"""How often stated probabilities are right: bins, the expected error, and the worst bin."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from spectriage.bench.report.statistics import RESAMPLINGS, Interval, Proportion, cluster_bootstrap
from spectriage.spectra.errors import ParameterError

EDGES = (0.0, 0.05, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 0.99, 1.0)


@dataclass(frozen=True)
class Bin:
    """The statements whose probability lies in one range, and how many were right.

    Parameters
    ----------
    low, high
        The range; only the last one holds its upper edge.
    stated
        Mean of the probabilities.
    right
        Of the statements.
    """

    low: float
    high: float
    stated: float
    right: Proportion

    @property
    def gap(self) -> float:
        """Distance of what was stated from the share that was right."""
        return abs(self.stated - self.right.successes / self.right.trials)

    def to_json(self) -> dict[str, Any]:
        """Return the bin."""
        return {
            "low": self.low,
            "high": self.high,
            "stated": round(self.stated, 6),
            "right": self.right.to_json(),
        }


def reliability(stated: ArrayLike, right: ArrayLike, edges: Sequence[float] = EDGES) -> tuple[Bin, ...]:
    """Sort statements into bins; empty bins are left out.

    Parameters
    ----------
    stated
        Probabilities, shape (n,).
    right
        Whether each was right, shape (n,).
    edges
        Of the bins, ascending; all probabilities lie within them.

    Raises
    ------
    ParameterError
        When the two differ in length, or a probability is not within the edges.
    """
    probabilities = np.asarray(stated, dtype=np.float64)
    correct = np.asarray(right, dtype=np.bool_)
    inside = (probabilities >= edges[0]) & (probabilities <= edges[-1])
    if probabilities.shape != correct.shape or not np.all(inside):
        raise ParameterError("probabilities and outcomes do not fit each other or the bins")
    place = np.clip(np.searchsorted(edges, probabilities, side="right") - 1, 0, len(edges) - 2)
    bins = []
    for i, (low, high) in enumerate(itertools.pairwise(edges)):
        mine = place == i
        if mine.any():
            share = Proportion(int(correct[mine].sum()), int(mine.sum()))
            bins.append(Bin(float(low), float(high), float(probabilities[mine].mean()), share))
    return tuple(bins)


def calibration_error(bins: Sequence[Bin]) -> float:
    """Return the expected calibration error (Naeini, Cooper & Hauskrecht 2015): Σ n/N · |stated − right|."""
    total = sum(found.right.trials for found in bins)
    if total == 0:
        return float("nan")
    return sum(found.right.trials * found.gap for found in bins) / total


def worst_bin(bins: Sequence[Bin], fewest: int) -> Bin | None:
    """Return the bin with the largest gap among those with enough statements; None when there is none."""
    return max((found for found in bins if found.right.trials >= fewest), key=lambda b: b.gap, default=None)


def calibration_error_interval(
    stated: Sequence[float],
    right: Sequence[bool],
    clusters: Sequence[Hashable] | None = None,
    *,
    resamplings: int = RESAMPLINGS,
) -> Interval:
    """Return the expected calibration error with its bootstrap interval.

    Parameters
    ----------
    stated, right
        The statements, n each.
    clusters
        To which cluster each belongs; each is its own when None.

    Raises
    ------
    ParameterError
        When there are none.
    """
    groups: dict[Hashable, list[tuple[float, bool]]] = {}
    labels = range(len(stated)) if clusters is None else clusters
    for label, probability, correct in zip(labels, stated, right, strict=True):
        groups.setdefault(label, []).append((probability, correct))

    def error(drawn: Sequence[list[tuple[float, bool]]]) -> float:
        flat = [pair for group in drawn for pair in group]
        return calibration_error(reliability([p for p, _ in flat], [ok for _, ok in flat]))

    return cluster_bootstrap(list(groups.values()), error, resamplings=resamplings)
