"""Base of the USB adapters: frames that can be believed.

`_usb_calls` keeps the deadlines, `_usb_laser` the laser; here is what makes a frame one of this exposure, of
this light and of this detector.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np

from spectriage.device.contract.clock import Clock, Deadline
from spectriage.device.contract.errors import DeviceProtocolError, DeviceUnsafeError
from spectriage.device.contract.spectrometer import Axis, DeviceInfo, DeviceStatus, LaserState, ScanSettings
from spectriage.device.drivers._usb_belief import confirm, isolated_outliers
from spectriage.device.drivers._usb_calls import COMMAND_S, OFF_S
from spectriage.device.drivers._usb_laser import UsbLaser
from spectriage.spectra.arrays import FloatArray

NEVER_ON_HARDWARE = "this adapter was never run on hardware, only on an emulated device"

ABORT_OFF_S = 0.08
"""Longest time that `abort` waits for the laser-off; it goes on after that."""
DRIFT_C = 3.0
"""A detector this far from its temperature at the first scan gives another dark: such a scan is marked."""
SILENCE_MS = 10
"""A pipe that says nothing for this long is empty."""


class UsbSpectrometer(UsbLaser):
    """A spectrometer behind a USB driver.

    A subclass implements the ``_driver_*`` methods; they run on the owner thread.

    Parameters
    ----------
    where
        The URI, for messages.
    clock
        The system's when None.
    """

    def __init__(self, where: str, clock: Clock | None = None) -> None:
        super().__init__(where, clock)
        self._suspect: tuple[int, ...] = ()
        self._repeated = 0
        self._first_celsius: float | None = None
        self._exposes_freely = False

    # -- what a subclass implements

    @abstractmethod
    def _driver_info(self) -> DeviceInfo:
        """Return who the device is; no transfer."""

    @abstractmethod
    def _driver_axis(self) -> Axis:
        """Return the axis read when the device was opened."""

    @abstractmethod
    def _driver_configure(self, settings: ScanSettings) -> None:
        """Set the exposure."""

    @abstractmethod
    def _driver_frame(self, settings: ScanSettings) -> FloatArray:
        """Expose once, shape (n,)."""

    @abstractmethod
    def _driver_status(self) -> DeviceStatus:
        """Ask the device."""

    @abstractmethod
    def _driver_drain(self, timeout_ms: int) -> None:
        """Clear halts and empty the pipes, below the driver."""

    @abstractmethod
    def _driver_close(self) -> None:
        """Release the device."""

    def _driver_detector_c(self) -> float | None:
        """Return the detector's temperature in °C; None where it cannot be read."""
        return None

    # -- Spectrometer

    def _do_info(self) -> DeviceInfo:
        return self._driver_info()

    def _do_axis(self) -> Axis:
        return self._driver_axis()

    def _do_configure(self, settings: ScanSettings) -> None:
        if self._failed:
            # On one shared pipe the rest of the failed frame would be taken for the answer to this command.
            self._recover(None)
        self._run(lambda: self._driver_configure(settings), COMMAND_S)
        self._drain_due = True

    def _do_read_frame(self, settings: ScanSettings, deadline: Deadline) -> FloatArray:
        if self._drain_due:
            self._run(lambda: self._driver_drain(SILENCE_MS), COMMAND_S)
            self._drain_due = False
        frame = self._lit_frame(settings, deadline)
        suspects = isolated_outliers(frame)
        self._suspect = ()
        if suspects.size == 0:
            return frame
        if deadline.remaining_s < 2.0 * settings.integration_ms * 1e-3 + 0.1:
            self._suspect = tuple(int(i) for i in suspects)
            return frame
        self._repeated += 1
        second = self._lit_frame(settings, deadline)
        merged, self._suspect = confirm(frame, second, suspects)
        return merged

    def _do_recover(self, deadline: Deadline) -> None:
        self._recover(deadline)

    def _recover(self, deadline: Deadline | None) -> None:
        # The frame of the failed request may still be under way: wait for it as long as an exposure takes.
        settings = self.settings
        exposure_s = settings.integration_ms * 1e-3 if settings is not None else 0.0
        silence_ms = int(1e3 * exposure_s) + SILENCE_MS
        self._run(lambda: self._driver_drain(silence_ms), COMMAND_S + 4.0 * exposure_s, deadline)
        self._drain_due = False

    def _do_status(self) -> DeviceStatus:
        return self._run(self._driver_status, COMMAND_S)

    def _do_scan_metadata(self) -> Mapping[str, Any]:
        metadata: dict[str, Any] = {}
        celsius = self._run(self._driver_detector_c, COMMAND_S)
        if celsius is not None:
            metadata["detector_c"] = celsius
            if self._first_celsius is None:
                self._first_celsius = celsius
            if abs(celsius - self._first_celsius) > DRIFT_C:
                metadata["detector_drifted"] = True
        if self._has_laser():
            metadata["laser"] = str(LaserState.ON if self._wants_laser else LaserState.OFF)
            if self._wants_laser and self._laser_on_at is not None:
                metadata["laser_on_s"] = self.clock.monotonic() - self._laser_on_at
        if self._repeated:
            metadata["frames_repeated"] = self._repeated
            self._repeated = 0
        if self._suspect:
            metadata["suspect_pixels"] = self._suspect
        return metadata

    def _do_abort(self) -> None:
        if self._wants_laser:
            self._begin_off(ABORT_OFF_S)
        self._owner_thread.interrupt()

    def _do_close(self) -> None:
        unverified = self._has_laser() and not self._off_verified()
        try:
            if not self._lost:
                self._run(self._driver_close, COMMAND_S)
        finally:
            self._shut_down()
        if unverified:
            raise DeviceUnsafeError(
                "laser state unknown: the device was closed but the laser could not be verified to be off",
                where=self.where,
                remedy="switch the laser off at its key or pull its supply",
            )

    # -- frames

    def _lit_frame(self, settings: ScanSettings, deadline: Deadline) -> FloatArray:
        """Expose once, and see that the laser was as it should be before, during and after."""
        changes = self._light_changes
        self._check_light()
        frame = self._new_frame(settings, deadline)
        self._check_light()
        if self._light_changes != changes:
            self._check_abort()
            raise DeviceUnsafeError(
                "the laser was switched during the exposure", where=self.where, remedy="scan again"
            )
        return np.asarray(frame, dtype=np.float64)

    def _new_frame(self, settings: ScanSettings, deadline: Deadline) -> FloatArray:
        """Expose once; a frame that is there before it can have been exposed is an old one.

        A unit that does so twice in a row, with its pipe emptied in between, exposes all the time by itself:
        that is remembered, and discarding a frame after each change is then all that can be done.
        """
        exposure_s = settings.integration_ms * 1e-3
        for attempt in range(2):
            began = self.clock.monotonic()
            frame = self._run(lambda: self._driver_frame(settings), None, deadline)
            if self._exposes_freely or self.clock.monotonic() - began >= 0.5 * exposure_s:
                return frame
            if attempt == 0:
                deadline.require(2.0 * exposure_s, "reading again after an old frame", self.where)
                self._recover(deadline)
        self._exposes_freely = True
        return frame

    def _check_light(self) -> None:
        if not self._has_laser():
            return
        expected = LaserState.ON if self._wants_laser else LaserState.OFF
        seen = self._read_laser()
        if seen is LaserState.UNKNOWN:
            seen = self._read_laser()
        if seen is expected:
            return
        self._check_abort()
        self._check_present()
        if expected is LaserState.ON:
            problem = "the laser went out during the scan (interlock, watchdog or supply)"
        elif seen is LaserState.ON:
            problem = "the laser is on although it was commanded off"
        else:
            problem = "the device does not say whether its laser is off"
        self._begin_off(OFF_S)
        raise DeviceUnsafeError(problem, where=self.where, remedy="check the interlock and arm again")

    def _check_present(self) -> None:
        """Raise DeviceLostError when the device no longer answers at all."""
        self._run(self._driver_status, COMMAND_S)


def check_memory(found: str, expected: str, device: UsbSpectrometer) -> None:
    """Check a device's calibration memory against the hash pinned to its serial number.

    Raises
    ------
    DeviceProtocolError
        When it is another; the device is closed.
    """
    if found.startswith(expected.lower()):
        return
    device.close()
    raise DeviceProtocolError(
        f"the calibration memory has hash {found[:12]}…, not {expected}",
        where=device.where,
        remedy="the memory changed or is corrupt: calibrate the device again and pin the new hash",
    )
