"""The Ocean adapter over unmodified python-seabreeze on the emulated bus."""

import builtins
import struct
import threading
import time

import numpy as np
import pytest

from spectriage.device.contract.clock import Deadline, VirtualClock
from spectriage.device.contract.errors import (
    DeviceAbortedError,
    DeviceBusyError,
    DeviceError,
    DeviceLostError,
    DeviceNotFoundError,
    DevicePermissionError,
    DeviceProtocolError,
    DeviceSettingsError,
    DeviceTimeoutError,
    DriverMissingError,
)
from spectriage.device.contract.registry import Readiness
from spectriage.device.contract.spectrometer import LaserGateLine, LaserSource, LaserState, ScanSettings
from spectriage.device.drivers._usb import udev_rules
from spectriage.device.drivers.ocean import discover, open_ocean
from spectriage.device.laser.guard import LaserGuard
from spectriage.device.testing.emulation.bus import EmulatedBus
from spectriage.device.testing.emulation.faults import Action, Fault
from spectriage.device.testing.emulation.ocean import Qe65000, QePro, Usb2000Plus
from spectriage.device.testing.emulation.open import make_model, open_model
from spectriage.device.testing.emulation.photons import LineSource
from spectriage.device.testing.emulation.transfers import Role
from spectriage.device.testing.permits import bench_permit


def quiet():
    return LineSource(noise_counts=0.0)


def scan(device, seconds=60.0):
    return device.acquire(Deadline.after(seconds, device.clock))


@pytest.fixture
def qepro():
    model = QePro(source=quiet(), clock=VirtualClock())
    device = open_model(model)
    device.configure(ScanSettings(50.0, 1))
    yield model, device
    device.close()


@pytest.mark.parametrize(("kind", "pixels", "first"), [(Usb2000Plus, 2048, 790.0), (Qe65000, 1024, 785.0)])
def test_axis_pixels_and_counts_are_the_devices(kind, pixels, first):
    model = kind(source=quiet(), clock=VirtualClock())
    with open_model(model) as device:
        device.configure(ScanSettings(100.0, 3))
        result = scan(device)
        cut = slice(model.first_pixel, model.first_pixel + pixels)
        assert result.axis.wavelength_nm == pytest.approx(model.wavelength_nm[cut])
        assert result.axis.wavelength_nm[0] == pytest.approx(first)
        start = model.clock.monotonic()
        np.testing.assert_array_equal(result.counts, model.expose(start - 0.1, start)[cut])
        assert model.integration_s == pytest.approx(0.1)


def test_18_bit_counts(qepro):
    model, device = qepro
    model.source = lambda exposure: np.linspace(1_000.0, 300_000.0, exposure.wavelength_nm.size)
    result = scan(device)
    assert result.counts[-1] == (1 << 18) - 1
    assert result.saturated[-1]
    assert not result.saturated[0]
    assert result.counts[500] == round(np.linspace(1_000.0, 300_000.0, 1044)[500])


def test_a_saturation_level_scales_counts_and_marks_pixels():
    model = Usb2000Plus(source=lambda e: np.linspace(0.0, 60_000.0, 2048), clock=VirtualClock())
    model.full_scale = 40_000
    model.slots[17] = struct.pack("<HHHH", 0, 0, 40_000, 0)
    with open_model(model) as device:
        device.configure(ScanSettings(10.0, 1))
        result = scan(device)
    assert result.saturated.sum() == np.sum(np.rint(np.linspace(0.0, 60_000.0, 2048)) >= 40_000)


def test_gate_line_capability_only_where_the_driver_reaches_it():
    with open_model(make_model("ocean-usb2000plus", clock=VirtualClock())) as device:
        assert isinstance(device, LaserGateLine)
        assert not isinstance(device, LaserSource)
        warnings = LaserGuard(device).warnings
    assert any("gate line" in warning for warning in warnings)
    assert any("interlock" in warning for warning in warnings)
    assert any("no watchdog" in warning for warning in warnings)
    with open_model(make_model("ocean-qepro", clock=VirtualClock())) as device:
        assert not isinstance(device, LaserGateLine)


@pytest.mark.parametrize("kind", [Usb2000Plus, Qe65000])
def test_the_gate_line_is_read_back(kind):
    model = kind(clock=VirtualClock())
    with open_model(model) as device:
        device.set_laser_gate(True, bench_permit())
        assert model.laser.commanded
        assert device.laser_gate_readback() is LaserState.ON
        device.set_laser_gate(False)
        assert not model.laser.commanded
        assert device.laser_gate_readback() is LaserState.OFF


def test_exposure_limits_are_the_drivers(qepro):
    _, device = qepro
    with pytest.raises(DeviceSettingsError):
        device.configure(ScanSettings(device.info.min_integration_ms / 2))
    device.configure(ScanSettings(device.info.max_integration_ms))


# -- frames that are not the frame asked for


def stepping():
    """A source whose counts are the exposure in ms everywhere, so that a stale frame shows."""
    return lambda exposure: np.full(exposure.wavelength_nm.size, 1000.0 + exposure.seconds * 1e3)


@pytest.mark.parametrize("name", ["ocean-usb2000plus", "ocean-qepro"])
def test_after_a_timeout_the_late_frame_is_not_taken_for_the_next(name):
    model = make_model(name, source=stepping(), clock=VirtualClock())
    with open_model(model) as device:
        device.configure(ScanSettings(200.0, 1))
        assert scan(device).counts[7] == 1200.0
        model.inject(Fault(Action.ERROR, Role.SPECTRUM, error="timeout"))
        with pytest.raises(DeviceTimeoutError):
            scan(device)
        device.configure(ScanSettings(50.0, 1))
        for _ in range(3):
            assert scan(device).counts[7] == 1050.0


def test_one_frame_too_many_does_not_mix_dark_and_light():
    model = make_model("ocean-usb2000plus", source=quiet(), clock=VirtualClock())
    with open_model(model) as device:
        device.configure(ScanSettings(100.0, 1))
        dark = scan(device).counts
        model.set_condition("stale-frame")
        scan(device)
        device.set_laser_gate(True, bench_permit())
        light = scan(device).counts
        device.set_laser_gate(False)
        again = scan(device).counts
    assert light.max() > dark.max() + 1000.0
    np.testing.assert_array_equal(again, dark)


@pytest.mark.parametrize("at", [101, 901, 2001, 3501])
def test_a_corrupt_byte_is_found_by_a_second_exposure(at):
    model = make_model("ocean-usb2000plus", source=quiet(), clock=VirtualClock())
    with open_model(model) as device:
        device.configure(ScanSettings(100.0, 1))
        good = scan(device).counts
        model.inject(Fault(Action.CORRUPT, Role.SPECTRUM, at=at))
        result = scan(device)
    np.testing.assert_array_equal(result.counts, good)
    assert result.metadata["frames_repeated"] == 1


def test_without_time_for_a_second_exposure_the_pixel_is_named():
    model = make_model("ocean-usb2000plus", source=quiet(), clock=VirtualClock())
    with open_model(model) as device:
        device.configure(ScanSettings(1000.0, 1))
        scan(device)
        model.inject(Fault(Action.CORRUPT, Role.SPECTRUM, at=1001))
        assert scan(device, seconds=1.2).metadata["suspect_pixels"] == (500,)


# -- memory


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize(
    ("slot", "value"),
    [(1, b"nan"), (2, b"inf"), (2, b"-0.1e-1"), (2, b"0.0"), (1, b"12000"), (2, b"rubbish"), (3, b"1.0")],
)
def test_a_corrupt_wavelength_memory_is_refused(slot, value):
    model = Usb2000Plus(clock=VirtualClock())
    model.slots[slot] = value
    if slot == 2 and value == b"-0.1e-1":
        model.slots[3] = b"1e-3"  # falls and rises again
    with pytest.raises(DeviceError):
        open_model(model)
    assert model.open_handles == 0


def test_a_corrupt_saturation_level_is_refused():
    model = Usb2000Plus(clock=VirtualClock())
    model.slots[17] = struct.pack("<HHHH", 0, 0, 3, 0)
    with pytest.raises(DeviceProtocolError, match="saturation"):
        open_model(model)


def test_a_pinned_memory_that_changed_plausibly_is_refused():
    with open_model(Usb2000Plus(clock=VirtualClock())) as device:
        pin = device.memory_sha256[:16]
    open_model(Usb2000Plus(clock=VirtualClock()), memory=pin).close()
    model = Usb2000Plus(clock=VirtualClock())
    model.slots[1] = b"7.910000e+02"
    with pytest.raises(DeviceProtocolError, match="hash"):
        open_model(model, memory=pin)


# -- finding and opening


def bus_of(*models):
    return EmulatedBus(*models)


def test_devices_are_found_by_serial_number_and_not_by_address():
    clock = VirtualClock()
    first, second = QePro("QEP1", clock=clock), QePro("QEP2", clock=clock)
    bus = bus_of(first, second)
    for serial in ("QEP2", "QEP1"):
        with open_ocean(serial, backend=bus, clock=clock) as device:
            assert device.info.serial == serial
            assert device.info.uri == f"ocean:{serial}"
    with pytest.raises(DeviceNotFoundError, match="QEP1, QEP2"):
        open_ocean("QEP3", backend=bus, clock=clock)


def test_one_device_without_permission_does_not_hide_the_others():
    clock = VirtualClock()
    shut, fine = QePro("QEP1", clock=clock), QePro("QEP2", clock=clock)
    bus = bus_of(shut, fine)
    shut.inject(Fault(Action.ERROR, Role.SETUP, error="access", count=1000))
    with open_ocean("QEP2", backend=bus, clock=clock) as device:
        assert device.info.serial == "QEP2"
    found = discover(bus)
    assert [entry.readiness for entry in found] == [Readiness.NO_PERMISSION, Readiness.READY]
    assert "rules" in found[0].remedy
    with pytest.raises(DevicePermissionError, match=r"60-spectriage\.rules"):
        open_ocean("QEP1", backend=bus, clock=clock)


def test_busy_elsewhere():
    model = QePro(clock=VirtualClock())
    model.claimed_by = True
    with pytest.raises(DeviceBusyError):
        open_model(model)
    assert discover(model.bus)[0].readiness is Readiness.BUSY


def test_reconnecting_by_serial_after_an_unplug():
    model = QePro(source=quiet(), clock=VirtualClock())
    device = open_model(model)
    device.configure(ScanSettings(20.0, 1))
    good = scan(device).counts
    model.inject(Fault(Action.UNPLUG_MID, Role.SPECTRUM))
    with pytest.raises(DeviceLostError):
        scan(device)
    assert not device.status().connected
    with pytest.raises(DeviceLostError):
        scan(device)
    device.close()
    model.replug()
    with open_model(model) as again:
        again.configure(ScanSettings(20.0, 1))
        np.testing.assert_array_equal(scan(again).counts, good)


def test_without_the_extra_the_error_says_what_to_install(monkeypatch):
    real = builtins.__import__

    def without(name, *rest):
        if name.startswith("seabreeze"):
            raise ImportError("No module named 'seabreeze'")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(DriverMissingError, match=r"spectriage\[ocean\]"):
        open_ocean("X")
    with pytest.raises(DriverMissingError, match=r"spectriage\[ocean\]"):
        discover()


# -- deadlines and aborts, in real time


def test_a_hung_driver_is_abandoned_and_the_device_lost():
    model = QePro()
    device = open_model(model)
    device.configure(ScanSettings(8.0, 1))
    scan(device)
    model.inject(Fault(Action.HANG, Role.SPECTRUM))
    with pytest.raises(DeviceTimeoutError, match="abandoned"):
        scan(device, seconds=1.0)
    with pytest.raises(DeviceLostError):
        scan(device)
    assert not device.status().connected
    model.released.set()
    device.close()


def test_abort_releases_the_caller_and_switches_the_line_off():
    model = Usb2000Plus()
    device = open_model(model)
    device.configure(ScanSettings(2000.0, 1))
    device.set_laser_gate(True, bench_permit())
    caught = []

    def work():
        try:
            scan(device)
        except DeviceAbortedError:
            caught.append(model.frames)

    thread = threading.Thread(target=work)
    thread.start()
    while not any(model.role(t) is Role.SPECTRUM and t.size > 4000 for t in list(model.log)):
        time.sleep(0.005)
    frames = model.frames
    device.abort()
    thread.join(30.0)
    device._off_lane.call(lambda: None, 30.0)  # abort waits for the off for a moment only
    assert not model.laser.commanded
    # Released before the exposure had ended and given its frame.
    assert caught == [frames]
    device.close()


def test_the_udev_rules_ship_and_name_both_makers():
    text = udev_rules()
    for vendor in ("2457", "24aa"):
        assert f'ATTR{{idVendor}}=="{vendor}", TAG+="uaccess", MODE="0660", GROUP="plugdev"' in text
