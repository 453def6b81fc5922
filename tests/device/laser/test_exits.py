"""Signals, the gate, and callbacks: every way out leads to "off", and the host gets its own back."""

import gc
import os
import signal
import threading

import pytest

from spectriage.device.contract.errors import DeviceUnsafeError
from spectriage.device.laser import signals
from spectriage.device.laser.exits import all_off, gate_closed_by, resume
from spectriage.device.laser.guard import LaserGuard
from spectriage.device.testing.fake_laser import FakeLaser
from spectriage.device.testing.fake_laser import fake_and_guard as make

ENDING = [name for name in ("SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGALRM") if hasattr(signal, name)]


def handlers():
    return {number: signal.getsignal(number) for number in signal.valid_signals()}


def test_handlers_are_installed_only_while_armed():
    before = handlers()
    _, guard = make()
    assert handlers() == before
    token = guard.arm()
    assert handlers() != before
    guard.disarm()
    assert handlers() == before
    with guard.fire(guard.arm()):
        assert handlers() != before
    assert handlers() == before
    with pytest.raises(DeviceUnsafeError), guard.fire(guard.arm(), delay_s=1e4):
        pytest.fail("fired past its arming")
    assert handlers() == before
    assert token is not None


@pytest.mark.parametrize("name", ENDING)
def test_the_hosts_own_handler_runs_after_the_laser_is_off(name):
    device, guard = make()
    seen = []
    number = getattr(signal, name)
    old = signal.signal(number, lambda *_: seen.append(device.lit))
    try:
        if name in ("SIGUSR1", "SIGALRM"):
            # A signal that the host uses for something of its own does not end the program: not touched.
            with guard.fire(guard.arm()):
                signal.raise_signal(number)
                assert device.lit
            assert seen == [True]
            return
        with pytest.raises(DeviceUnsafeError, match="ended"), guard.fire(guard.arm()):
            signal.raise_signal(number)
        assert seen == [False]
        assert name in gate_closed_by()
    finally:
        signal.signal(number, old)


def test_an_ignored_signal_stays_ignored_and_one_that_the_host_changed_is_left_alone():
    device, guard = make()
    old = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with guard.fire(guard.arm()):
            assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
            mine = signal.signal(signal.SIGINT, signal.default_int_handler)
            assert mine is not signal.default_int_handler
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGTERM, old)
    assert not device.lit


def test_a_thread_arms_without_touching_signals():
    before = handlers()
    device, guard = make()
    seen = []

    def work():
        with guard.fire(guard.arm()):
            seen.append((device.lit, handlers() == before))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [(True, True)]
    with signals.signals_switch_off():
        assert handlers() != before
    assert handlers() == before


def in_thread(work):
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def test_handlers_are_given_back_though_another_thread_disarms():
    before = handlers()
    _, guard = make()
    for end in (guard.disarm, lambda: guard.off("another thread")):
        guard.arm()
        assert handlers() != before
        in_thread(end)
        # the thread asked for it; here the main one has run since
        assert handlers() == before


def test_a_signal_after_another_thread_disarmed_is_the_hosts_alone():
    """The main thread has not run Python since: the handlers still stand, and take themselves back."""
    before = handlers()
    device, guard = make()
    seen = []
    old = signal.signal(signal.SIGTERM, lambda *_: seen.append((device.lit, gate_closed_by())))
    try:
        guard.arm()
        signals._held.clear()
        assert signal.getsignal(signal.SIGTERM) is signals._handle
        signal.raise_signal(signal.SIGTERM)
        assert seen == [(False, "")]
        assert signal.getsignal(signal.SIGTERM) is not signals._handle
    finally:
        guard.disarm()
        signal.signal(signal.SIGTERM, old)
    assert handlers() == before


def test_what_is_armed_meanwhile_keeps_the_handlers():
    before = handlers()
    (_, first), (_, second) = make(), make()
    first.arm()

    def swap():
        first.disarm()
        second.arm()

    in_thread(swap)
    assert handlers() != before
    second.disarm()
    assert handlers() == before


def test_a_guard_that_is_forgotten_while_armed_leaves_no_handlers():
    before = handlers()
    device, guard = make()
    guard.arm()
    del guard
    gc.collect()
    assert handlers() == before
    assert not device.lit


@pytest.mark.skipif(not hasattr(signal, "SIGTSTP"), reason="no stopping signals on this system")
def test_a_stopped_program_goes_on_with_its_laser_off_and_may_arm_anew():
    device, guard = make()
    # In a group of processes without a parent in its session a stop is ignored by the system: that will do.
    if os.getpgrp() != os.getpid():
        pytest.skip("this would stop the test run")
    with pytest.raises(DeviceUnsafeError), guard.fire(guard.arm()):
        signal.raise_signal(signal.SIGTSTP)
    assert not device.lit


def test_after_all_off_nothing_fires_until_somebody_says_resume():
    device, guard = make()
    token = guard.arm()
    assert all_off("the button")
    with pytest.raises(DeviceUnsafeError, match="the button"):
        guard.arm()
    with pytest.raises(Exception, match="ready, not armed"), guard.fire(token):
        pytest.fail("fired on a token of before")
    resume()
    with guard.fire(guard.arm()):
        assert device.lit


def test_a_screen_that_raises_stops_no_off():
    broken = []

    def screen(guard):
        if broken:
            raise RuntimeError("the screen broke")

    pairs = []
    for _ in range(2):
        device = FakeLaser()
        guard = LaserGuard(device, on_change=screen)
        guard.open()
        guard.ready()
        firing = guard.fire(guard.arm())
        firing.__enter__()
        pairs.append((device, guard, firing))
    broken.append(1)
    assert all_off("test")
    assert not any(device.lit for device, _, _ in pairs)
    assert all(isinstance(guard.screen_error, RuntimeError) for _, guard, _ in pairs)


def test_all_off_goes_on_while_one_unit_hangs():
    (hung, slow), (device, guard) = make(), make()
    release = threading.Event()
    firings = [slow.fire(slow.arm()), guard.fire(guard.arm())]
    for firing in firings:
        firing.__enter__()
    off = hung.laser_off
    hung.laser_off = lambda: (release.wait(30.0), off())[1]
    done = []
    thread = threading.Thread(target=lambda: done.append(all_off("test")))
    thread.start()
    deadline = threading.Event()
    for _ in range(2000):
        if not device.lit:
            break
        deadline.wait(0.01)
    assert not device.lit
    assert hung.lit
    release.set()
    thread.join(30.0)
    assert not hung.lit


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_switches_nothing_off_and_ends_at_once():
    device, guard = make()
    with guard.fire(guard.arm()):
        child = os.fork()
        if child == 0:
            os._exit(0 if not guard.off("in the child") and device.lit else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert device.lit
