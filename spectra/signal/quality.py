"""How good a measurement is, before anything is matched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.baseline.methods import BASELINE_LAM, arpls
from spectriage.spectra.compile.jit import packed
from spectriage.spectra.signal._kernels_quality import PlateauRules, is_cut_off, stand_over
from spectriage.spectra.signal.grid import Resampled
from spectriage.spectra.spectrum import Spectrum

FLAT_TOP_POINTS = 4
"""So many equal values in a row at the very top are a saturated detector, not a band."""
PLATEAU_POINTS, PLATEAU_SHARE, ABRUPT = 6, 0.005, 4.0
"""Points on a plateau, what they may vary by as a share of the height, and how far, relative to that, the
second point beside it must lie below. None of 480 measured spectra has one; of spectra clipped at 60 % of
their height with noise of a 500th of it 70 % have."""

PLATEAU_RULES = packed(PlateauRules(PLATEAU_POINTS, PLATEAU_SHARE, ABRUPT))


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
    # `np.full` is Python, and takes as long as the rest
    out = np.empty(query.intensity.size)
    out.fill(np.nan)
    out[query.covered] = arpls(query.values, BASELINE_LAM)
    return out


def assess(
    spectrum: Spectrum, query: Resampled, shift: FloatArray, baseline: FloatArray, noise: float
) -> Quality:
    """Return the quality of a spectrum that was resampled to the grid `shift`.

    The signal is the highest point over the baseline; `noise` is that of one grid point.
    """
    below = baseline[query.covered]
    height, level = stand_over(query.values, below)
    first, last = query.ends
    ends_cm = float(shift[first]), float(shift[last])
    return quality_of(spectrum, height, level, noise, is_saturated(spectrum), ends_cm)


def quality_of(
    spectrum: Spectrum,
    height: float,
    level: float,
    noise: float,
    saturated: bool,
    ends_cm: tuple[float, float],
) -> Quality:
    """Return the quality of a spectrum with this height over its background, that one's median, and noise.

    `ends_cm` are those of what could be compared.
    """
    snr = height / noise if noise > 0.0 else (1e6 if height > 0.0 else 0.0)
    return Quality(
        snr=min(snr, 1e6),
        noise_from="estimate" if spectrum.variance is None else "variance",
        fluorescence_ratio=max(level, 0.0) / height if height > 0.0 else 0.0,
        saturated=saturated,
        low_cm=ends_cm[0],
        high_cm=ends_cm[1],
        resolution_cm=spectrum.resolution_cm,
    )


def is_saturated(spectrum: Spectrum) -> bool:
    """Say whether the detector was driven to its top: stated in the metadata, or its top is flat.

    A top is flat when several points have one value, or lie on a plateau with abrupt edges: so looks a
    saturated detector after a dark was taken off, or a response was applied. A band's top is round: over as
    many points it falls by no more than about twice what its top varies by.
    """
    if "saturated" in spectrum.metadata:
        return bool(spectrum.metadata["saturated"])
    return bool(is_cut_off(spectrum.intensity, FLAT_TOP_POINTS, PLATEAU_RULES))
