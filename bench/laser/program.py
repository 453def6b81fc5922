"""The program that is attacked: it fires on a unit in another process, supervised, and dies as told.

Run as ``python -m spectriage.bench.laser.program ORDER`` with ORDER as JSON; prints a line ``firing`` when
the light is on, then lines of JSON.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import threading
import time
from typing import Any

from spectriage.device.contract.clock import Deadline
from spectriage.device.contract.errors import DeviceError
from spectriage.device.contract.spectrometer import ScanSettings, Spectrometer
from spectriage.device.laser.guard import LaserGuard
from spectriage.device.laser.signals import signals_switch_off
from spectriage.device.laser.states import SafetyState
from spectriage.spectra.origin import Origin

HELD_S = 5
"""Longer than the bound by far."""
SEEN_S = 0.3
"""In which the end of a supervisor is seen."""


def open_unit(model: str, bus: dict[str, Any], *, supervised: bool = True) -> Spectrometer:
    """Open a unit in another process with the real driver of its make."""
    if model.startswith("wasatch"):
        from spectriage.device.drivers.wasatch import open_wasatch

        return open_wasatch(bus=bus, supervised=supervised, origin=Origin.EMULATED, where=f"emulated:{model}")
    from spectriage.device.drivers.ocean import open_ocean

    return open_ocean(bus=bus, supervised=supervised, origin=Origin.EMULATED, where=f"emulated:{model}")


def say(what: object) -> None:
    """Print one line of JSON at once."""
    print(json.dumps(what), flush=True)


def now() -> None:
    """Tell when the attack begins."""
    say({"at": time.monotonic()})


def main() -> None:
    """Fire, and do what the order says."""
    order = json.loads(sys.argv[1])
    # What runs in the background, or behind nohup, is started with these ignored.
    for name in ("SIGHUP", "SIGQUIT", "SIGTSTP", "SIGTERM"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    devices = [open_unit(order["model"], bus, supervised=order["supervised"]) for bus in order["buses"]]
    for device in devices:
        device.configure(ScanSettings(20.0, 1))
    way = order["way"]
    supervision: Any = getattr(devices[0], "_supervision", None)
    pid = supervision.process.pid if supervision is not None else 0
    if way in ("worker", "worker exit"):
        _worker(devices[0], way)
        return
    guard = LaserGuard(devices[0])
    with guard:
        try:
            with guard.fire(guard.arm(max_firing_s=30.0)):
                print("firing", flush=True)
                say({"supervisor": pid})
                _die(way, devices[0])
        except DeviceError as error:
            said = f"{type(error).__name__}: {error}"
            # The supervisor's own last off may have been seen before its end was.
            time.sleep(SEEN_S)
            say({"error": said, "state": guard.state, "unknown": guard.laser_unknown})
            time.sleep(HELD_S)


def _die(way: str, device: Spectrometer) -> None:
    if way == "scan":
        while True:
            device.acquire(Deadline.after(10.0))
    elif way == "hold":
        while True:
            time.sleep(0.05)
    elif way == "sleep in C":
        time.sleep(60.0)
    now()
    if way == "GIL held in C":
        ctypes.PyDLL(None).sleep(HELD_S)
    elif way == "GIL held by a loop":
        sys.setswitchinterval(1e6)
        until = time.monotonic() + HELD_S
        while time.monotonic() < until:
            pass
    elif way == "memory":
        hoard = []
        while True:
            hoard.append(bytearray(b"x") * (8 << 20))
    elif way == "sys.exit":
        sys.exit(3)
    elif way == "os._exit":
        os._exit(0)
    elif way == "abort":
        os.abort()
    elif way == "segmentation fault":
        ctypes.string_at(0)
    elif way == "exception":
        raise ZeroDivisionError
    elif way == "forked child lives on":
        if os.fork() == 0:
            time.sleep(HELD_S)
            os._exit(0)
        os.kill(os.getpid(), 9)
    elif way == "forked child exits":
        if os.fork() == 0:
            sys.exit(0)
        os.wait()
        device.acquire(Deadline.after(10.0))
        say({"scanned": True})
    else:
        raise LookupError(way)


def _worker(device: Spectrometer, way: str) -> None:
    """Fire again and again in a thread that never gives up, whatever happens to the main one."""
    guard = LaserGuard(device)

    def fire_for_ever() -> None:
        told = False
        while True:
            try:
                if guard.state is SafetyState.CLOSED:
                    guard.open()
                if guard.state is SafetyState.FAULT:
                    guard.reset()
                if guard.state is SafetyState.OPEN:
                    guard.ready()
                with guard.fire(guard.arm(max_firing_s=30.0)):
                    if not told:
                        told = True
                        print("firing", flush=True)
                        say({"supervisor": 0})
                    device.acquire(Deadline.after(10.0))
            except DeviceError:
                continue

    threading.Thread(target=fire_for_ever, daemon=True).start()
    with signals_switch_off():
        if way == "worker exit":
            time.sleep(1.5)
            now()
            sys.exit(0)
        time.sleep(60.0)


if __name__ == "__main__":
    main()
