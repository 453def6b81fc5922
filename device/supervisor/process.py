"""The supervisor's process: ``python -m spectriage.device.supervisor.process``, started by `client`.

It reads one line of JSON from its standard input (which bus, and a secret), and answers with one (where it
listens). It ends when its program is gone and the laser is off.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from importlib import import_module
from multiprocessing.connection import Connection
from types import FrameType
from typing import Any

from spectriage.device.supervisor.remote import RemoteBackend
from spectriage.device.supervisor.server import BackendServer
from spectriage.device.supervisor.watch import Watch

START_S = 10.0
"""A program that has not connected by then will not."""


def open_backend(bus: dict[str, Any]) -> Any:
    """Return the backend that a description names: ``libusb`` with an ``order``, or ``remote``.

    Raises
    ------
    LookupError
        There is none.
    """
    if bus["kind"] == "remote":
        return RemoteBackend(bus["address"], bytes.fromhex(bus["key"]))
    for name in bus["order"]:
        backend = import_module(f"usb.backend.{name}").get_backend()
        if backend is not None:
            return backend
    raise LookupError("no libusb library was found")


class Supervisor:
    """One program's supervisor.

    Parameters
    ----------
    backend
        Of the units.
    key
        Secret that the program knows.
    """

    def __init__(self, backend: Any, key: bytes) -> None:
        self.watch = Watch(backend)
        self.server = BackendServer(backend, key, self.watch.around)
        self.server.anchored = self.follow
        self._followed = threading.Event()

    def follow(self, lifeline: Connection[Any, Any]) -> None:
        """Listen to the program's heart until its connection is gone; then switch off and end."""
        self._followed.set()
        try:
            while True:
                what, *rest = lifeline.recv()
                if what == "grant":
                    self.watch.grant(rest[0])
                else:
                    self.watch.beat()
                lifeline.send((self.watch.cut, self.watch.cut_verified))
                self.watch.cut = ""
        except (EOFError, OSError):
            self.end()

    def end(self) -> None:
        """Switch off and end this process."""
        self.watch.end_all(list(self.server.handles.values()))
        for session in {handle.session for handle in list(self.server.handles.values())}:
            self.server.close_session(session)
        self.server.close()
        os._exit(0)

    def run(self) -> None:
        """Serve until the program is gone."""
        threading.Thread(target=self.watch.run, daemon=True).start()
        threading.Thread(target=self.server.serve, daemon=True).start()
        if not self._followed.wait(START_S):
            os._exit(1)
        while True:
            time.sleep(3600.0)


def main() -> None:
    """Start from one line of JSON on the standard input."""
    for name in ("SIGINT", "SIGHUP", "SIGQUIT", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGPIPE", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    order = json.loads(sys.stdin.readline())
    try:
        supervisor = Supervisor(open_backend(order["bus"]), bytes.fromhex(order["key"]))
    except Exception as error:
        print(json.dumps({"error": f"{type(error).__name__}: {error}"}), flush=True)
        return

    def terminate(number: int, frame: FrameType | None) -> None:
        supervisor.end()

    signal.signal(signal.SIGTERM, terminate)
    print(json.dumps({"address": supervisor.server.address}), flush=True)
    supervisor.run()


if __name__ == "__main__":
    main()
