"""Kernels of mass fractions; `mass` has the formula in words."""

from __future__ import annotations

import numpy as np

from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.compile.jit import kernel


@kernel()
def matrix_of(parts: FloatArray, responses: FloatArray, nothing: FloatArray) -> tuple[float, float, float]:
    """Return what a target lies in: mass for one unit of signal, ln of the factor that is good to, measured.

    Parameters
    ----------
    parts
        The signal of each material, shape (k,); those of none do not count.
    responses
        Of each the signal per mass, ln of the factor that is good to, and 1 where it was measured, (k, 3).
    nothing
        What nothing counts as, shape (3,).
    """
    total = mass = spread = 0.0
    measured = 1.0
    for i in range(parts.size):
        total += max(parts[i], 0.0)
    if total <= 0.0:
        return 1.0 / nothing[0], nothing[1], nothing[2]
    for i in range(parts.size):
        if parts[i] > 0.0:
            mass += parts[i] / total / responses[i, 0]
            measured = min(measured, responses[i, 2])
    for i in range(parts.size):
        if parts[i] > 0.0:
            spread += parts[i] / total / responses[i, 0] / mass * responses[i, 1]
    return mass, spread, measured


@kernel()
def mass_between(
    share: float, own: FloatArray, matrix: tuple[float, float, float]
) -> tuple[float, float, float]:
    """Return the mass fraction of what makes a share of the signal in a matrix: low, middle, high.

    `own` is its response as in `matrix_of`, shape (3,). Infinite for more than all of the signal.
    """
    if not share <= 1.0:
        return np.inf, np.inf, np.inf
    factor = np.exp(np.hypot(own[1], matrix[1]))
    odds = share / max(1.0 - share, 1e-12) / (own[0] * matrix[0])
    low, high = odds / factor, odds * factor
    return low / (1.0 + low), odds / (1.0 + odds), high / (1.0 + high)
