"""Time as something passed in: the system's clock, and a virtual one that never waits."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from spectriage.device.contract.errors import DeviceTimeoutError


class Clock(Protocol):
    """What device code may ask of time."""

    def monotonic(self) -> float:
        """Seconds that never run backwards."""
        ...

    def now(self) -> datetime:
        """Return the date and time, UTC."""
        ...

    def wait(self, seconds: float, until: threading.Event | None = None) -> bool:
        """Wait, or return True as soon as the event `until` is set."""
        ...


class SystemClock:
    """The computer's own clock."""

    def monotonic(self) -> float:
        """Seconds that never run backwards."""
        return time.monotonic()

    def now(self) -> datetime:
        """Return the date and time, UTC."""
        return datetime.now(UTC)

    def wait(self, seconds: float, until: threading.Event | None = None) -> bool:
        """Wait, or return True as soon as the event `until` is set."""
        if until is not None:
            return until.wait(max(seconds, 0.0))
        time.sleep(max(seconds, 0.0))
        return False


class VirtualClock:
    """A clock that moves only when somebody waits on it, for tests and fast simulation.

    Parameters
    ----------
    start
        The date and time it shows first; one fixed instant by default, so that runs repeat to the byte.
    """

    def __init__(self, start: datetime | None = None) -> None:
        self._start = start or datetime(2026, 1, 1, tzinfo=UTC)
        self._elapsed = 0.0
        self._lock = threading.Lock()

    def monotonic(self) -> float:
        """Virtual seconds since the clock was made."""
        with self._lock:
            return self._elapsed

    def now(self) -> datetime:
        """Return the virtual date and time, UTC."""
        return self._start + timedelta(seconds=self.monotonic())

    def wait(self, seconds: float, until: threading.Event | None = None) -> bool:
        """Move the clock on at once; True, without moving it, when `until` is already set."""
        if until is not None and until.is_set():
            return True
        with self._lock:
            self._elapsed += max(seconds, 0.0)
        return until is not None and until.is_set()


SYSTEM_CLOCK = SystemClock()


@dataclass(frozen=True)
class Deadline:
    """The moment by which something must be done.

    Parameters
    ----------
    at
        On the clock's monotonic scale, in seconds.
    clock
        The clock that it is read on.
    """

    at: float
    clock: Clock = SYSTEM_CLOCK

    @classmethod
    def after(cls, seconds: float, clock: Clock = SYSTEM_CLOCK) -> Deadline:
        """Return the deadline that lies `seconds` from now."""
        return cls(clock.monotonic() + seconds, clock)

    @property
    def remaining_s(self) -> float:
        """Seconds left; negative once it has passed."""
        return self.at - self.clock.monotonic()

    def require(self, seconds: float, what: str, where: str = "") -> None:
        """Check that `seconds` are left.

        Raises
        ------
        DeviceTimeoutError
            When they are not.
        """
        left = self.remaining_s
        if left < seconds:
            raise DeviceTimeoutError(
                f"{what} needs {seconds:.3g} s but the deadline leaves {max(left, 0.0):.3g} s",
                where=where,
                remedy="allow more time or shorten the exposure",
            )
