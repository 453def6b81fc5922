"""The conformance suite against the simulator, its faults, and against a driver that breaks the rules."""

import pytest

from spectriage.device.contract.clock import Deadline, VirtualClock
from spectriage.device.contract.errors import DeviceBusyError, DevicePermissionError, DeviceProtocolError
from spectriage.device.contract.spectrometer import ScanSettings
from spectriage.device.contract.uri import parse_uri
from spectriage.device.simulator.faults import ON_OPENING, Fault
from spectriage.device.simulator.options import read_options
from spectriage.device.simulator.simulator import SimulatedSpectrometer, open_simulator
from spectriage.device.testing.conformance import Situation, SpectrometerConformance

URI = "sim:acetaminophen?seed=3&fluorescence=0.2"


class TestSimulator785(SpectrometerConformance):
    integration_ms = 200.0

    def open(self, clock):
        return open_simulator(parse_uri(URI), clock)

    def faults(self):
        return [fault for fault in Fault if fault not in ON_OPENING]

    def inject(self, device, fault):
        device.inject(fault)


class TestSimulator1064(TestSimulator785):
    def open(self, clock):
        return open_simulator(parse_uri(f"{URI}&preset=1064-ingaas"), clock)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("busy", DeviceBusyError),
        ("no-permission", DevicePermissionError),
        ("blank-memory", DeviceProtocolError),
        ("corrupt-memory", DeviceProtocolError),
    ],
)
def test_faults_on_opening_are_typed(fault, error):
    with pytest.raises(error):
        open_simulator(parse_uri(f"{URI}&fault={fault}"))


EXPECTED = {
    ("timeout", Situation.READ): "DeviceTimeoutError",
    ("stall", Situation.READ): "recovered",
    ("stall", Situation.FIRING): "DeviceProtocolError",
    ("short-read", Situation.DARK): "recovered",
    ("short-read", Situation.FIRING): "DeviceProtocolError",
    ("dropped", Situation.FIRING): "DeviceProtocolError",
    ("unplug-before", Situation.IDLE): "DeviceLostError",
    ("unplug-mid", Situation.FIRING): "DeviceLostError",
    ("watchdog-trip", Situation.FIRING): "DeviceUnsafeError",
    ("laser-stuck", Situation.FIRING): "DeviceUnsafeError",
    ("low-battery", Situation.FIRING): "recovered, warned",
    ("over-temperature", Situation.DARK): "recovered, warned",
    ("over-temperature", Situation.FIRING): "DeviceUnsafeError",
}


@pytest.mark.parametrize(("fault", "situation"), EXPECTED, ids=lambda x: str(x))
def test_the_outcome_of_a_fault(fault, situation):
    outcome = TestSimulator785().outcome(fault, situation)
    assert outcome.result == EXPECTED[fault, situation]
    if fault in ("laser-stuck", "unplug-mid") and situation is Situation.FIRING:
        assert outcome.laser == "unknown, latched"
    else:
        assert outcome.laser == "off"


class Hasty(SimulatedSpectrometer):
    """Hands out the stale frame after a change."""

    discard_after_change = 0


class LeavesLaserOn(SimulatedSpectrometer):
    def laser_off(self):
        pass


class ForgetsSettings(SimulatedSpectrometer):
    def _do_read_frame(self, settings, deadline):
        return super()._do_read_frame(ScanSettings(100.0), deadline)


@pytest.mark.parametrize(
    ("kind", "test"),
    [
        (Hasty, "test_a_stale_frame_is_not_returned_after_a_new_exposure"),
        (ForgetsSettings, "test_a_stale_frame_is_not_returned_after_a_new_exposure"),
        (LeavesLaserOn, "test_the_laser_goes_off_when_a_scan_fails"),
    ],
)
def test_the_suite_finds_drivers_that_break_the_rules(kind, test):
    class Broken(SpectrometerConformance):
        def open(self, clock):
            uri = parse_uri(URI)
            return kind(read_options(uri), uri, clock)

    with pytest.raises(Exception):  # noqa: B017, PT011
        getattr(Broken(), test)()


def test_a_transport_fault_strikes_at_its_frame():
    device = open_simulator(parse_uri(f"{URI}&fault=stall@3"), VirtualClock())
    acquire = lambda: device.acquire(Deadline.after(60.0, device.clock))  # noqa: E731
    acquire()  # frame 1 is discarded, frame 2 returned
    with pytest.raises(DeviceProtocolError, match="stalled"):
        acquire()
    acquire()
