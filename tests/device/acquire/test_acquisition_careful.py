import numpy as np
import pytest

from spectriage.device.acquire.acquisition import Acquirer, powered_light
from spectriage.device.acquire.careful import careful_scan
from spectriage.device.acquire.scanfile import write_scan
from spectriage.device.contract.clock import Deadline
from spectriage.device.contract.errors import DeviceSettingsError
from spectriage.device.contract.spectrometer import LaserState
from spectriage.device.contract.uri import parse_uri
from spectriage.device.drivers.replay import open_replay
from spectriage.device.simulator.simulator import open_simulator


def opened(text):
    return open_simulator(parse_uri(text))


def later(device):
    return Deadline.after(600.0, device.clock)


def test_full_power_follows_where_nothing_speaks_against_it():
    device = opened("sim:caffeine?integration_ms=300")
    seen = []
    result = careful_scan(
        Acquirer(device), lambda s: seen.append(s) or len(seen), lambda _: "", later(device)
    )
    assert result.power_mw == 100.0
    assert result.reason == ""
    assert [s.metadata["laser_mw"] for s in seen] == [10.0, 100.0]
    assert seen[1].intensity.max() > 5.0 * seen[0].intensity.max()


def test_an_energetic_material_never_gets_full_power():
    device = opened("sim:tnt?integration_ms=300")
    powers = []
    switch = device.laser_on

    def watched():
        powers.append(device._power_mw)
        switch()

    device.laser_on = watched
    acquirer = Acquirer(device)
    result = careful_scan(acquirer, lambda s: "explosive", lambda d: f"{d}: could go off", later(device))
    assert result.reason == "explosive: could go off"
    assert max(powers) == pytest.approx(10.0)
    assert device.laser_readback() is LaserState.OFF


def test_the_countdown_runs_before_the_laser():
    device = opened("sim:caffeine?integration_ms=300")
    states = []
    careful_scan(
        Acquirer(device),
        lambda s: s,
        lambda _: "stop",
        later(device),
        delay_s=3.0,
        countdown=lambda left: states.append((round(left), device.laser_readback())),
    )
    assert states[0][0] == 3
    assert all(state is LaserState.OFF for _, state in states)


def test_a_sample_that_glows_more_and_more_is_not_fired_at(monkeypatch):
    device = opened("sim:caffeine?integration_ms=300")
    electrons = device._light.electrons_s

    def heating(*, power, lit_s, laser_nm):
        return electrons(power=power, lit_s=lit_s, laser_nm=laser_nm) * np.exp(40.0 * lit_s * (power > 0))

    monkeypatch.setattr(device._light, "electrons_s", heating)
    result = careful_scan(Acquirer(device), lambda s: s, lambda _: "", later(device))
    assert "heating" in result.reason
    assert result.power_mw == pytest.approx(10.0)


def test_a_laser_without_power_setting_is_refused(tmp_path):
    device = opened("sim:caffeine?integration_ms=300")
    write_scan(Acquirer(device).scan(later(device)), tmp_path / "a.csv")
    recording = open_replay(parse_uri(f"replay:{tmp_path / 'a.csv'}"))
    with pytest.raises(DeviceSettingsError, match="power"):
        careful_scan(Acquirer(recording), lambda s: s, lambda _: "", later(recording))


def test_the_power_of_a_light_is_that_asked_for():
    device = opened("sim:caffeine?integration_ms=300")
    raw = Acquirer(device, light=powered_light(25.0)).scan(later(device))
    assert raw.metadata["laser_mw"] == 25.0
