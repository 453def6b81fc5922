"""The supervisor's rule, without processes: light passes only under a grant, and ends with it."""

import array
import threading
import time

import pytest
import usb.core

from spectriage.device.contract.clock import SystemClock
from spectriage.device.supervisor.lines import LINES
from spectriage.device.supervisor.server import Handle
from spectriage.device.supervisor.watch import Watch
from spectriage.device.testing.emulation.bus import EmulatedBus
from spectriage.device.testing.emulation.open import MODELS, make_model

PATIENCE_S = 20.0


class Rig:
    """A unit on an emulated bus with a watch in front of it."""

    def __init__(self, name):
        self.model = make_model(name, clock=SystemClock())
        self.model.laser.start_delay_s = 0.0
        self.bus = EmulatedBus(self.model)
        self.watch = Watch(self.bus)
        self.handle = Handle("session", self.bus.open_device(self.model), self.model.vendor_id)
        threading.Thread(target=self.watch.run, daemon=True).start()

    def on(self):
        if self.model.vendor_id == 0x24AA:
            call, arguments = "ctrl_transfer", (0x40, 0xBE, 1, 0, b"", 500)
        else:
            call, arguments = "bulk_write", (0x01, 0, b"\x03\x01\x00", 500)
        return self.watch.around(self.handle, call, arguments, lambda: self.send(call, arguments))

    def send(self, call, arguments):
        *rest, data, timeout = arguments
        return getattr(self.bus, call)(self.handle.raw, *rest, array.array("B", data), timeout)

    def until_dark(self):
        end = time.monotonic() + PATIENCE_S
        while self.model.laser.commanded and time.monotonic() < end:
            time.sleep(0.005)
        return not self.model.laser.commanded


NAMES = [name for name in MODELS if name != "ocean-qepro"]


@pytest.mark.parametrize("name", NAMES)
def test_an_on_without_a_grant_does_not_pass(name):
    rig = Rig(name)
    with pytest.raises(usb.core.USBError, match="no grant"):
        rig.on()
    assert not rig.model.laser.commanded


@pytest.mark.parametrize("name", NAMES)
def test_light_ends_when_the_heart_stops(name):
    rig = Rig(name)
    rig.watch.grant(1e3)
    rig.on()
    assert rig.model.laser.commanded
    assert rig.until_dark()
    assert "no heartbeat" in rig.watch.cut
    assert rig.watch.cut_verified
    with pytest.raises(usb.core.USBError):
        rig.on()


def test_light_ends_with_its_grant_though_the_heart_beats():
    rig = Rig("wasatch-wp785")
    rig.watch.grant(0.3)
    rig.on()
    end = time.monotonic() + PATIENCE_S
    while rig.model.laser.commanded and time.monotonic() < end:
        rig.watch.beat()
        time.sleep(0.02)
    assert not rig.model.laser.commanded
    assert "granted time" in rig.watch.cut


def test_a_beating_heart_keeps_the_light():
    rig = Rig("wasatch-wp785")
    rig.watch.grant(1e3)
    rig.on()
    for _ in range(50):
        rig.watch.beat()
        time.sleep(0.02)
    assert rig.model.laser.commanded
    rig.watch.grant(0.0)
    assert rig.until_dark()


def test_an_on_that_comes_through_behind_the_end_is_switched_off():
    rig = Rig("wasatch-wp785")
    rig.watch.grant(1e3)
    started, release = threading.Event(), threading.Event()

    def slow(transfer):
        if transfer.request == 0xBE and transfer.value:
            started.set()
            rig.model.condition.release()
            release.wait(PATIENCE_S)
            rig.model.condition.acquire()

    rig.model.on_transfer = slow
    thread = threading.Thread(target=rig.on, daemon=True)
    thread.start()
    assert started.wait(PATIENCE_S)
    ending = threading.Thread(target=rig.watch.end, args=("test",), daemon=True)
    ending.start()
    time.sleep(0.05)
    release.set()
    thread.join(PATIENCE_S)
    ending.join(PATIENCE_S)
    assert rig.until_dark()


def test_lost_offs_are_sent_until_the_unit_reads_off():
    rig = Rig("wasatch-wp785")
    rig.watch.grant(1e3)
    rig.on()
    left, command = [8], rig.model.laser.command

    def lossy(on):
        if not on and left[0]:
            left[0] -= 1
        else:
            command(on)

    rig.model.laser.command = lossy
    assert rig.watch.end("test")
    assert not rig.model.laser.commanded
    assert left == [0]


def test_closing_the_handle_of_a_lit_unit_switches_off_first():
    rig = Rig("wasatch-wp785")
    rig.watch.grant(1e3)
    rig.on()
    rig.watch.around(rig.handle, "close_device", (), lambda: rig.bus.close_device(rig.handle.raw))
    assert not rig.model.laser.commanded


def test_what_is_no_on_is_none():
    wasatch, ocean = LINES[0x24AA], LINES[0x2457]
    assert not wasatch.is_on("ctrl_transfer", (0x40, 0xBE, 0, 0, bytes(8), 500))
    assert not wasatch.is_on("ctrl_transfer", (0x40, 0xB2, 100, 0, b"", 500))
    assert not ocean.is_on("bulk_write", (0x01, 0, b"\x03\x00\x00", 500))
    assert not ocean.is_on("bulk_write", (0x01, 0, b"\x02\x01\x00\x00\x00", 500))
