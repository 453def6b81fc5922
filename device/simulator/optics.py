"""The light of a simulated scene on each pixel, through slit and response, with the laser's drift."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spectriage.device.simulator.lines import Lines, photon_density
from spectriage.device.simulator.mixture import PACKAGINGS, Packaging
from spectriage.device.simulator.perturbation import UnitTraits
from spectriage.device.simulator.presets import InstrumentPreset
from spectriage.spectra.arrays import FloatArray

AMBIENT_LINES_NM = (
    (811.53, 1.0),
    (842.46, 0.6),
    (912.30, 0.8),
    (965.78, 0.4),
    (1128.71, 0.4),
    (1213.97, 0.5),
    (1295.67, 0.3),
)
"""Near-infrared lines of discharge lamps (argon; 1128.71 mercury) and assumed relative strengths."""


USUAL_WIDTH_CM = 120.0
"""Photons of a usual sample over those per cm⁻¹ at the top of its strongest band."""


@dataclass(frozen=True)
class Fluorescence:
    """Broad light of a sample.

    Parameters
    ----------
    ratio
        Its photons per pixel at its brightest, relative to the strongest Raman pixel.
    centre_nm, width_nm
        Of the emission band: its peak beyond the laser, and its standard deviation.
    bleaching
        Part of it that bleaches.
    bleach_s
        Seconds of full laser power after which 1/e of that part is left.
    """

    ratio: float
    centre_nm: float
    width_nm: float
    bleaching: float
    bleach_s: float

    @classmethod
    def draw(cls, ratio: float | None, rng: np.random.Generator) -> Fluorescence:
        """Draw a sample's fluorescence; `ratio` replaces the drawn strength."""
        centre, width, part, time = rng.random(4)
        drawn = float(np.exp(np.log(0.3) + 0.8 * rng.normal()))
        return cls(
            ratio=drawn if ratio is None else ratio,
            centre_nm=-40.0 + 100.0 * centre,
            width_nm=60.0 + 80.0 * width,
            bleaching=0.3 + 0.5 * part,
            bleach_s=10.0 + 60.0 * time,
        )


class SceneLight:
    """Expected photoelectrons a second of one scene on one instrument.

    Parameters
    ----------
    preset, unit
        The instrument.
    layers
        Lines of each material and its share of the sample's Raman photons; the shares sum to 1.
    brightness
        Puts that many times `InstrumentPreset.peak_photons_mw_s` at the top of the strongest band.
    standard
        Lines of a material whose photons are set so instead; the sample then has `strength` times as many.
    strength
        Used with `standard`: Raman signal of the sample relative to the standard's.
    fluorescence
        The sample's.
    wrapping
        Lines of the packaging; its photons relative to the sample's, its transmission of one pass, and its
        broad light relative to the Raman peak stand in `packaging`.
    ambient_e_s
        Ambient light: electrons a second at the peak of its strongest line.
    ambient_lines
        Its lines: vacuum wavelength in nm and relative strength.
    """

    def __init__(
        self,
        preset: InstrumentPreset,
        unit: UnitTraits,
        layers: Sequence[tuple[Lines, float]],
        *,
        fluorescence: Fluorescence,
        brightness: float = 1.0,
        standard: Lines | None = None,
        strength: float = 1.0,
        wrapping: Lines | None = None,
        packaging: Packaging = PACKAGINGS["none"],
        ambient_e_s: float = 0.0,
        ambient_lines: Sequence[tuple[float, float]] = AMBIENT_LINES_NM,
    ) -> None:
        self.preset = preset
        n = preset.pixels
        self.x = np.linspace(-1.0, 1.0, n)
        self.wavelength_nm = preset.wavelength_nm()
        self.shift_cm = 1e7 * (1.0 / preset.excitation_nm - 1.0 / self.wavelength_nm)
        self._pixel_cm = np.abs(np.gradient(self.shift_cm))
        self._throughput = preset.efficiency_at(self.wavelength_nm) * unit.response(self.x)
        centre_nm = self.wavelength_nm[n // 2]
        # A slit is one width in wavelength, so that in cm⁻¹ it narrows towards the red.
        self._slit_cm = preset.resolution_cm * unit.resolution_factor * (centre_nm / self.wavelength_nm) ** 2
        sample = np.zeros(n)
        for lines, share in layers:
            sample += self._layer(lines, share)
        set_by = sample if standard is None else self._layer(standard, 1.0)
        total = self._photons_s(set_by, brightness) * (1.0 if standard is None else strength)
        usual = self._top_density(brightness) * float(np.median(self._pixel_cm))
        peak = float(np.max(sample)) * total or usual
        passes = packaging.transmission**2
        self._raman = sample * (total * passes)
        if wrapping is not None:
            self._raman = self._raman + self._layer(wrapping, packaging.signal * total)
        self._fluorescing(fluorescence, passes * peak, packaging.fluorescence * peak)
        self._ambient = self._room_light(ambient_lines) * ambient_e_s
        self._bleach_s = fluorescence.bleach_s

    def _layer(self, lines: Lines, photons_s: float) -> FloatArray:
        """Photons a second of one material on each pixel; `photons_s` counts those within the range."""
        low, high = float(self.shift_cm.min()), float(self.shift_cm.max())
        inside = (lines.shift_cm >= low) & (lines.shift_cm <= high)
        total = float(np.sum(lines.area[inside]))
        if total <= 0.0:
            return np.zeros(self.shift_cm.size)
        density = photon_density(lines.scaled(photons_s / total), self.shift_cm, self._slit_cm)
        return np.asarray(density * self._pixel_cm, dtype=np.float64)

    def _top_density(self, brightness: float) -> float:
        """Return the photons a second and cm⁻¹ at the top of the strongest band."""
        return self.preset.peak_photons_mw_s * self.preset.laser_mw * brightness

    def _photons_s(self, sample: FloatArray, brightness: float) -> float:
        """Return the sample's photons a second that put the preset's rate on its strongest band."""
        top = self._top_density(brightness)
        strongest = float(np.max(sample / self._pixel_cm))
        # Without bands there is no peak to set; what a wrapping adds then refers to a usual sample.
        return top / strongest if strongest > 0.0 else USUAL_WIDTH_CM * top

    def _fluorescing(self, fluorescence: Fluorescence, peak: float, packaging_peak: float) -> None:
        centre = self.preset.excitation_nm + fluorescence.centre_nm
        shape = np.exp(-0.5 * ((self.wavelength_nm - centre) / fluorescence.width_nm) ** 2)
        shape *= self._pixel_cm * (self.wavelength_nm / self.preset.excitation_nm) ** -2
        shape /= float(np.max(shape))
        sample = fluorescence.ratio * self.preset.fluorescence * peak * shape
        self._fast = fluorescence.bleaching * sample
        self._slow = (1.0 - fluorescence.bleaching) * sample
        flat = np.exp(-(self.wavelength_nm - self.wavelength_nm[0]) / 120.0)
        self._slow = self._slow + packaging_peak * self.preset.fluorescence * flat

    def _room_light(self, lines: Sequence[tuple[float, float]]) -> FloatArray:
        light = np.full(self.wavelength_nm.size, 0.02)
        for position, strength in lines:
            width_nm = self._slit_cm * self.wavelength_nm**2 * 1e-7
            light += strength * np.exp(-4.0 * np.log(2.0) * ((self.wavelength_nm - position) / width_nm) ** 2)
        return light

    def electrons_s(self, *, power: float, lit_s: float, laser_nm: float) -> FloatArray:
        """Return the expected photoelectrons a second on each pixel, shape (n,).

        Parameters
        ----------
        power
            Laser power relative to the preset's full power; 0 for the dark.
        lit_s
            Seconds of full power that the sample has already had: what bleaches is bleached.
        laser_nm
            The laser's wavelength now.
        """
        light = self._ambient.copy()
        if power > 0.0:
            glow = self._slow + self._fast * np.exp(-lit_s / self._bleach_s)
            light += power * (self._shifted_raman(laser_nm) + glow) * self._throughput
        return light

    def _shifted_raman(self, laser_nm: float) -> FloatArray:
        drift_cm = 1e7 * (1.0 / laser_nm - 1.0 / self.preset.excitation_nm)
        if abs(drift_cm) < 1e-6:
            return self._raman
        from scipy.interpolate import CubicSpline

        # Drift moves the bands over the pixels: pixel p shows the shift that it had plus the drift.
        there = np.clip(self.shift_cm + drift_cm, self.shift_cm[0], self.shift_cm[-1])
        moved = CubicSpline(self.shift_cm, self._raman)(there)
        return np.maximum(np.asarray(moved, dtype=np.float64), 0.0)
