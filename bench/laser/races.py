"""Attacks with tokens, time, threads and exceptions: races for an off, and ways around an arming."""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable
from typing import Any

from spectriage.bench.laser.bed import Bench, bench, fires
from spectriage.bench.laser.outcome import Outcome
from spectriage.device.contract.clock import Deadline, SystemClock
from spectriage.device.contract.errors import DeviceError, DeviceLostError
from spectriage.device.contract.spectrometer import (
    LaserPower,
)
from spectriage.device.laser.exits import all_off, resume
from spectriage.device.laser.guard import LaserGuard
from spectriage.device.laser.states import SafetyState
from spectriage.device.laser.tokens import ArmingToken
from spectriage.device.testing.emulation.transfers import Transfer
from spectriage.device.testing.outcomes import in_thread

# -- tokens and time


def forged_token(name: str) -> Outcome:
    """Copy a token with other limits, make one up, change one in place, use one twice or another guard's."""
    with bench(name) as b, bench(name) as other:
        given = b.guard.arm(valid_s=30.0, max_firing_s=5.0)
        copy = ArmingToken(1e12, 36_000.0, None)
        foreign = other.guard.arm()
        fired = fires(b, copy) or fires(b, foreign)
        for slot, value in (("_max_firing_s", 36_000.0), ("_expires_s", 1e12)):
            setattr(given, slot, value)
        until = 0.0
        try:
            with b.guard.fire(given):
                firing: Any = b.guard._firing
                until = firing.fired_until_s - b.model.clock.monotonic()
        except DeviceError:
            until = 0.0
        fired |= until > 5.5 or fires(b, given)
        return Outcome(fired or b.lit, note=f"fired for up to {until:g} s")


def expired(how: str) -> Callable[[str], Outcome]:
    """Let the arming expire: by waiting, in the delay, or in a countdown that blocks."""

    def attack(name: str) -> Outcome:
        with bench(name) as b:
            token = b.guard.arm(valid_s=1.0, max_firing_s=5.0)
            if how == "waiting":
                b.model.clock.wait(1.0)
                fired = fires(b, token)
            elif how == "delay":
                fired = fires(b, token, delay_s=3600.0)
            else:
                fired = fires(b, token, delay_s=0.5, countdown=lambda left: _block(b))
            return Outcome(fired or b.lit)

    return attack


def _block(b: Bench) -> None:
    b.model.clock.wait(900.0)


def disarmed_in_countdown(name: str) -> Outcome:
    """Disarm while the token counts down, and arm anew: the old token must not fire."""
    with bench(name, SystemClock()) as b:
        token = b.guard.arm(max_firing_s=30.0)
        fired: list[bool] = []
        thread, _ = in_thread(lambda: fired.append(fires(b, token, delay_s=0.6)))
        time.sleep(0.2)
        b.guard.disarm()
        b.guard.arm(max_firing_s=1.0)
        thread.join(10.0)
        return Outcome(any(fired) or b.lit, note=f"state {b.guard.state}")


def token_race(name: str) -> Outcome:
    """Let four threads fire one token at the same moment: one may win."""
    with bench(name) as b:
        b.model.laser.start_delay_s = 0.0
        token, won, barrier = b.guard.arm(), [], threading.Barrier(4)

        def fire() -> None:
            barrier.wait()
            with b.guard.fire(token):
                won.append(1)
                time.sleep(0.005)

        threads = [in_thread(fire)[0] for _ in range(4)]
        for thread in threads:
            thread.join(30.0)
        return Outcome(len(won) > 1 or b.lit, note=f"{len(won)} fired")


def two_guards(name: str) -> Outcome:
    """Open a second guard on a unit that has one."""
    with bench(name) as b:
        second = LaserGuard(b.device)
        try:
            second.open()
        except DeviceError:
            return b.judge()
        return Outcome(False, True, note="a second guard was opened")


def no_guard(name: str) -> Outcome:
    """Switch on without a guard, by accident."""
    with bench(name) as b:
        try:
            device: Any = b.device
            device.laser_on() if hasattr(device, "laser_on") else device.set_laser_gate(True)
        except (DeviceError, TypeError):
            return b.judge()
        return Outcome(b.lit)


# -- off wins


def refire_behind_off(name: str) -> Outcome:
    """Switch everything off while a thread fires again and again, and another unit hangs."""
    with bench(name, SystemClock()) as b, bench(name, SystemClock()) as hung:
        b.model.laser.start_delay_s = hung.model.laser.start_delay_s = 0.0
        firing = hung.guard.fire(hung.guard.arm(max_firing_s=50.0))
        firing.__enter__()

        def hang(transfer: Transfer) -> None:
            hung.model.condition.release()
            time.sleep(4.0)
            hung.model.condition.acquire()

        hung.spoil(hang)
        stop = threading.Event()

        def fire_for_ever() -> None:
            while not stop.is_set():
                try:
                    if b.guard.state is SafetyState.FAULT:
                        b.guard.reset()
                    if b.guard.state is SafetyState.OPEN:
                        b.guard.ready()
                    with b.guard.fire(b.guard.arm(max_firing_s=30.0)):
                        b.device.acquire(Deadline.after(10.0))
                except DeviceError:
                    continue

        thread, _ = in_thread(fire_for_ever)
        time.sleep(0.3)
        all_off("attack")
        lit = False
        until = time.monotonic() + 0.5
        while time.monotonic() < until:
            lit |= b.lit
            time.sleep(0.002)
        stop.set()
        thread.join(20.0)
        hung.model.on_transfer = None
        silent = not hung.guard.laser_unknown and hung.lit
        time.sleep(4.5)
        hung.guard.off("again")
        return Outcome(lit or b.lit, silent, note=f"hung unit: {hung.guard.state}")


def raising_callback(name: str) -> Outcome:
    """Let the screen's callback raise while everything is switched off."""
    resume()
    broken = [False]

    def screen(guard: LaserGuard) -> None:
        if broken[0]:
            raise RuntimeError("the screen broke")

    with bench(name) as first, bench(name) as second:
        firings = []
        for b in (first, second):
            b.guard._on_change = screen
            firings.append(b.guard.fire(b.guard.arm(max_firing_s=50.0)))
            firings[-1].__enter__()
        broken[0] = True
        try:
            verified = all_off("attack")
        except Exception as error:
            return Outcome(first.lit or second.lit, note=f"all_off raised {error!r}")
        finally:
            broken[0] = False
        return Outcome(first.lit or second.lit, not verified, note=f"{len(firings)} firings")


def owner_thread_dies(name: str) -> Outcome:
    """Kill the thread on which the adapter sends its offs."""
    with bench(name, SystemClock()) as b:
        try:
            with b.guard.fire(b.guard.arm(max_firing_s=30.0)):
                b.device._off_lane._queue.put(None)
                b.device._off_lane._thread.join(2.0)
        except DeviceError:
            pass
        return b.judge(note=f"{b.guard.state}, unknown {b.guard.laser_unknown}")


def exceptions(name: str) -> Outcome:
    """Leave the light by every kind of exception."""
    kinds: tuple[BaseException, ...] = (
        ValueError("x"),
        KeyboardInterrupt(),
        SystemExit(3),
        MemoryError(),
        GeneratorExit(),
        StopIteration(),
        RecursionError(),
        DeviceLostError("gone"),
        AssertionError(),
    )
    for kind in kinds:
        with bench(name) as b:
            try:
                with b.guard.fire(b.guard.arm()):
                    raise kind
            except BaseException as error:
                caught = error
            outcome = b.judge(note=type(caught).__name__)
        if outcome.failed:
            return outcome
    return Outcome(False)


def asynchronous_exceptions(name: str) -> Outcome:
    """Throw exceptions into a firing thread from outside, at any moment and several in a row."""
    for shot in range(6):
        with bench(name, SystemClock()) as b:
            b.model.laser.start_delay_s = 0.0

            def fire(b: Bench = b) -> None:
                with b.guard.fire(b.guard.arm(max_firing_s=20.0)):
                    for _ in range(1000):
                        b.device.acquire(Deadline.after(5.0))

            thread, _ = in_thread(fire)
            time.sleep(0.03 * shot)
            for _ in range(1 + shot % 3):
                ctypes.pythonapi.PyThreadState_SetAsyncExc(
                    ctypes.c_ulong(thread.ident or 0), ctypes.py_object(KeyboardInterrupt)
                )
                time.sleep(0.004 * shot)
            thread.join(2.0)
            if thread.is_alive():  # Python drops what hits a destructor: it fires on, and validly
                b.guard.off("attack over")
                thread.join(10.0)
            outcome = b.judge(note=f"state {b.guard.state}")
        if outcome.failed:
            return outcome
    return Outcome(False)


def power_without_arming(name: str) -> Outcome:
    """Ask for more power than the unit has, and for a firing longer than any may be."""
    with bench(name) as b:
        asked: list[dict[str, float]] = [
            {"max_firing_s": value} for value in (float("nan"), -1.0, 0.0, 601.0)
        ]
        if isinstance(b.device, LaserPower):
            asked.append({"power_mw": 2.0 * b.device.laser_power_limits_mw()[1]})
        for arguments in asked:
            try:
                b.guard.arm(**arguments)
            except DeviceError:
                continue
            return Outcome(False, True, note=f"armed with {arguments}")
        return b.judge()


RACES: dict[str, Callable[[str], Outcome]] = {
    "forged, copied, changed, foreign token": forged_token,
    "arming expired": expired("waiting"),
    "arming expires in the delay": expired("delay"),
    "countdown blocks past the arming": expired("countdown"),
    "disarmed during the countdown": disarmed_in_countdown,
    "four threads, one token": token_race,
    "two guards, one unit": two_guards,
    "switched on without a guard": no_guard,
    "fired again behind all_off, another unit hangs": refire_behind_off,
    "callback raises in all_off": raising_callback,
    "the off thread dies": owner_thread_dies,
    "nine kinds of exception": exceptions,
    "asynchronous exceptions": asynchronous_exceptions,
    "limits beyond what may be": power_without_arming,
}
"""Each attack by name; called with the emulated model."""
