"""Emulated Wasatch spectrometers of the feature-identification protocol: WP-785 and WP-785 XS.

The requests are those that Wasatch.PY sends, with the meaning that it gives them. No instrument was at hand:
a test on these models proves our code against that driver, not the driver against an instrument. In
particular it is an assumption that a unit keeps its laser as commanded over a USB reset and an unplugged
cable; it is the assumption under which the host must be most careful.
"""

from __future__ import annotations

import struct
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from spectriage.device.contract.clock import Clock
from spectriage.device.testing.emulation.eeprom import PAGE_BYTES, PAGES, WasatchMemory
from spectriage.device.testing.emulation.photons import PhotonSource
from spectriage.device.testing.emulation.spectrometer import EmulatedSpectrometer, polynomial
from spectriage.device.testing.emulation.transfers import Kind, Role, Transfer, usb_error

WASATCH_VENDOR_ID = 0x24AA
_EXTENDED = 0xFF
_ROLES_OUT = {0xAD: Role.ACQUIRE, 0xBE: Role.LASER}
_ROLES_IN = {0xE2: Role.READBACK, 0xEF: Role.STATUS, 0xD7: Role.STATUS, 0xD5: Role.STATUS}
_ROLES_EXTENDED = {0x01: Role.EEPROM, 0x0D: Role.READBACK, 0x13: Role.STATUS}
# Settings that the driver sends on connecting and that change nothing here: detector gain and offset,
# modulation delay, laser cooler, converter choice, warning delay, attenuator, trigger.
_IGNORED_OUT = {0xB6, 0xB7, 0x9C, 0x9D, 0xC6, 0xE7, 0xED, 0x8A, 0x82, 0xD2}
_IGNORED_EXTENDED = {0x15, 0x84, 0x21, 0x22, 0x23, 0x24, 0x25}


class WasatchSpectrometer(EmulatedSpectrometer):
    """Vendor control requests for everything, one bulk endpoint for spectra."""

    vendor_id = WASATCH_VENDOR_ID
    manufacturer = "Wasatch Photonics"
    bulk_in: ClassVar = {0x82: 512, 0x86: 512}
    memory: WasatchMemory
    firmware = (14, 0, 0, 10)
    fpga = b"026-007"
    has_laser = True
    has_watchdog = False

    def __init__(
        self, serial: str = "", source: PhotonSource | None = None, clock: Clock | None = None
    ) -> None:
        memory = self.memory
        index = np.arange(memory.pixels, dtype=np.float64)
        super().__init__(serial or memory.serial, polynomial(memory.wavelengths, index), source, clock)
        if serial:
            memory = WasatchMemory(**{**memory.__dict__, "serial": serial})
        self.pages = memory.pages()
        self.excitation_nm = memory.excitation_nm
        self.integration_s = memory.startup_ms * 1e-3
        self.cooler_on = False
        self.setpoint_raw = 0
        self.modulated = False
        self.period_us = 1000
        self.width_us = 1000
        self.battery_percent = 80.5
        self.laser_celsius = 30.0
        self.unknown: list[tuple[int, int]] = []

    def role(self, transfer: Transfer) -> Role:
        """Return what `transfer` is for."""
        if transfer.kind is Kind.BULK_IN:
            return Role.SPECTRUM
        if transfer.kind is Kind.CONTROL_OUT:
            return _ROLES_OUT.get(transfer.request, Role.OTHER)
        if transfer.kind is Kind.CONTROL_IN:
            if transfer.request == _EXTENDED:
                return _ROLES_EXTENDED.get(transfer.value, Role.OTHER)
            return _ROLES_IN.get(transfer.request, Role.OTHER)
        return super().role(transfer)

    def on_control_out(self, request: int, value: int, index: int, data: bytes) -> None:
        """Take a vendor request."""
        if request == 0xB2:
            self.integration_s = (value | (index & 0xFF) << 16) * 1e-3
        elif request == 0xAD:
            self.start_exposure(0x82)
        elif request == 0xBE:
            self.laser.command(bool(value))
        elif request in (0xBD, 0xC7, 0xDB):
            self._modulate(request, value | index << 16)
        elif request == 0xD6:
            self.cooler_on = bool(value)
        elif request == 0xD8:
            self.setpoint_raw = value
        elif request == _EXTENDED and value == 0x18 and self.has_watchdog:
            self.laser.watchdog_s = float(index)
        elif request not in _IGNORED_OUT and not (request == _EXTENDED and value in _IGNORED_EXTENDED):
            self.unknown.append((request, value))
            raise usb_error("stall")

    def _modulate(self, request: int, value: int) -> None:
        if request == 0xBD:
            self.modulated = bool(value)
        elif request == 0xC7:
            self.period_us = value
        else:
            self.width_us = value
        self.laser.set_duty(min(1.0, self.width_us / max(self.period_us, 1)) if self.modulated else 1.0)

    def on_control_in(self, request: int, value: int, index: int, size: int) -> bytes:
        """Answer a vendor request."""
        answer = self._read_extended(value, index) if request == _EXTENDED else self._read(request)
        if answer is None:
            self.unknown.append((request, value))
            raise usb_error("stall")
        return answer

    def _read(self, request: int) -> bytes | None:
        if request == 0xC0:
            return bytes(reversed(self.firmware))
        if request == 0xB4:
            return self.fpga.ljust(7)
        if request == 0xBF:
            return struct.pack("<I", round(self.integration_s * 1e3))[:3]
        if request == 0xD7:  # the memory says °C = 66 - 0.04·raw
            return struct.pack(">H", round((66.0 - self.detector_celsius) / 0.04))
        if request == 0xD5:
            return struct.pack("<H", self._laser_sensor())
        if request == 0xE2:
            return bytes((self.laser.commanded,))
        if request == 0xEF:
            return bytes((8 if self.laser.interlock_closed else 0,))
        return {0xC5: b"\xe6\x01", 0xC4: b"\0\0", 0xE3: bytes((self.modulated,)), 0x8B: b"\x03"}.get(request)

    def _read_extended(self, value: int, index: int) -> bytes | None:
        if value == 0x01:
            return bytes(self.pages[index]) if index < PAGES else b"\xff" * PAGE_BYTES
        if value == 0x0D:
            return bytes((self.laser.emitting,))
        if value == 0x13:
            return bytes((int(self.battery_percent % 1 * 256), int(self.battery_percent), 0))
        if value == 0x17:
            return struct.pack(">H", int(self.laser.watchdog_s))
        answers = {0x04: b"\x80\0\0", 0x08: b"\x01", 0x2C: b"\x11" * 12, 0x2D: b"1.0.0\0", 0x78: b"\0" * 5}
        return answers.get(value)

    def _laser_sensor(self) -> int:
        """Raw laser temperature, 12 bits; the points are those at which the driver's conversion gives °C."""
        return int(np.interp(self.laser_celsius, (1.6, 14.6, 26.5, 39.8, 56.9), (1, 1000, 2000, 3000, 4000)))

    def encode(self, counts: NDArray[np.uint32]) -> bytes:
        """Little-endian words."""
        return counts.astype("<u2").tobytes()

    def set_model_condition(self, name: str) -> bool:
        """Spoil the memory, open the interlock, warm the unit, drain the battery or trip the watchdog."""
        memory = self.memory
        if name == "blank-eeprom":
            self.pages = [bytearray(b"\xff" * PAGE_BYTES) for _ in range(PAGES)]
        elif name == "corrupt-eeprom":
            struct.pack_into("<f", self.pages[1], 4, float("nan"))
        elif name == "interlock-open":
            self.laser.set_interlock(False)
        elif name == "over-temperature":
            # Of the detector where its temperature is read, else of the laser.
            if memory.cooled:
                self.detector_celsius = 45.0
            else:
                self.laser_celsius = 55.0
        elif name == "low-battery" and memory.battery:
            self.battery_percent = 3.0
        elif name == "watchdog-trip" and self.has_watchdog:
            self.laser.command(False)
        else:
            return False
        return True


class Wp785(WasatchSpectrometer):
    """WP-785 X: cooled CCD of 1024 pixels, 450 mW laser with interlock readback, no watchdog."""

    product_id, product = 0x1000, "WP-785X"
    memory = WasatchMemory(
        model="WP-785X-R-SR",
        serial="WP-00999",
        detector="S16010-1008",
        pixels=1024,
        revision=17,
        wavelengths=(801.0, 0.155, -4e-6, 0.0, 0.0),
        cooled=True,
    )


class Wp785Xs(WasatchSpectrometer):
    """WP-785 XS: battery-powered, uncooled CMOS of 1952 pixels, 100 mW laser with a watchdog."""

    product_id, product = 0x4000, "WP-785XS"
    firmware = (1, 0, 65, 1)
    fpga = b"01.4.29"
    has_watchdog = True
    memory = WasatchMemory(
        model="WP-785XS-C-SR",
        serial="WP-01999",
        detector="IMX385",
        pixels=1952,
        revision=18,
        wavelengths=(795.0, 0.075, -1e-6, 0.0, 0.0),
        battery=True,
        power_mw=(5.0, 100.0),
        percent_per_mw=0.95,
        watchdog_s=10,
        startup_ms=20,
    )

    def __init__(
        self, serial: str = "", source: PhotonSource | None = None, clock: Clock | None = None
    ) -> None:
        super().__init__(serial, source, clock)
        self.laser.start_delay_s = 3.0
        self.detector_celsius = 30.0
