"""The emulated bus below pyusb: what a host may rely on of a USB device, and every fault."""

import contextlib

import numpy as np
import pytest
import usb.core as usb_core
from hypothesis import given
from hypothesis import strategies as st

from spectriage.device.contract.clock import Deadline, VirtualClock
from spectriage.device.contract.errors import DeviceBusyError, DeviceError, DeviceURIError
from spectriage.device.contract.spectrometer import ScanSettings
from spectriage.device.contract.uri import parse_uri
from spectriage.device.laser.light import guarded_light
from spectriage.device.testing.emulation.bus import EmulatedBus
from spectriage.device.testing.emulation.device import EmulatedDevice
from spectriage.device.testing.emulation.faults import FAULTS, Action, Fault, apply_fault
from spectriage.device.testing.emulation.laser import EmulatedLaser
from spectriage.device.testing.emulation.open import DRIVER, MODELS, make_model, open_model
from spectriage.device.testing.emulation.photons import LineSource
from spectriage.device.testing.emulation.transfers import Role
from spectriage.spectra.errors import ParameterError
from spectriage.spectra.origin import Origin


class Echo(EmulatedDevice):
    """Sends back what it is sent, on endpoint 0x81, after a delay."""

    vendor_id, product_id = 0x1234, 0x5678
    bulk_out = {0x01: 64}  # noqa: RUF012
    bulk_in = {0x81: 64}  # noqa: RUF012

    def __init__(self, clock):
        super().__init__("E1", clock)
        self.delay_s = 0.0

    def role(self, transfer):
        return Role.SPECTRUM if transfer.endpoint else super().role(transfer)

    def on_bulk_out(self, endpoint, data):
        self.reply(0x81, data, self.delay_s)


@pytest.fixture
def echo():
    clock = VirtualClock()
    device = Echo(clock)
    host = usb_core.find(backend=EmulatedBus(device), idVendor=0x1234)
    host.set_configuration()
    return device, host


def test_enumeration_and_strings(echo):
    _, host = echo
    assert (host.idProduct, host.serial_number, host.product) == (0x5678, "E1", "emulated")
    endpoints = [e.bEndpointAddress for i in host.get_active_configuration() for e in i.endpoints()]
    assert endpoints == [0x01, 0x81]


@given(data=st.binary(min_size=1, max_size=1000), room=st.integers(1, 1200))
def test_a_read_ends_at_its_size_or_at_a_short_packet(data, room):
    device = Echo(VirtualClock())
    host = usb_core.find(backend=EmulatedBus(device), idVendor=0x1234)
    host.set_configuration()
    host.write(0x01, data)
    got = b""
    while len(got) < len(data):
        chunk = bytes(host.read(0x81, room, timeout=100))
        assert len(chunk) <= room
        assert chunk
        got += chunk
    assert got == data
    with pytest.raises(usb_core.USBTimeoutError):
        host.read(0x81, 1, timeout=10)


def test_waiting_costs_virtual_time_only(echo):
    device, host = echo
    device.delay_s = 3600.0
    host.write(0x01, b"x" * 64)
    with pytest.raises(usb_core.USBTimeoutError):
        host.read(0x81, 64, timeout=1000)
    assert device.clock.monotonic() == pytest.approx(1.0, abs=1e-3)
    assert len(host.read(0x81, 64, timeout=4_000_000)) == 64
    assert device.clock.monotonic() == pytest.approx(3600.0, abs=1e-3)


def test_stall_lasts_until_cleared(echo):
    device, host = echo
    device.inject(Fault(Action.STALL))
    for _ in range(2):
        with pytest.raises(usb_core.USBError) as caught:
            host.write(0x01, b"a")
        assert caught.value.errno == 32
    host.clear_halt(0x01)
    assert host.write(0x01, b"a") == 1


@pytest.mark.parametrize(
    ("action", "arrives"),
    [
        (Action.SHORT, b"a" * 100),
        (Action.CORRUPT, b"a" * 100 + bytes([ord("a") ^ 0xFF]) + b"a" * 99),
        (Action.LOSE_PACKET, b"a" * 128 + b"a" * 8),
    ],
)
def test_spoilt_reads(echo, action, arrives):
    device, host = echo
    host.write(0x01, b"a" * 200)
    device.inject(Fault(action, at=100))
    assert bytes(host.read(0x81, 200, timeout=10)) == arrives


@pytest.mark.parametrize("action", [Action.UNPLUG_BEFORE, Action.UNPLUG_MID])
def test_unplugged_reads_and_a_new_address(echo, action):
    device, host = echo
    host.write(0x01, b"a" * 200)
    device.inject(Fault(action, at=64))
    with pytest.raises(usb_core.USBError) as caught:
        host.read(0x81, 200, timeout=10)
    assert caught.value.errno == 19
    assert device.bus.enumerate_devices() == []
    before = device.address
    device.replug()
    assert device.address != before
    assert device.bus.enumerate_devices() == [device]


def test_unplugged_after_a_read_still_delivers_it(echo):
    device, host = echo
    host.write(0x01, b"a")
    device.inject(Fault(Action.UNPLUG_AFTER))
    assert bytes(host.read(0x81, 8, timeout=10)) == b"a"
    assert not device.plugged


def test_dropped_writes_and_counting(echo):
    device, host = echo
    fault = device.inject(Fault(Action.DROP, count=2, skip=1))
    for text in (b"1", b"2", b"3", b"4"):
        host.write(0x01, text)
    assert [bytes(host.read(0x81, 8, timeout=10)) for _ in range(2)] == [b"1", b"4"]
    assert fault.met == 2


# -- the laser's physics


def integrate(laser, steps):
    """Mean power by asking the laser at every millisecond."""
    power = []
    for operation, seconds in steps:
        operation(laser)
        for _ in range(round(seconds * 1000)):
            power.append(laser.duty if laser.emitting else 0.0)
            laser.clock.wait(1e-3)
    return float(np.mean(power))


STEPS = {
    "on": lambda laser: laser.command(True),
    "off": lambda laser: laser.command(False),
    "open": lambda laser: laser.set_interlock(False),
    "close": lambda laser: laser.set_interlock(True),
    "half": lambda laser: laser.set_duty(0.5),
    "full": lambda laser: laser.set_duty(1.0),
    "flat": lambda laser: laser.set_powered(False),
    "charged": lambda laser: laser.set_powered(True),
}


@given(
    names=st.lists(st.tuples(st.sampled_from(sorted(STEPS)), st.integers(1, 300)), min_size=1, max_size=8),
    delay_ms=st.sampled_from([0, 50]),
    watchdog_ms=st.sampled_from([0, 200]),
)
def test_mean_power_is_the_mean_of_the_power(names, delay_ms, watchdog_ms):
    laser = EmulatedLaser(VirtualClock(), start_delay_s=delay_ms * 1e-3, watchdog_s=watchdog_ms * 1e-3)
    expected = integrate(laser, [(STEPS[name], ms * 1e-3) for name, ms in names])
    total = laser.clock.monotonic()
    # Each edge of the light may fall up to a step of the comparison beside it.
    assert laser.mean_power(0.0, total) == pytest.approx(expected, abs=1e-3 * 2 * (len(names) + 2) / total)


def test_warm_up_droops_and_recovers():
    laser = EmulatedLaser(VirtualClock(), warm_up_droop=0.3, warm_up_s=2.0)
    laser.command(True)
    laser.clock.wait(0.1)
    assert laser.mean_power(0.0, 0.1) == pytest.approx(1 - 0.3 * np.exp(-0.025), abs=1e-6)
    laser.clock.wait(20.0)
    laser.set_duty(1.0)
    laser.clock.wait(0.1)
    assert laser.mean_power(20.1, 20.2) == pytest.approx(1.0, abs=1e-3)


# -- models and URIs


@pytest.mark.parametrize("name", MODELS)
def test_every_model_opens_under_its_driver_and_sees_the_source(name):
    clock = VirtualClock()
    source = LineSource(noise_counts=0.0)
    model = make_model(name, source=source, clock=clock)
    with open_model(model) as device:
        assert device.info.origin is Origin.EMULATED
        assert any("never run on hardware" in note for note in device.info.notes)
        device.configure(ScanSettings(200.0, 1))
        dark = device.acquire(Deadline.after(10.0, clock))
        assert not getattr(model, "unknown", [])
        if device._has_laser():
            with guarded_light(device, 60.0):
                light = device.acquire(Deadline.after(60.0, clock)).with_dark(dark)
            spectrum = light.to_spectrum(excitation_nm=785.0)
            near = np.abs(spectrum.shift - 1001.0) < 20.0
            peak = spectrum.shift[near][np.argmax(spectrum.intensity[near])]
            assert peak == pytest.approx(1001.0, abs=2.0)
    assert model.open_handles == 0


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_can_be_asked_of_every_model(name, fault):
    model = make_model(name, clock=VirtualClock())
    assert apply_fault(model, fault) in (True, False)


def test_an_unknown_fault_names_the_known_ones():
    with pytest.raises(ParameterError, match="interlock-open"):
        apply_fault(make_model("wasatch-wp785"), "gremlins")


def test_uri_errors_say_what_is_wrong():
    for text in ("emulated:toaster", "emulated:wasatch-wp785?colour=red"):
        with pytest.raises(DeviceURIError):
            DRIVER.open_uri(parse_uri(text), VirtualClock())


def test_a_simulator_scene_runs_through_the_real_driver_stack():
    clock = VirtualClock()
    uri = parse_uri("emulated:wasatch-wp785?scene=acetaminophen&seed=3")
    with DRIVER.open_uri(uri, clock) as device:
        assert type(device._driver).__module__ == "wasatch.FeatureIdentificationDevice"
        device.configure(ScanSettings(1000.0, 2))
        dark = device.acquire(Deadline.after(10.0, clock))
        with guarded_light(device, 60.0):
            scan = device.acquire(Deadline.after(60.0, clock)).with_dark(dark)
    spectrum = scan.to_spectrum()
    band = np.abs(spectrum.shift - 857.0) < 12.0
    beside = np.abs(spectrum.shift - 900.0) < 12.0
    assert spectrum.intensity[band].max() > 3.0 * spectrum.intensity[beside].max()


def test_opening_by_uri_with_a_fault_brings_it_about():
    clock = VirtualClock()
    device = DRIVER.open_uri(parse_uri("emulated:wasatch-wp785?fault=interlock-open"), clock)
    assert device.status().interlock_closed is False
    device.close()


def test_importing_the_device_package_imports_no_driver():
    import subprocess
    import sys

    code = (
        "import sys, spectriage.device, spectriage.device.laser.guard, spectriage.device.drivers.ocean, "
        "spectriage.device.drivers.wasatch, spectriage.device.testing.emulation.open\n"
        "print([m for m in ('usb', 'seabreeze', 'wasatch') if m in sys.modules])"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert output.stdout.strip() == "[]"


@pytest.mark.parametrize("model", ["ocean-usb2000plus", "wasatch-wp785"])
@pytest.mark.parametrize("fault", ["unplug-mid", "unplug-after", "short-read", "dropped-packet"])
def test_a_fault_of_a_frame_waits_for_a_frame_and_acts(model, fault):
    device = DRIVER.open_uri(parse_uri(f"emulated:{model}?fault={fault}"), VirtualClock())
    device.configure(ScanSettings(200.0, 1))

    def scans():
        for _ in range(3):
            device.acquire(Deadline.after(60.0, device.clock))

    with pytest.raises(DeviceError):
        scans()
    with contextlib.suppress(DeviceError):
        device.close()


def test_a_fault_that_found_nothing_to_act_on_says_so(capsys):
    device = DRIVER.open_uri(parse_uri("emulated:wasatch-wp785?fault=short-read"), VirtualClock())
    device.close()
    assert "short-read could not be brought about" in capsys.readouterr().err


def test_a_fault_that_the_model_cannot_have_is_refused():
    with pytest.raises(DeviceURIError, match="cannot have the fault"):
        DRIVER.open_uri(parse_uri("emulated:ocean-usb2000plus?fault=watchdog-trip"), VirtualClock())


def test_a_fault_of_opening_acts_on_opening():
    with pytest.raises(DeviceBusyError):
        DRIVER.open_uri(parse_uri("emulated:wasatch-wp785?fault=busy"), VirtualClock())
