"""One scan from trigger to answer: what is decided on, and who sees full laser power."""

from copy import copy
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from spectriage.device.acquire.acquisition import Acquirer, powered_light
from spectriage.device.acquire.scanfile import write_scan
from spectriage.device.calibration.axis import WavelengthFit
from spectriage.device.calibration.calibration import Calibration
from spectriage.device.calibration.unit import UnitCalibration
from spectriage.device.contract.capabilities import LaserState
from spectriage.device.contract.clock import Deadline
from spectriage.device.contract.errors import DeviceSettingsError
from spectriage.device.contract.uri import parse_uri
from spectriage.device.drivers.replay import open_replay
from spectriage.device.session import ScanPlan, Session, scan_spots
from spectriage.device.simulator.simulator import open_simulator
from spectriage.spectra.verdict import Verdict

FULL_MW = 100.0


@pytest.fixture
def engine(engine):
    """The warm engine, for one test to wrap."""
    return copy(engine)


def opened(text, factory_error_nm=0.0):
    """A simulated unit whose factory axis is wrong by so much, and the powers at which it was lit."""
    device = open_simulator(parse_uri(text))
    powers = []
    switch, acquire = device.laser_on, device.acquire

    def laser_on(permit):
        powers.append(device._power_mw)
        switch(permit)

    def wrong(deadline):
        raw = acquire(deadline)
        return replace(raw, axis=replace(raw.axis, wavelength_nm=raw.axis.wavelength_nm + factory_error_nm))

    device.laser_on, device.acquire = laser_on, wrong
    return device, powers


def calibration_of(device, *, days=30.0):
    """A calibration that knows the unit's true wavelengths: the factory's of a unit without error."""
    true_nm = open_simulator(parse_uri(device.info.uri))._do_axis().wavelength_nm
    pixels = np.linspace(-1.0, 1.0, true_nm.size)
    series = np.polynomial.legendre.legfit(pixels, true_nm, 5)
    covariance = tuple(tuple(row) for row in (1e-8 * np.eye(6)).tolist())
    fit = WavelengthFit(tuple(series.tolist()), covariance, true_nm.size, (), (), ())
    assert np.abs(fit.wavelength_nm() - true_nm).max() < 0.02
    info = device.info
    return Calibration(info.serial, info.model, device.clock.now(), days, wavelength=fit)


def later(device):
    return Deadline.after(600.0, device.clock)


# -- the fault that a decision before calibration was -----------------------------------------------


@pytest.mark.parametrize("error_nm", [0.0, 1.0, -1.0, 1.5, -1.5, 3.0, -3.0])
@pytest.mark.parametrize("sample", ["rdx", "petn", "ammonium nitrate", "dark-powder"])
def test_no_energetic_or_dark_sample_sees_full_power_whatever_the_factory_axis(engine, sample, error_nm):
    device, powers = opened(f"sim:{sample}?integration_ms=2000&seed=3", error_nm)
    result = Session(device, engine, calibration_of(device), ScanPlan(careful=True)).run()
    assert powers
    assert max(powers) == pytest.approx(0.1 * FULL_MW)
    if sample != "dark-powder":
        assert result.identification.verdict in (Verdict.ALARM, Verdict.WARNING)
    assert device.laser_readback() is LaserState.OFF


def test_the_decision_is_that_on_the_calibrated_axis(engine):
    device, _ = opened("sim:rdx?integration_ms=3000&seed=3", 1.5)
    calibration = calibration_of(device)
    result = Session(device, engine, calibration).run()
    assert result.identification == engine.identify(calibration.apply(result.raw))
    assert result.identification.verdict is Verdict.ALARM
    assert engine.identify(result.raw.to_spectrum()).verdict is not Verdict.ALARM


@pytest.mark.parametrize("state", ["none", "expired", "forced"])
def test_a_unit_that_is_not_calibrated_scans_at_safe_power_only(engine, state):
    device, powers = opened("sim:caffeine?integration_ms=300&seed=1&brightness=0.3")
    known = {
        "none": UnitCalibration(),
        "expired": UnitCalibration(calibration_of(device), problem="The calibration expired."),
        "forced": UnitCalibration(calibration_of(device), overridden="The calibration expired."),
    }[state]
    result = Session(device, engine, known).run()
    assert max(powers) == pytest.approx(0.1 * FULL_MW)
    if result.limited:
        assert "calibration" in result.limited
    assert bool(result.health) == (state == "expired")


def undecided(engine, monkeypatch, reason="limit-of-detection", **changes):
    """Let the engine answer that more light would help, whatever it sees."""
    identify = engine.identify

    def blind(spectrum, **options):
        found = identify(spectrum, **options)
        return replace(found, verdict=Verdict.INCONCLUSIVE, reason=reason, **{"exposure": 4.0, **changes})

    monkeypatch.setattr(engine, "identify", blind)


def test_full_power_follows_where_nothing_speaks_against_it(engine, monkeypatch):
    undecided(engine, monkeypatch)
    device, powers = opened("sim:caffeine?integration_ms=300&fluorescence=0.1")
    result = Session(device, engine, calibration_of(device)).run()
    assert powers == [pytest.approx(10.0), pytest.approx(10.0), pytest.approx(FULL_MW)]
    assert result.power_mw == FULL_MW
    assert result.limited == ""
    assert result.raw.metadata["laser_mw"] == FULL_MW
    assert result.identification == engine.identify(result.spectrum)


def test_full_power_is_not_taken_where_it_could_not_change_the_answer(engine, monkeypatch):
    undecided(engine, monkeypatch, reason="packaging-only")
    device, powers = opened("sim:caffeine?integration_ms=300")
    result = Session(device, engine, calibration_of(device)).run()
    assert powers == [pytest.approx(10.0)]
    assert result.limited == ""


@pytest.mark.parametrize("reason", ["unknown", "partly-unknown", "unresolved", "weak-signal"])
def test_what_is_not_known_gets_no_full_power(engine, monkeypatch, reason):
    undecided(engine, monkeypatch, reason=reason, components=())
    device, powers = opened("sim:caffeine?integration_ms=300")
    result = Session(device, engine, calibration_of(device)).run()
    assert max(powers) == pytest.approx(10.0)
    assert "not known" in result.limited
    assert result.raw.metadata["laser_limited"] == result.limited


def test_the_policy_may_name_the_safe_power(engine):
    device, powers = opened("sim:tnt?integration_ms=3000")
    Session(device, engine, calibration_of(device), ScanPlan(safe_power_mw=25.0)).run()
    assert powers == [pytest.approx(25.0)]


def test_full_power_shortens_the_exposure_that_would_saturate(engine, monkeypatch):
    undecided(engine, monkeypatch)
    device, powers = opened("sim:caffeine?integration_ms=3000&fluorescence=0.1&brightness=20")
    result = Session(device, engine, calibration_of(device)).run()
    assert max(powers) == FULL_MW
    assert not result.raw.saturated.any()
    assert result.raw.integration_ms < 3000.0


def test_the_countdown_runs_before_the_laser(engine):
    device, _ = opened("sim:caffeine?integration_ms=300")
    states = []

    def countdown(left_s):
        states.append((round(left_s), device.laser_readback()))

    Session(device, engine, plan=ScanPlan(delay_s=3.0), countdown=countdown).run()
    assert states[0][0] == 3
    assert all(state is LaserState.OFF for _, state in states)


def test_a_sample_that_glows_more_and_more_is_not_fired_at(engine, monkeypatch):
    undecided(engine, monkeypatch)
    device, powers = opened("sim:caffeine?integration_ms=300")
    electrons = device._light.electrons_s

    def glowing(*, power, lit_s, laser_nm):
        return electrons(power=power, lit_s=lit_s, laser_nm=laser_nm) * np.exp(40.0 * lit_s * (power > 0))

    monkeypatch.setattr(device._light, "electrons_s", glowing)
    result = Session(device, engine, calibration_of(device)).run()
    assert "heating" in result.limited
    assert max(powers) == pytest.approx(10.0)


class FixedPower:
    """A unit whose laser has one power: the simulator without the capability."""

    def __init__(self, device):
        self._device = device

    def __getattr__(self, name):
        if name in ("laser_power_limits_mw", "set_laser_power_mw"):
            raise AttributeError(name)
        return getattr(self._device, name)


@pytest.mark.parametrize("plan", [ScanPlan(careful=True), ScanPlan()])
def test_a_laser_without_power_setting_is_refused_or_accepted_by_somebody(engine, plan):
    device, powers = opened("sim:caffeine?integration_ms=300")
    unit = FixedPower(device)
    known = calibration_of(device) if plan.careful else None
    with pytest.raises(DeviceSettingsError, match="--fixed-power"):
        Session(unit, engine, known, plan).run()
    assert not powers
    Session(unit, engine, known, replace(plan, fixed_power=True)).run()
    assert len(powers) == 1


def test_a_calibrated_laser_without_power_setting_scans_when_nobody_asked_for_care(engine):
    device, powers = opened("sim:caffeine?integration_ms=300")
    result = Session(FixedPower(device), engine, calibration_of(device)).run()
    assert len(powers) == 1
    assert result.power_mw is None


def test_a_recording_has_no_laser_to_be_careful_with(engine, tmp_path):
    device, _ = opened("sim:caffeine?integration_ms=300")
    write_scan(Acquirer(device).scan(later(device)), tmp_path / "a.csv")
    recording = open_replay(parse_uri(f"replay:{tmp_path / 'a.csv'}"))
    result = Session(recording, engine).run()
    assert result.power_mw is None
    with pytest.raises(DeviceSettingsError, match="power"):
        Session(recording, engine, plan=ScanPlan(careful=True)).run()


def test_accumulation_stops_when_more_light_cannot_change_the_answer(engine, monkeypatch):
    undecided(engine, monkeypatch, reason="packaging-only")
    device, _ = opened("sim:caffeine?integration_ms=100")
    result = Session(device, engine, plan=ScanPlan(seconds=60.0)).run()
    assert result.looks == 1
    undecided(engine, monkeypatch)
    device, _ = opened("sim:caffeine?integration_ms=100")
    assert Session(device, engine, plan=ScanPlan(seconds=20.0)).run().looks > 2


def test_the_exposure_is_found_at_safe_power(engine):
    device, powers = opened("sim:caffeine?integration_ms=5")
    result = Session(device, engine, plan=ScanPlan(auto=True)).run()
    assert result.exposure is not None
    assert result.exposure.settings.integration_ms > 5.0
    assert max(powers) == pytest.approx(10.0)


def test_an_old_calibration_is_the_best_axis_there_is_but_concludes_nothing(engine):
    device, _ = opened("sim:rdx?integration_ms=3000&seed=3", 1.5)
    old = replace(calibration_of(device), date=device.clock.now() - timedelta(days=400))
    known = UnitCalibration(old, problem="The calibration expired.")
    result = Session(device, engine, known).run()
    assert result.identification.reason == "instrument" or result.identification.verdict is Verdict.ALARM
    assert result.health


def test_spots_are_scanned_and_decided_once_each(engine):
    device, powers = opened("sim:calcite:0.5+polystyrene?uneven=1&integration_ms=500")
    lit = []

    def next_spot(spot):
        lit.append(device.laser_readback())
        if spot:
            device.move_to_spot(spot)

    results = list(scan_spots(Session(device, engine), 3, next_spot))
    assert [result.raw.metadata["simulated_spot"] for result in results] == [0, 1, 2]
    assert len(powers) == 3
    assert lit == [LaserState.OFF] * 3
    assert len({result.identification.similarity for result in results}) == 3


def test_the_power_of_a_light_is_that_asked_for():
    device, _ = opened("sim:caffeine?integration_ms=300")
    raw = Acquirer(device, light=powered_light(25.0)).scan(later(device))
    assert raw.metadata["laser_mw"] == 25.0
