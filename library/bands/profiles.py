"""Bands as an instrument shows them, with the derivatives that a fit needs."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spectriage.library.building.render import broaden
from spectriage.spectra.arrays import FloatArray

_LN2 = math.log(2.0)
_STEP = 1e-4


class Parameters(NamedTuple):
    """What is fitted of n bands: shape (n,) each.

    Parameters
    ----------
    shift_cm
        Positions in cm⁻¹.
    log_height
        Logarithms of the heights, before the instrument broadens them.
    log_fwhm
        Logarithms of the full widths at half maximum in cm⁻¹, likewise.
    lorentz
        Lorentzian parts of the heights, 0 to 1, likewise.
    """

    shift_cm: FloatArray
    log_height: FloatArray
    log_fwhm: FloatArray
    lorentz: FloatArray

    @classmethod
    def from_vector(cls, vector: FloatArray) -> Parameters:
        """Take them out of one vector, shape (4 n,)."""
        return cls(*vector.reshape(4, -1))

    @property
    def vector(self) -> FloatArray:
        """All of them, shape (4 n,)."""
        return np.concatenate(self)

    def keep(self, which: NDArray[np.bool_]) -> Parameters:
        """Return those of some bands."""
        return Parameters(*(values[which] for values in self))


def draw(parameters: Parameters, shift_cm: FloatArray, resolution_cm: float) -> FloatArray:
    """Draw each band as an instrument of a resolution shows it.

    Returns
    -------
    ndarray
        Shape (m, n): one column a band.
    """
    return _shapes(parameters, shift_cm, resolution_cm)[0]


def draw_with_derivatives(
    parameters: Parameters, shift_cm: FloatArray, resolution_cm: float
) -> tuple[FloatArray, FloatArray]:
    """Draw each band, and say how it changes with each of its parameters.

    Returns
    -------
    bands
        Shape (m, n).
    derivatives
        Shape (m, 4 n), in the order of `Parameters.vector`.
    """
    bands, by_shift, by_width, by_part = _shapes(parameters, shift_cm, resolution_cm)
    fwhm = np.exp(parameters.log_fwhm)
    # how what the instrument shows changes with what it is shown, by small steps in closed expressions
    wider = broaden(fwhm * (1.0 + _STEP), parameters.lorentz, resolution_cm)
    here = broaden(fwhm, parameters.lorentz, resolution_cm)
    sign = np.where(parameters.lorentz > 0.5, -_STEP, _STEP)
    rounder = broaden(fwhm, parameters.lorentz + sign, resolution_cm)

    def chain(moved: tuple[FloatArray, FloatArray, FloatArray], step: FloatArray | float) -> FloatArray:
        width, part, log_factor = (
            (moved[0] - here[0]) / step,
            (moved[1] - here[1]) / step,
            np.log(moved[2] / here[2]) / step,
        )
        return np.asarray(bands * log_factor + by_width * width + by_part * part)

    return bands, np.hstack([by_shift, bands, chain(wider, _STEP), chain(rounder, sign)])


def _shapes(
    parameters: Parameters, shift_cm: FloatArray, resolution_cm: float
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return the bands and their derivatives by position, and by the width and shape that are shown."""
    width, part, factor = broaden(np.exp(parameters.log_fwhm), parameters.lorentz, resolution_cm)
    height = np.exp(parameters.log_height) * factor
    distance = 2.0 * (shift_cm[:, None] - parameters.shift_cm) / width
    square = distance**2
    lorentz = 1.0 / (1.0 + square)
    gauss = np.exp(-_LN2 * square)
    bands = height * (part * lorentz + (1.0 - part) * gauss)
    by_square = height * (-part * lorentz**2 - (1.0 - part) * _LN2 * gauss)
    by_shift = by_square * (-4.0 * distance / width)
    by_width = by_square * (-2.0 * square / width)
    by_part = height * (lorentz - gauss)
    return bands, by_shift, by_width, by_part
