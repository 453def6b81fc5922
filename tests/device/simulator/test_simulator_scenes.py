"""Scenes, weights, uneven samples and faults by URI."""

import numpy as np
import pytest

from spectriage.device.acquire.acquisition import Acquirer
from spectriage.device.contract.clock import Deadline
from spectriage.device.contract.errors import DeviceError, DeviceURIError
from spectriage.device.contract.uri import parse_uri
from spectriage.device.simulator.faults import Fault
from spectriage.device.simulator.scenes import SCENES
from spectriage.device.simulator.simulator import open_simulator
from spectriage.device.testing.permits import bench_permit


def opened(text):
    return open_simulator(parse_uri(text))


def scanned(text):
    device = opened(text)
    return Acquirer(device).scan(Deadline.after(1e4, device.clock))


@pytest.mark.parametrize("name", SCENES)
def test_every_scene_can_be_scanned(name):
    raw = scanned(f"sim:{name}")
    assert raw.metadata["simulated_basis"] == "weight"
    assert raw.metadata["weights_assumed"] is True
    assert raw.info.origin == "simulated"


def test_a_uri_overrides_what_its_scene_sets():
    assert scanned("sim:bagged").metadata["simulated_packaging"] == "ldpe"
    assert scanned("sim:bagged?packaging=glass").metadata["simulated_packaging"] == "glass"


def band(raw, at):
    spectrum = raw.to_spectrum().crop(at - 14, at + 14)
    ends = 0.5 * (spectrum.intensity[:3].mean() + spectrum.intensity[-3:].mean())
    return float(spectrum.intensity.max() - ends)


def test_weights_dilute_the_signal_by_the_responses():
    """Half salt by weight halves the light; half starch adds its own faint light beside."""
    common = "basis=weight&perturbation=none&fluorescence=0&integration_ms=2000"
    pure, salted = (
        scanned(f"sim:acetaminophen?{common}"),
        scanned(f"sim:acetaminophen:0.5+sodium chloride?{common}"),
    )
    assert band(salted, 1324.0) / band(pure, 1324.0) == pytest.approx(0.5, rel=0.03)
    starched = scanned(f"sim:acetaminophen:0.5+starch?{common}")
    assert band(starched, 1324.0) / band(pure, 1324.0) == pytest.approx(0.5, abs=0.05)


def test_signal_fractions_do_not_depend_on_the_responses():
    common = "perturbation=none&fluorescence=0&integration_ms=2000"
    raw = scanned(f"sim:acetaminophen:0.5+starch?{common}")
    assert "weights_assumed" not in raw.metadata


def test_another_spot_has_other_grains_but_the_same_material():
    device = opened("sim:street-sample?seed=3")
    first = device._light._raman.copy()
    device.move_to_spot(1)
    second = device._light._raman.copy()
    device.move_to_spot(0)
    assert np.array_equal(device._light._raman, first)
    assert not np.allclose(first, second, rtol=0.05)


def test_a_moved_spot_is_not_yet_bleached():
    device = opened("sim:caffeine?fluorescence=20&integration_ms=1000&uneven=0.1")
    device.laser_on(bench_permit())
    levels = [device.acquire(Deadline.after(100.0, device.clock)).counts.mean() for _ in range(30)]
    device.move_to_spot(0)
    fresh = device.acquire(Deadline.after(100.0, device.clock)).counts.mean()
    assert levels[-1] < 0.97 * levels[0]
    assert fresh > 1.01 * levels[-1]


def test_a_cold_laser_drifts_until_it_is_warm():
    def peak(device):
        raw = device.acquire(Deadline.after(1e4, device.clock)).to_spectrum().crop(1060.0, 1110.0)
        weight = raw.intensity - raw.intensity.min()
        return float(np.sum(weight * raw.shift) / np.sum(weight))

    device = opened("sim:calcite?perturbation=none&fluorescence=0&cold=1&integration_ms=2000")
    device.laser_on(bench_permit())
    early = peak(device)
    device.clock.wait(600.0)
    late = peak(device)
    # 8 K below its working temperature at 0.01 nm/K: 0.08 nm is 1.3 cm⁻¹.
    assert late - early == pytest.approx(1.3, abs=0.4)


@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("frame", ["", "@3"])
def test_every_fault_by_uri_is_a_typed_error_or_a_scan(fault, frame):
    try:
        raw = scanned(f"sim:caffeine?integration_ms=100&fault={fault}{frame}")
    except DeviceError:
        return
    # A watchdog that trips while the laser is off does no harm.
    harmless = (Fault.LOW_BATTERY, Fault.WARM_UP_DROOP, Fault.SATURATION, Fault.WATCHDOG_TRIP)
    assert fault in harmless or frame
    if fault is Fault.SATURATION:
        assert raw.saturated.any()


@pytest.mark.parametrize("text", ["nothing", "stall@0", "stall@x", "stall@", "stall@-1"])
def test_an_unknown_fault_is_refused(text):
    with pytest.raises(DeviceURIError, match="fault"):
        opened(f"sim:caffeine?fault={text}")
