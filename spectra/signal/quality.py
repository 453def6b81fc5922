"""How good a measurement is, before anything is matched."""

from __future__ import annotations

import numpy as np

from spectriage.spectra.statistics._kernels_statistics import quantile
from spectriage.spectra.baseline.methods import arpls
from spectriage.spectra.signal.grid import Resampled
from spectriage.spectra.verdict.identification import Quality
from spectriage.spectra.search.scores import BASELINE_LAM
from spectriage.spectra.spectrum import FloatArray, Spectrum

FLAT_TOP_POINTS = 4
"""So many equal values in a row at the very top are a saturated detector, not a band."""


def background(query: Resampled) -> FloatArray:
    """Return the smooth background of a query on the grid, shape (m,); NaN where it was not measured."""
    out = np.full(query.intensity.size, np.nan)
    values = np.ascontiguousarray(query.intensity[query.measured])
    out[query.measured] = arpls(values, BASELINE_LAM)
    return out


def assess(
    spectrum: Spectrum, query: Resampled, shift: FloatArray, baseline: FloatArray, noise: float
) -> Quality:
    """Return the quality of a spectrum that was resampled to the grid `shift`.

    The signal is the highest point over the baseline; `noise` is that of one grid point.
    """
    measured = query.measured
    above = query.intensity[measured] - baseline[measured]
    height = float(above.max(initial=0.0))
    snr = height / noise if noise > 0.0 else (1e6 if height > 0.0 else 0.0)
    level = quantile(baseline[measured], 0.5)
    axis = shift[measured]
    return Quality(
        snr=min(snr, 1e6),
        noise_from="estimate" if spectrum.variance is None else "variance",
        fluorescence_ratio=max(level, 0.0) / height if height > 0.0 else 0.0,
        saturated=is_saturated(spectrum),
        low_cm=float(axis[0]),
        high_cm=float(axis[-1]),
        resolution_cm=spectrum.resolution_cm,
    )


def is_saturated(spectrum: Spectrum) -> bool:
    """Say whether the detector was driven to its top: stated in the metadata, or a flat top."""
    if "saturated" in spectrum.metadata:
        return bool(spectrum.metadata["saturated"])
    top = float(spectrum.intensity.max())
    at_top = spectrum.intensity >= top
    if np.count_nonzero(at_top) < FLAT_TOP_POINTS or top <= float(np.median(spectrum.intensity)):
        return False
    edges = np.flatnonzero(np.diff(np.concatenate([[0], at_top.astype(np.int8), [0]])))
    return bool(np.max(edges[1::2] - edges[::2]) >= FLAT_TOP_POINTS)
