"""What the USB adapters share below the drivers: finding devices, opening rights, errors, draining."""

from __future__ import annotations

import errno
import struct
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from importlib.resources import files
from typing import Any

from spectriage.device.contract.errors import (
    DeviceBusyError,
    DeviceError,
    DeviceLostError,
    DevicePermissionError,
    DeviceProtocolError,
    DeviceTimeoutError,
    DriverMissingError,
)
from spectriage.device.contract.registry import FoundDevice, Readiness

RULES = "60-spectriage.rules"
_UNPLUGGED = "is it plugged in and switched on? Open it again by its serial number"
_LOST = (errno.ENODEV, errno.ENXIO, errno.ESHUTDOWN, errno.ENOENT)


def udev_rules() -> str:
    """Return the text of the udev rules that let a logged-in user open the spectrometers."""
    return (files("spectriage.device.drivers") / "udev" / RULES).read_text(encoding="utf-8")


def driver_missing(extra: str, error: ImportError) -> DriverMissingError:
    """Return the error that says which extra to install."""
    return DriverMissingError(
        f"the driver of {extra} spectrometers is not installed: {error}",
        where=f"{extra}:",
        remedy=f"pip install 'spectriage[{extra}]'",
    )


def usb_backend(extra: str, order: tuple[str, ...]) -> Any:
    """Return the first pyusb backend of `order` that this machine has.

    Raises
    ------
    DriverMissingError
        When pyusb or every libusb is missing.
    """
    from importlib import import_module

    try:
        for name in order:
            backend = import_module(f"usb.backend.{name}").get_backend()
            if backend is not None:
                return backend
    except ImportError as error:
        raise driver_missing(extra, error) from error
    raise DriverMissingError(
        "no libusb library was found", where=f"{extra}:", remedy="install libusb 1.0 (Debian: libusb-1.0-0)"
    )


def find_devices(backend: Any, vendor_id: int, products: Collection[int]) -> list[Any]:
    """Return the pyusb devices of a vendor with one of the product numbers."""
    import usb.core

    found = usb.core.find(find_all=True, backend=backend, idVendor=vendor_id)
    return [device for device in found if device.idProduct in products]


def check_access(device: Any, where: str) -> None:
    """Configure and claim the device once, so that "busy" and "no permission" are told apart at once.

    Raises
    ------
    DeviceBusyError, DevicePermissionError, DeviceLostError, DeviceProtocolError
        Why it cannot be opened.
    """
    import usb.core
    import usb.util

    with usb_errors(where):
        try:
            if device.is_kernel_driver_active(0):
                device.detach_kernel_driver(0)
        except (NotImplementedError, usb.core.USBError):
            pass
        device.set_configuration()
        usb.util.claim_interface(device, 0)


def release(device: Any) -> None:
    """Give a pyusb device's handle back; a device that is gone is no error here."""
    import usb.core
    import usb.util

    try:
        usb.util.dispose_resources(device)
    except usb.core.USBError:
        return


def drain(device: Any, endpoints: Collection[int], timeout_ms: int, reads: int = 64) -> int:
    """Read until the endpoints are silent, and clear their halts; return the bytes thrown away."""
    import usb.core

    thrown = 0
    for endpoint in endpoints:
        device.clear_halt(endpoint)
        for _ in range(reads):
            try:
                thrown += len(device.read(endpoint, 16_384, timeout=timeout_ms))
            except usb.core.USBTimeoutError:
                break
    return thrown


def to_device_error(error: BaseException, where: str) -> DeviceError:
    """Return the typed error for what a driver or pyusb raised.

    Drivers wrap the USB error in their own, keep only its number, or keep only its text: all three are
    looked at.
    """
    if isinstance(error, DeviceError):
        return error
    text = f"{type(error).__name__}: {error}"
    number = _errno_of(error)
    lowered = text.lower()
    if number == errno.ETIMEDOUT or "timed out" in lowered:
        return DeviceTimeoutError("the device did not answer", where=where, remedy="try again")
    if number in _LOST or "no such device" in lowered:
        return DeviceLostError("the device is gone", where=where, remedy=_UNPLUGGED)
    if number == errno.EBUSY or "deviceinuse" in lowered or "resource busy" in lowered:
        return DeviceBusyError(
            "another program uses the device", where=where, remedy="close it there, then try again"
        )
    if number in (errno.EACCES, errno.EPERM):
        return DevicePermissionError(
            "the system does not let this user open the device",
            where=where,
            remedy=f"as administrator, put {RULES} of spectriage/device/drivers/udev into /etc/udev/rules.d, "
            "run 'udevadm control --reload', and plug the device in again",
        )
    if number == errno.EPIPE:
        return DeviceProtocolError("the device refused a transfer (stall)", where=where, remedy="try again")
    return DeviceProtocolError(f"the driver failed: {text}", where=where)


def _errno_of(error: BaseException) -> int | None:
    seen: BaseException | None = error
    for _ in range(8):
        if seen is None:
            return None
        number = getattr(seen, "errno", None)
        if isinstance(number, int):
            return number
        seen = seen.__cause__ or seen.__context__
    return None


@contextmanager
def usb_errors(where: str) -> Iterator[None]:
    """Turn what drivers and pyusb raise into typed errors."""
    try:
        yield
    except DeviceError:
        raise
    except (Exception, struct.error) as error:
        raise to_device_error(error, where) from error


def found_unusable(uri: str, summary: str, error: DeviceError) -> FoundDevice:
    """Return the entry of a device that is there and cannot be opened."""
    readiness = Readiness.UNUSABLE
    if isinstance(error, DeviceBusyError):
        readiness = Readiness.BUSY
    elif isinstance(error, DevicePermissionError):
        readiness = Readiness.NO_PERMISSION
    return FoundDevice(uri, summary, readiness, str(error))
