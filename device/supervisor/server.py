"""Serves a pyusb backend to another process: the transfers of `remote.RemoteBackend` are done here."""

from __future__ import annotations

import array
import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import AuthenticationError
from multiprocessing.connection import Connection, Listener
from typing import Any

from spectriage.device.supervisor.remote import plain, spell_error

_DESCRIBES = (
    "get_device_descriptor",
    "get_configuration_descriptor",
    "get_interface_descriptor",
    "get_endpoint_descriptor",
)


@dataclass
class Handle:
    """An open device."""

    session: str
    raw: Any
    vendor: int


Around = Callable[["Handle", str, tuple[Any, ...], Callable[[], Any]], Any]
"""Called around each transfer with the handle, the call, its arguments and what does it."""


def do_it(handle: Handle, name: str, arguments: tuple[Any, ...], work: Callable[[], Any]) -> Any:
    """Do a transfer as it is."""
    return work()


class BackendServer:
    """Listens for programs, and does their transfers on a backend; one thread a connection.

    Parameters
    ----------
    backend
        A pyusb backend.
    key
        Secret that a program must know.
    around
        See `Around`.
    """

    def __init__(self, backend: Any, key: bytes, around: Around = do_it) -> None:
        self.backend = backend
        self.handles: dict[int, Handle] = {}
        self.anchored: Callable[[Connection[Any, Any]], None] = _until_closed
        """Called with the connection that stands as long as its program; returns when that is gone."""
        self._around = around
        self._listener = Listener(authkey=key)
        self._devices: dict[int, Any] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    @property
    def address(self) -> str:
        """Where it listens."""
        return str(self._listener.address)

    def serve(self) -> None:
        """Accept connections until `close`."""
        while True:
            try:
                connection = self._listener.accept()
            except (AuthenticationError, EOFError, ConnectionError):
                continue
            except OSError:
                return
            threading.Thread(target=self._greet, args=(connection,), daemon=True).start()

    def close(self) -> None:
        """Listen no more."""
        self._listener.close()

    def close_session(self, session: str) -> None:
        """Close the handles of a program that is gone, as an operating system would."""
        with self._lock:
            gone = [number for number, handle in self.handles.items() if handle.session == session]
            handles = [self.handles.pop(number) for number in gone]
        for handle in handles:
            try:
                self.backend.close_device(handle.raw)
            except Exception:
                continue

    def _greet(self, connection: Connection[Any, Any]) -> None:
        try:
            role, session = connection.recv()
            if role == "anchor":
                try:
                    self.anchored(connection)
                finally:
                    self.close_session(session)
            else:
                self._transfers(connection, session)
        except (EOFError, OSError):
            return
        finally:
            connection.close()

    def _transfers(self, connection: Connection[Any, Any], session: str) -> None:
        while True:
            name, *arguments = connection.recv()
            try:
                reply: tuple[Any, ...] = ("ok", self._do(session, name, tuple(arguments)))
            except Exception as error:
                reply = spell_error(error)
            connection.send(reply)

    def _do(self, session: str, name: str, arguments: tuple[Any, ...]) -> Any:
        if name == "enumerate_devices":
            return [self._number(device) for device in self.backend.enumerate_devices()]
        if name in _DESCRIBES:
            return plain(getattr(self.backend, name)(self._devices[arguments[0]], *arguments[1:]))
        if name == "open_device":
            return self._open(session, arguments[0])
        number, rest = arguments[0], arguments[1:]
        handle = self.handles.pop(number) if name == "close_device" else self.handles[number]
        return self._around(handle, name, rest, lambda: self._transfer(handle.raw, name, rest))

    def _number(self, device: Any) -> int:
        with self._lock:
            number = next(self._numbers)
            self._devices[number] = device
        return number

    def _open(self, session: str, device: int) -> int:
        vendor = int(self.backend.get_device_descriptor(self._devices[device]).idVendor)
        raw = self.backend.open_device(self._devices[device])
        with self._lock:
            number = next(self._numbers)
            self.handles[number] = Handle(session, raw, vendor)
        return number

    def _transfer(self, raw: Any, name: str, rest: tuple[Any, ...]) -> Any:
        if name == "bulk_write":
            ep, intf, data, timeout = rest
            return self.backend.bulk_write(raw, ep, intf, array.array("B", data), timeout)
        if name == "bulk_read":
            ep, intf, size, timeout = rest
            buffer = array.array("B", bytes(size))
            got = self.backend.bulk_read(raw, ep, intf, buffer, timeout)
            return buffer[:got].tobytes()
        if name == "ctrl_transfer":
            kind, request, value, index, body, timeout = rest
            buffer = array.array("B", bytes(body) if kind & 0x80 else body)
            got = self.backend.ctrl_transfer(raw, kind, request, value, index, buffer, timeout)
            return buffer[:got].tobytes() if kind & 0x80 else got
        return getattr(self.backend, name)(raw, *rest)


def _until_closed(connection: Connection[Any, Any]) -> None:
    while True:
        connection.recv()
