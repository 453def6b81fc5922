"""Raman lines of a simulated sample and the photons they put on each pixel.

The profile is a true Voigt convolution computed from the Faddeeva function, on purpose another way than the
library renders its references.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from spectriage.spectra.arrays import FloatArray

if TYPE_CHECKING:
    from spectriage.library.catalogue import CatalogueEntry

FWHM_PER_SIGMA = 2.0 * np.sqrt(2.0 * np.log(2.0))

MIN_SLIT_CM = 2.0
"""Blur left where a reference's widths already contain more than the simulated slit."""


@dataclass(frozen=True)
class Lines:
    """Raman lines before the spectrograph.

    Parameters
    ----------
    shift_cm
        Positions, cm⁻¹, shape (k,).
    area
        Relative integrated intensities, shape (k,).
    fwhm_cm
        Full widths at half maximum, cm⁻¹, shape (k,).
    lorentz_fraction
        Share of each line's height that is Lorentzian, the rest Gaussian, shape (k,).
    contained_cm
        Instrument resolution already in `fwhm_cm`.
    """

    shift_cm: FloatArray
    area: FloatArray
    fwhm_cm: FloatArray
    lorentz_fraction: FloatArray
    contained_cm: float

    @property
    def total(self) -> float:
        """Sum of the areas."""
        return float(np.sum(self.area))

    def scaled(self, factor: float) -> Lines:
        """Return the lines with their areas multiplied."""
        return Lines(
            self.shift_cm, self.area * factor, self.fwhm_cm, self.lorentz_fraction, self.contained_cm
        )


def lines_of(entry: CatalogueEntry) -> Lines:
    """Return the lines of a catalogue entry; areas follow from heights and widths, their sum is free.

    The area of a pseudo-Voigt band of height h and width w is ``h w (η π/2 + (1 - η) sqrt(π / ln 2) / 2)``.
    """
    bands = entry.band_array
    eta = entry.lorentz_fractions
    shape = eta * np.pi / 2.0 + (1.0 - eta) * np.sqrt(np.pi / np.log(2.0)) / 2.0
    return Lines(bands[:, 0], bands[:, 1] * bands[:, 2] * shape, bands[:, 2], eta, entry.resolution_cm)


def photon_density(lines: Lines, shift_cm: FloatArray, slit_cm: FloatArray) -> FloatArray:
    """Photons per cm⁻¹ at each shift after the slit.

    Parameters
    ----------
    lines
        k lines.
    shift_cm
        Shifts of the pixels, shape (n,).
    slit_cm
        Full width at half maximum of the slit image at each pixel, cm⁻¹, shape (n,).

    Returns
    -------
    FloatArray
        Shape (n,). Each line integrates to its area.

    Notes
    -----
    A pseudo-Voigt line is a sum of a Lorentzian and a Gaussian of one width; each is convolved with the
    Gaussian slit on its own, which gives a Voigt profile (Faddeeva function) and a Gaussian.
    """
    from scipy.special import voigt_profile

    blur = np.sqrt(np.maximum(slit_cm**2 - lines.contained_cm**2, MIN_SLIT_CM**2)) / FWHM_PER_SIGMA
    eta = lines.lorentz_fraction
    lorentz_weight = eta * np.pi / 2.0
    gauss_weight = (1.0 - eta) * np.sqrt(np.pi / np.log(2.0)) / 2.0
    lorentz_share = lorentz_weight / (lorentz_weight + gauss_weight)
    density = np.zeros(shift_cm.size)
    rows = zip(lines.shift_cm, lines.area, lines.fwhm_cm, lorentz_share, strict=True)
    for position, area, fwhm, share in rows:
        x = shift_cm - position
        if share > 0.0:
            density += area * share * voigt_profile(x, blur, fwhm / 2.0)
        if share < 1.0:
            sigma = np.hypot(blur, fwhm / FWHM_PER_SIGMA)
            gauss = np.exp(-0.5 * (x / sigma) ** 2) / (sigma * np.sqrt(2.0 * np.pi))
            density += area * (1.0 - share) * gauss
    return density
