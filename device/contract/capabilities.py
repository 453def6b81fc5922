"""What only some devices have, a protocol each: ask with ``isinstance``."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Protocol, runtime_checkable

from spectriage.device.contract.permit import LaserPermit


class LaserState(StrEnum):
    """What is known of the laser."""

    OFF = "off"
    ON = "on"
    UNKNOWN = "unknown"


@runtime_checkable
class LaserSource(Protocol):
    """A laser that software switches: on through a `LaserGuard` only, off by anybody."""

    def laser_on(self, permit: LaserPermit) -> None:
        """Command the laser on; later frames are marked stale until one has been discarded.

        Call ``permit.check()`` last before the command is sent.
        """
        ...

    def laser_off(self) -> None:
        """Command the laser off: legal at any moment, from any thread, during an acquisition too."""
        ...

    def laser_readback(self) -> LaserState:
        """Ask the device, never a cache; `UNKNOWN` when it cannot say."""
        ...


@runtime_checkable
class LaserPower(Protocol):
    """A laser whose power can be set."""

    def laser_power_limits_mw(self) -> tuple[float, float]:
        """Lowest and highest power in mW."""
        ...

    def set_laser_power_mw(self, power_mw: float) -> None:
        """Set the power; DeviceSettingsError outside the limits."""
        ...


@runtime_checkable
class LaserGateLine(Protocol):
    """A digital line that gates a laser or lamp of which nothing can be read back."""

    def set_laser_gate(self, firing: bool, permit: LaserPermit | None = None) -> None:
        """Drive the line; high only with a permit, see `checked_permit`."""
        ...


@runtime_checkable
class LaserWatchdog(Protocol):
    """A timer in the device that switches the laser off by itself, even when this process is gone."""

    def arm_laser_watchdog(self, seconds: float) -> None:
        """Switch the laser off `seconds` after the last command; 0 disarms."""
        ...


@runtime_checkable
class LaserAlarm(Protocol):
    """A driver that tells of light which nobody waits for: a late "on", the death of its supervisor."""

    def set_laser_alarm(self, alarm: Callable[[str, bool], None] | None) -> None:
        """Call `alarm` with what happened and whether the laser was verified to be off since."""
        ...

    def laser_on_outstanding(self) -> bool:
        """Whether an "on" that was given up may still reach the device."""
        ...


@runtime_checkable
class LaserSupervised(Protocol):
    """A laser that a process of its own switches off when this program dies, stops or stalls."""

    def light_supervised(self) -> bool:
        """Whether that process watches now."""
        ...

    def grant_light(self, seconds: float) -> None:
        """Let an "on" pass, and end it after `seconds` at the latest; 0 ends it."""
        ...


@runtime_checkable
class InterlockReadback(Protocol):
    """A safety loop whose state can be read."""

    def interlock_closed(self) -> bool:
        """Whether the loop is closed, asked of the device."""
        ...


@runtime_checkable
class Cooled(Protocol):
    """A detector with a thermoelectric cooler."""

    def detector_temperature_c(self) -> float:
        """Temperature in °C, asked of the device."""
        ...

    def set_detector_setpoint_c(self, temperature_c: float) -> None:
        """Set the temperature to hold."""
        ...


@runtime_checkable
class Battery(Protocol):
    """A device that runs on a battery."""

    def battery_fraction(self) -> float:
        """Charge, 0 to 1."""
        ...


@runtime_checkable
class SampleStage(Protocol):
    """A stage that brings another spot of the item under the beam."""

    def move_to_spot(self, spot: int) -> None:
        """Go to spot 0, 1, …; 0 is where the device pointed when it was opened."""
        ...
