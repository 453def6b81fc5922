"""Cosmic rays and hot pixels: far above their neighbours, and narrower than any band can be.

On the detector they fill a point or two. A vendor's software smears them when it interpolates: over three
to five points they look like a line, but one that is narrower than the instrument resolves.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.compile.jit import packed
from spectriage.spectra.errors import ParameterError
from spectriage.spectra.signal._kernels_despike import SmearedRules, mark_smeared
from spectriage.spectra.spectrum import Spectrum
from spectriage.spectra.statistics._kernels_statistics import sharp_steps

THRESHOLD = 8.0
"""How many robust standard deviations a step must have to be a spike's."""
WIDEST = 2
"""Points that one cosmic ray can fill; the narrowest band of a spectrograph is wider."""
SHARPNESS = 4.0
"""How many times higher a spike stands over its surroundings than these vary among themselves."""


NARROWEST_CM = 3.5
"""No handheld resolves less (FWHM); where the resolution is stated, the share of it below counts."""
NARROWEST_SHARE = 0.6
OTHERS_SHARE = 0.5
"""A smeared spike is also narrower than half of the median band beside it: an instrument that resolves less
than a handheld shows that in its other bands."""
OTHERS = 3
FEET_CM = 15.0
NOISE_STEPS = 12.0
"""Peaks count that are so many times higher than neighbouring points usually differ."""
SMEARED_HEIGHT = 0.25
"""Of the highest other peak; smaller ones are left to the noise."""
SMEARED_REACH = 2.5
"""So many widths to either side of a smeared spike are taken out with it: interpolation rings."""
SMEARED_RULES = packed(
    SmearedRules(FEET_CM, NOISE_STEPS, OTHERS, OTHERS_SHARE, SMEARED_HEIGHT, SMEARED_REACH)
)


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
    if intensity.size >= 3:
        _mark_sharp(intensity, threshold, spikes)
    return spikes


def _mark_sharp(intensity: FloatArray, threshold: float, spikes: NDArray[np.bool_]) -> bool:
    """Mark the points of spikes; return whether there are any."""
    places = np.empty((WIDEST * intensity.size, 2), np.intp)
    found = sharp_steps(intensity, threshold, WIDEST, SHARPNESS, places)
    if not found:
        return False
    for start, width in places[:found].tolist():
        spikes[start : start + width] = True
    return True


def find_smeared(spectrum: Spectrum) -> NDArray[np.bool_]:
    """Return which points belong to spikes that interpolation has smeared over several points, shape (n,)."""
    smeared = np.zeros(len(spectrum), dtype=bool)
    _mark_smeared(spectrum, smeared)
    return smeared


def _mark_smeared(spectrum: Spectrum, smeared: NDArray[np.bool_]) -> bool:
    """Mark the points of smeared spikes; return whether there are any."""
    spacing_cm, narrowest = spectrum.spacing_cm, narrowest_band_cm(spectrum)
    if spacing_cm >= NARROWEST_CM:
        return False
    return mark_smeared(spectrum.intensity, spectrum.shift, spacing_cm, narrowest, SMEARED_RULES, smeared) > 0


def narrowest_band_cm(spectrum: Spectrum) -> float:
    """Return how narrow a band can be, full width at half maximum."""
    if spectrum.resolution_cm is None:
        return NARROWEST_CM
    return max(NARROWEST_CM, NARROWEST_SHARE * spectrum.resolution_cm)


def remove_spikes(spectrum: Spectrum, *, threshold: float = THRESHOLD) -> Spectrum:
    """Return the spectrum with its cosmic rays and hot pixels bridged by straight lines.

    The variance of a bridged point becomes that of the mean of its neighbours. The history says how many were
    removed; without any, the same spectrum is returned.
    """
    if not threshold > 0.0:
        raise ParameterError(f"a threshold of {threshold} is not positive")
    bad = np.zeros(len(spectrum), dtype=bool)
    sharp = _mark_sharp(spectrum.intensity, threshold, bad)
    smeared = _mark_smeared(_bridged(spectrum, bad) if sharp else spectrum, bad)
    if not sharp and not smeared:
        return spectrum
    return _bridged(spectrum, bad).with_step(f"remove_spikes({np.count_nonzero(bad)})")


def _bridged(spectrum: Spectrum, bad: NDArray[np.bool_]) -> Spectrum:
    if not bad.any() or bad.all():
        return spectrum
    good = ~bad
    intensity = spectrum.intensity.copy()
    intensity[bad] = np.interp(spectrum.shift[bad], spectrum.shift[good], spectrum.intensity[good])
    variance = spectrum.variance
    if variance is not None:
        variance = variance.copy()
        variance[bad] = np.interp(spectrum.shift[bad], spectrum.shift[good], variance[good])
    return replace(spectrum, intensity=intensity, variance=variance)


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
