"""How each maker's unit is told "laser off", how an "on" to it is recognised, and how the off is verified."""

from __future__ import annotations

import array
import errno
from abc import ABC, abstractmethod
from typing import Any

import usb.core

OFF_TIMEOUT_MS = 200
"""Of each transfer: three of them fit into the bound of one second."""


class LaserLine(ABC):
    """The laser, or the line that gates one, of a maker's units."""

    always_off = False
    """Whether an "off" harms no unit of the maker, also where no "on" was seen."""
    shares_pipe = False
    """Whether reading back takes answers from a pipe that the program may be reading."""

    @abstractmethod
    def is_on(self, call: str, arguments: tuple[Any, ...]) -> bool:
        """Whether a backend call commands light on; `arguments` begin behind the handle."""

    @abstractmethod
    def off(self, backend: Any, handle: Any) -> None:
        """Command off."""

    @abstractmethod
    def reads_off(self, backend: Any, handle: Any) -> bool:
        """Whether command and output both read off."""


class WasatchLine(LaserLine):
    """Vendor request 0xBE; 0xE2 reads the command, 0xFF/0x0D the output where the interlock can be read."""

    always_off = True

    def is_on(self, call: str, arguments: tuple[Any, ...]) -> bool:
        """Request 0xBE with a value that is not 0."""
        return call == "ctrl_transfer" and arguments[0] == 0x40 and arguments[1] == 0xBE and arguments[2] != 0

    def off(self, backend: Any, handle: Any) -> None:
        """Request 0xBE with 0."""
        backend.ctrl_transfer(handle, 0x40, 0xBE, 0, 0, array.array("B"), OFF_TIMEOUT_MS)

    def reads_off(self, backend: Any, handle: Any) -> bool:
        """Ask for the command, and for the output where the unit knows that request."""
        if self._ask(backend, handle, 0xE2, 0):
            return False
        try:
            return not self._ask(backend, handle, 0xFF, 0x0D)
        except usb.core.USBError as error:
            if error.errno != errno.EPIPE:
                raise
            return True

    @staticmethod
    def _ask(backend: Any, handle: Any, request: int, value: int) -> int:
        buffer = array.array("B", bytes(1))
        got = backend.ctrl_transfer(handle, 0xC0, request, value, 0, buffer, OFF_TIMEOUT_MS)
        return int(buffer[0]) if got == 1 else 1


class OceanLine(LaserLine):
    """Byte command 03 of the models that have it: the lamp-enable line; FE reads it back."""

    shares_pipe = True

    def is_on(self, call: str, arguments: tuple[Any, ...]) -> bool:
        """Command 03 with a value that is not 0."""
        if call != "bulk_write" or arguments[0] != 0x01:
            return False
        data = bytes(arguments[2])
        return len(data) == 3 and data[0] == 0x03 and data[1:] != b"\0\0"

    def off(self, backend: Any, handle: Any) -> None:
        """Command 03 with 0; a halt that an earlier error left is cleared first."""
        try:
            backend.bulk_write(handle, 0x01, 0, array.array("B", b"\x03\0\0"), OFF_TIMEOUT_MS)
        except usb.core.USBError as error:
            if error.errno != errno.EPIPE:
                raise
            backend.clear_halt(handle, 0x01)
            backend.bulk_write(handle, 0x01, 0, array.array("B", b"\x03\0\0"), OFF_TIMEOUT_MS)

    def reads_off(self, backend: Any, handle: Any) -> bool:
        """Ask for the status; an answer to something else may be in front of it."""
        for _ in range(3):
            backend.bulk_write(handle, 0x01, 0, array.array("B", b"\xfe"), OFF_TIMEOUT_MS)
            buffer = array.array("B", bytes(64))
            got = backend.bulk_read(handle, 0x81, 0, buffer, OFF_TIMEOUT_MS)
            if got == 16:
                return not buffer[6]
        return False


LINES: dict[int, LaserLine] = {0x24AA: WasatchLine(), 0x2457: OceanLine()}
"""By vendor number."""
