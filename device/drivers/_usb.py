"""What the USB adapters share below the drivers: finding devices, opening rights, errors, draining."""

from __future__ import annotations

import errno
import struct
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from spectriage.device.contract.errors import (
    DeviceBusyError,
    DeviceError,
    DeviceLostError,
    DeviceNotFoundError,
    DevicePermissionError,
    DeviceProtocolError,
    DeviceTimeoutError,
    DeviceUnsafeError,
    DriverMissingError,
)
from spectriage.device.contract.registry import FoundDevice, Readiness
from spectriage.device.contract.uri import DeviceURI

if TYPE_CHECKING:
    from spectriage.device.supervisor.client import Supervision

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


def usb_owner(
    extra: str, order: tuple[str, ...], bus: dict[str, Any] | None, *, supervised: bool, where: str
) -> tuple[Any, Supervision | None]:
    """Return a pyusb backend and the supervisor behind it; None for the libusb of this very process.

    Parameters
    ----------
    extra, order
        As in `usb_backend`.
    bus
        What the supervisor owns, see `Supervision`; this machine's libusb when None.
    supervised
        Whether a supervisor is wanted.
    where
        The URI, for messages.

    Raises
    ------
    DriverMissingError
        When pyusb or every libusb is missing.
    DeviceUnsafeError
        When the supervisor does not start.
    """
    backend = usb_backend(extra, order) if bus is None else None
    if not supervised and backend is not None:
        return backend, None
    from spectriage.device.supervisor.client import Supervision, SupervisorError
    from spectriage.device.supervisor.process import open_backend

    if not supervised:
        return open_backend(bus or {}), None
    try:
        supervision = Supervision(bus or {"kind": "libusb", "order": list(order)})
    except SupervisorError as error:
        raise DeviceUnsafeError(
            str(error),
            where=where,
            remedy="the option supervised=no opens the unit without one: nothing then switches its laser off "
            "when this program is killed or stopped",
        ) from error
    return supervision.backend, supervision


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


def wants_supervisor(uri: DeviceURI) -> bool:
    """Whether a URI wants the supervisor: its option ``supervised``, ``yes`` by default.

    Raises
    ------
    DeviceURIError
        It is neither ``yes`` nor ``no``.
    """
    answer = uri.options.get("supervised", "yes")
    if answer not in ("yes", "no"):
        raise uri.error(f"supervised={answer!r} is neither yes nor no", "supervised=yes or supervised=no")
    return answer == "yes"


def usb_name(device: Any) -> str:
    """Return the serial number that a unit tells also while it is in use; empty where it tells none."""
    import usb.core

    try:
        return str(device.serial_number or "")
    except (usb.core.USBError, ValueError, NotImplementedError):
        return ""
    finally:
        release(device)


def not_found(
    maker: str, serial: str, seen: list[str], problems: list[tuple[str, DeviceError]], where: str
) -> DeviceError:
    """Return the error for a unit that was not found: what is plugged in, and what could not be asked.

    Parameters
    ----------
    maker, serial
        What was asked for; an empty serial number is any.
    seen
        Serial numbers of the units that answered.
    problems
        What `usb_name` says of each that did not, and why it did not.
    where
        The URI.
    """
    for name, problem in problems:
        in_use = isinstance(problem, DeviceBusyError)
        if not serial or name == serial or (not in_use and not name):
            return problem
    busy = [name for name, problem in problems if isinstance(problem, DeviceBusyError)]
    if len(busy) == 1 and not seen and not busy[0]:
        return DeviceBusyError(
            "another program uses the only unit that is plugged in, which may be the one asked for",
            where=where,
            remedy="close it there, then try again",
        )
    told = [f"plugged in: {', '.join(seen)}"] if seen else []
    if busy:
        named = " and ".join(name for name in busy if name)
        unnamed = sum(not name for name in busy)
        units = [named] if named else []
        if unnamed:
            units.append(f"{unnamed} of unknown serial number, which may be the one asked for")
        told.append(f"in use: {' and '.join(units)}")
    told += [f"could not be asked: {problem.what}" for name, problem in problems if name not in busy]
    return DeviceNotFoundError(
        f"no {maker} spectrometer {serial or 'at all'} is plugged in"
        + (f"; {'; '.join(told)}" if serial and told else ""),
        where=where,
        remedy="check the serial number" if told else "found: none",
    )


def found_unusable(uri: str, summary: str, error: DeviceError) -> FoundDevice:
    """Return the entry of a device that is there and cannot be opened."""
    readiness = Readiness.UNUSABLE
    if isinstance(error, DeviceBusyError):
        readiness = Readiness.BUSY
    elif isinstance(error, DevicePermissionError):
        readiness = Readiness.NO_PERMISSION
    return FoundDevice(uri, summary, readiness, str(error))
