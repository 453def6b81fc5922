"""The Wasatch adapter over unmodified Wasatch.PY on the emulated bus."""

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
    DeviceUnsafeError,
    DriverMissingError,
)
from spectriage.device.contract.registry import Readiness
from spectriage.device.contract.spectrometer import (
    Battery,
    Cooled,
    InterlockReadback,
    LaserPower,
    LaserSource,
    LaserState,
    LaserWatchdog,
    ScanSettings,
)
from spectriage.device.drivers.wasatch import discover, open_wasatch
from spectriage.device.laser.guard import LaserGuard
from spectriage.device.laser.light import guarded_light
from spectriage.device.laser.states import SafetyState
from spectriage.device.testing.emulation.bus import EmulatedBus
from spectriage.device.testing.emulation.faults import Action, Fault, apply_fault
from spectriage.device.testing.emulation.open import make_model, open_model
from spectriage.device.testing.emulation.photons import LineSource
from spectriage.device.testing.emulation.transfers import Role
from spectriage.device.testing.emulation.wasatch import Wp785, Wp785Xs
from spectriage.device.testing.permits import bench_permit

NAMES = ("wasatch-wp785", "wasatch-wp785xs")


def scan(device, seconds=60.0):
    return device.acquire(Deadline.after(seconds, device.clock))


def opened(name, **options):
    model = make_model(name, source=LineSource(noise_counts=0.0), clock=VirtualClock())
    device = open_model(model, **options)
    device.configure(ScanSettings(100.0, 1))
    return model, device


@pytest.fixture(params=NAMES)
def pair(request):
    model, device = opened(request.param)
    yield model, device
    model.faults.clear()
    device.close()


def test_counts_are_the_devices(pair):
    model, device = pair
    result = scan(device)
    end = model.clock.monotonic()
    np.testing.assert_array_equal(result.counts, model.expose(end - 0.1, end))
    assert result.axis.wavelength_nm == pytest.approx(model.wavelength_nm, abs=1e-3)
    assert result.info.excitation_nm == 785.0


def test_capabilities_are_those_of_the_unit():
    expected = {
        "wasatch-wp785": (LaserSource, LaserPower, InterlockReadback, Cooled),
        "wasatch-wp785xs": (LaserSource, LaserPower, InterlockReadback, Battery, LaserWatchdog),
    }
    every = (LaserSource, LaserPower, InterlockReadback, Cooled, Battery, LaserWatchdog)
    for name, has in expected.items():
        _, device = opened(name)
        assert tuple(c for c in every if isinstance(device, c)) == tuple(c for c in every if c in has)
        device.close()


def test_a_unit_without_interlock_feedback_says_so():
    model = Wp785(clock=VirtualClock())
    struct.pack_into("<H", model.pages[0], 39, 0)
    device = open_model(model)
    assert not isinstance(device, InterlockReadback)
    assert any("interlock cannot be read" in note for note in device.info.notes)
    device.laser_on(bench_permit())
    assert device.laser_readback() is LaserState.ON
    device.close()
    assert not model.laser.commanded


def test_power_is_the_duty_cycle_of_the_calibration(pair):
    model, device = pair
    low, high = device.laser_power_limits_mw()
    device.set_laser_power_mw(low)
    assert model.laser.duty == pytest.approx(low * model.memory.percent_per_mw / 100.0, abs=1e-3)
    for power in (low - 1.0, high + 1.0, 0.0):
        with pytest.raises(DeviceSettingsError):
            device.set_laser_power_mw(power)


def test_light_is_proportional_to_power_and_exposure(pair):
    _, device = pair
    dark = scan(device).counts
    _, high = device.laser_power_limits_mw()
    signal = {}
    for power in (high, high / 2):
        device.set_laser_power_mw(power)
        with guarded_light(device, 60.0):
            signal[power] = scan(device).counts - dark
    ratio = signal[high].sum() / signal[high / 2].sum()
    assert ratio == pytest.approx(2.0, rel=0.02)


def test_the_laser_waits_for_its_warning_time():
    model, device = opened("wasatch-wp785xs")
    before = model.clock.monotonic()
    device.laser_on(bench_permit())
    assert model.clock.monotonic() - before >= 3.0
    assert model.laser_emitting
    device.close()


def test_whole_milliseconds_only(pair):
    _, device = pair
    with pytest.raises(DeviceSettingsError):
        device.configure(ScanSettings(10.5))


def test_detector_temperature_and_set_point():
    model, device = opened("wasatch-wp785")
    assert device.detector_temperature_c() == pytest.approx(-10.0, abs=0.1)
    device.set_detector_setpoint_c(-5.0)
    assert model.setpoint_raw == round(2950.0 + 37.0 * -5.0)
    with pytest.raises(DeviceSettingsError):
        device.set_detector_setpoint_c(-60.0)
    device.close()


def test_the_watchdog_is_armed_and_confirmed():
    model, device = opened("wasatch-wp785xs")
    device.arm_laser_watchdog(12.3)
    assert model.laser.watchdog_s == 13.0
    model.inject(Fault(Action.DROP, Role.OTHER, count=100))
    with pytest.raises(DeviceUnsafeError, match="watchdog"):
        device.arm_laser_watchdog(30.0)
    model.faults.clear()
    device.close()


# -- what the driver gets wrong


def test_closing_switches_the_laser_off_although_the_driver_does_not(pair):
    model, device = pair
    device.laser_on(bench_permit())
    device._driver.disconnect()
    assert model.laser.commanded  # this is the driver alone
    device.close()
    assert not model.laser.commanded


def test_off_works_when_the_driver_sends_nothing(pair):
    model, device = pair
    device.laser_on(bench_permit())
    device._driver.shutdown_requested = True
    assert device._driver.set_laser_enable(False).data is True
    assert model.laser.commanded  # it said yes and did nothing
    device.laser_off()
    assert not model.laser.commanded


def test_a_lost_off_command_is_repeated_until_read_back(pair):
    model, device = pair
    with guarded_light(device, 60.0):
        model.inject(Fault(Action.DROP, Role.LASER, count=2))
    assert not model.laser.commanded


def test_an_off_that_never_gets_through_is_told():
    model, device = opened("wasatch-wp785")
    guard = LaserGuard(device)
    guard.open()
    guard.ready()
    firing = guard.fire(guard.arm())
    firing.__enter__()
    model.inject(Fault(Action.DROP, Role.LASER, count=1_000))
    with pytest.raises(DeviceUnsafeError, match="laser state unknown"):
        firing.__exit__(None, None, None)
    assert guard.laser_unknown
    with pytest.raises(DeviceUnsafeError, match="laser state unknown"):
        device.close()
    assert model.laser.commanded


def test_readback_after_a_watchdog_trip_is_the_devices_not_the_cache():
    model, device = opened("wasatch-wp785xs")
    device.laser_on(bench_permit())
    apply_fault(model, "watchdog-trip")
    assert device._driver.get_laser_enabled().data is True  # the driver's cache
    assert device.laser_readback() is LaserState.OFF
    with pytest.raises(DeviceUnsafeError, match="went out"):
        scan(device)
    device.close()


def test_an_open_interlock_is_dark_but_not_off():
    model, device = opened("wasatch-wp785")
    device.laser_on(bench_permit())
    apply_fault(model, "interlock-open")
    assert not model.laser_emitting
    assert device.laser_readback() is LaserState.UNKNOWN
    device.laser_off()
    assert device.laser_readback() is LaserState.OFF
    device.close()


@pytest.mark.parametrize("condition", ["interlock-open", "low-battery", "over-temperature"])
def test_an_unfit_unit_does_not_fire(pair, condition):
    model, device = pair
    if not apply_fault(model, condition):
        return
    with pytest.raises(DeviceUnsafeError, match="must not fire"):
        device.laser_on(bench_permit())
    assert not model.laser.commanded
    assert device.status().warnings


def test_a_laser_that_is_on_when_it_should_be_off_stops_the_dark(pair):
    model, device = pair
    scan(device)
    model.laser.command(True)
    model.clock.wait(5.0)
    with pytest.raises(DeviceUnsafeError, match="commanded off"):
        scan(device)
    assert not model.laser.commanded


def test_warming_is_said():
    model, device = opened("wasatch-wp785")
    apply_fault(model, "warm-up-droop")
    with guarded_light(device, 60.0):
        assert scan(device).metadata["laser_warming"] is True
        model.clock.wait(10.0)
        assert scan(device).metadata["laser_warming"] is False
    device.close()


# -- memory


@pytest.mark.parametrize("offset", [0, 4, 8, 12])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e30, -1e30])
def test_a_corrupt_coefficient_is_refused(offset, value):
    model = Wp785(clock=VirtualClock())
    struct.pack_into("<f", model.pages[1], offset, value)
    with pytest.raises(DeviceError):
        open_model(model)
    assert model.open_handles == 0


def test_the_driver_alone_would_turn_nan_into_zero():
    model = Wp785(clock=VirtualClock())
    struct.pack_into("<f", model.pages[1], 8, float("nan"))
    with pytest.raises(DeviceProtocolError, match="nan"):
        open_model(model)


def test_a_blank_memory_is_refused():
    model = Wp785(clock=VirtualClock())
    apply_fault(model, "blank-eeprom")
    with pytest.raises(DeviceError):
        open_model(model)
    assert model.open_handles == 0


def test_a_pinned_memory_that_changed_plausibly_is_refused():
    _, device = opened("wasatch-wp785")
    pin = device.memory_sha256[:12]
    device.close()
    model = Wp785(clock=VirtualClock())
    struct.pack_into("<f", model.pages[1], 0, 801.4)
    with pytest.raises(DeviceProtocolError, match="hash"):
        open_model(model, memory=pin)
    assert model.open_handles == 0


# -- finding and opening


def test_devices_are_found_by_serial_number():
    clock = VirtualClock()
    bus = EmulatedBus(Wp785("WP-1", clock=clock), Wp785("WP-2", clock=clock), Wp785Xs("WP-3", clock=clock))
    for serial in ("WP-2", "WP-3", "WP-1"):
        with open_wasatch(serial, backend=bus, clock=clock) as device:
            assert device.info.serial == serial
    with pytest.raises(DeviceNotFoundError, match="WP-1, WP-2, WP-3"):
        open_wasatch("WP-4", backend=bus, clock=clock)
    assert [entry.uri for entry in discover(bus)] == ["wasatch:WP-1", "wasatch:WP-2", "wasatch:WP-3"]


def test_busy_and_forbidden():
    model = Wp785(clock=VirtualClock())
    model.claimed_by = True
    with pytest.raises(DeviceBusyError):
        open_model(model)
    assert discover(model.bus)[0].readiness is Readiness.BUSY
    model = Wp785(clock=VirtualClock())
    model.inject(Fault(Action.ERROR, Role.SETUP, error="access", count=1000))
    with pytest.raises(DevicePermissionError):
        open_model(model)
    assert discover(model.bus)[0].readiness is Readiness.NO_PERMISSION


def test_a_real_bus_is_left_alone():
    import usb.backend.libusb0

    before = usb.backend.libusb0.get_backend
    _, device = opened("wasatch-wp785")
    assert usb.backend.libusb0.get_backend is before
    device.close()


def test_without_the_extra_the_error_says_what_to_install(monkeypatch):
    real = builtins.__import__

    def without(name, *rest):
        if name.startswith("wasatch"):
            raise ImportError("No module named 'wasatch'")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(DriverMissingError, match=r"spectriage\[wasatch\]"):
        open_model(Wp785(clock=VirtualClock()))
    with pytest.raises(DriverMissingError, match=r"spectriage\[wasatch\]"):
        discover()


# -- deadlines and aborts, in real time


def test_laser_off_passes_a_driver_that_hangs():
    model = make_model("wasatch-wp785")
    device = open_model(model)
    device.configure(ScanSettings(10.0, 1))
    guard = LaserGuard(device)
    guard.open()
    guard.ready()
    firing = guard.fire(guard.arm())
    firing.__enter__()
    scan(device)
    model.inject(Fault(Action.HANG, Role.SPECTRUM))
    with pytest.raises(DeviceTimeoutError, match="abandoned"):
        scan(device, seconds=1.0)
    assert not model.laser.commanded
    lost = DeviceLostError("gone")
    assert not firing.__exit__(DeviceLostError, lost, None)
    assert guard.state is SafetyState.LOST
    model.released.set()
    device.close()


def test_an_on_command_that_comes_through_after_its_caller_gave_up_is_undone():
    model = make_model("wasatch-wp785", clock=VirtualClock())
    device = open_model(model)
    device.virtual_hang_s = 0.1
    started = threading.Event()
    original = device._driver.set_laser_enable

    def slow(on):
        started.set()
        model.released.wait(30.0)
        return original(on)

    device._driver.set_laser_enable = slow
    with pytest.raises(DeviceTimeoutError):
        device.laser_on(bench_permit())
    assert started.is_set()
    model.released.set()
    device._owner_thread.stop(30.0)
    assert not model.laser.commanded
    device.close()


def test_abort_releases_the_caller_and_switches_the_laser_off():
    model = make_model("wasatch-wp785")
    device = open_model(model)
    device.configure(ScanSettings(2000.0, 1))
    device.laser_on(bench_permit())
    caught = []

    def work():
        try:
            scan(device)
        except DeviceAbortedError:
            caught.append(model.frames)

    thread = threading.Thread(target=work)
    thread.start()
    while not any(model.role(t) is Role.SPECTRUM and t.size == 2048 for t in list(model.log)):
        time.sleep(0.005)
    frames = model.frames
    device.abort()
    thread.join(30.0)
    device._off_lane.call(lambda: None, 30.0)  # abort waits for the off for a moment only
    assert not model.laser.commanded
    # Released before the exposure had ended and given its frame.
    assert caught == [frames]
    device.close()
