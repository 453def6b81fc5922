"""What is done to a spectrum before it is identified: an axis that is off, a coarser resolution."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from spectriage.spectra.spectrum import Spectrum

NATIVE_RESOLUTION_CM = 8.0


@dataclass(frozen=True)
class Change:
    """What is done to a spectrum before it is identified."""

    offset_cm: float = 0.0
    resolution_cm: float | None = None

    @property
    def label(self) -> str:
        """For tables."""
        if self.resolution_cm is not None:
            return f"resolution {self.resolution_cm:g} cm⁻¹"
        return f"axis {self.offset_cm:+g} cm⁻¹" if self.offset_cm else "as measured"

    def apply(self, spectrum: Spectrum) -> Spectrum:
        """Return the spectrum with its axis moved, or blurred as a coarser instrument would."""
        if self.offset_cm:
            spectrum = spectrum.with_step(
                f"moved {self.offset_cm:+g} cm-1", shift=spectrum.shift + self.offset_cm
            )
        return spectrum if self.resolution_cm is None else blurred(spectrum, self.resolution_cm)


def blurred(spectrum: Spectrum, resolution_cm: float) -> Spectrum:
    """Return a spectrum at a coarser resolution: convolved with the Gaussian that is missing to it.

    A spectrum that states no resolution is taken to have 8 cm⁻¹. The variance is left as it was: the blur of
    a slit comes before the noise.
    """
    native = spectrum.resolution_cm or NATIVE_RESOLUTION_CM
    extra = float(np.sqrt(max(resolution_cm**2 - native**2, 0.0)))
    if extra == 0.0:
        return spectrum
    step = float(np.median(np.diff(spectrum.shift)))
    even = np.arange(spectrum.shift[0], spectrum.shift[-1] + 0.5 * step, step)
    sigma = extra / 2.3548200450309493 / step
    reach = max(1, round(4.0 * sigma))
    kernel = np.exp(-0.5 * np.square(np.arange(-reach, reach + 1) / sigma))
    values = np.pad(np.interp(even, spectrum.shift, spectrum.intensity), reach, mode="edge")
    smooth = np.convolve(values, kernel / kernel.sum(), "valid")
    return replace(
        spectrum,
        intensity=np.interp(spectrum.shift, even, smooth),
        resolution_cm=resolution_cm,
        history=(*spectrum.history, f"blurred to {resolution_cm:g} cm-1"),
    )
