"""The laser state machine over the real drivers and the emulated bus, and every way out of a process."""

import json
import os
import signal
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from spectriage.device.contract.clock import Deadline, VirtualClock
from spectriage.device.contract.errors import DeviceError, DeviceLostError, DeviceUnsafeError
from spectriage.device.contract.spectrometer import ScanSettings
from spectriage.device.laser.guard import LaserGuard
from spectriage.device.laser.states import SafetyState
from spectriage.device.testing.emulation.faults import Action, Fault, apply_fault
from spectriage.device.testing.emulation.open import make_model, open_model
from spectriage.device.testing.emulation.transfers import Role

PROGRAM = """
import json, os, signal, sys, time
from spectriage.device.contract.clock import Deadline
from spectriage.device.testing.emulation.open import make_model, open_model
from spectriage.device.contract.spectrometer import ScanSettings
from spectriage.device.laser.guard import LaserGuard

name, way, journal = sys.argv[1:4]
model = make_model(name)
model.laser.start_delay_s = 0.0
out = os.open(journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
def note(t):
    row = [model.clock.monotonic(), t.kind, t.endpoint, t.data.hex(), t.request, t.value, t.index]
    os.write(out, (json.dumps(row) + "\\n").encode())
model.on_transfer = note
device = open_model(model)
device.configure(ScanSettings(5.0, 1))
guard = LaserGuard(device)
guard.open()
guard.ready()
token = guard.arm(max_firing_s=4.0)
firing = guard.fire(token)
firing.__enter__()
device.acquire(Deadline.after(20.0))
os.write(out, b'"firing"\\n')
print("firing", flush=True)
if way == "exception":
    with guard.fire(token):
        pass
elif way == "exit":
    sys.exit(3)
elif way == "end":
    pass
elif way == "hang":
    device._driver.get_spectrum = lambda: time.sleep(60)
    try:
        device.acquire(Deadline.after(0.3))
    except Exception as error:
        print(type(error).__name__, flush=True)
    os._exit(0)
else:
    time.sleep(60)
"""


def run_program(tmp_path, name, way, number=None):
    """Run the program to its end, or send it a signal while it fires; return its code and journal."""
    journal = tmp_path / "journal"
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, name, way, str(journal)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    first = process.stdout.readline().strip()
    if number is not None:
        os.kill(process.pid, number)
    rest = process.stdout.read()
    return process.wait(120), first, rest, [json.loads(line) for line in journal.read_text().splitlines()]


def replay(name, rows):
    """Bring a fresh model to the state in which the process left its device."""
    clock = VirtualClock()
    model = make_model(name, clock=clock)
    model.laser.start_delay_s = 0.0
    start = next(row[0] for row in rows if row != "firing")
    for row in rows:
        if row == "firing":
            assert model.laser.emitting, "the program never fired"
            continue
        at, kind, endpoint, data, request, value, index = row
        clock.wait(at - start - clock.monotonic())
        if kind == "control-out":
            model.on_control_out(request, value, index, bytes.fromhex(data))
        elif kind == "bulk-out":
            model.on_bulk_out(endpoint, bytes.fromhex(data))
    return model


@pytest.mark.parametrize(
    ("name", "way", "number"),
    [
        ("wasatch-wp785", "exception", None),
        ("wasatch-wp785", "exit", None),
        ("wasatch-wp785", "end", None),
        ("wasatch-wp785", "sleep", signal.SIGTERM),
        ("wasatch-wp785", "sleep", signal.SIGINT),
        ("wasatch-wp785", "hang", None),
        ("ocean-usb2000plus", "sleep", signal.SIGTERM),
        ("ocean-usb2000plus", "end", None),
    ],
)
def test_the_laser_is_off_when_the_process_is_gone(tmp_path, name, way, number):
    code, first, rest, rows = run_program(tmp_path, name, way, number)
    assert first == "firing"
    if way == "hang":
        assert "DeviceTimeoutError" in rest
    if number == signal.SIGTERM:
        assert code == -signal.SIGTERM
    assert not replay(name, rows).laser.commanded


def test_kill_9_leaves_it_to_the_watchdog(tmp_path):
    _, first, _, rows = run_program(tmp_path, "wasatch-wp785xs", "sleep", signal.SIGKILL)
    assert first == "firing"
    model = replay("wasatch-wp785xs", rows)
    assert model.laser.emitting
    model.clock.wait(7.0)  # 4 s of firing and 2 s of margin; the unit's own default is 10 s
    assert not model.laser.commanded


def test_kill_9_without_a_watchdog_leaves_the_laser_on_as_the_warning_says(tmp_path):
    _, _, _, rows = run_program(tmp_path, "wasatch-wp785", "sleep", signal.SIGKILL)
    model = replay("wasatch-wp785", rows)
    model.clock.wait(3600.0)
    assert model.laser.emitting
    device = open_model(make_model("wasatch-wp785", clock=VirtualClock()))
    assert any("no watchdog" in warning for warning in LaserGuard(device).warnings)
    device.close()


def test_reconnecting_switches_off_a_laser_that_was_left_on():
    model = make_model("wasatch-wp785", clock=VirtualClock())
    model.laser.command(True)
    device = open_model(model)
    assert not model.laser.commanded
    commands = [t for t in model.log if model.role(t) is Role.LASER]
    reads = [i for i, t in enumerate(model.log) if model.role(t) is Role.EEPROM]
    assert list(model.log).index(commands[0]) < reads[0]
    device.close()


class DriverSequences(RuleBasedStateMachine):
    """Operations and faults over Wasatch.PY and pyseabreeze."""

    names = ("wasatch-wp785", "wasatch-wp785", "wasatch-wp785xs", "ocean-qe65000")

    @initialize(name=st.sampled_from(names))
    def start(self, name):
        self.clock = VirtualClock()
        self.model = make_model(name, clock=self.clock)
        self.device = open_model(self.model)
        self.device.configure(ScanSettings(20.0, 1))
        self.token = None
        self.new_guard()

    def new_guard(self):
        self.guard = LaserGuard(self.device)
        self.attempt(self.guard.open)
        self.attempt(self.guard.ready)

    def attempt(self, operation, *arguments):
        try:
            return operation(*arguments)
        except (DeviceError, ZeroDivisionError):
            return None

    def scan(self):
        return self.attempt(self.device.acquire, Deadline.after(60.0, self.clock))

    @rule()
    def arm(self):
        self.token = self.attempt(self.guard.arm) or self.token

    @rule(ends=st.sampled_from(["well", "exception", "off", "scan error"]))
    def fire(self, ends):
        def block():
            with self.guard.fire(self.token):
                if ends == "scan error":
                    self.device.acquire(Deadline.after(60.0, self.clock))
                else:
                    self.scan()
                if ends == "exception":
                    raise ZeroDivisionError
                if ends == "off":
                    self.guard.off("inside")

        if self.token is not None:
            self.attempt(block)

    @rule()
    def dark(self):
        self.scan()

    @rule(
        role=st.sampled_from([Role.LASER, Role.READBACK, Role.STATUS, Role.SPECTRUM, Role.ACQUIRE, None]),
        action=st.sampled_from([Action.DROP, Action.ERROR, Action.STALL, Action.UNPLUG_BEFORE]),
        count=st.integers(1, 8),
        skip=st.integers(0, 3),
    )
    def inject(self, role, action, count, skip):
        self.model.inject(Fault(action, role, count=count, skip=skip))

    @rule(name=st.sampled_from(["interlock-open", "watchdog-trip", "low-battery", "over-temperature"]))
    def condition(self, name):
        apply_fault(self.model, name)

    @rule()
    def all_well_and_reset(self):
        self.model.faults.clear()
        self.model.laser.set_interlock(True)
        self.model.laser_celsius, self.model.battery_percent = 30.0, 80.0
        self.attempt(self.guard.reset)
        self.attempt(self.guard.ready)

    @rule()
    def off(self):
        self.guard.off("asked")

    @rule()
    def reopen(self):
        self.model.faults.clear()
        if not self.model.plugged:
            self.model.replug()
        self.attempt(self.device.close)
        fresh = self.attempt(open_model, self.model)
        if fresh is not None:
            assert not self.model.laser.commanded
            self.device = fresh
            self.device.configure(ScanSettings(20.0, 1))
            self.new_guard()

    @invariant()
    def safe(self):
        if hasattr(self, "guard"):
            assert self.guard.state is not SafetyState.FIRING
            if self.model.laser.commanded:
                assert self.guard.laser_unknown

    def teardown(self):
        if hasattr(self, "guard"):
            self.model.faults.clear()
            self.guard.close()
            try:
                self.device.close()
            except (DeviceUnsafeError, DeviceLostError):
                assert not self.model.plugged
            else:
                assert not self.model.laser.commanded


DriverSequences.TestCase.settings = settings(
    max_examples=40, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
)
TestDriverSequences = DriverSequences.TestCase
