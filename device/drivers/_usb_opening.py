"""Opening a USB unit: found among those that are plugged in, and handed to its supervisor."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from spectriage.device.contract.errors import DeviceError
from spectriage.device.drivers._usb import not_found, release, usb_name, usb_owner
from spectriage.device.drivers._usb_spectrometer import UsbSpectrometer

D = TypeVar("D", bound=UsbSpectrometer)
T = TypeVar("T")


def find_unit(
    maker: str,
    serial: str,
    usb_devices: Iterable[Any],
    where: str,
    ask: Callable[[Any], tuple[str, T]],
    let_go: Callable[[T], None],
) -> T:
    """Return the unit with a serial number; its laser has been commanded off.

    Parameters
    ----------
    maker
        For messages.
    serial
        Empty for the first one that answers.
    usb_devices
        Those of pyusb that it may be.
    where
        The URI, for messages.
    ask
        Returns a device's serial number, and what is returned of it.
    let_go
        Gives back what is not the one.

    Raises
    ------
    DeviceError
        There is none, or it cannot be used.
    """
    seen: list[str] = []
    problems: list[tuple[str, DeviceError]] = []
    for usb_device in usb_devices:
        try:
            found, unit = ask(usb_device)
        except DeviceError as error:
            problems.append((usb_name(usb_device), error))
            release(usb_device)
            continue
        if not serial or found == serial:
            return unit
        seen.append(found)
        let_go(unit)
    raise not_found(maker, serial, seen, problems, where)


def open_owned(
    extra: str,
    order: tuple[str, ...],
    adapt: Callable[[Any], D],
    *,
    backend: Any,
    bus: dict[str, Any] | None,
    supervised: bool,
    where: str,
) -> D:
    """Open a unit on a backend as it is, or on a supervisor's, which then watches it.

    Parameters
    ----------
    extra, order, bus, supervised, where
        As in `usb_owner`.
    adapt
        Opens the unit on a backend.
    backend
        Used as it is; `usb_owner` gives one when None.

    Raises
    ------
    DeviceError
        It cannot be opened; nothing of it is left open.
    """
    supervision = None
    if backend is None:
        backend, supervision = usb_owner(extra, order, bus, supervised=supervised, where=where)
    try:
        device = adapt(backend)
    except BaseException:
        if supervision is not None:
            supervision.close()
        raise
    if supervision is not None:
        device.supervise(supervision)
    return device
