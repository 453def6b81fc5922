"""The `Spectrometer` base class; what only some devices have is re-exported from `capabilities`.

A driver subclasses `Spectrometer` and implements the ``_do_*`` methods; the public methods validate, keep one
owner at a time, discard stale frames, watch the deadline and turn every failure into a typed error. What only
some devices have (a laser, an interlock, a cooler…) is a protocol of its own: ask with ``isinstance``.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, final

import numpy as np

from spectriage.device.contract.capabilities import (
    Battery,
    Cooled,
    InterlockReadback,
    LaserAlarm,
    LaserGateLine,
    LaserPower,
    LaserSource,
    LaserState,
    LaserSupervised,
    LaserWatchdog,
)
from spectriage.device.contract.clock import SYSTEM_CLOCK, Clock, Deadline
from spectriage.device.contract.errors import (
    DeviceAbortedError,
    DeviceBusyError,
    DeviceError,
    DeviceLostError,
    DeviceProtocolError,
    DeviceSettingsError,
    DeviceStateError,
    DeviceTimeoutError,
)
from spectriage.device.contract.permit import LaserPermit
from spectriage.device.contract.rawscan import Axis, Detector, DeviceInfo, RawScan
from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.origin import Origin

__all__ = [
    "Axis",
    "Battery",
    "Clock",
    "Cooled",
    "Deadline",
    "Detector",
    "DeviceInfo",
    "DeviceStatus",
    "InterlockReadback",
    "LaserAlarm",
    "LaserGateLine",
    "LaserPermit",
    "LaserPower",
    "LaserSource",
    "LaserState",
    "LaserSupervised",
    "LaserWatchdog",
    "Origin",
    "RawScan",
    "ScanSettings",
    "Spectrometer",
]

MAX_ACCUMULATIONS = 10_000

FrameCallback = Callable[[FloatArray, int], None]
"""Mean counts of the frames so far, shape (pixels,), and how many they are."""


@dataclass(frozen=True)
class ScanSettings:
    """How a scan is taken.

    Parameters
    ----------
    integration_ms
        Length of one exposure.
    accumulations
        Number of exposures averaged into one scan.
    """

    integration_ms: float = 1000.0
    accumulations: int = 1

    @property
    def duration_s(self) -> float:
        """Seconds of exposure in one scan."""
        return self.integration_ms * 1e-3 * self.accumulations


@dataclass(frozen=True)
class DeviceStatus:
    """A device's health, asked of the device itself; None where it has no such sensor.

    Parameters
    ----------
    connected
        Whether the device answers.
    laser
        Read back from the device where it can be, else ``UNKNOWN``; None for a device without a laser.
    interlock_closed
        Whether the safety loop is closed.
    detector_c, laser_c
        Temperatures in °C.
    battery
        Charge, 0 to 1.
    warnings
        What a user should see.
    """

    connected: bool
    laser: LaserState | None = None
    interlock_closed: bool | None = None
    detector_c: float | None = None
    laser_c: float | None = None
    battery: float | None = None
    warnings: tuple[str, ...] = ()


class Spectrometer(ABC):
    """A spectrometer; subclass it to add a driver.

    Parameters
    ----------
    clock
        The system's by default; tests and the simulator pass a virtual one.

    Notes
    -----
    A driver implements `_do_info`, `_do_axis`, `_do_configure`, `_do_read_frame`, `_do_status`, `_do_close`,
    and where they mean something `_do_abort`, `_do_recover`, `_do_scan_metadata` and `_do_finish`. It may
    raise anything: what is not a `DeviceError` becomes a `DeviceProtocolError`. Only one thread acquires at a
    time; `abort`, `close` and a laser's off are legal from any other. A laser or gate change calls
    `_mark_stale`.
    """

    discard_after_change: int = 1
    """Frames thrown away after a new exposure, a laser change or an error: the next one is stale."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock: Clock = clock or SYSTEM_CLOCK
        self._settings: ScanSettings | None = None
        self._gate = threading.Lock()
        self._owned_now = False
        self._abort_event = threading.Event()
        self._stale = 0
        self._failed = False
        self._closed = False
        self.on_frame: FrameCallback | None = None
        """Told of the mean so far after each frame, on the acquiring thread, the light as it is: it must only
        take the counts and return. What it raises is dropped: nothing that looks on may break a scan."""

    # -- what a driver implements ------------------------------------------------------------------

    @abstractmethod
    def _do_info(self) -> DeviceInfo:
        """Who the device is; read once when it was opened, no transfer here."""

    @abstractmethod
    def _do_axis(self) -> Axis:
        """Wavelengths of the pixels in force now."""

    @abstractmethod
    def _do_configure(self, settings: ScanSettings) -> None:
        """Send the exposure to the device; `settings` are within the limits of `info`."""

    @abstractmethod
    def _do_read_frame(self, settings: ScanSettings, deadline: Deadline) -> FloatArray:
        """Expose once and return the counts, shape (n,); DeviceTimeoutError after the deadline."""

    @abstractmethod
    def _do_status(self) -> DeviceStatus:
        """Ask the device."""

    @abstractmethod
    def _do_close(self) -> None:
        """Laser off first, then release the device. Called once."""

    def _do_abort(self) -> None:  # noqa: B027
        """Make a running `_do_read_frame` return soon, from another thread."""

    def _do_recover(self, deadline: Deadline) -> None:  # noqa: B027
        """After a failed frame: drain what is left in the pipe and clear a halt."""

    def _do_scan_metadata(self) -> Mapping[str, Any]:
        """Return what the device says of the scan that just ended."""
        return {}

    def _do_finish(self, raw: RawScan) -> RawScan:
        """Have the last word on a scan: a device that takes its own dark adds it here."""
        return raw

    # -- what everybody calls ----------------------------------------------------------------------

    @property
    @final
    def info(self) -> DeviceInfo:
        """Who the device is and its limits; known since it was opened."""
        return self._do_info()

    @property
    @final
    def settings(self) -> ScanSettings | None:
        """The settings in force, None before `configure`."""
        return self._settings

    @property
    @final
    def axis(self) -> Axis:
        """Wavelengths or shifts of the pixels, as the device has them now."""
        return self._do_axis()

    @property
    @final
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    @property
    @final
    def busy(self) -> bool:
        """Whether a thread is configuring it or acquiring."""
        return self._owned_now

    @final
    def configure(self, settings: ScanSettings) -> None:
        """Set how scans are taken.

        Raises
        ------
        DeviceSettingsError
            Outside the limits of `info`.
        DeviceStateError, DeviceBusyError
            The device is closed, or acquiring.
        DeviceError
            The device does not accept it.
        """
        info = self.info
        low, high = info.min_integration_ms, info.max_integration_ms
        if not low <= settings.integration_ms <= high:
            raise DeviceSettingsError(
                f"an exposure of {settings.integration_ms:g} ms is not between {low:g} and {high:g} ms",
                where=info.uri,
            )
        if not info.sets_integration_ms(settings.integration_ms):
            raise DeviceSettingsError(
                f"an exposure of {settings.integration_ms:g} ms is not a multiple of "
                f"{info.integration_step_ms:g} ms",
                where=info.uri,
            )
        if not 1 <= settings.accumulations <= MAX_ACCUMULATIONS:
            raise DeviceSettingsError(
                f"{settings.accumulations} accumulations are not between 1 and {MAX_ACCUMULATIONS}",
                where=info.uri,
            )
        with self._owned(), self._typed("configure"):
            self._do_configure(settings)
            if self._settings is None or settings.integration_ms != self._settings.integration_ms:
                self._mark_stale()
            self._settings = settings

    @final
    def acquire(self, deadline: Deadline) -> RawScan:
        """Take one scan: the mean of the configured number of exposures, with the light as it is.

        Parameters
        ----------
        deadline
            On this device's clock. The call returns or raises by then.

        Returns
        -------
        RawScan
            Without a dark unless the device took one: see `spectriage.device.acquire.acquisition`.

        Raises
        ------
        DeviceTimeoutError, DeviceLostError, DeviceProtocolError, DeviceUnsafeError
            What went wrong. No partial scan is returned; the next call recovers the device first.
        DeviceAbortedError
            After `abort`.
        DeviceBusyError, DeviceStateError
            Another thread acquires; or the device is closed or not configured.
        """
        with self._owned():
            settings = self._settings
            if settings is None:
                raise DeviceStateError("the device is not configured", where=self.info.uri)
            with self._typed("acquire"):
                return self._take(settings, deadline)

    @final
    def status(self) -> DeviceStatus:
        """Ask the device for its health; a lost device is a status, not an error.

        Raises
        ------
        DeviceError
            The device is there but does not answer properly.
        """
        if self._closed:
            return DeviceStatus(connected=False, warnings=("closed",))
        try:
            with self._typed("status", marks=False):
                return self._do_status()
        except DeviceLostError as error:
            return DeviceStatus(connected=False, warnings=(error.what,))

    @final
    def abort(self) -> None:
        """Stop a running `acquire`, from any thread; without one, nothing happens."""
        with self._gate:
            if not self._owned_now or self._closed:
                return
            self._abort_event.set()
        with self._typed("abort", marks=False):
            self._do_abort()

    @final
    def close(self) -> None:
        """Switch the laser off and release the device; safe to call twice.

        Raises
        ------
        DeviceUnsafeError
            The laser could not be verified to be off.
        DeviceError
            The device could not be released.
        """
        if self._closed:
            return
        self._closed = True
        self._abort_event.set()
        with self._typed("close", marks=False):
            self._do_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- for drivers -------------------------------------------------------------------------------

    def _mark_stale(self) -> None:
        """Make the next acquisition discard `discard_after_change` frames first."""
        self._stale = max(self._stale, self.discard_after_change)

    def _wait(self, seconds: float, deadline: Deadline) -> None:
        """Wait for an exposure: DeviceAbortedError on abort, DeviceTimeoutError at the deadline."""
        left = deadline.remaining_s
        if self.clock.wait(min(seconds, max(left, 0.0)), self._abort_event):
            self._check_abort()
        if seconds > left:
            raise DeviceTimeoutError("the deadline passed during the exposure", where=self.info.uri)

    def _check_abort(self) -> None:
        if self._abort_event.is_set():
            raise DeviceAbortedError("the acquisition was aborted", where=self.info.uri)

    # -- private -----------------------------------------------------------------------------------

    @contextmanager
    def _owned(self) -> Iterator[None]:
        # Ownership and a fresh abort flag are one step, so that no abort falls between them and is lost.
        with self._gate:
            if self._owned_now:
                raise DeviceBusyError("the device is in use by another thread", where=self.info.uri)
            if self._closed:
                raise DeviceStateError("the device is closed", where=self.info.uri, remedy="open it again")
            self._owned_now = True
            self._abort_event.clear()
        try:
            yield
        finally:
            self._owned_now = False

    @contextmanager
    def _typed(self, doing: str, *, marks: bool = True) -> Iterator[None]:
        """Turn whatever a driver raises into a typed error; `marks` the device for recovery."""
        try:
            yield
        except DeviceError:
            self._failed |= marks
            raise
        except Exception as error:
            self._failed |= marks
            raise DeviceProtocolError(
                f"{doing} failed in the driver: {type(error).__name__}: {error}", where=self.info.uri
            ) from error

    def _take(self, settings: ScanSettings, deadline: Deadline) -> RawScan:
        info = self.info
        if self._failed:
            self._do_recover(deadline)
            self._mark_stale()
            self._failed = False
        frames = settings.accumulations + self._stale
        deadline.require(frames * settings.integration_ms * 1e-3, "the scan", info.uri)
        while self._stale:
            self._read(settings, deadline, info)
            self._stale -= 1
        started = self.clock.now()
        total = np.zeros(info.detector.pixels)
        saturated = np.zeros(info.detector.pixels, dtype=np.bool_)
        for taken in range(1, settings.accumulations + 1):
            frame = self._read(settings, deadline, info)
            total += frame
            saturated |= frame >= info.detector.saturation_counts
            if self.on_frame is not None:
                with suppress(Exception):
                    self.on_frame(total / taken, taken)
        raw = RawScan(
            counts=total / settings.accumulations,
            dark=None,
            saturated=saturated,
            axis=self._do_axis(),
            info=info,
            excitation_nm=info.excitation_nm,
            integration_ms=settings.integration_ms,
            accumulations=settings.accumulations,
            started=started,
            finished=self.clock.now(),
            metadata=self._do_scan_metadata(),
        )
        return self._do_finish(raw)

    def _read(self, settings: ScanSettings, deadline: Deadline, info: DeviceInfo) -> FloatArray:
        self._check_abort()
        deadline.require(0.0, "the scan", info.uri)
        frame = np.asarray(self._do_read_frame(settings, deadline), dtype=np.float64)
        self._check_abort()
        if frame.shape != (info.detector.pixels,):
            raise DeviceProtocolError(
                f"a frame has shape {frame.shape}, not ({info.detector.pixels},)", where=info.uri
            )
        if not np.all(np.isfinite(frame)):
            raise DeviceProtocolError("a frame holds values that are not finite", where=info.uri)
        return frame
