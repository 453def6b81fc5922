"""What only some devices have, a protocol each: ask with ``isinstance``."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol, runtime_checkable


class LaserState(StrEnum):
    """What is known of the laser."""

    OFF = "off"
    ON = "on"
    UNKNOWN = "unknown"


@runtime_checkable
class LaserSource(Protocol):
    """A laser that software switches. Use it through the laser-safety state machine, not directly."""

    def laser_on(self) -> None:
        """Command the laser on; later frames are marked stale until one has been discarded."""
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

    def set_laser_gate(self, firing: bool) -> None:
        """Drive the line."""
        ...


@runtime_checkable
class LaserWatchdog(Protocol):
    """A timer in the device that switches the laser off by itself, even when this process is gone."""

    def arm_laser_watchdog(self, seconds: float) -> None:
        """Switch the laser off `seconds` after the last command; 0 disarms."""
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
