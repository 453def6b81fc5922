"""The simulator's noise and optics against oracles of their own."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spectriage.device.contract.clock import Deadline
from spectriage.device.contract.spectrometer import ScanSettings
from spectriage.device.contract.uri import parse_uri
from spectriage.device.simulator.detector import DetectorUnit
from spectriage.device.simulator.lines import Lines, photon_density
from spectriage.device.simulator.presets import CCD_785, INGAAS_1064, PRESETS
from spectriage.device.simulator.simulator import open_simulator
from spectriage.device.testing.permits import bench_permit


def opened(text):
    return open_simulator(parse_uri(text))


def acquire(device):
    return device.acquire(Deadline.after(1e6, device.clock))


# -- detector -------------------------------------------------------------------------------------


def flat_unit(preset, **changes):
    from dataclasses import replace

    quiet = replace(preset, cosmic_rate_s=0.0, **changes)
    n = preset.pixels
    return DetectorUnit(quiet, np.ones(n), np.full(n, quiet.dark_e_s))


@pytest.mark.parametrize("preset", [CCD_785, INGAAS_1064], ids=lambda p: p.name)
def test_the_photon_transfer_curve_has_the_gain_and_the_read_noise(preset):
    """Variance against mean is a line: slope 1/gain, intercept (read noise/gain)² + 1/12."""
    unit, rng = flat_unit(preset), np.random.default_rng(7)
    means, variances = [], []
    for level in np.linspace(0.0, 0.6, 13) * preset.full_well_e:
        frames = [unit.expose(np.full(preset.pixels, level), 1.0, rng) for _ in range(60)]
        means.append(np.mean(frames) - preset.bias_counts)
        variances.append(np.mean(np.var(frames, axis=0, ddof=1)))
    slope, intercept = np.polyfit(means, variances, 1, w=1.0 / np.array(variances))
    assert 1.0 / slope == pytest.approx(preset.gain_e, rel=0.02)
    read_counts = (preset.read_noise_e / preset.gain_e) ** 2 + 1.0 / 12.0
    assert intercept == pytest.approx(read_counts, rel=0.05)


@pytest.mark.parametrize("preset", [CCD_785, INGAAS_1064], ids=lambda p: p.name)
def test_the_shortest_dark_has_the_read_noise(preset):
    unit, rng = flat_unit(preset, dark_e_s=0.0), np.random.default_rng(8)
    frames = [unit.expose(np.zeros(preset.pixels), 0.0, rng) for _ in range(40)]
    measured = np.std(np.diff(frames, axis=0)) / np.sqrt(2.0) * preset.gain_e
    rounding = preset.gain_e * np.sqrt(1.0 / 12.0)
    assert measured == pytest.approx(np.hypot(preset.read_noise_e, rounding), rel=0.02)


@pytest.mark.parametrize("preset", [CCD_785, INGAAS_1064], ids=lambda p: p.name)
def test_the_dark_grows_with_the_exposure_by_the_dark_current(preset):
    unit, rng = flat_unit(preset), np.random.default_rng(9)
    seconds = np.array([0.5, 1.0, 2.0, 4.0, 8.0])
    means = [np.mean([unit.expose(np.zeros(preset.pixels), s, rng) for _ in range(8)]) for s in seconds]
    slope, intercept = np.polyfit(seconds, means, 1)
    assert slope * preset.gain_e == pytest.approx(preset.dark_e_s, rel=0.02)
    assert intercept == pytest.approx(preset.bias_counts, abs=0.5)


def test_a_warmer_detector_doubles_its_dark_current():
    unit, rng = flat_unit(CCD_785, dark_e_s=4000.0), np.random.default_rng(10)
    cold, warm = (
        np.mean(unit.expose(np.zeros(CCD_785.pixels), 10.0, rng, warmer_k=k)) - CCD_785.bias_counts
        for k in (0.0, CCD_785.dark_doubling_k)
    )
    assert warm / cold == pytest.approx(2.0, rel=0.01)


def test_a_full_pixel_saturates_and_the_converter_clips():
    unit, rng = flat_unit(CCD_785), np.random.default_rng(11)
    counts = unit.expose(np.full(CCD_785.pixels, 1e9), 1.0, rng)
    assert np.all(counts >= CCD_785.saturation_counts - 20.0)
    assert np.all(counts <= 65_535.0)
    assert np.array_equal(counts, np.rint(counts))


def test_cosmic_rays_come_at_their_rate():
    from dataclasses import replace

    preset = replace(CCD_785, cosmic_rate_s=2.0, cosmic_e=1e5, dark_e_s=0.0)
    unit = DetectorUnit(preset, np.ones(preset.pixels), np.zeros(preset.pixels))
    rng = np.random.default_rng(12)
    frames = [unit.expose(np.zeros(preset.pixels), 1.0, rng) for _ in range(300)]
    charge = np.sum(frames) - preset.bias_counts * preset.pixels * 300
    assert charge * preset.gain_e / 300 == pytest.approx(2.0 * 1e5, rel=0.15)


@given(st.integers(0, 2**32), st.floats(0.0, 1e8), st.floats(0.0, 60.0))
@settings(max_examples=30, deadline=None)
def test_counts_are_whole_and_within_the_converter(seed, electrons, seconds):
    rng = np.random.default_rng(seed)
    unit = DetectorUnit.draw(CCD_785, rng)
    counts = unit.expose(np.full(CCD_785.pixels, electrons), seconds, rng)
    assert counts.min() >= 0.0
    assert counts.max() <= 65_535.0
    assert np.array_equal(counts, np.rint(counts))


# -- optics ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("eta", [0.0, 0.4, 1.0])
def test_a_line_through_the_slit_is_its_convolution(eta):
    """Oracle: the pseudo-Voigt drawn finely and convolved with the Gaussian slit numerically."""
    fwhm, slit, area = 9.0, 7.0, 5.0
    lines = Lines(np.array([1000.0]), np.array([area]), np.array([fwhm]), np.array([eta]), 0.0)
    x = np.arange(500.0, 1500.0, 0.25)
    got = photon_density(lines, x, np.full(x.size, slit))
    u = (x - 1000.0) / fwhm
    profile = eta / (1 + 4 * u**2) + (1 - eta) * np.exp(-4 * np.log(2) * u**2)
    kernel = np.exp(-4 * np.log(2) * (np.arange(-200, 201) * 0.25 / slit) ** 2)
    oracle = np.convolve(profile, kernel / kernel.sum(), mode="same")
    # The Lorentzian wing beyond the window is part of the area.
    shape = eta * np.pi / 2 + (1 - eta) * np.sqrt(np.pi / np.log(2)) / 2
    oracle *= area / (fwhm * shape)
    assert np.allclose(got[400:-400], oracle[400:-400], atol=2e-4 * oracle.max())


@pytest.mark.parametrize("name", PRESETS)
def test_the_axis_is_monotonic_and_covers_the_fingerprint(name):
    preset = PRESETS[name]
    wavelength = preset.wavelength_nm()
    assert np.all(np.diff(wavelength) > 0)
    shift = 1e7 * (1 / preset.excitation_nm - 1 / wavelength)
    assert shift[0] < 300.0
    assert shift[-1] > 1800.0


def test_the_band_of_an_unperturbed_sample_stands_where_it_should():
    device = opened("sim:acetaminophen?perturbation=none&fluorescence=0&integration_ms=3000")
    device.laser_on(bench_permit())
    spectrum = acquire(device).to_spectrum().crop(1300.0, 1350.0)
    assert spectrum.shift[np.argmax(spectrum.intensity)] == pytest.approx(1324.0, abs=3.0)


def test_packaging_adds_its_bands_and_takes_some_of_the_sample():
    common = "fluorescence=0&perturbation=none&integration_ms=1000"
    bare, bagged = opened(f"sim:calcite?{common}"), opened(f"sim:calcite?{common}&packaging=ps")
    spectra = []
    for device in (bare, bagged):
        dark = acquire(device)
        device.laser_on(bench_permit())
        spectra.append(acquire(device).with_dark(dark).to_spectrum())

    def height(spectrum, at):
        near = spectrum.crop(at - 12, at + 12).intensity
        return float(near.max() - near.min())

    assert height(spectra[1], 1086.0) == pytest.approx(0.81 * height(spectra[0], 1086.0), rel=0.03)
    assert height(spectra[1], 1001.0) > 5 * height(spectra[0], 1001.0)


def test_fluorescence_bleaches_under_the_laser_and_not_in_the_dark():
    device = opened("sim:sodium chloride?fluorescence=3&integration_ms=1000")
    device.laser_on(bench_permit())
    levels = []
    for _ in range(40):
        levels.append(acquire(device).counts.mean())
    assert levels[-1] < 0.95 * levels[0]
    assert np.all(np.diff(levels) < 0.01 * levels[0])
    device.laser_off()
    dark = [acquire(device).counts.mean() for _ in range(3)]
    assert np.ptp(dark) < 1.0


def test_a_warming_laser_moves_the_bands():
    def peak(laser_k):
        device = opened(f"sim:calcite?perturbation=none&fluorescence=0&laser_k={laser_k}&integration_ms=2000")
        device.laser_on(bench_permit())
        spectrum = acquire(device).to_spectrum().crop(1060.0, 1110.0)
        weight = spectrum.intensity - spectrum.intensity.min()
        return float(np.sum(weight * spectrum.shift) / np.sum(weight))

    # 20 K at 0.01 nm/K: 0.2 nm of 785 nm is 3.25 cm⁻¹; the device's axis does not know of it.
    assert peak(20) - peak(0) == pytest.approx(3.25, abs=0.4)


def test_ambient_light_is_in_the_dark_too():
    device = opened("sim:calcite?ambient=20000&integration_ms=1000")
    dark = acquire(device)
    assert dark.counts.max() > 3000.0
    quiet = opened("sim:calcite?integration_ms=1000")
    assert acquire(quiet).counts.max() < 2000.0


def test_longer_exposures_gather_in_proportion():
    device = opened("sim:calcite?fluorescence=0&perturbation=none&integration_ms=500")
    heights = []
    for integration_ms in (500.0, 1000.0):
        device.laser_off()
        device.configure(ScanSettings(integration_ms, 4))
        dark = acquire(device)
        device.laser_on(bench_permit())
        heights.append(acquire(device).with_dark(dark).to_spectrum().intensity.max())
    assert heights[1] / heights[0] == pytest.approx(2.0, rel=0.01)
