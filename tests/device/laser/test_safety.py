"""The laser state machine against a device that lies, loses commands and disappears."""

import itertools
import threading

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from spectriage.device.contract.clock import Deadline
from spectriage.device.contract.errors import (
    DeviceError,
    DeviceLostError,
    DeviceProtocolError,
    DeviceSettingsError,
    DeviceStateError,
    DeviceTimeoutError,
    DeviceUnsafeError,
)
from spectriage.device.contract.spectrometer import ScanSettings
from spectriage.device.laser.exits import all_off
from spectriage.device.laser.guard import LaserGuard
from spectriage.device.laser.light import guarded_light
from spectriage.device.laser.states import SafetyState
from spectriage.device.laser.tokens import ArmingToken
from spectriage.device.testing.fake_laser import FakeLaser
from spectriage.device.testing.fake_laser import fake_and_guard as make


class BoomError(Exception):
    pass


# -- one thing at a time


def test_the_way_up_and_back():
    device = FakeLaser()
    device.lit = True  # left on by whoever had it before
    seen = []
    guard = LaserGuard(device, on_change=lambda g: seen.append(g.state))
    guard.open()
    assert not device.lit
    guard.ready()
    token = guard.arm(max_firing_s=10.0, power_mw=20.0)
    with guard.fire(token):
        assert device.lit
        assert guard.state is SafetyState.FIRING
        assert device.power_mw == 20.0
        assert device.watchdog_s == 12.0
    assert not device.lit
    guard.close()
    assert [s.value for s in seen] == ["open", "ready", "armed", "starting", "firing", "ready", "closed"]


def test_a_token_fires_once_and_expires():
    device, guard = make()
    token = guard.arm(valid_s=5.0)
    with guard.fire(token):
        pass
    with pytest.raises(DeviceStateError), guard.fire(token):
        pytest.fail("fired twice on one token")
    token = guard.arm(valid_s=5.0)
    device.clock.wait(5.0)
    assert guard.state is SafetyState.READY
    with pytest.raises(DeviceUnsafeError, match="expired"), guard.fire(token):
        pytest.fail("fired on an expired token")
    assert not device.lit


def test_only_the_guards_own_token_fires():
    _, guard = make()
    _, other = make()
    guard.arm()
    with pytest.raises(DeviceStateError, match="token"), guard.fire(other.arm()):
        pytest.fail("fired on a foreign token")


@pytest.mark.parametrize("arguments", [{"valid_s": 0.0}, {"max_firing_s": 1e9}, {"power_mw": 101.0}])
def test_arming_within_limits(arguments):
    _, guard = make()
    with pytest.raises(DeviceSettingsError):
        guard.arm(**arguments)
    assert guard.state is SafetyState.READY


def test_interlock_open_refuses_to_arm_and_to_fire():
    device, guard = make()
    token = guard.arm()
    device.interlock = False
    with pytest.raises(DeviceUnsafeError, match="interlock"), guard.fire(token):
        pytest.fail("fired with the interlock open")
    assert not device.lit
    with pytest.raises(DeviceUnsafeError, match="interlock"):
        guard.arm()


@pytest.mark.parametrize("error", [BoomError, KeyboardInterrupt, SystemExit, GeneratorExit])
def test_off_on_any_exception(error):
    device, guard = make()
    with pytest.raises(error), guard.fire(guard.arm()):
        raise error
    assert not device.lit
    assert guard.state is SafetyState.READY


@pytest.mark.parametrize("mode", ["lost", "raise"])
def test_an_off_that_fails_is_latched_until_it_is_verified(mode):
    device, guard = make()
    device_on = guard.fire(guard.arm())
    with pytest.raises(DeviceUnsafeError, match="laser state unknown"), device_on:
        device.off_mode = mode
    assert device.lit
    assert guard.laser_unknown
    assert guard.state is SafetyState.FAULT
    assert any("UNKNOWN" in warning for warning in guard.warnings)
    with pytest.raises(DeviceUnsafeError):
        guard.arm()
    with pytest.raises(DeviceUnsafeError):
        guard.reset()
    device.off_mode = "ok"
    guard.reset()
    assert not guard.laser_unknown
    assert guard.state is SafetyState.OPEN


def test_an_off_that_cannot_be_read_back_is_not_believed():
    device, guard = make()
    with pytest.raises(DeviceUnsafeError), guard.fire(guard.arm()):
        device.readback_mode = "unknown"
    assert guard.laser_unknown


def test_a_lost_device_is_lost_with_its_laser_unknown():
    device, guard = make()
    with pytest.raises(DeviceLostError), guard.fire(guard.arm()):  # noqa: PT012
        device.plugged = False
        raise DeviceLostError("gone")
    assert guard.state is SafetyState.LOST
    assert guard.laser_unknown


def test_an_on_command_that_fails_after_it_was_done_is_switched_off():
    device, guard = make()
    device.on_mode = "late"
    with pytest.raises(DeviceTimeoutError), guard.fire(guard.arm()):
        pytest.fail("went on although the command failed")
    assert not device.lit


def test_an_off_from_another_thread_ends_the_firing():
    device, guard = make()
    with pytest.raises(DeviceUnsafeError, match="ended"), guard.fire(guard.arm()):  # noqa: PT012
        thread = threading.Thread(target=guard.off, args=("the operator let go",))
        thread.start()
        thread.join()
        assert not device.lit
    assert guard.state is SafetyState.READY


def test_an_off_while_the_laser_comes_on_wins():
    device, guard = make()
    device.on_lit = lambda: guard.off("stop")
    with pytest.raises(DeviceUnsafeError), guard.fire(guard.arm()):
        pytest.fail("fired although it was switched off")
    assert not device.lit


def test_firing_for_longer_than_armed_is_an_error():
    device, guard = make()
    with pytest.raises(DeviceUnsafeError, match="longer"), guard.fire(guard.arm(max_firing_s=2.0)):
        device.clock.wait(3.0)
    assert not device.lit


def test_the_countdown_can_be_called_off():
    device, guard = make()
    left = []
    with guard.fire(guard.arm(), delay_s=3.0, countdown=left.append):
        assert device.lit
    assert left == [3.0, 2.0, 1.0, 0.0]

    def stop(seconds):
        assert not device.lit
        if seconds <= 2.0:
            guard.off("called off")

    with pytest.raises(DeviceUnsafeError), guard.fire(guard.arm(), delay_s=3.0, countdown=stop):
        pytest.fail("fired after it was called off")
    assert not device.lit


def test_all_off_reaches_every_open_guard():
    pairs = [make() for _ in range(3)]
    fires = [guard.fire(guard.arm()) for _, guard in pairs]
    for fire in fires:
        fire.__enter__()
    assert all(device.lit for device, _ in pairs)
    all_off("test")
    assert not any(device.lit for device, _ in pairs)
    for fire in fires:
        with pytest.raises(DeviceUnsafeError):
            fire.__exit__(None, None, None)


def test_guarded_light_lights_only_its_block():
    device = FakeLaser()
    device.configure(ScanSettings(10.0, 1))
    with guarded_light(device, 60.0):
        assert device.acquire(Deadline.after(5.0, device.clock)).counts[0] == 1000.0
    assert device.acquire(Deadline.after(5.0, device.clock)).counts[0] == 100.0


# -- every sequence of operations and faults


def _fire(body=lambda device, guard: None, forged=False):
    def operation(device, guard):
        token = guard.__dict__.get("_test_token")
        if token is None or forged:
            token = ArmingToken(1e9, 10.0)
        with guard.fire(token):
            body(device, guard)

    return operation


def _raise(error):
    def body(device, guard):
        raise error

    return body


def _arm(device, guard):
    guard._test_token = guard.arm(valid_s=30.0)


def _set(**values):
    def operation(device, guard):
        for name, value in values.items():
            setattr(device, name, value)

    return operation


OPERATIONS = {
    "open": lambda d, g: g.open(),
    "ready": lambda d, g: g.ready(),
    "arm": _arm,
    "disarm": lambda d, g: g.disarm(),
    "fire": _fire(),
    "fire, forged token": _fire(forged=True),
    "fire, exception": _fire(_raise(BoomError())),
    "fire, interrupt": _fire(_raise(KeyboardInterrupt())),
    "fire, off inside": _fire(lambda d, g: g.off("inside")),
    "fire, interlock opens": _fire(_raise(DeviceUnsafeError("went out"))),
    "fire, unplugged": _fire(lambda d, g: (setattr(d, "plugged", False), _raise(DeviceLostError("x"))(d, g))),
    "fire, off lost": _fire(_set(off_mode="lost")),
    "fire, readback gone": _fire(_set(readback_mode="raise")),
    "off": lambda d, g: g.off("test"),
    "fault": lambda d, g: g.fault("test"),
    "lost": lambda d, g: g.lost("test"),
    "reset": lambda d, g: g.reset(),
    "close": lambda d, g: g.close(),
    "time passes": lambda d, g: d.clock.wait(31.0),
    "on: lost": _set(on_mode="lost"),
    "on: late": _set(on_mode="late"),
    "off: raises": _set(off_mode="raise"),
    "readback: unknown": _set(readback_mode="unknown"),
    "interlock opens": _set(interlock=False),
    "unplug": _set(plugged=False),
    "all well again": _set(on_mode="ok", off_mode="ok", readback_mode="ok", interlock=True, plugged=True),
}


def attempt(operation, device, guard):
    """Do one operation; errors of the project's own kind, and those that a body raised, are outcomes."""
    try:
        operation(device, guard)
    except (DeviceError, BoomError, KeyboardInterrupt):
        return


def check(device, guard):
    if device.lit:
        assert guard.laser_unknown, "the laser is on outside Firing and nobody says so"
    assert guard.state is not SafetyState.FIRING, "Firing outlived its block"


def watched():
    """A guard of a device that notices when light comes on outside Firing."""
    device = FakeLaser()
    guard = LaserGuard(device)

    def lit():
        assert guard.state is SafetyState.FIRING, "light outside Firing"

    device.on_lit = lit
    return device, guard


def run(names):
    device, guard = watched()
    for name in ("open", "ready", "arm"):
        attempt(OPERATIONS[name], device, guard)
    for name in names:
        attempt(OPERATIONS[name], device, guard)
        check(device, guard)
    guard.close()
    check(device, guard)


def test_every_sequence_of_two_operations_from_armed():
    for names in itertools.product(OPERATIONS, repeat=2):
        run(names)


def test_one_in_seven_of_the_sequences_of_three_operations_from_armed():
    # The stride shares no factor with the number of operations, so that each stands in each place.
    assert len(OPERATIONS) % 7
    for names in itertools.islice(itertools.product(OPERATIONS, repeat=3), 0, None, 7):
        run(names)


@pytest.mark.full
def test_every_sequence_of_three_operations_from_armed():
    for names in itertools.product(OPERATIONS, repeat=3):
        run(names)


@pytest.mark.full
def test_every_sequence_of_four_operations_from_armed():
    for names in itertools.product(OPERATIONS, repeat=4):
        run(names)


def test_the_enumeration_notices_a_guard_that_does_not_switch_off(monkeypatch):
    monkeypatch.setattr(LaserGuard, "off", lambda self, reason="": True)
    with pytest.raises(AssertionError):
        run(["fire"])


class Sequences(RuleBasedStateMachine):
    @initialize()
    def start(self):
        self.device, self.guard = watched()

    @rule(name=st.sampled_from(sorted(OPERATIONS)))
    def operate(self, name):
        attempt(OPERATIONS[name], self.device, self.guard)

    @rule(seconds=st.floats(0.0, 40.0))
    def wait(self, seconds):
        self.device.clock.wait(seconds)

    @invariant()
    def safe(self):
        if hasattr(self, "guard"):
            check(self.device, self.guard)

    def teardown(self):
        if hasattr(self, "guard"):
            self.guard.close()
            check(self.device, self.guard)


Sequences.TestCase.settings = settings(
    max_examples=200, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
TestSequences = Sequences.TestCase


def test_protocol_errors_do_not_leave_it_on():
    device, guard = make()
    with pytest.raises(DeviceProtocolError), guard.fire(guard.arm()):
        raise DeviceProtocolError("short frame")
    assert not device.lit
