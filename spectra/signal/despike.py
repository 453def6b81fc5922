"""Cosmic rays: single points far above their neighbours, which no band can be."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.errors import ParameterError
from spectriage.spectra.spectrum import Spectrum
from spectriage.spectra.statistics._kernels_statistics import sharp_steps

THRESHOLD = 8.0
"""How many robust standard deviations a step must have to be a spike's."""
WIDEST = 2
"""Points that one cosmic ray can fill; the narrowest band of a spectrograph is wider."""
SHARPNESS = 4.0
"""How many times higher a spike stands over its surroundings than these vary among themselves."""


def find_spikes(intensity: FloatArray, *, threshold: float = THRESHOLD) -> NDArray[np.bool_]:
    """Return which points of a single spectrum are cosmic rays, shape (n,).

    The modified z-score of the first difference (Whitaker & Hayes 2018, Chemom. Intell. Lab. Syst. 179, 82)
    finds steps; a spike steps up and down again within two points, and is sharper than its surroundings, so
    that a narrow band on a coarse axis stays.

    Raises
    ------
    ParameterError
        When the threshold is not positive.
    """
    if not threshold > 0.0:
        raise ParameterError(f"a threshold of {threshold} is not positive")
    spikes = np.zeros(intensity.size, dtype=bool)
    if intensity.size < 3:
        return spikes
    places = np.empty((WIDEST * intensity.size, 2), np.intp)
    found = sharp_steps(intensity, threshold, WIDEST, SHARPNESS, places)
    for start, width in places[:found].tolist():
        spikes[start : start + width] = True
    return spikes


def remove_spikes(spectrum: Spectrum, *, threshold: float = THRESHOLD) -> Spectrum:
    """Return the spectrum with its cosmic rays bridged by straight lines.

    The variance of a bridged point becomes that of the mean of its neighbours. The history says how many were
    removed; without any, the same spectrum is returned.
    """
    spikes = find_spikes(spectrum.intensity, threshold=threshold)
    count = int(np.count_nonzero(spikes))
    if count == 0:
        return spectrum
    good = ~spikes
    intensity = spectrum.intensity.copy()
    intensity[spikes] = np.interp(spectrum.shift[spikes], spectrum.shift[good], spectrum.intensity[good])
    variance = spectrum.variance
    if variance is not None:
        variance = variance.copy()
        variance[spikes] = np.interp(spectrum.shift[spikes], spectrum.shift[good], variance[good])
    return spectrum.with_step(f"remove_spikes({count})", intensity=intensity, variance=variance)


def combine(accumulations: ArrayLike, *, threshold: float = 6.0) -> tuple[FloatArray, NDArray[np.intp]]:
    """Average several exposures of one scene, leaving out what cosmic rays added to single ones.

    A value is left out when it exceeds the median of its point by `threshold` times the expected error: shot
    noise of the median counts and the spread between exposures over the whole spectrum, in quadrature.

    Parameters
    ----------
    accumulations
        Counts, shape (k, n), k ≥ 3.

    Returns
    -------
    mean
        Shape (n,).
    used
        How many exposures each point was averaged over, shape (n,).

    Raises
    ------
    ParameterError
        For fewer than three exposures: of two, nobody can say which is wrong.
    """
    counts = np.asarray(accumulations, dtype=np.float64)
    if counts.ndim != 2 or counts.shape[0] < 3:
        raise ParameterError(f"exposures of shape {counts.shape} are not at least three of equal length")
    middle = np.median(counts, axis=0)
    typical = float(np.median(np.abs(counts - middle))) / 0.6745
    error = np.sqrt(np.maximum(middle, 0.0) + typical**2)
    kept = counts - middle <= threshold * np.maximum(error, 1e-12)
    used = kept.sum(axis=0)
    return np.where(kept, counts, 0.0).sum(axis=0) / used, used
