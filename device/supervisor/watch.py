"""The supervisor's rule: light only under a grant, while the heart beats; everything else ends in "off"."""

from __future__ import annotations

import errno
import threading
import time
from collections.abc import Callable
from typing import Any

import usb.core

from spectriage.device.supervisor.lines import LINES, LaserLine
from spectriage.device.supervisor.server import Handle

BEAT_S = 0.1
"""How often the program says that it is alive, while it has a grant."""
STALL_S = 0.6
"""A heart that has not beaten for this long has stopped: off."""
BOUND_S = 1.0
"""Light is off at the latest so long after its program died, stopped or stalled (a unit that answers)."""
OFF_ATTEMPTS = 200
OFF_PAUSE_S = 0.05


class Watch:
    """Decides what may pass to the unit, and switches it off.

    Parameters
    ----------
    backend
        Of the unit.
    """

    def __init__(self, backend: Any) -> None:
        self._backend = backend
        self._until = 0.0
        self._beat = 0.0
        self._lit: dict[int, Handle] = {}
        self._sending = 0
        self._check_due = False
        self._condition = threading.Condition()
        self._off_lock = threading.Lock()
        self.cut = ""
        """Why the light was ended here; empty while it was not. The program is told with its next beat."""
        self.cut_verified = False

    # -- what the program says

    def grant(self, seconds: float) -> None:
        """Let light be for so many seconds, or end it with 0."""
        if seconds <= 0.0:
            with self._condition:
                self._until = 0.0
                self._check_due = True
                self._condition.notify_all()
            return
        with self._condition:
            self.cut = ""
            self._beat = time.monotonic()
            self._until = self._beat + seconds
            self._condition.notify_all()

    def beat(self) -> None:
        """Note that the program is alive."""
        self._beat = time.monotonic()

    def around(self, handle: Handle, name: str, arguments: tuple[Any, ...], work: Callable[[], Any]) -> Any:
        """Do a transfer; one that commands light on passes only under a grant."""
        line = LINES.get(handle.vendor)
        if line is None:
            return work()
        if name in ("close_device", "reset_device") and id(handle) in self._lit:
            self._off([handle])
        if not line.is_on(name, arguments):
            return work()
        with self._condition:
            if time.monotonic() >= self._until:
                raise usb.core.USBError("the supervisor has no grant for light", None, errno.EPERM)
            self._lit[id(handle)] = handle
            self._sending += 1
        try:
            return work()
        finally:
            with self._condition:
                self._sending -= 1
                over = time.monotonic() >= self._until
            if over:  # what was under way when the grant ended came through behind the off
                self._off([handle])

    # -- what it does by itself

    def run(self) -> None:
        """End the light when the grant is over or the heart has stopped; runs for ever."""
        while True:
            if self._check_due:
                # The program has switched off itself, and read it back: once more costs nothing.
                self._check_due = False
                for handle in list(self._lit.values()):
                    self._off_one(handle, reads=not _line(handle).shares_pipe)
            with self._condition:
                if self._until <= 0.0 and not self._check_due:
                    self._condition.wait()
                    continue
                if self._check_due:
                    continue
                now = time.monotonic()
                end = min(self._until, self._beat + STALL_S)
                if now < end:
                    self._condition.wait(end - now)
                    continue
                over = now >= self._until
            reason = "the granted time was over" if over else f"no heartbeat for {STALL_S:g} s"
            self.end(f"the supervisor switched the laser off: {reason}")

    def end(self, reason: str) -> bool:
        """Take the grant back and switch off whatever was commanded on; return whether that was verified."""
        with self._condition:
            self._until = 0.0
            lit = list(self._lit.values())
        verified = self._off(lit)
        if lit:
            self.cut, self.cut_verified = reason, verified
        return verified

    def end_all(self, handles: list[Handle]) -> bool:
        """Switch off for good: the program is gone."""
        with self._condition:
            self._until = 0.0
            known = [handle for handle in handles if _line(handle).always_off or id(handle) in self._lit]
        return self._off(known)

    def _off(self, handles: list[Handle]) -> bool:
        verified = True
        for handle in handles:
            verified &= self._off_one(handle)
        return verified

    def _off_one(self, handle: Handle, *, reads: bool = True) -> bool:
        """Command off until it reads off, and once more behind an "on" that is under way."""
        line = _line(handle)
        for attempt in range(OFF_ATTEMPTS):
            try:
                with self._off_lock:
                    line.off(self._backend, handle.raw)
                    done = not reads or line.reads_off(self._backend, handle.raw)
            except usb.core.USBError as error:
                if error.errno in (errno.ENODEV, errno.ENXIO):
                    return False
                done = False
            if done and not self._sending:
                self._lit.pop(id(handle), None)
                return True
            if attempt:
                time.sleep(OFF_PAUSE_S)
        return False


class _NoLine(LaserLine):
    def is_on(self, call: str, arguments: tuple[Any, ...]) -> bool:
        return False

    def off(self, backend: Any, handle: Any) -> None:
        return

    def reads_off(self, backend: Any, handle: Any) -> bool:
        return True


_NO_LINE = _NoLine()


def _line(handle: Handle) -> LaserLine:
    return LINES.get(handle.vendor, _NO_LINE)
