"""The configuration memory of an emulated Wasatch spectrometer, laid out as Wasatch.PY reads it."""

from __future__ import annotations

import struct
from dataclasses import dataclass

PAGES = 9
PAGE_BYTES = 64

HAS_INTERLOCK_FEEDBACK = 0x0040


@dataclass(frozen=True)
class WasatchMemory:
    """What the memory of a unit says.

    Parameters
    ----------
    model, serial, detector
        Names, at most 15 characters.
    pixels
        Number of pixels.
    revision
        Layout revision.
    wavelengths
        Five polynomial coefficients, nm over pixel index, lowest order first.
    excitation_nm
        Laser wavelength.
    cooled, battery
        What is fitted besides the laser.
    features
        Feature mask.
    power_mw
        Lowest and highest laser power.
    percent_per_mw
        Duty cycle in percent for one mW.
    warm_up_s, watchdog_s
        Laser warm-up and watchdog.
    startup_ms
        Exposure after power-on.
    """

    model: str
    serial: str
    detector: str
    pixels: int
    revision: int
    wavelengths: tuple[float, float, float, float, float]
    excitation_nm: float = 785.0
    cooled: bool = False
    battery: bool = False
    features: int = HAS_INTERLOCK_FEEDBACK
    power_mw: tuple[float, float] = (10.0, 450.0)
    percent_per_mw: float = 0.22
    warm_up_s: int = 5
    watchdog_s: int = 0
    startup_ms: int = 20

    def pages(self) -> list[bytearray]:
        """Return nine pages of 64 bytes."""
        pages = [bytearray(PAGE_BYTES) for _ in range(PAGES)]

        def put(page: int, at: int, form: str, *values: object) -> None:
            struct.pack_into("<" + form, pages[page], at, *values)

        put(0, 0, "16s16s", self.model.encode()[:15], self.serial.encode()[:15])
        put(0, 36, "???HHHhB", self.cooled, self.battery, True, self.features, 50, self.startup_ms, -10, 0)
        put(0, 48, "fhfhhxB", 1.9, 0, 1.9, 0, 0, self.revision)
        put(1, 0, "4f", *self.wavelengths[:4])
        # Cooler: counts of its converter for a set point in °C, its range, and °C from the sensor's counts.
        put(1, 16, "3fhh3fhh", 2950.0, 37.0, 0.0, 20, -20, 66.0, -0.04, 0.0, 10_000, 3_450)
        put(1, 48, "12s3s", b"2026-01-01", b"EMU")
        put(2, 0, "16sHBH", self.detector.encode()[:15], self.pixels, self.warm_up_s, 64)
        put(2, 21, "fHHH", self.wavelengths[4], self.pixels, 0, self.pixels - 1)
        put(3, 11, "b4fff", 50, 0.0, self.percent_per_mw, 0.0, 0.0, self.power_mw[1], self.power_mw[0])
        put(3, 36, "fIIf", self.excitation_nm, 1, 60_000, 8.0)
        put(3, 52, "HBHHBBB", self.watchdog_s, 0, 0, 0, 0, 1, 40)
        put(5, 0, "15h", *[-1] * 15)
        return pages
