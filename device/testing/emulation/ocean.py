"""Emulated Ocean spectrometers: USB2000+ and QE65000 ("OOI" commands), QE Pro (binary protocol).

The commands are those that python-seabreeze sends, with the meaning that it gives them. No instrument was at
hand: a test on these models proves our code against that driver, not the driver against an instrument.
"""

from __future__ import annotations

import struct
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from spectriage.device.contract.clock import Clock
from spectriage.device.testing.emulation.photons import PhotonSource
from spectriage.device.testing.emulation.spectrometer import EmulatedSpectrometer, polynomial
from spectriage.device.testing.emulation.transfers import Kind, Role, Transfer

OCEAN_VENDOR_ID = 0x2457
SLOTS = 31
SLOT_BYTES = 15
_SYNC = b"\x69"


class OoiSpectrometer(EmulatedSpectrometer):
    """The byte-command protocol: one opcode byte, its arguments, answers on another endpoint."""

    vendor_id = OCEAN_VENDOR_ID
    manufacturer = "Ocean Optics Inc."
    bulk_out: ClassVar = {0x01: 512}
    bulk_in: ClassVar = {0x81: 512, 0x82: 512, 0x86: 512}
    words = 2048
    first_pixel = 0
    time_unit_s = 1e-6
    inverted_bits = 0
    default_serial = "USB2+E00001"
    default_wavelengths = (790.0, 0.115, -3e-6, 0.0)
    cooled = False
    stores_saturation = True

    def __init__(
        self, serial: str = "", source: PhotonSource | None = None, clock: Clock | None = None
    ) -> None:
        index = np.arange(self.words, dtype=np.float64) - self.first_pixel
        serial = serial or self.default_serial
        super().__init__(serial, polynomial(self.default_wavelengths, index), source, clock)
        self.trigger = 0
        self.cooler_on = False
        self.setpoint_celsius = -10.0
        self.slots = self._programmed()

    def _programmed(self) -> list[bytes]:
        slots = [b""] * SLOTS
        slots[0] = self.serial.encode()
        for i, value in enumerate(self.default_wavelengths):
            slots[1 + i] = f"{value:.6e}".encode()
        slots[5] = b"0"
        for i, value in enumerate((0.99, 1e-7, -1e-12, 0.0, 0.0, 0.0, 0.0, 1e-40)):
            slots[6 + i] = f"{value:.6e}".encode()
        slots[14] = b"7"
        if self.stores_saturation:
            slots[17] = struct.pack("<HHHH", 0, 0, self.full_scale, 0)
        return slots

    def role(self, transfer: Transfer) -> Role:
        """Return what `transfer` is for."""
        if transfer.kind is Kind.BULK_IN and transfer.endpoint == 0x82:
            return Role.SPECTRUM
        if transfer.kind is Kind.BULK_OUT and transfer.data:
            roles = {0x09: Role.ACQUIRE, 0x03: Role.LASER, 0x05: Role.EEPROM, 0xFE: Role.STATUS}
            return roles.get(transfer.data[0], Role.OTHER)
        return super().role(transfer)

    def on_bulk_out(self, endpoint: int, data: bytes) -> None:
        """Take one command."""
        code = data[0]
        if code == 0x02:
            self.integration_s = struct.unpack_from("<I", data, 1)[0] * self.time_unit_s
        elif code == 0x03:
            self.laser.command(bool(struct.unpack_from("<H", data, 1)[0]))
        elif code == 0x05:
            slot = self.slots[data[1]] if data[1] < SLOTS else b""
            self.reply(0x81, bytes((5, data[1])) + slot[:SLOT_BYTES].ljust(SLOT_BYTES, b"\0"))
        elif code == 0x09:
            self.start_exposure(0x82)
        elif code == 0x0A:
            self.trigger = struct.unpack_from("<H", data, 1)[0]
        elif code == 0x6B:  # FPGA register 4 is the firmware version; major 1 is a USB2000+, 3 a Flame-S
            self.reply(0x81, bytes((data[1],)) + struct.pack("<H", 0x1030 if data[1] == 4 else 0))
        elif code == 0xFE:
            self.reply(0x81, self._status())
        elif code in (0x71, 0x72, 0x73) and self.cooled:
            self._cooler(code, data)
        elif code not in (0x01, 0x6A):
            self.stalled.add(endpoint)

    def _status(self) -> bytes:
        microseconds = round(self.integration_s / self.time_unit_s)
        packets = self.words * 2 // 512
        head = struct.pack(
            "<HIBBBB", self.words, microseconds, self.laser.commanded, self.trigger, 0, packets
        )
        return head + bytes((0, 0, 0, 0, 0x80, 0x55))

    def _cooler(self, code: int, data: bytes) -> None:
        if code == 0x71:
            self.cooler_on = bool(data[1])
        elif code == 0x72:
            self.reply(0x81, struct.pack("<h", round(self.detector_celsius * 10)))
        else:
            self.setpoint_celsius = struct.unpack_from("<h", data, 1)[0] / 10.0

    def encode(self, counts: NDArray[np.uint32]) -> bytes:
        """Little-endian words and one synchronisation byte."""
        return (counts.astype(np.uint16) ^ np.uint16(self.inverted_bits)).astype("<u2").tobytes() + _SYNC

    def set_model_condition(self, name: str) -> bool:
        """Spoil the memory, or warm the detector of a cooled unit."""
        if name == "blank-eeprom":
            self.slots = [b"\xff" * SLOT_BYTES] * SLOTS
        elif name == "corrupt-eeprom":
            self.slots[2] = b"nan"
        elif name == "over-temperature" and self.cooled:
            self.detector_celsius = 45.0
        else:
            return False
        return True


class Usb2000Plus(OoiSpectrometer):
    """Ocean USB2000+: 2048 pixels, uncooled, a lamp-enable line."""

    product_id, product = 0x101E, "USB2000+"

    def __init__(
        self, serial: str = "", source: PhotonSource | None = None, clock: Clock | None = None
    ) -> None:
        super().__init__(serial, source, clock)
        self.detector_celsius = 25.0


class Qe65000(OoiSpectrometer):
    """Ocean QE65000: 1044 pixels in 1280 words of which the first ten are not light, cooled."""

    product_id, product = 0x1018, "QE65000"
    words, first_pixel, time_unit_s, inverted_bits = 1280, 10, 1e-3, 0x8000
    default_serial = "QEB0001"
    default_wavelengths = (785.0, 0.17, -8e-6, 0.0)
    cooled, stores_saturation = True, False


_OBP_HEADER = struct.Struct("<HHHHLL6sBB16sL")
_OBP_FOOTER = struct.Struct("<16sL")
_OBP_START, _OBP_VERSION, _OBP_END = 0xC0C1, 0x1100, 0xC2C3C4C5
_ANSWER, _ACKNOWLEDGE, _WANTS_ACKNOWLEDGE, _REFUSED = 0x01, 0x02, 0x04, 0x08


class QePro(EmulatedSpectrometer):
    """Ocean QE Pro: the binary protocol, 18-bit counts, cooled. The driver cannot reach its lamp line."""

    vendor_id, product_id = OCEAN_VENDOR_ID, 0x4004
    product, manufacturer = "QE-PRO", "Ocean Optics Inc."
    bulk_out: ClassVar = {0x01: 512}
    bulk_in: ClassVar = {0x81: 512}
    full_scale = (1 << 18) - 1
    pixels = 1044
    default_wavelengths = (785.0, 0.17, -8e-6, 0.0)

    def __init__(
        self, serial: str = "", source: PhotonSource | None = None, clock: Clock | None = None
    ) -> None:
        index = np.arange(self.pixels, dtype=np.float64)
        super().__init__(serial or "QEP00001", polynomial(self.default_wavelengths, index), source, clock)
        self.coefficients = [float(value) for value in self.default_wavelengths]
        self.setpoint_celsius = -10.0
        self._pending = b""
        self._spectrum_next = False
        self._regarding = 0

    def role(self, transfer: Transfer) -> Role:
        """Return what `transfer` is for; one endpoint answers everything, so the last request decides."""
        if transfer.kind is Kind.BULK_IN:
            return Role.SPECTRUM if self._spectrum_next else Role.STATUS
        if transfer.kind is Kind.BULK_OUT and len(transfer.data) >= 12:
            asks = struct.unpack_from("<L", transfer.data, 8)[0] == 0x100928
            self._spectrum_next = asks
            return Role.ACQUIRE if asks else Role.OTHER
        return super().role(transfer)

    def on_bulk_out(self, endpoint: int, data: bytes) -> None:
        """Take bytes; act on each whole message."""
        self._pending += data
        while len(self._pending) >= _OBP_HEADER.size + _OBP_FOOTER.size:
            length = _OBP_HEADER.size + struct.unpack_from("<L", self._pending, 40)[0]
            if len(self._pending) < length:
                return
            message, self._pending = self._pending[:length], self._pending[length:]
            self._message(message)

    def _message(self, message: bytes) -> None:
        fields = _OBP_HEADER.unpack_from(message)
        flags, kind, regarding, immediate, data = fields[2], fields[4], fields[5], fields[8], fields[9]
        payload = data[:immediate] if immediate else message[_OBP_HEADER.size : -_OBP_FOOTER.size]
        if kind == 0x100928:
            self._regarding = regarding
            self.start_exposure(0x81)
            return
        answer = self._answer(kind, payload)
        if answer is None:
            self.reply(0x81, self._wrap(kind, regarding, b"", _ANSWER | _REFUSED, error=2))
        elif answer or flags & _WANTS_ACKNOWLEDGE:
            acknowledge = _ACKNOWLEDGE if flags & _WANTS_ACKNOWLEDGE else 0
            self.reply(0x81, self._wrap(kind, regarding, answer, _ANSWER | acknowledge))

    def _answer(self, kind: int, payload: bytes) -> bytes | None:
        """Return the answer to a message: empty for a command, None for one that is unknown."""
        if kind == 0x100:
            return self.serial.encode()
        if kind == 0x101:
            return bytes((len(self.serial),))
        if kind == 0x180100:
            return bytes((len(self.coefficients),))
        if kind == 0x180101:
            return struct.pack("<f", self.coefficients[payload[0]])
        if kind == 0x420004:
            return struct.pack("<f", self.detector_celsius)
        if kind == 0x110010:
            self.integration_s = struct.unpack("<L", payload[:4])[0] * 1e-6
        elif kind == 0x420011:
            self.setpoint_celsius = struct.unpack("<f", payload[:4])[0]
        elif kind not in (0x110110, 0x420010):
            return None
        return b""

    @staticmethod
    def _wrap(kind: int, regarding: int, payload: bytes, flags: int, error: int = 0) -> bytes:
        immediate, body = (payload, b"") if len(payload) <= 16 else (b"", payload)
        remaining = len(body) + _OBP_FOOTER.size
        header = _OBP_HEADER.pack(
            _OBP_START,
            _OBP_VERSION,
            flags,
            error,
            kind,
            regarding,
            b"",
            0,
            len(immediate),
            immediate,
            remaining,
        )
        return header + body + _OBP_FOOTER.pack(b"", _OBP_END)

    def encode(self, counts: NDArray[np.uint32]) -> bytes:
        """32 bytes of metadata and little-endian 32-bit words, in a message."""
        microseconds = round(self.integration_s * 1e6)
        metadata = struct.pack("<LQLL", self.frames, 0, microseconds, 0).ljust(32, b"\0")
        return self._wrap(0x100928, self._regarding, metadata + counts.astype("<u4").tobytes(), _ANSWER)

    def set_model_condition(self, name: str) -> bool:
        """Spoil the memory, or warm the detector."""
        if name == "blank-eeprom":
            self.coefficients = [float("nan")] * 4
        elif name == "corrupt-eeprom":
            self.coefficients[1] = -self.coefficients[1] * 1e4
        elif name == "over-temperature":
            self.detector_celsius = 45.0
        else:
            return False
        return True
