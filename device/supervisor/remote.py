"""A pyusb backend whose transfers another process does: the program's side, and how a call is spelt."""

from __future__ import annotations

import array
import errno
import os
import secrets
import threading
from multiprocessing.connection import Client, Connection
from types import SimpleNamespace
from typing import Any

import usb.core
from usb.backend import IBackend

DESCRIPTOR = (
    *("bLength", "bDescriptorType", "bcdUSB", "bDeviceClass", "bDeviceSubClass", "bDeviceProtocol"),
    *("bMaxPacketSize0", "idVendor", "idProduct", "bcdDevice", "iManufacturer", "iProduct", "iSerialNumber"),
    *("bNumConfigurations", "bus", "address", "port_number", "port_numbers", "speed"),
    *("wTotalLength", "bNumInterfaces", "bConfigurationValue", "iConfiguration", "bmAttributes", "bMaxPower"),
    *("bInterfaceNumber", "bAlternateSetting", "bNumEndpoints", "bInterfaceClass", "bInterfaceSubClass"),
    *("bInterfaceProtocol", "iInterface"),
    *("bEndpointAddress", "wMaxPacketSize", "bInterval", "bRefresh", "bSynchAddress"),
)
"""Fields of the descriptors of USB 2.0, chapter 9, and where the device is plugged in."""


def plain(descriptor: Any) -> dict[str, Any]:
    """Return a descriptor as a dictionary."""
    found: dict[str, Any] = {"extra_descriptors": list(getattr(descriptor, "extra_descriptors", ()) or ())}
    for name in DESCRIPTOR:
        value = getattr(descriptor, name, None)
        if isinstance(value, int) or value is None:
            found[name] = value
        elif isinstance(value, tuple | list):
            found[name] = tuple(int(part) for part in value)
    return found


def spell_error(error: BaseException) -> tuple[Any, ...]:
    """Return an error as a reply."""
    if isinstance(error, usb.core.USBError):
        timeout = isinstance(error, usb.core.USBTimeoutError)
        return ("usb", timeout, str(error.strerror), error.backend_error_code, error.errno)
    if isinstance(error, IndexError):
        return ("index", str(error))
    if isinstance(error, NotImplementedError):
        return ("not implemented", str(error))
    return ("other", f"{type(error).__name__}: {error}")


def raise_reply(reply: tuple[Any, ...]) -> Any:
    """Return what a reply holds, or raise the error that it spells."""
    kind = reply[0]
    if kind == "ok":
        return reply[1]
    if kind == "usb":
        error = usb.core.USBTimeoutError if reply[1] else usb.core.USBError
        raise error(reply[2], reply[3], reply[4])
    if kind == "index":
        raise IndexError(reply[1])
    if kind == "not implemented":
        raise NotImplementedError(reply[1])
    raise usb.core.USBError(f"the process that owns the device failed: {reply[1]}", None, errno.EIO)


def _gone(error: BaseException) -> usb.core.USBError:
    return usb.core.USBError(f"the process that owns the device is gone: {error!r}", None, errno.ENODEV)


class RemoteBackend(IBackend):  # type: ignore[misc]
    """A ``usb.backend.IBackend`` over a connection to the process that owns the devices.

    Every thread has a connection of its own, so that an off never waits for an exposure.

    Parameters
    ----------
    address
        Where the process listens.
    key
        Secret that both sides know.
    """

    def __init__(self, address: str, key: bytes) -> None:
        self._address, self._key = address, key
        self._session = secrets.token_hex(8)
        self._process = os.getpid()
        self._local = threading.local()
        self._descriptors: dict[tuple[Any, ...], dict[str, Any]] = {}
        self.calls = 0
        """How many calls were made, transfers and others."""
        # As long as this one stands the owner keeps our handles; it is gone when this process is.
        self.anchor = self._connect("anchor")

    def _connect(self, role: str) -> Connection[Any, Any]:
        try:
            connection = Client(self._address, authkey=self._key)
            connection.send((role, self._session))
        except (OSError, EOFError) as error:
            raise _gone(error) from error
        return connection

    def _call(self, name: str, *arguments: Any) -> Any:
        if os.getpid() != self._process:
            raise usb.core.USBError("a forked child owns no device", None, errno.ENODEV)
        self.calls += 1
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._connect("transfers")
        try:
            connection.send((name, *arguments))
            reply = connection.recv()
        except (OSError, EOFError) as error:
            raise _gone(error) from error
        return raise_reply(reply)

    def close(self) -> None:
        """Let the owner close our handles."""
        self.anchor.close()

    def _descriptor(self, name: str, *arguments: int) -> SimpleNamespace:
        """Return a descriptor, asked for once: a device that is plugged in again has another number."""
        key = (name, *arguments)
        if key not in self._descriptors:
            self._descriptors[key] = self._call(name, *arguments)
        return SimpleNamespace(**self._descriptors[key])

    # -- usb.backend.IBackend

    def enumerate_devices(self) -> list[int]:
        """Devices that are plugged in."""
        return list(self._call("enumerate_devices"))

    def get_parent(self, dev: int) -> None:
        """Hubs are not asked for."""
        return

    def get_device_descriptor(self, dev: int) -> SimpleNamespace:
        """Device descriptor."""
        return self._descriptor("get_device_descriptor", dev)

    def get_configuration_descriptor(self, dev: int, config: int) -> SimpleNamespace:
        """Return a configuration descriptor."""
        return self._descriptor("get_configuration_descriptor", dev, config)

    def get_interface_descriptor(self, dev: int, intf: int, alt: int, config: int) -> SimpleNamespace:
        """Interface descriptor."""
        return self._descriptor("get_interface_descriptor", dev, intf, alt, config)

    def get_endpoint_descriptor(self, dev: int, ep: int, intf: int, alt: int, config: int) -> SimpleNamespace:
        """Endpoint descriptor."""
        return self._descriptor("get_endpoint_descriptor", dev, ep, intf, alt, config)

    def open_device(self, dev: int) -> int:
        """Open a handle."""
        return int(self._call("open_device", dev))

    def close_device(self, dev_handle: int) -> None:
        """Close a handle; a process that is gone has closed it."""
        try:
            self._call("close_device", dev_handle)
        except usb.core.USBError as error:
            if error.errno != errno.ENODEV:
                raise

    def set_configuration(self, dev_handle: int, config_value: int) -> None:
        """Set the configuration."""
        self._call("set_configuration", dev_handle, config_value)

    def get_configuration(self, dev_handle: int) -> int:
        """Return the configuration in force."""
        return int(self._call("get_configuration", dev_handle))

    def set_interface_altsetting(self, dev_handle: int, intf: int, altsetting: int) -> None:
        """Set an alternate setting."""
        self._call("set_interface_altsetting", dev_handle, intf, altsetting)

    def claim_interface(self, dev_handle: int, intf: int) -> None:
        """Claim the interface."""
        self._call("claim_interface", dev_handle, intf)

    def release_interface(self, dev_handle: int, intf: int) -> None:
        """Release the interface."""
        self._call("release_interface", dev_handle, intf)

    def clear_halt(self, dev_handle: int, ep: int) -> None:
        """Clear a stall."""
        self._call("clear_halt", dev_handle, ep)

    def reset_device(self, dev_handle: int) -> None:
        """Reset."""
        self._call("reset_device", dev_handle)

    def is_kernel_driver_active(self, dev_handle: int, intf: int) -> bool:
        """Whether a kernel driver has the interface."""
        return bool(self._call("is_kernel_driver_active", dev_handle, intf))

    def detach_kernel_driver(self, dev_handle: int, intf: int) -> None:
        """Detach it."""
        self._call("detach_kernel_driver", dev_handle, intf)

    def attach_kernel_driver(self, dev_handle: int, intf: int) -> None:
        """Attach it again."""
        self._call("attach_kernel_driver", dev_handle, intf)

    def bulk_write(self, dev_handle: int, ep: int, intf: int, data: Any, timeout: int) -> int:
        """Do a bulk write."""
        return int(self._call("bulk_write", dev_handle, ep, intf, bytes(data), timeout))

    def bulk_read(self, dev_handle: int, ep: int, intf: int, buff: array.array[int], timeout: int) -> int:
        """Do a bulk read into `buff`."""
        return _into(buff, self._call("bulk_read", dev_handle, ep, intf, _size(buff), timeout))

    def ctrl_transfer(
        self,
        dev_handle: int,
        bmRequestType: int,
        bRequest: int,
        wValue: int,
        wIndex: int,
        data: array.array[int],
        timeout: int,
    ) -> int:
        """Do a control transfer; one that reads fills `data`."""
        reads = bool(bmRequestType & 0x80)
        body = _size(data) if reads else data.tobytes()
        answer = self._call(
            "ctrl_transfer", dev_handle, bmRequestType, bRequest, wValue, wIndex, body, timeout
        )
        return _into(data, answer) if reads else int(answer)


def _size(buffer: array.array[int]) -> int:
    return len(buffer) * buffer.itemsize


def _into(buffer: array.array[int], data: bytes) -> int:
    memoryview(buffer).cast("B")[: len(data)] = data
    return len(data)
