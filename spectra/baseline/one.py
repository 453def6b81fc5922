"""The baseline of one spectrum on our own kernels, and how it was reached."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.baseline import _kernels_baseline as kernels
from spectriage.spectra.baseline import _kernels_baseline_arpls as stretches
from spectriage.spectra.baseline import _kernels_baseline_split as split
from spectriage.spectra.baseline._checks import (
    SMALLEST,
    as_finite_between,
    as_weights,
    check_extremes,
    check_settings,
    singular,
)

Stop = Literal["converged", "capped", "all above", "singular"]
STOPS: tuple[Stop, ...] = ("converged", "capped", "all above", "singular")


@dataclass(frozen=True, eq=False)
class BaselineFit:
    """A baseline and how it was reached.

    Parameters
    ----------
    baseline
        Shape (n,), in the unit of the intensity.
    weights
        The weights that `baseline` was solved with, shape (n,).
    iterations
        How many systems were solved; 0 for a flat spectrum, which is its own baseline.
    stop
        Why the iteration ended: ``"converged"``; ``"capped"`` at the most iterations; ``"all above"``, fewer
        than two points being left below the baseline; ``"singular"``, the next system having been too ill
        conditioned to solve, so that the baseline is that of the iteration before.
    changes
        What was compared with the tolerance in each iteration, shape (k,) with k ≤ `iterations`.
    """

    baseline: FloatArray
    weights: FloatArray
    iterations: int
    stop: Stop
    changes: FloatArray

    @property
    def converged(self) -> bool:
        """Whether the tolerance was reached."""
        return self.stop == "converged"


def fit_one(
    intensity: ArrayLike,
    method: int,
    lam: float,
    asymmetry: float,
    tol: float,
    max_iter: int,
    weights: ArrayLike | None,
) -> BaselineFit:
    """Fit one spectrum, shape (n,), by the kernels' number of a method."""
    values, low, high = as_finite_between(intensity)
    n = values.size
    check_settings(n, lam, tol, max_iter)
    first = as_weights(weights, n)
    check_extremes(low, high)
    extent = high - low
    if extent < SMALLEST:
        return BaselineFit(values.copy(), first, 0, "converged", np.empty(0))
    fitted = np.empty(n)
    changes = np.empty(max_iter + 1)
    norm = float(np.abs(values / extent).sum()) if method == kernels.AIRPLS else 1.0
    status, solved = fit_from(
        values, low, extent, lam, method, asymmetry, norm, tol, 0, first, fitted, changes
    )
    if solved == 0:
        raise singular(n, lam)
    compared = solved - (status == kernels.ALL_ABOVE)
    return BaselineFit(fitted, first, solved, STOPS[status], changes[:compared])


def fit_from(
    values: FloatArray,
    low: float,
    extent: float,
    lam: float,
    method: int,
    asymmetry: float,
    norm: float,
    tol: float,
    done: int,
    weights: FloatArray,
    baseline: FloatArray,
    changes: FloatArray,
) -> tuple[int, int]:
    """Fit one spectrum by the kernel that is best for it; arguments and result are those of `kernels.fit`."""
    if values.size < split.FEWEST_POINTS:
        return kernels.fit(
            values, low, extent, lam, method, asymmetry, norm, tol, done, weights, baseline, changes
        )
    if method == kernels.ARPLS:
        return stretches.fit(values, low, extent, lam, tol, done, weights, baseline, changes)
    return split.fit(values, low, extent, lam, method, asymmetry, norm, tol, done, weights, baseline, changes)
