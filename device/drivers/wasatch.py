"""Opening Wasatch Photonics spectrometers: scheme ``wasatch``, Wasatch.PY's feature-identification driver.

Never run on hardware: developed against `spectriage.device.testing.emulation`, whose models follow the
driver's source. The adapter itself is in `_wasatch_unit`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from spectriage.device.contract.clock import Clock
from spectriage.device.contract.errors import DeviceError, DeviceProtocolError
from spectriage.device.contract.registry import Driver, FoundDevice
from spectriage.device.contract.uri import DeviceURI
from spectriage.device.drivers._usb import (
    check_access,
    driver_missing,
    find_devices,
    found_unusable,
    release,
    usb_backend,
    usb_errors,
    wants_supervisor,
)
from spectriage.device.drivers._usb_calls import OPEN_S, within
from spectriage.device.drivers._usb_laser import OFF_TIMEOUT_MS
from spectriage.device.drivers._usb_opening import find_unit, open_owned
from spectriage.device.drivers._usb_spectrometer import NEVER_ON_HARDWARE, check_memory
from spectriage.device.drivers._wasatch_unit import (
    EXTENDED,
    LASER,
    NO_WATCHDOG,
    PAGE,
    READ,
    WRITE,
    WasatchSpectrometer,
    class_of,
)
from spectriage.spectra.origin import Origin

__all__ = ["DRIVER", "NO_WATCHDOG", "WasatchSpectrometer", "discover", "open_wasatch"]

WASATCH_VENDOR_ID = 0x24AA
PRODUCTS = (0x1000, 0x2000, 0x4000)
LIBUSB_ORDER = ("libusb0", "libusb1")
OPTIONS = ("power_mw", "memory", "supervised")


_injection = threading.RLock()


@contextmanager
def _driver_uses(backend: Any) -> Iterator[None]:
    """Let the driver find its device on `backend`: on connecting it asks ``libusb0.get_backend()``."""
    import usb.backend.libusb0

    def get_backend(find_library: Callable[[str], str] | None = None) -> Any:
        return backend

    with _injection:
        original = usb.backend.libusb0.get_backend
        usb.backend.libusb0.get_backend = get_backend
        try:
            yield
        finally:
            usb.backend.libusb0.get_backend = original


def _connect(usb_device: Any, where: str) -> Any:
    """Connect the driver to one device."""
    try:
        from wasatch.DeviceID import DeviceID
        from wasatch.FeatureIdentificationDevice import FeatureIdentificationDevice
    except ImportError as error:
        raise driver_missing("wasatch", error) from error

    def connect() -> Any:
        driver = FeatureIdentificationDevice(DeviceID(device=usb_device))
        driver.raise_exceptions = True
        with _driver_uses(usb_device.backend):
            response = driver.connect()
        if not response.data:
            raise DeviceProtocolError(
                f"the driver could not connect: {response.error_msg}",
                where=where,
                remedy="the unit's memory may be blank: have it programmed",
            )
        return driver

    with usb_errors(where):
        return within(OPEN_S, connect, where)


def _prepare(usb_device: Any, where: str) -> str:
    """Switch the laser off before anything else, and return the serial number from the unit's memory."""
    check_access(usb_device, where)
    with usb_errors(where):
        usb_device.ctrl_transfer(WRITE, LASER, 0, 0, b"", timeout=OFF_TIMEOUT_MS)
        page = bytes(usb_device.ctrl_transfer(READ, EXTENDED, PAGE, 0, 64, timeout=OFF_TIMEOUT_MS))
    serial = page[16:32].split(b"\0")[0].decode("ascii", "replace")
    if not (serial.isascii() and serial.isprintable() and serial):
        raise DeviceProtocolError(
            "the unit's memory has no serial number",
            where=where,
            remedy="the memory may be blank or corrupt: have it programmed",
        )
    return serial


def open_wasatch(
    serial: str = "",
    *,
    backend: Any = None,
    bus: dict[str, Any] | None = None,
    supervised: bool = True,
    origin: Origin = Origin.MEASURED,
    power_mw: float | None = None,
    memory: str = "",
    where: str = "",
    clock: Clock | None = None,
) -> WasatchSpectrometer:
    """Open a Wasatch spectrometer by its serial number; its laser is commanded off first.

    Parameters
    ----------
    serial
        Empty for the first one found.
    backend
        A pyusb backend that is used as it is; a supervisor's when None.
    bus
        What the supervisor owns, see `Supervision`; this machine's libusb when None.
    supervised
        False for libusb in this very process: nothing then switches the laser off when it is killed.
    origin
        What its numbers are: measured, or emulated.
    power_mw
        Laser power; the highest of the unit when None.
    memory
        First hexadecimal digits of the hash that its memory must have; empty for any.
    where
        The URI, for messages.
    clock
        The system's when None.

    Raises
    ------
    DriverMissingError
        Wasatch.PY, pyusb or libusb is not installed.
    DeviceNotFoundError
        No such device; says what was found.
    DeviceBusyError, DevicePermissionError, DeviceProtocolError, DeviceTimeoutError
        It is there and cannot be used.
    """
    where = where or f"wasatch:{serial}"

    def adapt(owned: Any) -> WasatchSpectrometer:
        usb_devices = find_devices(owned, WASATCH_VENDOR_ID, PRODUCTS)
        usb_device = find_unit("Wasatch", serial, usb_devices, where, ask, lambda other: None)
        return _adapt(_connect(usb_device, where), where, origin, power_mw, memory, clock)

    def ask(usb_device: Any) -> tuple[str, Any]:
        try:
            return _prepare(usb_device, where), usb_device
        finally:
            release(usb_device)

    return open_owned(
        "wasatch", LIBUSB_ORDER, adapt, backend=backend, bus=bus, supervised=supervised, where=where
    )


def _adapt(
    driver: Any, where: str, origin: Origin, power_mw: float | None, memory: str, clock: Clock | None
) -> WasatchSpectrometer:
    try:
        device = class_of(driver)(driver, where, origin=origin, clock=clock)
    except BaseException:
        with usb_errors(where):
            driver.disconnect()
        release(driver.device)
        raise
    check_memory(device.memory_sha256, memory, device)
    if device._has_laser() and device._can_set_power:
        try:
            device.set_laser_power_mw(power_mw if power_mw is not None else device.laser_power_limits_mw()[1])
        except BaseException:
            device.close()
            raise
    return device


def _open_uri(uri: DeviceURI, clock: Clock | None) -> WasatchSpectrometer:
    uri.only(OPTIONS)
    power = uri.number("power_mw", 0.0, 0.0, 5000.0) or None
    return open_wasatch(
        uri.path,
        supervised=wants_supervisor(uri),
        power_mw=power,
        memory=uri.options.get("memory", ""),
        where=uri.text,
        clock=clock,
    )


def discover(backend: Any = None) -> tuple[FoundDevice, ...]:
    """List the Wasatch spectrometers that are plugged in, with what stands in the way of each.

    Raises
    ------
    DriverMissingError
        The extra ``wasatch`` or libusb is not installed.
    """
    try:
        import wasatch.FeatureIdentificationDevice  # noqa: F401
    except ImportError as error:
        raise driver_missing("wasatch", error) from error
    backend = backend if backend is not None else usb_backend("wasatch", LIBUSB_ORDER)
    found = []
    for usb_device in find_devices(backend, WASATCH_VENDOR_ID, PRODUCTS):
        name = f"wasatch:@{usb_device.bus}.{usb_device.address}"
        try:
            serial = _prepare(usb_device, name)
            found.append(
                FoundDevice(f"wasatch:{serial}", "Wasatch spectrometer", remedy=f"note: {NEVER_ON_HARDWARE}")
            )
        except DeviceError as error:
            found.append(found_unusable(name, "Wasatch spectrometer", error))
        finally:
            release(usb_device)
    return tuple(found)


DRIVER = Driver(_open_uri, "Wasatch Raman spectrometers over USB (extra: wasatch)", discover)
