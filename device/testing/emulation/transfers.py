"""USB transfers as the emulated bus sees them, and the errors that libusb reports for them."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from enum import StrEnum

import usb.core


class Kind(StrEnum):
    """What the host did on the bus."""

    BULK_OUT = "bulk-out"
    BULK_IN = "bulk-in"
    CONTROL_OUT = "control-out"
    CONTROL_IN = "control-in"
    OPEN = "open"
    CONFIGURE = "configure"
    CLAIM = "claim"


class Role(StrEnum):
    """What a transfer is for; a device model decides it, faults pick by it."""

    ACQUIRE = "acquire"
    SPECTRUM = "spectrum"
    LASER = "laser"
    READBACK = "readback"
    STATUS = "status"
    EEPROM = "eeprom"
    SETUP = "setup"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Transfer:
    """One transfer.

    Parameters
    ----------
    kind
        Its kind.
    endpoint
        Endpoint address, 0 for control transfers.
    data
        Bytes sent to the device.
    size
        Bytes that the host has room for, or sends.
    request, value, index
        The setup packet of a control transfer.
    """

    kind: Kind
    endpoint: int = 0
    data: bytes = b""
    size: int = 0
    request: int = 0
    value: int = 0
    index: int = 0


# libusb 1.0 error codes (libusb.h, enum libusb_error) with the errno that pyusb's backend gives each.
_USB_ERRORS: dict[str, tuple[str, int, int]] = {
    "timeout": ("Operation timed out", -7, errno.ETIMEDOUT),
    "stall": ("Pipe error", -9, errno.EPIPE),
    "gone": ("No such device (it may have been disconnected)", -4, errno.ENODEV),
    "io": ("Input/output error", -1, errno.EIO),
    "busy": ("Resource busy", -6, errno.EBUSY),
    "access": ("Access denied (insufficient permissions)", -3, errno.EACCES),
    "not-found": ("Entity not found", -5, errno.ENOENT),
}


def usb_error(kind: str) -> usb.core.USBError:
    """Return the exception that pyusb's libusb backend would raise.

    Parameters
    ----------
    kind
        ``timeout``, ``stall``, ``gone``, ``io``, ``busy``, ``access`` or ``not-found``.
    """
    text, code, number = _USB_ERRORS[kind]
    error = usb.core.USBTimeoutError if kind == "timeout" else usb.core.USBError
    return error(text, code, number)
