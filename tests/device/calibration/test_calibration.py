import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from spectriage.device.acquire.acquisition import Acquirer
from spectriage.device.app import commands_calibration
from spectriage.device.calibration import unit
from spectriage.device.calibration.axis import (
    LaserFit,
    fit_laser,
    fit_wavelengths,
    match_bands,
)
from spectriage.device.calibration.calibration import (
    Calibration,
    calibration_problem,
    load_calibration,
    save_calibration,
)
from spectriage.device.calibration.peaks import find_lines
from spectriage.device.calibration.response import (
    GLASS_STANDARDS,
    SRM_2241,
    calcite_resolution_cm,
    fit_response,
)
from spectriage.device.calibration.standard import axis_error
from spectriage.device.contract import registry
from spectriage.device.contract.clock import Deadline
from spectriage.device.contract.errors import CalibrationError
from spectriage.device.contract.uri import parse_uri
from spectriage.device.simulator.simulator import open_simulator
from spectriage.library.catalogue import find_entry
from spectriage.library.catalogue.knowledge import load_emission_lines
from spectriage.spectra.errors import ParameterError
from spectriage.spectra.signal.wavelength import air_to_vacuum_nm

NEON = np.array(load_emission_lines()["Ne"].lines)
POLYSTYRENE = np.array([band.shift_cm for band in find_entry("polystyrene-astm-e1840").bands])
CALCITE = np.array([band.shift_cm for band in find_entry("calcite-cwa-18133").bands])


def opened(text):
    return open_simulator(parse_uri(text))


def scanned(text):
    device = opened(text)
    return Acquirer(device).scan(Deadline.after(1e4, device.clock))


def unlit(text):
    device = opened(text)
    return device.acquire(Deadline.after(1e4, device.clock))


# -- peaks ----------------------------------------------------------------------------------------


@given(st.floats(30.0, 220.0), st.floats(3.0, 9.0), st.floats(1000.0, 1e5), st.integers(0, 2**31))
@settings(max_examples=40, deadline=None)
def test_a_line_is_placed_between_the_pixels(position, fwhm, height, seed):
    x = np.arange(256.0)
    clean = 500.0 + 0.3 * x + height * np.exp(-0.5 * ((x - position) / (fwhm / 2.355)) ** 2)
    peaks = find_lines(np.random.default_rng(seed).poisson(clean).astype(float))
    best = int(np.argmin(np.abs(peaks.position - position)))
    assert abs(peaks.position[best] - position) < 5.0 * peaks.uncertainty[best] + 0.02
    if height > 2000.0:
        assert peaks.fwhm[best] == pytest.approx(fwhm, rel=0.15)


def test_a_flat_spectrum_has_no_lines():
    assert len(find_lines(np.full(300, 7.0))) == 0


def test_air_and_vacuum_differ_as_tabulated():
    # Ne I 837.7608 nm in air is 837.9909 nm in vacuum (index of standard air 1.000274).
    assert air_to_vacuum_nm(837.7608) == pytest.approx(837.7608 * 1.0002747, abs=5e-4)


# -- axis -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("unit", range(6))
def test_a_lamp_and_a_standard_put_a_simulated_unit_right(unit):
    """Oracle: the simulator's own true axis, which the device does not tell."""
    device = opened(f"sim:neon-lamp?unit={unit}&integration_ms=500")
    lamp = device.acquire(Deadline.after(100.0, device.clock))
    truth = device._light.wavelength_nm
    fit = fit_wavelengths(lamp.counts, lamp.axis.wavelength_nm, NEON[:, 0], NEON[:, 1])
    inside = slice(30, -30)
    error = (fit.wavelength_nm() - truth)[inside]
    before = (lamp.axis.wavelength_nm - truth)[inside]
    assert np.max(np.abs(error)) < 0.05
    assert np.std(error) < 0.5 * np.std(before) or np.std(before) < 0.01
    assert len(fit.lines_nm) >= 12
    standard = scanned(
        f"sim:polystyrene-astm-e1840?unit={unit}&perturbation=measured&laser_k=15&fluorescence=0.1"
    )
    laser = fit_laser(standard.counts - standard.dark, fit.wavelength_nm(), POLYSTYRENE, 785.0)
    # 15 K at 0.01 nm/K; the sample's bands are perturbed by about 1 cm⁻¹ = 0.06 nm each.
    assert laser.laser_nm == pytest.approx(785.15, abs=0.06)


def test_the_axis_error_on_a_real_instrument_before_and_after(measured):
    """One Horiba, two optics: neon fits the axis, polystyrene the laser, calcite judges."""
    folder = measured / "charisma-horiba-785"
    scans = {
        "OP01": ("PST10_iR785_OP01_40000msx4", "sCAL10_iR785_OP01_4000msx4", "nCAL10_iR785_OP01_6000msx4"),
        "OP02": ("PST10_iR785_OP02_50000msx2", "sCAL10_iR785_OP02_15000msx2", "nCAL10_iR785_OP02_20000msx2"),
    }
    for optics, (standard, *judges) in scans.items():
        shift, lamp = np.loadtxt(folder / f"NeonSNQ043_iR785_{optics}.txt").T
        fit = fit_wavelengths(lamp, 1.0 / (1.0 / 785.0 - shift * 1e-7), NEON[:, 0], NEON[:, 1])
        assert len(fit.lines_nm) >= 20
        assert fit.rms_nm < 0.13
        laser = fit_laser(
            np.loadtxt(folder / f"{standard}.txt")[:, 1], fit.wavelength_nm(), POLYSTYRENE, 785.0
        )
        assert laser.laser_nm == pytest.approx(784.91, abs=0.03)
        after = 1e7 / laser.laser_nm - 1e7 / fit.wavelength_nm()
        errors = []
        for name in judges:
            counts = np.loadtxt(folder / f"{name}.txt")[:, 1]
            errors.append(
                [
                    np.abs(at[np.argmin(np.abs(bands - 1085.91))] - 1085.91)
                    for at, bands in (match_bands(counts, axis, CALCITE) for axis in (shift, after))
                ]
            )
        before_cm, after_cm = np.mean(errors, axis=0)
        assert after_cm < 0.75 * before_cm


def test_the_uncertainty_grows_beyond_the_lines():
    lamp = unlit("sim:neon-lamp?integration_ms=500&unit=1")
    fit = fit_wavelengths(lamp.counts, lamp.axis.wavelength_nm, NEON[:, 0], NEON[:, 1], order=3)
    short = fit_wavelengths(
        lamp.counts, lamp.axis.wavelength_nm, NEON[NEON[:, 0] < 900, 0], NEON[NEON[:, 0] < 900, 1], order=3
    )
    assert short.uncertainty_nm()[-1] > 3.0 * fit.uncertainty_nm()[-1]


def test_a_wrong_rough_axis_and_missing_lines_do_not_mislead():
    lamp = unlit("sim:neon-lamp?integration_ms=500&unit=2&perturbation=none")
    truth = lamp.axis.wavelength_nm
    keep = np.random.default_rng(0).random(len(NEON)) > 0.25
    fit = fit_wavelengths(lamp.counts, (truth - 870) * 1.003 + 870 + 1.7, NEON[keep, 0], NEON[keep, 1])
    assert np.max(np.abs(fit.wavelength_nm() - truth)[20:-20]) < 0.1


@pytest.mark.parametrize("counts", [np.zeros(500), np.random.default_rng(1).normal(size=500), np.ones(3)])
def test_no_lamp_is_a_typed_error(counts):
    with pytest.raises(CalibrationError):
        fit_wavelengths(counts, np.linspace(790.0, 960.0, counts.size), NEON[:, 0])


def test_no_standard_is_a_typed_error():
    with pytest.raises(CalibrationError, match="bands"):
        fit_laser(np.full(500, 3.0), np.linspace(790.0, 960.0, 500), POLYSTYRENE, 785.0)


# -- response and resolution ----------------------------------------------------------------------


@pytest.mark.parametrize("name", GLASS_STANDARDS)
def test_a_glass_emits_positive_light_in_its_range_only(name):
    glass = GLASS_STANDARDS[name]
    inside = glass.emission(np.linspace(max(glass.low_cm, 300.0), min(glass.high_cm, 3000.0), 100))
    assert np.all(inside > 0.0)
    assert np.all(inside < 1.1)
    assert np.all(np.isnan(glass.emission([glass.low_cm - 1.0, glass.high_cm + 1.0])))


def test_the_polynomial_of_the_785_glass_has_the_value_worked_out_by_hand():
    # 0.0971937 + 0.228325 - 0.0586762 + 0.216023 - 0.0977171 + 0.0115596 at 1000 cm⁻¹
    assert SRM_2241.emission(1000.0) == pytest.approx(0.396708, abs=1e-6)


def test_the_response_is_recovered_from_a_glass():
    rng = np.random.default_rng(3)
    shift = np.linspace(250.0, 2300.0, 900)
    true = np.exp(-0.5 * ((shift - 900.0) / 900.0) ** 2) * (1.0 + 0.05 * np.sin(shift / 300.0))
    counts = rng.poisson(4e4 * true * SRM_2241.emission(shift)).astype(float)
    counts[300] += 5e4  # a cosmic ray
    response = fit_response(counts, shift, SRM_2241)
    ratio = response.at(shift) / true
    assert np.max(np.abs(ratio / ratio.mean() - 1.0)) < 0.02


def test_too_little_glass_is_a_typed_error():
    with pytest.raises(CalibrationError):
        fit_response(np.zeros(300), np.linspace(250.0, 2300.0, 300), SRM_2241)


@pytest.mark.parametrize("resolution", [5.0, 8.0, 14.0])
def test_the_resolution_is_read_from_calcite(resolution):
    from scipy.special import voigt_profile

    shift = np.arange(900.0, 1250.0, 1.5)
    counts = 100.0 + 2e5 * voigt_profile(shift - 1085.9, resolution / 2.3548, 0.6)
    assert calcite_resolution_cm(counts, shift) == pytest.approx(resolution, rel=0.06)


# -- the record -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def made():
    lamp = unlit("sim:neon-lamp?integration_ms=500&unit=1")
    fit = fit_wavelengths(lamp.counts, lamp.axis.wavelength_nm, NEON[:, 0], NEON[:, 1])
    shift = np.linspace(250.0, 2300.0, 600)
    response = fit_response(1e4 * SRM_2241.emission(shift) * np.exp(-shift / 3000.0), shift, SRM_2241)
    return Calibration(
        serial=lamp.info.serial,
        model=lamp.info.model,
        date=datetime(2026, 1, 1, tzinfo=UTC),
        wavelength=fit,
        laser=LaserFit(785.05, 0.01, (1001.4,), (0.0,)),
        response=response,
        resolution_cm=8.2,
        sources=(("neon", "00" * 32),),
    )


def test_a_calibration_survives_its_file(made, tmp_path):
    path = tmp_path / "c.json"
    save_calibration(made, path)
    again = load_calibration(path)
    assert again == made
    assert again.digest() == made.digest()


def test_a_calibration_moves_the_axis_and_divides_by_the_response(made):
    raw = scanned("sim:calcite?unit=1&seed=9")
    plain, calibrated = raw.to_spectrum(), made.apply(raw)
    assert not np.allclose(plain.shift, calibrated.shift, atol=0.1)
    factor = made.response.at(calibrated.shift)
    assert np.allclose(calibrated.intensity * factor, plain.intensity)
    assert np.allclose(calibrated.variance * factor**2, plain.variance)
    assert calibrated.excitation_nm == 785.05
    assert calibrated.resolution_cm == 8.2
    assert calibrated.metadata["calibration"]["sha256"] == made.digest()


def test_a_foreign_calibration_is_not_applied(made):
    with pytest.raises(CalibrationError, match="not for"):
        made.apply(scanned("sim:calcite?unit=2"))


def test_what_is_wrong_with_a_calibration_is_said(made):
    info = opened("sim:calcite?unit=1").info
    now = made.date + timedelta(days=3)
    assert calibration_problem(made, info, now) == ""
    assert "no calibration" in calibration_problem(None, info, now)
    assert "expired on 2026-01-31" in calibration_problem(made, info, now + timedelta(days=60))
    assert "future" in calibration_problem(made, info, now - timedelta(days=60))
    assert "another instrument" in calibration_problem(made, replace(info, serial="other"), now)
    other = replace(info, detector=replace(info.detector, pixels=99))
    assert "does not fit" in calibration_problem(made, other, now)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda c: c.update(serial="another"), "altered"),
        (lambda c: c["laser"].update(laser_nm=700.0), "altered"),
        (lambda c: c.update(schema=2), "schema 2"),
        (lambda c: c.update(kind="x"), "not a calibration"),
        (lambda c: c.pop("laser"), "damaged"),
        (lambda c: c.update(date="yesterday"), "damaged"),
        (lambda c: c["wavelength"].update(coefficients=[float("nan")]), "damaged"),
        (lambda c: c["wavelength"].update(pixels=10**9), "damaged"),
        (lambda c: c["laser"].update(laser_nm=-3), "damaged"),
        (lambda c: c["laser"].update(extra=3), "damaged"),
    ],
)
def test_a_bad_file_is_a_typed_error(made, tmp_path, change, problem):
    content = json.loads(made.to_json())
    change(content)
    path = tmp_path / "c.json"
    path.write_text(json.dumps(content))
    with pytest.raises(CalibrationError, match=problem):
        load_calibration(path)


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, "\x00", "3"])
def test_no_json_is_a_typed_error(tmp_path, text):
    path = tmp_path / "c.json"
    path.write_text(text)
    with pytest.raises(CalibrationError):
        load_calibration(path)


# -- the commands ---------------------------------------------------------------------------------


@pytest.fixture
def run(monkeypatch, tmp_path):
    entries = [
        registry.EntryPoint(name, f"spectriage.device.{module}:DRIVER", registry.GROUP)
        for name, module in (("sim", "simulator.simulator"), ("replay", "drivers.replay"))
    ]
    monkeypatch.setattr(registry, "entry_points", lambda group: entries)
    monkeypatch.setattr(unit, "calibration_path", lambda serial: tmp_path / "data" / f"{serial}.json")
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(commands_calibration.calibrate)
    app.command()(commands_calibration.check)
    return lambda *words: CliRunner().invoke(app, list(words))


STANDARD = "sim:polystyrene-astm-e1840?unit=11&fluorescence=0.1"


def test_a_unit_is_calibrated_and_then_fit(run):
    before = json.loads(run("check", "-d", STANDARD, "--yes", "--json").stdout)
    assert not before["fit"]
    assert "no calibration" in before["reasons"][0]
    words = ("--lamp-device", "sim:neon-lamp?unit=11", "--yes", "--json")
    made = json.loads(run("calibrate", "-d", STANDARD, *words).stdout)
    assert made["axis_error_after"]["rms_cm"] < made["axis_error_before"]["rms_cm"] + 0.1
    assert abs(made["axis_error_after"]["mean_cm"]) < 0.3
    after = run("check", "-d", STANDARD, "--yes", "--json")
    assert json.loads(after.stdout)["fit"]
    assert after.exit_code == 0


def test_a_unit_that_drifted_is_unfit(run):
    run("calibrate", "-d", STANDARD, "--lamp-device", "sim:neon-lamp?unit=11", "--yes")
    drifted = run("check", "-d", f"{STANDARD}&laser_k=40", "--yes", "--json")
    assert drifted.exit_code == 12
    assert "axis is off" in json.loads(drifted.stdout)["reasons"][0]


@pytest.mark.parametrize(
    "words",
    [
        ("calibrate", "-d", STANDARD, "--lamp", "xenon"),
        ("calibrate", "-d", STANDARD, "--lamp-device", "sim:caffeine?unit=11"),
        ("calibrate", "-d", STANDARD, "--lamp-device", "sim:neon-lamp?unit=12"),
        ("calibrate", "-d", "sim:sodium chloride?unit=11", "--lamp-device", "sim:neon-lamp?unit=11"),
        ("check", "-d", STANDARD, "--standard", "butter"),
        ("check", "-d", "nosuch:x"),
    ],
)
def test_a_failed_calibration_is_an_error_and_writes_nothing(run, words, tmp_path):
    result = run(*words, "--yes", "--json")
    assert result.exit_code == 2
    assert "error" in json.loads(result.stdout)
    assert not (tmp_path / "data").exists() or not list((tmp_path / "data").iterdir())


def test_an_axis_off_by_a_known_amount_is_said_on_a_standard():
    with registry.open_device(STANDARD) as device:
        spectrum = Acquirer(device).scan(Deadline.after(600.0, device.clock)).to_spectrum()
    right = axis_error(spectrum, "polystyrene")
    moved = axis_error(replace(spectrum, shift=spectrum.shift + 3.0), "polystyrene")
    assert right.found
    assert moved.mean_cm - right.mean_cm == pytest.approx(3.0, abs=0.3)
    assert not moved.within or abs(right.mean_cm + 3.0) <= 2.0
    # nothing is as sharp as the simulated unit's 8 cm⁻¹ allow
    assert 6.0 < right.strongest_fwhm_cm < 18.0
    flat = axis_error(replace(spectrum, intensity=np.ones_like(spectrum.intensity)), "polystyrene")
    assert (flat.bands, flat.found, flat.within, flat.strongest_fwhm_cm) == (0, False, False, None)
    with pytest.raises(ParameterError, match="no standard"):
        axis_error(spectrum, "chalk")
