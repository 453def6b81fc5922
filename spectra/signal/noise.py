"""How noisy a spectrum is: from its variance, else from the spectrum itself."""

from __future__ import annotations

import math

from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.errors import SpectrumError
from spectriage.spectra.signal.derivative import savgol_weights
from spectriage.spectra.signal.grid import Resampled
from spectriage.spectra.statistics._kernels_statistics import quantile, residual_level

ESTIMATE_POINTS = 9
ESTIMATE_DEGREE = 4
QUIET_SHARE = 0.3
LOCAL_POINTS = 41


def noise_level(query: Resampled) -> float:
    """Return the standard deviation of one grid point's noise in the quiet part of a spectrum.

    With a propagated variance it is the root of that variance's 30 % quantile, but never less than what the
    spectrum itself shows. Without, it is what a quartic over nine points leaves (local root mean square over
    41 points, 30 % quantile: the part with the fewest bands), divided by what the fit absorbs. Noise that is
    correlated over more than the nine points, as after interpolation, is underestimated.

    Raises
    ------
    SpectrumError
        When fewer than nine points were measured.
    """
    values = query.values
    if values.size < ESTIMATE_POINTS:
        raise SpectrumError(
            f"{values.size} points are too few to tell their noise: it takes {ESTIMATE_POINTS}"
        )
    weights, kept = noise_filter()
    width = min(LOCAL_POINTS, values.size - ESTIMATE_POINTS + 1)
    estimated = math.sqrt(max(residual_level(values, weights, width, QUIET_SHARE), 0.0) / kept)
    if query.variance is None:
        return estimated
    return max(estimated, math.sqrt(quantile(query.variance[query.covered], QUIET_SHARE)))


def noise_filter() -> tuple[FloatArray, float]:
    """Return the weights that leave what is no noise, and how much of the variance of noise they take off."""
    weights = savgol_weights(ESTIMATE_POINTS, ESTIMATE_DEGREE, 0)
    return weights, 1.0 - float(weights[ESTIMATE_POINTS // 2])
