"""A laser whose every answer can be spoiled, for tests of what stands above a driver."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from spectriage.device.contract.clock import Deadline, VirtualClock
from spectriage.device.contract.errors import DeviceLostError, DeviceTimeoutError
from spectriage.device.contract.permit import LaserPermit
from spectriage.device.contract.rawscan import Axis, Detector, DeviceInfo
from spectriage.device.contract.spectrometer import DeviceStatus, LaserState, ScanSettings, Spectrometer
from spectriage.device.laser.guard import LaserGuard
from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.origin import Origin

PIXELS = 8
INFO = DeviceInfo("fake:1", "Maker", "Model", "1", Origin.SIMULATED, Detector("chip", PIXELS, 65535.0))


def _nothing() -> None:
    return


class FakeLaser(Spectrometer):
    """A unit on a virtual clock with a laser, an interlock, a power setting and a watchdog.

    Attributes
    ----------
    on_mode, off_mode
        ``ok``; ``lost``: the command does nothing; ``raise``: it raises; ``late``: it is done, and raises.
    readback_mode
        ``ok``, ``unknown`` or ``raise``.
    lit, plugged, interlock
        The truth.
    on_lit
        Called when light comes on.
    """

    def __init__(self) -> None:
        super().__init__(VirtualClock())
        self.lit = False
        self.plugged = True
        self.interlock = True
        self.on_mode = self.off_mode = self.readback_mode = "ok"
        self.watchdog_s: float | None = None
        self.power_mw: float | None = None
        self.on_lit: Callable[[], object] = _nothing

    def _do_info(self) -> DeviceInfo:
        return INFO

    def _do_axis(self) -> Axis:
        return Axis(wavelength_nm=np.linspace(800.0, 900.0, PIXELS))

    def _do_configure(self, settings: ScanSettings) -> None:
        return

    def _do_read_frame(self, settings: ScanSettings, deadline: Deadline) -> FloatArray:
        self._wait(settings.integration_ms * 1e-3, deadline)
        return np.full(PIXELS, 1000.0 if self.lit else 100.0)

    def _do_status(self) -> DeviceStatus:
        return DeviceStatus(connected=self.plugged)

    def _do_close(self) -> None:
        return

    def _command(self, on: bool, mode: str) -> None:
        if not self.plugged:
            raise DeviceLostError("gone")
        if mode in ("ok", "late"):
            self.lit = on
            if on:
                self.on_lit()
        if mode in ("raise", "late"):
            raise DeviceTimeoutError("no answer")

    def laser_on(self, permit: LaserPermit) -> None:
        """Switch on."""
        permit.check()
        self._command(True, self.on_mode)

    def laser_off(self) -> None:
        """Switch off."""
        self._command(False, self.off_mode)

    def laser_readback(self) -> LaserState:
        """Read back."""
        if not self.plugged or self.readback_mode == "raise":
            raise DeviceTimeoutError("no answer")
        if self.readback_mode == "unknown":
            return LaserState.UNKNOWN
        return LaserState.ON if self.lit else LaserState.OFF

    def interlock_closed(self) -> bool:
        """Whether the interlock is closed."""
        if not self.plugged:
            raise DeviceLostError("gone")
        return self.interlock

    def laser_power_limits_mw(self) -> tuple[float, float]:
        """1 to 100 mW."""
        return 1.0, 100.0

    def set_laser_power_mw(self, power_mw: float) -> None:
        """Set the power."""
        self.power_mw = power_mw

    def arm_laser_watchdog(self, seconds: float) -> None:
        """Set the watchdog."""
        self.watchdog_s = seconds


def fake_and_guard() -> tuple[FakeLaser, LaserGuard]:
    """Return a fake unit and a guard of it that is ready to be armed."""
    device = FakeLaser()
    guard = LaserGuard(device)
    guard.open()
    guard.ready()
    return device, guard
