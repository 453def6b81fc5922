"""The adapter of Wasatch Photonics spectrometers over Wasatch.PY's feature-identification driver.

Never run on hardware: developed against `spectriage.device.testing.emulation`, whose models follow the
driver's source.

What the driver does that this module does not rely on: closing it leaves the laser as commanded; without
``raise_exceptions`` one failed transfer makes its "laser off" report success and send nothing; its "laser
enabled" is a cache on XS units. So the laser is switched off, and read back, by control transfers of our own
below the driver, besides the driver's.
"""

from __future__ import annotations

import logging
import math
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

from spectriage.device.contract.clock import Clock
from spectriage.device.contract.errors import (
    DeviceProtocolError,
    DeviceSettingsError,
    DeviceStateError,
    DeviceTimeoutError,
    DeviceUnsafeError,
)
from spectriage.device.contract.permit import LaserPermit
from spectriage.device.contract.spectrometer import (
    Axis,
    Detector,
    DeviceInfo,
    DeviceStatus,
    LaserState,
    ScanSettings,
)
from spectriage.device.drivers._usb import (
    drain,
    release,
)
from spectriage.device.drivers._usb_belief import checked_axis, memory_hash
from spectriage.device.drivers._usb_calls import COMMAND_S, OFF_S
from spectriage.device.drivers._usb_laser import OFF_TIMEOUT_MS
from spectriage.device.drivers._usb_spectrometer import NEVER_ON_HARDWARE, UsbSpectrometer
from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.origin import Origin

NO_WATCHDOG = (
    "no laser watchdog: if this program is killed the laser stays on until it is switched off by hand"
)
LOWEST_BATTERY = 0.10
UNCOOLED_LIMIT_C = 60.0

WRITE, READ = 0x40, 0xC0
LASER, _LASER_COMMANDED, _CAN_FIRE, _REVISION, EXTENDED = 0xBE, 0xE2, 0xEF, 0xC0, 0xFF
PAGE, _IS_FIRING = 0x01, 0x0D
_DETECTOR_SENSOR = 0xD7
_CHARGE = 0x13
_SPECTRA = (0x82, 0x86)
_POLL_S = 0.02

logging.getLogger("wasatch").addHandler(logging.NullHandler())


class WasatchSpectrometer(UsbSpectrometer):
    """One Wasatch spectrometer; open it with `wasatch.open_wasatch`.

    Parameters
    ----------
    driver
        A connected ``FeatureIdentificationDevice`` that raises its exceptions.
    where
        The URI.
    origin
        Measured, or emulated.
    clock
        The system's when None.

    Raises
    ------
    DeviceProtocolError
        When the configuration memory is blank or corrupt.
    """

    def __init__(
        self, driver: Any, where: str, *, origin: Origin = Origin.MEASURED, clock: Clock | None = None
    ) -> None:
        super().__init__(where, clock)
        self._driver = driver
        self._usb = driver.device
        self._memory = driver.settings.eeprom
        self._axis = _read_axis(driver, where)
        self._is_xs = bool(driver.settings.is_xs())
        self._reads_interlock = self._is_xs or bool(self._memory.has_interlock_feedback)
        self.memory_sha256 = memory_hash(*(bytes(page) for page in self._memory.buffers))
        self._power_mw = (float(self._memory.min_laser_power_mW), float(self._memory.max_laser_power_mW))
        self._can_set_power = bool(self._memory.has_laser_power_calibration())
        self._info = self._make_info(origin)

    def _make_info(self, origin: Origin) -> DeviceInfo:
        memory = self._memory
        wavelengths = self._axis.wavelength_nm
        assert wavelengths is not None
        notes = [NEVER_ON_HARDWARE]
        if memory.has_laser and not self._is_xs:
            notes.append(NO_WATCHDOG)
        if memory.has_laser and not self._reads_interlock:
            notes.append("the interlock cannot be read: only the laser command is read back")
        resolution = float(memory.avg_resolution)
        return DeviceInfo(
            uri=f"wasatch:{memory.serial_number}" if origin is Origin.MEASURED else self.where,
            maker="Wasatch Photonics",
            model=str(memory.model),
            serial=str(memory.serial_number),
            origin=origin,
            detector=Detector(str(memory.detector), wavelengths.size, 65535.0),
            firmware=str(self._driver.settings.microcontroller_firmware_version),
            excitation_nm=_checked_excitation(self._driver, self.where),
            resolution_cm=resolution if math.isfinite(resolution) and 0.0 < resolution <= 200.0 else None,
            min_integration_ms=float(max(1, memory.min_integration_time_ms)),
            max_integration_ms=float(min(memory.max_integration_time_ms, 0xFFFFFF)),
            # the request carries whole milliseconds
            integration_step_ms=1.0,
            notes=tuple(notes),
        )

    # -- UsbSpectrometer

    def _driver_info(self) -> DeviceInfo:
        return self._info

    def _driver_axis(self) -> Axis:
        return self._axis

    def _driver_configure(self, settings: ScanSettings) -> None:
        self._driver.set_integration_time_ms(settings.integration_ms)

    def _driver_frame(self, settings: ScanSettings) -> FloatArray:
        response = self._driver.get_spectrum()
        if response.data is not None:
            if self._wants_laser:
                self._check_fit()
            return np.asarray(response.data, dtype=np.float64)
        # The driver keeps the text of its errors only: ask the device whether it is still there.
        self._usb.ctrl_transfer(READ, _REVISION, 0, 0, 4, timeout=OFF_TIMEOUT_MS)
        message = str(response.error_msg)
        if "error on read" in message:
            raise DeviceTimeoutError("the device sent no spectrum", where=self.where, remedy="try again")
        raise DeviceProtocolError(f"the driver refused the spectrum: {message}", where=self.where)

    def _driver_status(self) -> DeviceStatus:
        self._usb.ctrl_transfer(READ, _REVISION, 0, 0, 4, timeout=OFF_TIMEOUT_MS)
        unfit = self._unfit()
        return DeviceStatus(
            connected=True,
            laser=self._read_laser() if self._has_laser() else None,
            interlock_closed=self._interlock() if self._reads_interlock else None,
            detector_c=self._detector_c(),
            laser_c=self._laser_c(),
            battery=self._battery(),
            warnings=(unfit,) if unfit else (),
        )

    def _driver_drain(self, timeout_ms: int) -> None:
        drain(self._usb, _SPECTRA[:1], timeout_ms)
        drain(self._usb, _SPECTRA[1:], 1)

    def _driver_close(self) -> None:
        # The driver's own disconnect resets the unit over USB; it leaves the laser as commanded, which is
        # off here.
        self._driver.disconnect()

    def _pyusb_device(self) -> Any:
        return self._usb

    def _driver_release(self) -> None:
        release(self._usb)

    def _driver_abandon(self) -> None:
        # The driver gives its read loop up when it has no transport any more.
        self._driver.shutdown_requested = True
        self._driver.device_type = None

    def _driver_detector_c(self) -> float | None:
        return self._detector_c()

    def _do_scan_metadata(self) -> Mapping[str, Any]:
        metadata = dict(super()._do_scan_metadata())
        metadata["memory_sha256"] = self.memory_sha256
        age = metadata.get("laser_on_s")
        if age is not None:
            metadata["laser_warming"] = age < float(self._memory.laser_warmup_sec)
        return metadata

    # -- laser

    def laser_on(self, permit: LaserPermit) -> None:
        """Switch the laser on and wait until light comes out; a `LaserGuard` gives the permit.

        Raises
        ------
        DeviceUnsafeError
            The interlock is open, the unit is too hot or its battery too low, or no light came.
        DeviceError
            The command did not get through; off has been commanded.
        """
        if not self._has_laser():
            raise DeviceStateError("the unit has no laser", where=self.where)
        self._run(self._check_fit, COMMAND_S)
        self._laser_on(permit)
        delay = float(self._driver.settings.state.laser_warning_delay_sec) if self._is_xs else 0.0
        until = self.clock.monotonic() + delay + 0.5
        while self._read_laser() is not LaserState.ON:
            if not self._wants_laser or self.clock.monotonic() >= until:
                self._begin_off(OFF_S)
                raise DeviceUnsafeError("the laser was commanded on but does not fire", where=self.where)
            self.clock.wait(_POLL_S)
        self._laser_on_at = self.clock.monotonic()
        self._changed_light()

    def laser_off(self) -> None:
        """Switch the laser off below the driver; legal from any thread at any moment.

        Raises
        ------
        DeviceError
            The command did not get through: the laser state is unknown.
        """
        if self._has_laser():
            self._laser_off()

    def laser_readback(self) -> LaserState:
        """Ask the unit whether light comes out (the command, where the interlock cannot be read)."""
        return self._read_laser() if self._has_laser() else LaserState.OFF

    def laser_power_limits_mw(self) -> tuple[float, float]:
        """Lowest and highest power in mW, from the unit's memory."""
        return self._power_mw

    def set_laser_power_mw(self, power_mw: float) -> None:
        """Set the power of the next firing.

        Raises
        ------
        DeviceSettingsError
            Outside `laser_power_limits_mw`.
        DeviceStateError
            The unit has no power calibration.
        """
        low, high = self._power_mw
        if not low <= power_mw <= high:
            raise DeviceSettingsError(
                f"a power of {power_mw:g} mW is not between {low:g} and {high:g} mW", where=self.where
            )
        if not self._can_set_power:
            raise DeviceStateError("the unit has no laser power calibration", where=self.where)
        self._run(lambda: self._driver.set_laser_power_mW(power_mw), COMMAND_S)
        self._changed_light()

    def _has_laser(self) -> bool:
        return bool(self._memory.has_laser)

    def _driver_laser(self, on: bool) -> None:
        self._driver.set_laser_enable(on)

    def _raw_off(self) -> None:
        self._usb.ctrl_transfer(WRITE, LASER, 0, 0, b"", timeout=OFF_TIMEOUT_MS)

    def _raw_readback(self) -> LaserState:
        """Compare the command and the output: both must read off for "off".

        With its interlock open, or in its start delay, a laser that is commanded on is dark and not off. The
        driver's authors call the command register of XS units "not currently robust": one that wrongly reads
        on is latched as unknown, which is the safe way round.
        """
        commanded = self._usb.ctrl_transfer(READ, _LASER_COMMANDED, 0, 0, 1, timeout=OFF_TIMEOUT_MS)
        output = commanded
        if self._reads_interlock:
            output = self._usb.ctrl_transfer(READ, EXTENDED, _IS_FIRING, 0, 1, timeout=OFF_TIMEOUT_MS)
        if len(output) != 1 or len(commanded) != 1:
            return LaserState.UNKNOWN
        if output[0]:
            return LaserState.ON
        return LaserState.UNKNOWN if commanded[0] else LaserState.OFF

    # -- health

    def _interlock(self) -> bool:
        answer = self._usb.ctrl_transfer(READ, _CAN_FIRE, 0, 0, 64, timeout=OFF_TIMEOUT_MS)
        return len(answer) > 0 and answer[0] != 0

    def _detector_c(self) -> float | None:
        if not self._memory.has_cooling:
            return None
        # The driver's own reading may be a tenth of a second old.
        answer = self._usb.ctrl_transfer(READ, _DETECTOR_SENSOR, 0, 0, 2, timeout=OFF_TIMEOUT_MS)
        if len(answer) != 2:
            return None
        return _number(self._driver.get_detector_temperature_degC(answer[0] << 8 | answer[1]))

    def _laser_c(self) -> float | None:
        return _number(self._driver.get_laser_temperature_degC()) if self._is_xs else None

    def _battery(self) -> float | None:
        if not self._memory.has_battery:
            return None
        # The driver's own reading may be a second old. Percent, then 256ths of a percent in front.
        answer = self._usb.ctrl_transfer(READ, EXTENDED, _CHARGE, 0, 64, timeout=OFF_TIMEOUT_MS)
        return None if len(answer) < 2 else (answer[1] + answer[0] / 256.0) / 100.0

    def _unfit(self) -> str:
        """Why the laser must not fire now; empty when it may."""
        if self._reads_interlock and not self._interlock():
            return "the interlock is open"
        battery = self._battery()
        if battery is not None and battery < LOWEST_BATTERY:
            return f"the battery is at {100 * battery:.0f} %, below {100 * LOWEST_BATTERY:.0f} %"
        detector = self._detector_c()
        limit = float(self._memory.max_temp_degC) + 5.0
        if detector is not None and detector > limit:
            return f"the detector is at {detector:.0f} °C, above {limit:.0f} °C"
        laser, most = self._laser_c(), self._memory.max_laser_temp_deg_c
        if laser is not None and most is not None and 0 < most < laser:
            return f"the laser is at {laser:.0f} °C, above {most:.0f} °C"
        return ""

    def _check_fit(self) -> None:
        unfit = self._unfit()
        if unfit:
            raise DeviceUnsafeError(f"the laser must not fire: {unfit}", where=self.where)


class _Interlocked(WasatchSpectrometer):
    """A unit whose interlock can be read."""

    def interlock_closed(self) -> bool:
        """Whether the safety loop is closed, asked of the unit; legal while it exposes."""
        return self._ask(self._interlock)


class _CooledUnit(WasatchSpectrometer):
    """A unit with a cooled detector."""

    def detector_temperature_c(self) -> float:
        """Temperature in °C, asked of the unit."""
        value = self._run(self._detector_c, COMMAND_S)
        if value is None:
            raise DeviceProtocolError("the unit does not tell its detector temperature", where=self.where)
        return value

    def set_detector_setpoint_c(self, temperature_c: float) -> None:
        """Set the temperature to hold.

        Raises
        ------
        DeviceSettingsError
            Outside the range in the unit's memory.
        """
        low, high = self._memory.min_temp_degC, self._memory.max_temp_degC
        if not low <= temperature_c <= high:
            raise DeviceSettingsError(
                f"{temperature_c:g} °C is not between {low:g} and {high:g} °C", where=self.where
            )
        self._run(lambda: self._driver.set_detector_tec_setpoint_degC(temperature_c), COMMAND_S)


class InterlockedWasatch(_Interlocked):
    """X series, interlock readback."""


class CooledWasatch(_CooledUnit):
    """X series, cooled."""


class CooledInterlockedWasatch(_CooledUnit, _Interlocked):
    """X series, cooled, interlock readback: the WP-785."""


class XsWasatch(_Interlocked):
    """XS series: interlock readback, battery, laser watchdog."""

    def battery_fraction(self) -> float:
        """Charge, 0 to 1."""
        value = self._run(self._battery, COMMAND_S)
        if value is None:
            raise DeviceProtocolError("the unit does not tell its charge", where=self.where)
        return value

    def arm_laser_watchdog(self, seconds: float) -> None:
        """Let the unit itself switch the laser off `seconds` after it was switched on; 0 disarms.

        Raises
        ------
        DeviceSettingsError
            Outside 0 to 65,535 s.
        DeviceUnsafeError
            The unit does not confirm it.
        """
        whole = math.ceil(seconds)
        if not 0 <= whole <= 0xFFFF:
            raise DeviceSettingsError(
                f"a watchdog of {seconds:g} s is not between 0 and 65,535 s", where=self.where
            )

        def arm() -> object:
            self._driver.set_laser_watchdog_sec(whole)
            return self._driver.get_laser_watchdog_sec().data

        if self._run(arm, COMMAND_S) != whole:
            raise DeviceUnsafeError("the unit did not take the laser watchdog", where=self.where)


def _number(response: Any) -> float | None:
    data = getattr(response, "data", None)
    return float(data) if isinstance(data, int | float) and math.isfinite(data) else None


def _read_axis(driver: Any, where: str) -> Axis:
    """Return the axis in the memory.

    The driver turns a coefficient that is not a number into 0 and goes on; so the bytes are looked at.
    """
    pages = driver.settings.eeprom.buffers
    try:
        coefficients = [
            *struct.unpack_from("<4f", bytes(pages[1]), 0),
            *struct.unpack_from("<f", bytes(pages[2]), 21),
        ]
    except (IndexError, struct.error) as error:
        raise DeviceProtocolError("the memory is not complete", where=where) from error
    remedy = "the memory may be blank or corrupt: calibrate the device again"
    if not all(math.isfinite(value) for value in coefficients):
        raise DeviceProtocolError(
            f"the wavelength coefficients in the memory are {coefficients}", where=where, remedy=remedy
        )
    pixels = driver.settings.pixels()
    if not isinstance(pixels, int) or not 16 <= pixels <= 8192:
        raise DeviceProtocolError(f"the memory says {pixels} pixels", where=where, remedy=remedy)
    index = np.arange(pixels, dtype=np.float64)
    wavelengths = sum(value * index**power for power, value in enumerate(coefficients))
    return checked_axis(np.asarray(wavelengths), where)


def _checked_excitation(driver: Any, where: str) -> float | None:
    excitation = float(driver.settings.excitation())
    if excitation == 0.0:
        return None
    if not 200.0 <= excitation <= 2000.0:
        raise DeviceProtocolError(f"the memory says a laser of {excitation} nm", where=where)
    return excitation


def class_of(driver: Any) -> type[WasatchSpectrometer]:
    """Return the adapter with the capabilities that the unit has."""
    memory = driver.settings.eeprom
    if driver.settings.is_xs():
        return XsWasatch
    kinds: dict[tuple[bool, bool], type[WasatchSpectrometer]] = {
        (False, False): WasatchSpectrometer,
        (False, True): InterlockedWasatch,
        (True, False): CooledWasatch,
        (True, True): CooledInterlockedWasatch,
    }
    return kinds[bool(memory.has_cooling), bool(memory.has_interlock_feedback)]
