"""One scan with its dark: laser off, dark, laser on, scan, laser off; cancelled at any moment."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum

from spectriage.device.contract.clock import Deadline
from spectriage.device.contract.errors import DeviceAbortedError, DeviceUnsafeError
from spectriage.device.contract.rawscan import RawScan
from spectriage.device.contract.spectrometer import (
    LaserGateLine,
    LaserSource,
    LaserState,
    ScanSettings,
    Spectrometer,
)
from spectriage.device.laser.guard import guard_of
from spectriage.device.laser.light import Light, can_darken, guarded_light, powered_light
from spectriage.spectra.arrays import FloatArray

__all__ = [
    "Acquirer",
    "CancelToken",
    "Light",
    "Partial",
    "PartialCallback",
    "Progress",
    "ProgressCallback",
    "Stage",
    "can_darken",
    "guarded_light",
    "ignore_partial",
    "ignore_progress",
    "powered_light",
    "scan_time_s",
]


class Stage(StrEnum):
    """What an acquisition is doing."""

    DARK = "dark"
    EXPOSURE = "exposure"
    SCAN = "scan"
    DECIDE = "decide"
    DONE = "done"


@dataclass(frozen=True)
class Progress:
    """Where an acquisition stands.

    Parameters
    ----------
    stage
        What is happening now.
    done, total
        Exposures or steps; `total` is 0 when it is not known.
    elapsed_s
        On the device's clock.
    message
        One line for a screen.
    """

    stage: Stage
    done: int
    total: int
    elapsed_s: float
    message: str = ""


ProgressCallback = Callable[[Progress], None]


def ignore_progress(progress: Progress) -> None:
    """Do nothing."""


@dataclass(frozen=True, eq=False)
class Partial:
    """What was collected so far, after another frame.

    Parameters
    ----------
    stage
        What is happening now.
    counts
        Mean counts of one exposure, shape (pixels,).
    exposures
        How many they are the mean of.
    integration_ms
        Length of one exposure.
    dark
        Counts of such an exposure without the light, shape (pixels,); None where it was not taken yet.
    """

    stage: Stage
    counts: FloatArray
    exposures: int
    integration_ms: float
    dark: FloatArray | None


PartialCallback = Callable[[Partial], None]


def ignore_partial(partial: Partial) -> None:
    """Do nothing."""


class CancelToken:
    """A way to stop an acquisition from another thread or from a signal handler.

    `cancel` commands the laser off first, then aborts the device, so that whoever waits in `acquire` is
    released.
    """

    def __init__(self) -> None:
        self._event = threading.Event()
        self._device: Spectrometer | None = None

    @property
    def cancelled(self) -> bool:
        """Whether `cancel` was called."""
        return self._event.is_set()

    def watch(self, device: Spectrometer) -> None:
        """Name the device that `cancel` stops."""
        self._device = device

    def cancel(self) -> None:
        """Command the laser off and stop; safe to call twice, and before anything runs."""
        self._event.set()
        device = self._device
        if device is None:
            return
        try:
            guard = guard_of(device)
            if guard is not None:
                guard.off("cancelled")
            elif isinstance(device, LaserSource):
                device.laser_off()
            elif isinstance(device, LaserGateLine):
                device.set_laser_gate(False)
        finally:
            device.abort()

    def check(self) -> None:
        """Raise DeviceAbortedError once cancelled."""
        if self._event.is_set():
            where = "" if self._device is None else self._device.info.uri
            raise DeviceAbortedError("the acquisition was cancelled", where=where)


class Acquirer:
    """Takes scans on one device; every wait is bounded by a deadline and ends on `cancel`.

    Parameters
    ----------
    device
        Open; it stays the caller's to close.
    light
        How the sample is lit; `guarded_light` unless a screen arms and fires on its own.
    progress
        Called on the acquiring thread between exposures; must return soon.
    partial
        Called on the acquiring thread after each frame, while the light is on: it must only take what it is
        given. What it raises is dropped.
    cancel
        Stops it from another thread.
    dark_accumulations
        Exposures averaged in a dark; as many as in the scan when None.
    """

    def __init__(
        self,
        device: Spectrometer,
        *,
        light: Light = guarded_light,
        progress: ProgressCallback = ignore_progress,
        partial: PartialCallback = ignore_partial,
        cancel: CancelToken | None = None,
        dark_accumulations: int | None = None,
    ) -> None:
        self.device = device
        self.light = light
        self.cancel = cancel or CancelToken()
        self.cancel.watch(device)
        self._progress = progress
        self._partial = partial
        self._dark_accumulations = dark_accumulations
        self._dark: RawScan | None = None
        self._started = device.clock.monotonic()

    @property
    def settings(self) -> ScanSettings:
        """Settings of the device; the defaults are sent to one that has none."""
        if self.device.settings is None:
            self.device.configure(ScanSettings())
        settings = self.device.settings
        assert settings is not None
        return settings

    def report(self, stage: Stage, done: int, total: int, message: str = "") -> None:
        """Tell the progress callback, and stop when cancelled."""
        self.cancel.check()
        elapsed = self.device.clock.monotonic() - self._started
        self._progress(Progress(stage, done, total, elapsed, message))
        self.cancel.check()

    def dark(self, deadline: Deadline) -> RawScan | None:
        """Take the dark of the exposure in force, or return the one taken before.

        Returns
        -------
        RawScan or None
            None for a device whose light software cannot take away.
        """
        settings = self.settings
        if not can_darken(self.device):
            return None
        if self._dark is None or self._dark.integration_ms != settings.integration_ms:
            count = self._dark_accumulations or settings.accumulations
            self.report(Stage.DARK, 0, count, f"dark, {settings.integration_ms:g} ms")
            self.device.configure(replace(settings, accumulations=count))
            try:
                with self.watched(Stage.DARK):
                    self._dark = self.device.acquire(deadline)
            finally:
                if not self.device.closed:
                    self.device.configure(settings)
            self.cancel.check()
        return self._dark

    def forget_dark(self) -> None:
        """Take a new dark next time: the detector's temperature or the room's light changed."""
        self._dark = None

    @contextmanager
    def watched(self, stage: Stage, before: RawScan | None = None) -> Iterator[None]:
        """Tell the partial callback of every frame within, as the mean with a scan taken before."""
        device, integration_ms, taken = self.device, self.settings.integration_ms, self._dark
        dark = taken.counts if taken is not None and taken.integration_ms == integration_ms else None
        earlier = 0 if before is None else before.accumulations

        def told(mean: FloatArray, frames: int) -> None:
            count = earlier + frames
            if before is not None:
                mean = (before.counts * earlier + mean * frames) / count
            self._partial(Partial(stage, mean, count, integration_ms, None if stage is Stage.DARK else dark))

        device.on_frame = None if self._partial is ignore_partial else told
        try:
            yield
        finally:
            device.on_frame = None

    def lit(self, deadline: Deadline, before: RawScan | None = None) -> RawScan:
        """Take one scan with the light as it is, and give it the dark where one was taken.

        Parameters
        ----------
        before
            Scan that it will be merged with, for those who look on.
        """
        self.cancel.check()
        with self.watched(Stage.SCAN, before):
            raw = self.device.acquire(deadline)
        self.cancel.check()
        self._check_lit()
        dark = self._dark
        if raw.dark is None and dark is not None and dark.integration_ms == raw.integration_ms:
            return raw.with_dark(dark)
        return raw

    def _check_lit(self) -> None:
        """Refuse a scan during which the laser went off: it would be a wrong spectrum."""
        device = self.device
        if isinstance(device, LaserSource) and device.laser_readback() is LaserState.OFF:
            raise DeviceUnsafeError(
                "the laser went off during the scan",
                where=device.info.uri,
                remedy="check the interlock and the laser's watchdog, then scan again",
            )

    def scan(self, deadline: Deadline) -> RawScan:
        """Take one dark-corrected scan with the device's settings.

        Raises
        ------
        DeviceError
            What went wrong; the light is out.
        """
        settings = self.settings
        self.dark(deadline)
        self.report(Stage.SCAN, 0, settings.accumulations, f"scan, {settings.integration_ms:g} ms")
        with self.light(self.device, deadline.remaining_s):
            raw = self.lit(deadline)
        self.report(Stage.DONE, settings.accumulations, settings.accumulations)
        return raw


def scan_time_s(settings: ScanSettings, discards: int = 1) -> float:
    """Seconds that a dark and a scan take at least, with the frames discarded after each change."""
    one = settings.integration_ms * 1e-3
    return 2.0 * (settings.accumulations + discards) * one + 2.0
