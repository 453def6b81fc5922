"""From photoelectrons to counts: shot noise, dark current, read noise, fixed pattern, converter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spectriage.device.simulator.presets import InstrumentPreset
from spectriage.spectra.arrays import FloatArray

POISSON_LIMIT = 1e7
"""Above this mean a normal draw replaces the Poisson one; the two differ by less than 0.1 % of a sigma."""


@dataclass(frozen=True)
class DetectorUnit:
    """One detector with its fixed pattern.

    Parameters
    ----------
    preset
        Its kind.
    sensitivity
        Relative response of each pixel, shape (n,).
    dark_e_s
        Dark current of each pixel at the working temperature, electrons a second, shape (n,).
    """

    preset: InstrumentPreset
    sensitivity: FloatArray
    dark_e_s: FloatArray

    @classmethod
    def draw(cls, preset: InstrumentPreset, rng: np.random.Generator) -> DetectorUnit:
        """Draw the fixed pattern of one unit."""
        n = preset.pixels
        sensitivity = np.maximum(1.0 + preset.prnu * rng.normal(size=n), 0.05)
        dark = preset.dark_e_s * np.maximum(1.0 + preset.dsnu * rng.normal(size=n), 0.05)
        hot = rng.random(n) < preset.hot_fraction
        dark[hot] *= preset.hot_factor * rng.uniform(0.5, 1.5, size=int(np.count_nonzero(hot)))
        return cls(preset, sensitivity, dark)

    def expose(
        self,
        electrons_s: FloatArray,
        seconds: float,
        rng: np.random.Generator,
        *,
        warmer_k: float = 0.0,
    ) -> FloatArray:
        """Expose once and read out.

        Parameters
        ----------
        electrons_s
            Expected photoelectrons a second on each pixel before the fixed pattern, shape (n,).
        seconds
            Length of the exposure.
        rng
            Source of this exposure's noise.
        warmer_k
            How much warmer than its working temperature the detector is.

        Returns
        -------
        FloatArray
            Whole counts from 0 to the converter's end, shape (n,).

        Notes
        -----
        The chain of the photon-transfer model (Janesick, Photon Transfer, SPIE 2007; EMVA 1288): Poisson
        electrons of light and of dark current, a normal read-out, a full well, gain, offset, rounding.
        """
        preset = self.preset
        dark = self.dark_e_s * 2.0 ** (warmer_k / preset.dark_doubling_k)
        mean = np.maximum(electrons_s * self.sensitivity, 0.0) * seconds + dark * seconds
        charge = _shot(mean, rng)
        self._add_cosmic_rays(charge, seconds, rng)
        np.minimum(charge, preset.full_well_e, out=charge)
        read = charge + preset.read_noise_e * rng.normal(size=charge.size)
        counts = np.rint(read / preset.gain_e + preset.bias_counts)
        return np.asarray(np.clip(counts, 0.0, 2.0**preset.bits - 1.0), dtype=np.float64)

    def _add_cosmic_rays(self, charge: FloatArray, seconds: float, rng: np.random.Generator) -> None:
        """Drop the hits of one exposure: most of the charge on one pixel, some on its neighbours."""
        for _ in range(int(rng.poisson(self.preset.cosmic_rate_s * seconds))):
            pixel = int(rng.integers(charge.size))
            total = float(rng.exponential(self.preset.cosmic_e))
            charge[pixel] += 0.7 * total
            neighbour = pixel + (1 if rng.random() < 0.5 else -1)
            if 0 <= neighbour < charge.size:
                charge[neighbour] += 0.3 * total


def _shot(mean: FloatArray, rng: np.random.Generator) -> FloatArray:
    if float(np.max(mean)) < POISSON_LIMIT:
        return rng.poisson(mean).astype(np.float64)
    few = np.minimum(mean, POISSON_LIMIT)
    many = mean + np.sqrt(mean) * rng.normal(size=mean.size)
    return np.where(mean < POISSON_LIMIT, rng.poisson(few), many)
