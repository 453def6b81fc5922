"""How alike two units' spectra of one sample are, in the two ways in which the engine looks at spectra."""

from __future__ import annotations

import numpy as np

from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.errors import SpectrumError
from spectriage.spectra.signal import resample
from spectriage.spectra.signal.derivative import DERIVATIVE_WINDOW_CM, differentiate
from spectriage.spectra.spectrum import Spectrum

LOW_CM, HIGH_CM, STEP_CM = 400.0, 2200.0, 2.0
MIN_RANGE_CM = 200.0
THRESHOLD = 1e-3


def likeness(first: Spectrum, second: Spectrum) -> tuple[float, float]:
    """Return the cosine of two spectra's second derivatives, and of those compressed, where both hold.

    Raises
    ------
    SpectrumError
        When they share too little range.
    """
    low = max(float(first.shift[0]), float(second.shift[0]), LOW_CM)
    high = min(float(first.shift[-1]), float(second.shift[-1]), HIGH_CM)
    if high - low < MIN_RANGE_CM:
        raise SpectrumError(f"the two share {max(high - low, 0.0):.0f} cm⁻¹, too little to compare")
    grid = np.arange(low, high, STEP_CM)
    (ours, compressed), (theirs, other) = (_prepared(each, grid) for each in (first, second))
    return float(ours @ theirs), float(compressed @ other)


def _prepared(spectrum: Spectrum, grid: FloatArray) -> tuple[FloatArray, FloatArray]:
    query = resample(spectrum, grid)
    values = np.nan_to_num(query.intensity)
    derivative, _ = differentiate(
        values, query.measured, order=2, step_cm=STEP_CM, width_cm=DERIVATIVE_WINDOW_CM
    )
    norm = float(np.linalg.norm(derivative))
    unit = derivative / norm if norm > 0.0 else derivative
    compressed = np.arcsinh(unit / THRESHOLD)
    length = float(np.linalg.norm(compressed))
    return unit, compressed / length if length > 0.0 else compressed
