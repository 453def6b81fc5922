"""Attacks in which the unit lies, loses commands, opens its interlock, or does them late."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from spectriage.bench.laser.bed import SAYS_OFF, bench, fires, switches_on
from spectriage.bench.laser.outcome import NotPossibleError, Outcome
from spectriage.device.contract.clock import Deadline, SystemClock
from spectriage.device.contract.errors import DeviceError
from spectriage.device.contract.spectrometer import (
    InterlockReadback,
)
from spectriage.device.testing.emulation.transfers import Transfer, usb_error
from spectriage.device.testing.outcomes import in_thread

HANG_S = 6.5
"""Longer than the patience with an "on"."""


def offs_lost(lost: int, interlock: bool) -> Callable[[str], Outcome]:
    """Lose the next offs, with the interlock open or in the start delay: it reads dark while commanded on."""

    def attack(name: str) -> Outcome:
        with bench(name, SystemClock()) as b:
            left = [0]

            def around(on: bool, work: Callable[[], None]) -> None:
                if not on and left[0] > 0:
                    left[0] -= 1
                else:
                    work()

            b.hook(around)
            if interlock:
                if not isinstance(b.device, InterlockReadback):
                    raise NotPossibleError("its interlock cannot be read")
                try:
                    with b.guard.fire(b.guard.arm(max_firing_s=30.0)):
                        b.model.laser.set_interlock(False)
                        left[0] = lost
                        raise ZeroDivisionError
                except (ZeroDivisionError, DeviceError):
                    pass
                first = b.judge()
                b.model.laser.set_interlock(True)
            else:
                token, over = b.guard.arm(max_firing_s=30.0), threading.Event()

                def hold() -> None:
                    with b.guard.fire(token):
                        over.wait(30.0)

                thread, _ = in_thread(hold)
                until = time.monotonic() + 5.0
                while not b.lit and time.monotonic() < until:
                    time.sleep(0.005)
                left[0] = lost
                b.guard.off("operator stop")
                first = b.judge()
                over.set()
                thread.join(10.0)
            left[0] = 0
            second = b.judge()
            return first if first.failed else second

    return attack


def interlock_blip(name: str) -> Outcome:
    """Open and close the interlock during an exposure: the scan must not be accepted, nor light come back."""
    with bench(name, SystemClock(), 1500.0) as b:
        if not isinstance(b.device, InterlockReadback):
            raise NotPossibleError("its interlock cannot be read")
        device: Any = b.device
        b.model.laser.start_delay_s = 0.0

        def blip() -> None:
            time.sleep(0.3)
            b.model.laser.set_interlock(False)
            time.sleep(0.3)
            b.model.laser.set_interlock(True)

        accepted, token = False, b.guard.arm(max_firing_s=30.0)
        try:
            with b.guard.fire(token):
                thread, _ = in_thread(blip)
                device.acquire(Deadline.after(20.0))
                accepted = True
        except DeviceError:
            accepted = False
        thread.join()
        again = fires(b, token)
        return Outcome(b.lit or again, accepted, note="the scan was accepted" if accepted else "")


def late_on(failing: int) -> Callable[[str], Outcome]:
    """Let an "on" hang until it was given up and come through then, the next offs failing."""

    def attack(name: str) -> Outcome:
        with bench(name, SystemClock()) as b:
            state = {"slow": True, "fail": 0}

            def before(transfer: Transfer) -> None:
                if switches_on(transfer) and state["slow"]:
                    state["slow"] = False
                    b.model.condition.release()
                    time.sleep(HANG_S)
                    b.model.condition.acquire()
                    state["fail"] = failing
                elif not switches_on(transfer) and state["fail"] > 0:
                    state["fail"] -= 1
                    raise usb_error("timeout")

            b.spoil(before)
            ready = False
            try:
                with b.guard.fire(b.guard.arm(max_firing_s=30.0)):
                    ready = True
            except DeviceError:
                ready = b.guard.state in SAYS_OFF
            time.sleep(HANG_S - 5.0 + 1.0 + 0.2 * failing)
            lit = b.lit
            said_ready = ready or b.guard.state in SAYS_OFF
            note = f"{b.guard.state}, unknown {b.guard.laser_unknown}"
            return Outcome(lit, said_ready or not b.guard.laser_unknown, note=note)

    return attack


LIES: dict[str, Callable[[str], Outcome]] = {
    **{f"{n} offs lost in the start delay": offs_lost(n, interlock=False) for n in (1, 2, 3, 8)},
    **{f"{n} offs lost, interlock open": offs_lost(n, interlock=True) for n in (1, 2, 3, 8)},
    "interlock opened during an exposure": interlock_blip,
    **{f"late on, then {n} offs fail": late_on(n) for n in (0, 1, 2, 5)},
}
"""Each attack by name; called with the emulated model."""
