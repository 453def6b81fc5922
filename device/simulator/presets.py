"""The simulator's instruments: every physical parameter of the presets in one table, with its source.

The figures are rounded values typical of the class of part named in `source`, as makers' data sheets give
them; they were not taken from one opened data sheet or one unit, and stand for no particular product.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spectriage.spectra.arrays import FloatArray


@dataclass(frozen=True)
class InstrumentPreset:
    """One kind of instrument.

    Parameters
    ----------
    excitation_nm, laser_mw
        Laser wavelength and its full power at the sample.
    laser_nm_per_k
        Drift of the laser wavelength with its temperature.
    laser_warm_up_k, laser_warm_up_s
        How far below its working temperature a cold laser starts, and the time constant of its warming.
    droop
        Loss of power of a laser as warm as after a long exposure.
    pixels, first_nm, last_nm
        Detector elements and the wavelengths of the first and the last.
    curvature_nm
        Sag of the wavelength axis at its middle, against a straight line.
    resolution_cm
        Full width at half maximum of the slit image at the centre of the range, in cm⁻¹.
    peak_photons_mw_s
        Raman photons per cm⁻¹ at the top of the strongest band of a sample of brightness 1, a second and mW.
    efficiency_nm, efficiency
        Quantum efficiency times optics, tabulated against wavelength.
    gain_e, read_noise_e, bias_counts, full_well_e, bits
        Electrons a count, read noise, offset, capacity of a pixel, ADC width.
    dark_e_s, dark_doubling_k
        Dark current at the working temperature and the temperature step that doubles it.
    detector_c
        Working temperature of the detector.
    prnu, dsnu
        Relative standard deviation of the pixels' sensitivity and of their dark current.
    hot_fraction, hot_factor
        Part of the pixels whose dark current is larger, and how much.
    cosmic_rate_s, cosmic_e
        Cosmic-ray hits a second on the whole detector, and the mean charge of one.
    fluorescence
        Fluorescence relative to that of the same sample at 785 nm.
    source
        What the figures stand for.
    """

    name: str
    detector: str
    excitation_nm: float
    laser_mw: float
    laser_nm_per_k: float
    laser_warm_up_k: float
    laser_warm_up_s: float
    droop: float
    pixels: int
    first_nm: float
    last_nm: float
    curvature_nm: float
    resolution_cm: float
    peak_photons_mw_s: float
    efficiency_nm: tuple[float, ...]
    efficiency: tuple[float, ...]
    gain_e: float
    read_noise_e: float
    bias_counts: float
    full_well_e: float
    bits: int
    dark_e_s: float
    dark_doubling_k: float
    detector_c: float
    prnu: float
    dsnu: float
    hot_fraction: float
    hot_factor: float
    cosmic_rate_s: float
    cosmic_e: float
    fluorescence: float
    min_integration_ms: float
    max_integration_ms: float
    source: str

    @property
    def saturation_counts(self) -> float:
        """Counts at which a pixel is full, or the converter at its end."""
        return float(min(2**self.bits - 1, np.floor(self.bias_counts + self.full_well_e / self.gain_e)))

    def wavelength_nm(self) -> FloatArray:
        """Wavelength of each pixel, shape (pixels,): a line with a small sag, as a grating gives it."""
        x = np.linspace(-1.0, 1.0, self.pixels)
        middle, half = 0.5 * (self.first_nm + self.last_nm), 0.5 * (self.last_nm - self.first_nm)
        return np.asarray(middle + half * x + self.curvature_nm * (1.0 - x * x), dtype=np.float64)

    def efficiency_at(self, wavelength_nm: FloatArray) -> FloatArray:
        """Return the detected electrons per photon, interpolated, shape of the argument."""
        return np.asarray(np.interp(wavelength_nm, self.efficiency_nm, self.efficiency), dtype=np.float64)


CCD_785 = InstrumentPreset(
    name="785-ccd",
    detector="back-thinned near-infrared CCD, 1024 columns, binned",
    excitation_nm=785.0,
    laser_mw=100.0,
    laser_nm_per_k=0.01,
    laser_warm_up_k=8.0,
    laser_warm_up_s=60.0,
    droop=0.03,
    pixels=1024,
    first_nm=798.0,
    last_nm=962.0,
    curvature_nm=1.5,
    resolution_cm=8.0,
    peak_photons_mw_s=285.0,
    efficiency_nm=(780.0, 800.0, 850.0, 900.0, 950.0, 1000.0),
    efficiency=(0.78, 0.80, 0.76, 0.64, 0.46, 0.24),
    gain_e=4.6,
    read_noise_e=12.0,
    bias_counts=1000.0,
    full_well_e=300_000.0,
    bits=16,
    dark_e_s=40.0,
    dark_doubling_k=6.0,
    detector_c=-10.0,
    prnu=0.01,
    dsnu=0.10,
    hot_fraction=0.003,
    hot_factor=20.0,
    cosmic_rate_s=0.02,
    cosmic_e=3000.0,
    fluorescence=1.0,
    min_integration_ms=3.0,
    max_integration_ms=60_000.0,
    source=(
        "Laser: volume-Bragg-grating stabilised 785 nm diode (about 0.01 nm/K; a free-running one 0.3). "
        "Detector: cooled, vertically binned back-thinned CCD with near-infrared enhancement, silicon "
        "absorption cuts the red end; 16-bit converter matched to the register's full well. "
        "Spectrograph: f/2 class transmission grating, 8 cm⁻¹. Raman rate: set so that a strong scatterer "
        "at full power reaches about a sixth of full scale in one second, as on handhelds of this class."
    ),
)

INGAAS_1064 = InstrumentPreset(
    name="1064-ingaas",
    detector="InGaAs photodiode array, 512 elements",
    excitation_nm=1064.0,
    laser_mw=400.0,
    laser_nm_per_k=0.01,
    laser_warm_up_k=10.0,
    laser_warm_up_s=90.0,
    droop=0.04,
    pixels=512,
    first_nm=1092.0,
    last_nm=1340.0,
    curvature_nm=2.0,
    resolution_cm=10.0,
    peak_photons_mw_s=115.0,
    efficiency_nm=(1000.0, 1100.0, 1200.0, 1300.0, 1400.0),
    efficiency=(0.55, 0.62, 0.66, 0.68, 0.68),
    gain_e=80.0,
    read_noise_e=350.0,
    bias_counts=2000.0,
    full_well_e=5.0e6,
    bits=16,
    dark_e_s=30_000.0,
    dark_doubling_k=8.0,
    detector_c=-15.0,
    prnu=0.03,
    dsnu=0.20,
    hot_fraction=0.006,
    hot_factor=5.0,
    cosmic_rate_s=0.002,
    cosmic_e=20_000.0,
    fluorescence=0.06,
    min_integration_ms=1.0,
    max_integration_ms=30_000.0,
    source=(
        "Laser: volume-Bragg-grating stabilised 1064 nm diode. Detector: one-stage cooled InGaAs array in "
        "its high-sensitivity gain, whose read noise and dark current exceed a CCD's by two to three orders. "
        "Raman rate: that of 785-ccd times (785/1064)³ for photons. Fluorescence: about a "
        "twentieth of that at 785 nm, the usual reason to choose 1064; it varies widely between materials."
    ),
)

PRESETS = {preset.name: preset for preset in (CCD_785, INGAAS_1064)}
"""The presets by name, as ``?preset=NAME`` takes them."""
