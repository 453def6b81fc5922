"""The program's side of its supervisor: start it, let the heart beat, and do its work when it dies."""

from __future__ import annotations

import errno
import json
import os
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import wait
from typing import Any

import usb.core

from spectriage.device.supervisor.lines import LINES
from spectriage.device.supervisor.process import open_backend
from spectriage.device.supervisor.remote import RemoteBackend
from spectriage.device.supervisor.watch import BEAT_S

START_S = 20.0
STOP_S = 2.0
ANSWER_S = 0.5
"""A supervisor that has not answered a heartbeat for this long is stopped: end it, and switch off."""
START_ANSWER_S = 1.2
"""The same for the grant, before which there is no light."""
EXIT_S = 0.1
"""A broken connection is followed by the end of its process within this time."""
RESCUE_S = 3.0
RESCUE_ATTEMPTS = 20
RESCUE_PAUSE_S = 0.02

Alarm = Callable[[str, bool], None]
"""Told what happened, and whether the laser was verified to be off since."""


class SupervisorError(Exception):
    """The supervisor did not start, or is gone."""


class Supervision:
    """A supervisor process and the pyusb backend over it.

    Parameters
    ----------
    bus
        Which bus it owns: ``{"kind": "libusb", "order": [...]}``, or ``{"kind": "remote", "address": …,
        "key": …}`` for one in another process.

    Raises
    ------
    SupervisorError
        It did not start.
    """

    def __init__(self, bus: dict[str, Any]) -> None:
        self._bus = bus
        self._alarm: Alarm | None = None
        self._unit: tuple[int, int, int | None, int | None] | None = None
        self._granted = threading.Event()
        self._closed = False
        self._lost = ""
        self._verified = False
        self._rescued = threading.Event()
        self._lock = threading.RLock()
        self._owner = os.getpid()
        key = secrets.token_bytes(32)
        self.process = _start(bus, key)
        try:
            self.backend = RemoteBackend(_answer(self.process), key)
        except usb.core.USBError as error:
            self.process.kill()
            raise SupervisorError(f"the supervisor did not answer: {error}") from error
        threading.Thread(target=self._live, name="supervisor heartbeat", daemon=True).start()

    @property
    def alive(self) -> bool:
        """Whether it watches; for a forked child it does not."""
        return not self._lost and not self._closed and os.getpid() == self._owner

    def watch_unit(self, device: Any, alarm: Alarm) -> None:
        """Name the pyusb device to rescue, and whom to tell, when the supervisor dies."""
        self._unit = (device.idVendor, device.idProduct, device.bus, device.address)
        self._alarm = alarm

    def grant(self, seconds: float) -> None:
        """Let light pass for so many seconds at most, from now on; 0 ends it.

        Raises
        ------
        SupervisorError
            It is gone.
        """
        if not self.alive:
            raise SupervisorError(self._lost or "the supervisor was closed")
        if seconds <= 0.0:
            if not self._granted.is_set():
                return
            self._granted.clear()
        self._say("grant", seconds)
        if not self.alive:
            raise SupervisorError(self._lost)
        if seconds > 0.0:
            self._granted.set()

    def close(self) -> None:
        """Let the supervisor switch off and end."""
        if self._closed or os.getpid() != self._owner:
            return
        if self._lost or self.process.poll() is not None:
            self.rescued()
        self._closed = True
        self.backend.close()
        if self.process.stdin is not None:
            self.process.stdin.close()
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def rescued(self) -> bool:
        """Whether the supervisor is gone and the laser was verified to be off since; waits for that."""
        if not self._lost:
            try:
                self.process.wait(EXIT_S)
            except subprocess.TimeoutExpired:
                return False
            self._die("the supervisor process died")
        return self._rescued.wait(RESCUE_S) and self._verified

    # -- the heart

    def _live(self) -> None:
        lifeline = self.backend.anchor
        while self.alive:
            try:
                # An answer nobody asked for is the end of the connection.
                ended = bool(wait([lifeline], BEAT_S))
                if not ended:
                    if self._granted.is_set():
                        self._say("beat")
                    continue
                with self._lock:
                    if not lifeline.poll(0.0):
                        continue  # it was the answer to somebody else's question
                    lifeline.recv()
            except (EOFError, OSError):
                if not self._closed:
                    self._die("the supervisor process died")

    def _say(self, *message: Any) -> None:
        """Say something and hear the answer; a supervisor that does not answer in time is dead."""
        lifeline = self.backend.anchor
        problem = ""
        with self._lock:
            if not self.alive:
                return
            try:
                lifeline.send(message)
                if lifeline.poll(START_ANSWER_S if message[0] == "grant" else ANSWER_S):
                    cut, verified = lifeline.recv()
                else:
                    problem = "the supervisor process does not answer"
            except (EOFError, OSError):
                problem = "the supervisor process died"
        if problem:
            if not self._closed:
                self._die(problem)
        elif cut:
            self._granted.clear()
            if self._alarm is not None:
                self._alarm(cut, verified)

    def _die(self, problem: str) -> None:
        """Do the supervisor's work: end what is left of it, open the unit, switch it off, tell the guard."""
        with self._lock:
            if self._lost or self._closed:
                return
            self._lost = problem
        self.process.kill()
        self.process.wait()
        verified = self._unit is not None and rescue(self._bus, self._unit)
        self._verified = verified
        done = "the laser was switched off" if verified else "the laser could not be verified to be off"
        try:
            # First the guard, then whoever waits: an off that waited must not make it ready again.
            if self._alarm is not None:
                self._alarm(f"{problem}; {done}", verified)
        finally:
            self._rescued.set()


def rescue(bus: dict[str, Any], unit: tuple[int, int, int | None, int | None]) -> bool:
    """Open a unit on a backend of our own, switch its laser off; return whether that was verified."""
    line = LINES.get(unit[0])
    if line is None:
        return True
    for _ in range(RESCUE_ATTEMPTS):
        try:
            if _rescue_once(open_backend(bus), line, unit):
                return True
        except (usb.core.USBError, LookupError, OSError) as error:
            if getattr(error, "errno", None) == errno.EACCES:
                return False
        time.sleep(RESCUE_PAUSE_S)
    return False


def _rescue_once(backend: Any, line: Any, unit: tuple[int, int, int | None, int | None]) -> bool:
    for device in backend.enumerate_devices():
        found = backend.get_device_descriptor(device)
        if (found.idVendor, found.idProduct, found.bus, found.address) != unit:
            continue
        handle = backend.open_device(device)
        try:
            backend.claim_interface(handle, 0)
            line.off(backend, handle)
            return bool(line.reads_off(backend, handle))
        finally:
            backend.close_device(handle)
            if isinstance(backend, RemoteBackend):
                backend.close()
    return False


def _start(bus: dict[str, Any], key: bytes) -> subprocess.Popen[str]:
    try:
        # A session, or a process group, of its own: a Ctrl-C at the terminal is not for it.
        process = subprocess.Popen(
            [sys.executable, "-m", "spectriage.device.supervisor.process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
    except OSError as error:
        raise SupervisorError(f"the supervisor process cannot be started: {error}") from error
    assert process.stdin is not None
    process.stdin.write(json.dumps({"bus": bus, "key": key.hex()}) + "\n")
    process.stdin.flush()
    return process


def _answer(process: subprocess.Popen[str]) -> str:
    """Return where the supervisor listens."""
    output = process.stdout
    assert output is not None
    lines: list[str] = []
    reader = threading.Thread(target=lambda: lines.append(output.readline()), daemon=True)
    reader.start()
    reader.join(START_S)
    try:
        answer = json.loads(lines[0]) if lines else {}
    except ValueError:
        answer = {}
    if "address" not in answer:
        process.kill()
        process.wait()
        raise SupervisorError(f"the supervisor process did not start: {answer.get('error', 'no answer')}")
    return str(answer["address"])
