"""How good a measurement is, before anything is matched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.baseline.methods import BASELINE_LAM, arpls
from spectriage.spectra.signal.grid import Resampled
from spectriage.spectra.spectrum import Spectrum
from spectriage.spectra.statistics._kernels_statistics import quantile

FLAT_TOP_POINTS = 4
"""So many equal values in a row at the very top are a saturated detector, not a band."""
PLATEAU_POINTS, PLATEAU_SHARE, ABRUPT = 6, 0.005, 4.0
"""Points on a plateau, what they may vary by as a share of the height, and how far, relative to that, the
second point beside it must lie below. None of 480 measured spectra has one; of spectra clipped at 60 % of
their height with noise of a 500th of it 70 % have."""


@dataclass(frozen=True)
class Quality:
    """How good the measurement is.

    Parameters
    ----------
    snr
        Height of the strongest band over the noise of one point.
    noise_from
        ``variance`` when it came with the spectrum, ``estimate`` when taken from the spectrum itself.
    fluorescence_ratio
        Median background over the height of the strongest band.
    saturated
        Whether points at the top of the detector's range were seen.
    low_cm, high_cm
        The range that could be compared.
    resolution_cm
        As stated with the spectrum, or None.
    """

    snr: float
    noise_from: str
    fluorescence_ratio: float
    saturated: bool
    low_cm: float
    high_cm: float
    resolution_cm: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the fields of the JSON."""
        return {
            key: round(value, 4) if isinstance(value, float) else value for key, value in vars(self).items()
        }


def background(query: Resampled) -> FloatArray:
    """Return the smooth background of a query on the grid, shape (m,); NaN where it was not measured."""
    out = np.full(query.intensity.size, np.nan)
    out[query.measured] = arpls(query.values, BASELINE_LAM)
    return out


def assess(
    spectrum: Spectrum, query: Resampled, shift: FloatArray, baseline: FloatArray, noise: float
) -> Quality:
    """Return the quality of a spectrum that was resampled to the grid `shift`.

    The signal is the highest point over the baseline; `noise` is that of one grid point.
    """
    measured = query.measured
    below = baseline[measured]
    height = float((query.values - below).max(initial=0.0))
    snr = height / noise if noise > 0.0 else (1e6 if height > 0.0 else 0.0)
    level = quantile(below, 0.5)
    covered = np.flatnonzero(measured)
    return Quality(
        snr=min(snr, 1e6),
        noise_from="estimate" if spectrum.variance is None else "variance",
        fluorescence_ratio=max(level, 0.0) / height if height > 0.0 else 0.0,
        saturated=is_saturated(spectrum),
        low_cm=float(shift[covered[0]]),
        high_cm=float(shift[covered[-1]]),
        resolution_cm=spectrum.resolution_cm,
    )


def is_saturated(spectrum: Spectrum) -> bool:
    """Say whether the detector was driven to its top: stated in the metadata, or a flat top."""
    if "saturated" in spectrum.metadata:
        return bool(spectrum.metadata["saturated"])
    top = float(spectrum.intensity.max())
    at_top = spectrum.intensity >= top
    if np.count_nonzero(at_top) >= FLAT_TOP_POINTS and top > float(np.median(spectrum.intensity)):
        starts, ends = _runs(at_top)
        if np.max(ends - starts) >= FLAT_TOP_POINTS:
            return True
    return has_plateau(spectrum.intensity)


def has_plateau(intensity: FloatArray) -> bool:
    """Say whether the highest points lie on a plateau with abrupt edges, though not all at one value.

    So looks a saturated detector after a dark was taken off, or a response was applied. A band's top is
    round: over as many points it falls by no more than about twice what its top varies by.
    """
    top = float(intensity.max())
    height = top - quantile(intensity, 0.1)
    curvature = np.abs(np.diff(intensity, 2))
    if height <= 0.0 or curvature.size < PLATEAU_POINTS:
        return False
    # the second difference of white noise has √6 times its standard deviation
    noise = quantile(curvature, 0.5) / 0.6745 / np.sqrt(6.0)
    depth = 2.0 * max(PLATEAU_SHARE * height, 3.0 * noise)
    high = intensity >= top - depth
    if np.count_nonzero(high) < PLATEAU_POINTS:
        return False
    for start, end in zip(*_runs(high), strict=True):
        if end - start < PLATEAU_POINTS:
            continue
        level = float(intensity[start:end].mean())
        beside = [intensity[place] for place in (start - 2, end + 1) if 0 <= place < intensity.size]
        if beside and level - max(beside) >= ABRUPT * depth:
            return True
    return False


def _runs(mask: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return where runs of true start, and end."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]])))
    return edges[::2], edges[1::2]
