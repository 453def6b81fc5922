"""Where bands are: maxima of the curvature that stand above its noise."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from spectriage.spectra.arrays import BoolArray, FloatArray

_LN2 = math.log(2.0)


class Peaks(NamedTuple):
    """Maxima of curvature, and the bands that they look like; shape (n,) each.

    Parameters
    ----------
    shift_cm
        Where, in cm⁻¹.
    height
        Of a Gaussian of that curvature and width.
    fwhm_cm
        From where the curvature changes its sign, in cm⁻¹.
    """

    shift_cm: FloatArray
    height: FloatArray
    fwhm_cm: FloatArray


def find_peaks(
    shift_cm: FloatArray,
    curvature: FloatArray,
    valid: BoolArray,
    least: FloatArray | float,
    fwhm_range_cm: tuple[float, float],
) -> Peaks:
    """Find the maxima of a curvature.

    Parameters
    ----------
    shift_cm
        An even axis, shape (m,).
    curvature
        The negative second derivative, in intensity per (cm⁻¹)², shape (m,).
    valid
        Where it holds, shape (m,).
    least
        What a maximum must reach, one value or shape (m,).
    fwhm_range_cm
        Least and greatest width of a band.
    """
    inner = curvature[1:-1]
    high = (inner >= curvature[:-2]) & (inner > curvature[2:]) & valid[1:-1]
    centres = np.flatnonzero(high) + 1
    floor = np.broadcast_to(np.asarray(least, dtype=np.float64), curvature.shape)
    centres = centres[curvature[centres] > np.maximum(floor[centres], 0.0)]
    step = float(shift_cm[1] - shift_cm[0])
    at, height, width = [], [], []
    for centre in centres.tolist():
        left, middle, right = curvature[centre - 1 : centre + 2].tolist()
        bend = left - 2.0 * middle + right
        at.append(shift_cm[centre] + (0.5 * step * (left - right) / bend if bend < 0.0 else 0.0))
        # A Gaussian's curvature changes sign at ± its standard deviation; the nearer side has no neighbour.
        half = min(_reach(curvature, centre, -1), _reach(curvature, centre, 1)) * step
        fwhm = float(np.clip(2.0 * math.sqrt(2.0 * _LN2) * half, *fwhm_range_cm))
        width.append(fwhm)
        height.append(middle * fwhm**2 / (8.0 * _LN2))
    return Peaks(np.array(at), np.array(height), np.array(width))


def _reach(curvature: FloatArray, centre: int, direction: int) -> float:
    """Return how many points it is from a maximum to where the curvature changes its sign."""
    at = centre
    while 0 < at < curvature.size - 1:
        here, there = float(curvature[at]), float(curvature[at + direction])
        if there <= 0.0:
            return abs(at - centre) + here / (here - there)
        if there > here:
            break
        at += direction
    return max(1.0, float(abs(at - centre)))
