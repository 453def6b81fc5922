"""What became of a device under test: how it is told, and with what it is found out."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from spectriage.device.contract.clock import Deadline
from spectriage.device.contract.errors import (
    DeviceError,
)
from spectriage.device.contract.rawscan import RawScan
from spectriage.device.contract.spectrometer import LaserSource, Spectrometer
from spectriage.device.laser.guard import LaserGuard

PATIENCE_S = 20.0
"""Real seconds after which a thread counts as hung."""


class Situation(StrEnum):
    """What a device is doing when a fault strikes."""

    IDLE = "idle"
    READ = "during a read"
    DARK = "during dark"
    FIRING = "while firing"


@dataclass(frozen=True)
class Outcome:
    """What became of a device with a fault.

    Parameters
    ----------
    fault, situation
        What broke, and when.
    result
        ``recovered``, ``recovered, warned`` where the status warns, or the name of the typed error.
    laser
        ``off``, ``unknown, latched``, or ``no readback``.
    overdue_s
        Seconds beyond the deadline, on the device's clock; 0 or less is in time.
    spectrum_ok
        Whether a scan that was returned agrees with one of the healthy device.
    """

    fault: str
    situation: Situation
    result: str
    laser: str
    overdue_s: float
    spectrum_ok: bool = True

    @property
    def acceptable(self) -> bool:
        """A typed error or a recovered scan, in time, never a wrong spectrum, the laser off or latched."""
        return (
            (self.spectrum_ok or self.result == "recovered, warned")
            and self.overdue_s <= 0.5
            and self.laser != "on"
        )


def again(device: Spectrometer, deadline: Deadline) -> RawScan:
    """Acquire; after an error that recovery can mend, once more."""
    try:
        return device.acquire(deadline)
    except DeviceError:
        if deadline.remaining_s < 1.0 or not device.status().connected:
            raise
        return device.acquire(deadline)


def agrees(raw: RawScan, good: RawScan) -> bool:
    """Whether two scans of one scene are the same but for noise, or the scan says that it is saturated."""
    if bool(np.any(raw.saturated)):
        return True
    a, b = raw.counts - np.median(raw.counts), good.counts - np.median(good.counts)
    noise = np.sqrt(np.sum(np.diff(b) ** 2))
    scale = float(a @ b) / max(float(b @ b), 1e-12)
    return bool(np.linalg.norm(a - scale * b) < 0.1 * np.linalg.norm(b) + 2.0 * noise)


def laser_after(device: Spectrometer, guard: LaserGuard | None) -> str:
    """Return what the laser is known to be, in the words of `Outcome.laser`."""
    if guard is not None and guard.laser_unknown:
        return "unknown, latched"
    if not isinstance(device, LaserSource):
        return "no readback"
    try:
        return str(device.laser_readback())
    except DeviceError:
        return "unknown, latched" if guard is not None and guard.laser_unknown else "off"


def in_thread(work: Callable[[], object]) -> tuple[threading.Thread, list[BaseException]]:
    """Start some work in a thread; return that, and the list that an exception of it will be in."""
    caught: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            caught.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread, caught


def raises(kind: type[BaseException], call: Callable[..., object], *arguments: object) -> None:
    """Fail unless a call raises this kind of exception."""
    try:
        call(*arguments)
    except kind:
        return
    raise AssertionError(f"{call} raised no {kind.__name__}")
