"""Photon sources: what light an emulated spectrometer sees during one exposure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from spectriage.spectra.arrays import FloatArray


@dataclass(frozen=True)
class Exposure:
    """One exposure of an emulated detector.

    Parameters
    ----------
    wavelength_nm
        Wavelength of each pixel, shape (n,).
    seconds
        Exposure time.
    laser
        Mean optical power over the exposure as a fraction of full power, 0…1.
    excitation_nm
        Laser wavelength.
    detector_celsius
        Detector temperature.
    start_s
        When it began, on the device's clock.
    full_scale
        Largest count that the converter gives.
    """

    wavelength_nm: FloatArray
    seconds: float
    laser: float
    excitation_nm: float
    detector_celsius: float
    start_s: float
    full_scale: int

    @property
    def shift_cm(self) -> FloatArray:
        """Raman shift of each pixel in cm⁻¹, shape (n,)."""
        shift: FloatArray = 1e7 / self.excitation_nm - 1e7 / self.wavelength_nm
        return shift


PhotonSource = Callable[[Exposure], FloatArray]
"""Counts before the converter clips them, shape (n,), for one `Exposure`."""

# A made-up sample: (shift cm⁻¹, counts a second at full laser power, standard deviation cm⁻¹).
_LINES = ((620.0, 9_000.0, 6.0), (1001.0, 60_000.0, 5.0), (1031.0, 16_000.0, 6.0), (1602.0, 14_000.0, 7.0))
OFFSET_COUNTS = 800.0


class LineSource:
    """A made-up sample with four Raman lines on a sloping background; for tests of the transport.

    The dark signal doubles every 8 K above 0 °C, the usual rule of thumb for silicon. Not a model of any
    material or detector: use a simulator scene where the numbers matter.

    Parameters
    ----------
    seed
        Of the read noise.
    noise_counts
        Standard deviation of the read noise; 0 gives the expectation itself.
    """

    def __init__(self, seed: int = 1, noise_counts: float = 4.0) -> None:
        self._rng = np.random.default_rng(seed)
        self._noise = noise_counts

    def __call__(self, exposure: Exposure) -> FloatArray:
        """Return the counts of one exposure, shape (n,)."""
        counts = self.expected(exposure)
        if self._noise:
            counts = counts + self._rng.normal(0.0, self._noise, counts.size)
        return counts

    @staticmethod
    def expected(exposure: Exposure) -> FloatArray:
        """Return the noiseless counts of one exposure, shape (n,)."""
        shift = exposure.shift_cm
        dark_rate = 50.0 * 2.0 ** (exposure.detector_celsius / 8.0)
        # A fixed pattern, because a driver takes a perfectly flat frame for a sensor that is not awake.
        pattern = np.arange(shift.size) % 7
        counts: FloatArray = OFFSET_COUNTS + dark_rate * exposure.seconds + pattern.astype(np.float64)
        if exposure.laser > 0.0:
            light = 4_000.0 * np.exp(-shift / 3_000.0)
            for centre, height, width in _LINES:
                light = light + height * np.exp(-0.5 * ((shift - centre) / width) ** 2)
            counts = counts + exposure.laser * exposure.seconds * light
        return counts
