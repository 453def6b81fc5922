"""Ocean spectrometers (USB2000+, QE65000, QE Pro, …) through python-seabreeze's own USB backend.

Never run on hardware: developed against `spectriage.device.testing.emulation`, whose models follow the
driver's source.

The pure-Python backend (pyseabreeze) is used and no other: the C++ one has a bulk timeout of 10⁶ s and tells
an unplugged device from a transfer error by text alone. Devices are found through pyusb, one by one, so that
one without permission does not hide the others, and nothing is asked of the network.

These units have no laser. Models with byte commands drive a lamp-enable line that can gate one; the state of
that line can be read back, the light cannot: there is no interlock readback and no watchdog.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Collection, Iterable
from typing import Any

import numpy as np

from spectriage.device.contract.clock import Clock
from spectriage.device.contract.errors import (
    DeviceError,
    DeviceProtocolError,
    DeviceTimeoutError,
    DeviceUnsafeError,
)
from spectriage.device.contract.permit import LaserPermit, checked_permit
from spectriage.device.contract.registry import Driver, FoundDevice
from spectriage.device.contract.spectrometer import (
    Axis,
    Detector,
    DeviceInfo,
    DeviceStatus,
    LaserState,
    ScanSettings,
)
from spectriage.device.contract.uri import DeviceURI
from spectriage.device.drivers._usb import (
    check_access,
    drain,
    driver_missing,
    find_devices,
    found_unusable,
    release,
    to_device_error,
    usb_backend,
    usb_errors,
    wants_supervisor,
)
from spectriage.device.drivers._usb_belief import checked_axis, memory_hash
from spectriage.device.drivers._usb_calls import OPEN_S, within
from spectriage.device.drivers._usb_laser import OFF_TIMEOUT_MS
from spectriage.device.drivers._usb_opening import find_unit, open_owned
from spectriage.device.drivers._usb_spectrometer import (
    NEVER_ON_HARDWARE,
    SILENCE_MS,
    UsbSpectrometer,
    check_memory,
)
from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.origin import Origin

OCEAN_VENDOR_ID = 0x2457
LATE_FRAME_MS = 2000
GATE_NOTE = "only a line that gates a laser: no interlock readback, no watchdog, the light is not read back"
LIBUSB_ORDER = ("libusb1", "libusb0")
OPTIONS = ("excitation_nm", "memory", "supervised")

_OUT = 0x01
# Models with byte commands on endpoint 1 whose status answer has the layout that the driver unpacks for all
# of them.
_GATED = {"USB2000PLUS", "FLAMES", "HR2000PLUS", "MAYA2000", "MAYA2000PRO", "QE65000", "USB4000", "HR4000"}
_GATE_OFF = b"\x03\x00\x00"
_STATUS = b"\xfe"
_STATUS_BYTES = 16
_SATURATION_SLOT = 17
_OBP_TEMPERATURE = 0x00420004
# QE65000: 1280 words; ten leading ones are no light, then the 1024 lit pixels of the S7031-1006 (Hamamatsu).
_LIT = {"QE65000": slice(10, 1034)}


class OceanSpectrometer(UsbSpectrometer):
    """One Ocean spectrometer; open it with `open_ocean`.

    Parameters
    ----------
    driver
        An open ``SeaBreezeDevice``.
    handle
        The ``USBTransportHandle`` below it.
    where
        The URI.
    origin
        Measured, or emulated.
    excitation_nm
        Laser wavelength: the device knows none.
    clock
        The system's when None.

    Raises
    ------
    DeviceProtocolError
        When the calibration memory is blank, corrupt or not the one expected.
    """

    def __init__(
        self,
        driver: Any,
        handle: Any,
        where: str,
        *,
        origin: Origin = Origin.MEASURED,
        excitation_nm: float | None = None,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(where, clock)
        self._driver = driver
        self._handle = handle
        self._usb = handle.pyusb_device
        self._spectrometer = driver.f.spectrometer
        self._cut = _LIT.get(driver.model, slice(None))
        self._axis = self._read_axis()
        self._saturation = self._read_saturation()
        self.memory_sha256 = memory_hash(
            driver.serial_number.encode(), np.asarray(self._axis.wavelength_nm).tobytes()
        )
        self._info = self._make_info(origin, excitation_nm)

    def _make_info(self, origin: Origin, excitation_nm: float | None) -> DeviceInfo:
        low, high = self._spectrometer.get_integration_time_micros_limits()
        wavelengths = self._axis.wavelength_nm
        assert wavelengths is not None
        return DeviceInfo(
            uri=f"ocean:{self._driver.serial_number}" if origin is Origin.MEASURED else self.where,
            maker="Ocean",
            model=self._driver.model,
            serial=self._driver.serial_number,
            origin=origin,
            detector=Detector(f"{self._driver.model} detector", wavelengths.size, self._saturation),
            excitation_nm=excitation_nm,
            # The driver refuses its own upper limit; a millisecond below is legal everywhere.
            min_integration_ms=low * 1e-3,
            max_integration_ms=(high - 1000) * 1e-3,
            notes=self._notes(),
        )

    def _notes(self) -> tuple[str, ...]:
        return (NEVER_ON_HARDWARE,)

    def _read_axis(self) -> Axis:
        with usb_errors(self.where):
            wavelengths = np.asarray(self._spectrometer.get_wavelengths(), dtype=np.float64)
        return checked_axis(wavelengths[self._cut], self.where)

    def _read_saturation(self) -> float:
        """Return the count at saturation; check the level in the memory by which the driver scales."""
        full = float(self._spectrometer.get_maximum_intensity())
        if self._driver.model in ("USB2000PLUS", "FLAMES"):
            with usb_errors(self.where):
                self._usb.write(_OUT, bytes((0x05, _SATURATION_SLOT)), timeout=OFF_TIMEOUT_MS)
                answer = bytes(self._usb.read(0x81, 17, timeout=OFF_TIMEOUT_MS))
            level = struct.unpack_from("<H", answer, 6)[0] if len(answer) >= 8 else 1
            if level != 0 and not 0.1 * full <= level <= full:
                raise DeviceProtocolError(
                    f"the saturation level in the memory is {level}, of {full:g} counts",
                    where=self.where,
                    remedy="the memory may be corrupt",
                )
        return full * (1.0 - 1e-9)

    # -- UsbSpectrometer

    def _driver_info(self) -> DeviceInfo:
        return self._info

    def _driver_axis(self) -> Axis:
        return self._axis

    def _driver_configure(self, settings: ScanSettings) -> None:
        self._spectrometer.set_integration_time_micros(round(settings.integration_ms * 1e3))

    def _driver_frame(self, settings: ScanSettings) -> FloatArray:
        frame: FloatArray = np.asarray(self._spectrometer.get_intensities(), dtype=np.float64)[self._cut]
        return frame

    def _driver_status(self) -> DeviceStatus:
        self._usb.ctrl_transfer(0x80, 0x06, 0x0300, 0, 4, timeout=OFF_TIMEOUT_MS)  # is it there at all?
        return DeviceStatus(connected=True)

    def _driver_drain(self, timeout_ms: int) -> None:
        inputs = [endpoint for endpoint in _endpoints(self._usb) if endpoint & 0x80]
        self._usb.clear_halt(_OUT)
        spectra = 0x82 if 0x82 in inputs else inputs[0]
        drain(self._usb, [spectra], timeout_ms)
        drain(self._usb, [endpoint for endpoint in inputs if endpoint != spectra], SILENCE_MS)

    def _driver_close(self) -> None:
        self._driver.close()

    def _pyusb_device(self) -> Any:
        return self._usb

    def _driver_release(self) -> None:
        release(self._usb)

    def _driver_abandon(self) -> None:
        let_go(self._handle)

    def _driver_detector_c(self) -> float | None:
        if self._driver.model != "QEPRO":
            return None
        answer = self._spectrometer.protocol.query(_OBP_TEMPERATURE)
        return float(struct.unpack("<f", answer)[0])


class GatedOceanSpectrometer(OceanSpectrometer):
    """A model whose lamp-enable line the driver reaches."""

    def _notes(self) -> tuple[str, ...]:
        return (NEVER_ON_HARDWARE, GATE_NOTE)

    def _driver_status(self) -> DeviceStatus:
        connected = super()._driver_status().connected
        return DeviceStatus(connected=connected, laser=self._read_laser(), warnings=(GATE_NOTE,))

    def set_laser_gate(self, firing: bool, permit: LaserPermit | None = None) -> None:
        """Drive the line that gates a laser: high with a permit, low from any thread at any moment.

        Raises
        ------
        DeviceUnsafeError
            The line did not go high, or was pulled low again by another thread.
        DeviceError
            The command did not get through.
        """
        if not firing:
            self._laser_off()
            return
        self._laser_on(checked_permit(permit, self.where))
        if self.laser_gate_readback() is not LaserState.ON:
            self._begin_off(0.5)
            raise DeviceUnsafeError("the gate line did not go high", where=self.where)

    def laser_gate_readback(self) -> LaserState:
        """Return the state of the line, asked of the device; it says nothing of the light."""
        return self._read_laser()

    def _has_laser(self) -> bool:
        return True

    def _driver_laser(self, on: bool) -> None:
        strobe = getattr(self._driver.f, "continuous_strobe", None)
        if strobe is not None:
            strobe.set_enable(on)
        else:
            self._driver.f.raw_usb_bus_access.raw_usb_write(struct.pack("<BH", 0x03, on), "primary_out")

    def _raw_off(self) -> None:
        self._send(_GATE_OFF)

    def _send(self, command: bytes) -> None:
        """Write below the driver; a halt that an earlier error left must not keep an "off" from the unit."""
        import usb.core

        try:
            self._usb.write(_OUT, command, timeout=OFF_TIMEOUT_MS)
        except usb.core.USBError as error:
            if error.errno != errno.EPIPE:
                raise
            self._usb.clear_halt(_OUT)
            self._usb.write(_OUT, command, timeout=OFF_TIMEOUT_MS)

    def _raw_readback(self) -> LaserState:
        for _ in range(2):  # an answer to something else may be in front
            self._send(_STATUS)
            answer = bytes(self._usb.read(0x81, 64, timeout=OFF_TIMEOUT_MS))
            if len(answer) == _STATUS_BYTES:
                return LaserState.ON if answer[6] else LaserState.OFF
        return LaserState.UNKNOWN


class _Released:
    """Stands in for a pyusb device that its handle must not touch any more."""

    def reset(self) -> None:
        """Do nothing."""


def let_go(handle: Any) -> None:
    """Take the device from a driver's handle.

    A handle resets its device when it is collected, perhaps while the same unit is in use again.
    """
    handle.pyusb_device = _Released()


def _endpoints(device: Any) -> list[int]:
    return [
        endpoint.bEndpointAddress
        for interface in device.get_active_configuration()
        for endpoint in interface.endpoints()
    ]


def _supported_products() -> Collection[int]:
    try:
        import seabreeze.pyseabreeze.devices  # noqa: F401  (registers the models)
        from seabreeze.pyseabreeze.transport import USBTransport
    except ImportError as error:
        raise driver_missing("ocean", error) from error
    return {product for vendor, product in USBTransport.vendor_product_ids if vendor == OCEAN_VENDOR_ID}


def _open_driver(usb_device: Any, where: str) -> tuple[Any, Any]:
    """Open one device with the driver; return the driver and its handle.

    The line goes low before anything else is asked. What an earlier program left in the pipes would be taken
    for answers, so they are emptied; a frame that was still under way needs a second try.
    """
    from seabreeze.pyseabreeze.devices import SeaBreezeDevice
    from seabreeze.pyseabreeze.transport import USBTransport, USBTransportHandle

    check_access(usb_device, where)
    handle = USBTransportHandle(usb_device)
    inputs = [endpoint for endpoint in _endpoints(usb_device) if endpoint & 0x80]
    silences_ms = (SILENCE_MS, LATE_FRAME_MS)
    for silence_ms in silences_ms:
        try:
            with usb_errors(where):
                if USBTransport.vendor_product_ids[OCEAN_VENDOR_ID, usb_device.idProduct] in _GATED:
                    usb_device.write(_OUT, _GATE_OFF, timeout=OFF_TIMEOUT_MS)
                drain(usb_device, inputs, silence_ms)
                driver = SeaBreezeDevice(handle)
                within(OPEN_S, driver.open, where)
            return driver, handle
        except (DeviceProtocolError, DeviceTimeoutError):
            if silence_ms == silences_ms[-1]:
                let_go(handle)
                raise
        except DeviceError:
            let_go(handle)
            raise
    raise AssertionError("not reached")


def open_ocean(
    serial: str = "",
    *,
    backend: Any = None,
    bus: dict[str, Any] | None = None,
    supervised: bool = True,
    origin: Origin = Origin.MEASURED,
    excitation_nm: float | None = None,
    memory: str = "",
    where: str = "",
    clock: Clock | None = None,
) -> OceanSpectrometer:
    """Open an Ocean spectrometer by its serial number.

    Parameters
    ----------
    serial
        Empty for the first one found.
    backend
        A pyusb backend that is used as it is; a supervisor's when None.
    bus
        What the supervisor owns, see `Supervision`; this machine's libusb when None.
    supervised
        False for libusb in this very process: nothing then switches the gate off when it is killed.
    origin
        What its numbers are: measured, or emulated.
    excitation_nm
        Wavelength of the laser used with it.
    memory
        First hexadecimal digits of the hash that its calibration memory must have; empty for any.
    where
        The URI, for messages.
    clock
        The system's when None.

    Raises
    ------
    DriverMissingError
        python-seabreeze, pyusb or libusb is not installed.
    DeviceNotFoundError
        No such device; says what was found and what could not be asked.
    DeviceBusyError, DevicePermissionError, DeviceProtocolError, DeviceTimeoutError
        It is there and cannot be used.
    """
    _supported_products()
    where = where or f"ocean:{serial}"

    def adapt(owned: Any) -> OceanSpectrometer:
        usb_devices = find_devices(owned, OCEAN_VENDOR_ID, _supported_products())
        unit = find_unit("Ocean", serial, usb_devices, where, ask, lambda other: _close_driver(*other))
        return _adapt(*unit, where, origin, excitation_nm, memory, clock)

    def ask(usb_device: Any) -> tuple[str, tuple[Any, Any]]:
        driver, handle = _open_driver(usb_device, where)
        return driver.serial_number, (driver, handle)

    return open_owned(
        "ocean", LIBUSB_ORDER, adapt, backend=backend, bus=bus, supervised=supervised, where=where
    )


def _close_driver(driver: Any, handle: Any) -> None:
    device = handle.pyusb_device
    try:
        driver.close()
    finally:
        let_go(handle)
        release(device)


def _adapt(
    driver: Any,
    handle: Any,
    where: str,
    origin: Origin,
    excitation_nm: float | None,
    memory: str,
    clock: Clock | None,
) -> OceanSpectrometer:
    try:
        kind = GatedOceanSpectrometer if driver.model in _GATED else OceanSpectrometer
        device = kind(driver, handle, where, origin=origin, excitation_nm=excitation_nm, clock=clock)
    except BaseException:
        _close_driver(driver, handle)
        raise
    check_memory(device.memory_sha256, memory, device)
    return device


def _open_uri(uri: DeviceURI, clock: Clock | None) -> OceanSpectrometer:
    uri.only(OPTIONS)
    excitation = uri.number("excitation_nm", 0.0, 0.0, 2000.0) or None
    return open_ocean(
        uri.path,
        supervised=wants_supervisor(uri),
        excitation_nm=excitation,
        memory=uri.options.get("memory", ""),
        where=uri.text,
        clock=clock,
    )


def discover(backend: Any = None) -> tuple[FoundDevice, ...]:
    """List the Ocean spectrometers that are plugged in, with what stands in the way of each.

    Raises
    ------
    DriverMissingError
        The extra ``ocean`` or libusb is not installed.
    """
    products = _supported_products()
    backend = backend if backend is not None else usb_backend("ocean", LIBUSB_ORDER)
    return tuple(_look(find_devices(backend, OCEAN_VENDOR_ID, products)))


def _look(usb_devices: Iterable[Any]) -> Iterable[FoundDevice]:
    for usb_device in usb_devices:
        name = f"ocean:@{usb_device.bus}.{usb_device.address}"
        try:
            driver, handle = _open_driver(usb_device, name)
        except DeviceError as error:
            yield found_unusable(name, "Ocean spectrometer", error)
            release(usb_device)
            continue
        yield FoundDevice(
            f"ocean:{driver.serial_number}", f"Ocean {driver.model}", remedy=f"note: {NEVER_ON_HARDWARE}"
        )
        try:
            _close_driver(driver, handle)
        except Exception as error:
            yield found_unusable(name, f"Ocean {driver.model}", to_device_error(error, name))


DRIVER = Driver(_open_uri, "Ocean spectrometers over USB (extra: ocean)", discover)
