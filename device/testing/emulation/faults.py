"""Faults of the emulated bus, each by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from spectriage.device.testing.emulation.transfers import Role
from spectriage.spectra.errors import ParameterError


class Action(StrEnum):
    """What a fault does to the transfer that it meets."""

    ERROR = "error"
    STALL = "stall"
    DROP = "drop"
    SHORT = "short"
    CORRUPT = "corrupt"
    LOSE_PACKET = "lose-packet"
    UNPLUG_BEFORE = "unplug-before"
    UNPLUG_MID = "unplug-mid"
    UNPLUG_AFTER = "unplug-after"
    HANG = "hang"


_INSIDE = (Action.SHORT, Action.CORRUPT, Action.LOSE_PACKET, Action.UNPLUG_MID)


@dataclass
class Fault:
    """A fault of the transport.

    Parameters
    ----------
    action
        What happens.
    role
        To which transfers; None for any.
    error
        For `Action.ERROR`: the USB error.
    at
        Byte at which it happens, for the actions inside a transfer.
    flip
        Bits that a corrupt byte has wrong.
    count
        How often it happens.
    skip
        How many fitting transfers pass first.
    hang_s
        For `Action.HANG`: the longest time in real seconds, so that a test always ends.
    """

    action: Action
    role: Role | None = Role.SPECTRUM
    error: str = "timeout"
    at: int = 1024
    flip: int = 0xFF
    count: int = 1
    skip: int = 0
    hang_s: float = 30.0
    met: int = 0
    lost: bool = False

    def fits(self, role: Role, size: int) -> bool:
        """Whether it may act on a transfer of this role and of so many bytes."""
        if self.action in _INSIDE and size <= self.at:
            return False
        return self.count > 0 and (self.role is None or self.role is role)

    def starts(self) -> bool:
        """Count a fitting transfer; True when the fault acts on it."""
        if self.skip > 0:
            self.skip -= 1
            return False
        self.count -= 1
        self.met += 1
        self.lost = False
        return True

    def refund(self) -> None:
        """Take it back: the transfer had nothing to deliver, so the fault had nothing to act on."""
        self.count += 1
        self.met -= 1

    def loses(self, position: int) -> bool:
        """Whether the packet that begins at `position` of the transfer is lost."""
        return self.action is Action.LOSE_PACKET and not self.lost and position >= self.at

    def unplugs_at(self, position: int) -> bool:
        """Whether the cable comes out after `position` bytes."""
        return self.action is Action.UNPLUG_MID and position >= self.at

    def spoil(self, data: bytes) -> bytes:
        """Return what arrives of `data`."""
        if self.action is Action.SHORT:
            return data[: self.at]
        if self.action is Action.CORRUPT and data:
            at = min(self.at, len(data) - 1)
            return data[:at] + bytes((data[at] ^ self.flip,)) + data[at + 1 :]
        return data


class Faulty(Protocol):
    """What a fault needs of the device that it befalls."""

    def inject(self, fault: Fault) -> Fault:
        """Let a fault act on the next transfers that it fits."""

    def set_condition(self, name: str) -> bool:
        """Bring about a physical condition; False when this model has no such."""

    def unplug(self) -> None:
        """Pull the cable."""


def _inject(action: Action, role: Role | None = Role.SPECTRUM, **rest: object) -> Callable[[Faulty], bool]:
    def apply(device: Faulty) -> bool:
        device.inject(Fault(action, role, **rest))  # type: ignore[arg-type]
        return True

    return apply


def _condition(name: str) -> Callable[[Faulty], bool]:
    return lambda device: device.set_condition(name)


def _unplug(device: Faulty) -> bool:
    device.unplug()
    return True


FAULTS: dict[str, Callable[[Faulty], bool]] = {
    "timeout": _inject(Action.ERROR, error="timeout"),
    "timeout-persistent": _inject(Action.ERROR, error="timeout", count=1_000_000),
    "stall": _inject(Action.STALL),
    "unplugged": _unplug,
    "unplug-before": _inject(Action.UNPLUG_BEFORE),
    "unplug-mid": _inject(Action.UNPLUG_MID),
    "unplug-after": _inject(Action.UNPLUG_AFTER),
    "short-read": _inject(Action.SHORT),
    "corrupt-packet": _inject(Action.CORRUPT, at=1025),
    "dropped-packet": _inject(Action.LOSE_PACKET),
    "dropped-request": _inject(Action.DROP, Role.ACQUIRE),
    "dropped-laser-command": _inject(Action.DROP, Role.LASER),
    "io-error": _inject(Action.ERROR, error="io"),
    "busy": _inject(Action.ERROR, Role.SETUP, error="busy", count=1_000_000),
    "no-permission": _inject(Action.ERROR, Role.SETUP, error="access", count=1_000_000),
    "hang": _inject(Action.HANG),
    "stale-frame": _condition("stale-frame"),
    "saturation": _condition("saturation"),
    "blank-eeprom": _condition("blank-eeprom"),
    "corrupt-eeprom": _condition("corrupt-eeprom"),
    "interlock-open": _condition("interlock-open"),
    "watchdog-trip": _condition("watchdog-trip"),
    "warm-up-droop": _condition("warm-up-droop"),
    "low-battery": _condition("low-battery"),
    "over-temperature": _condition("over-temperature"),
}
"""Every fault by name; calling one brings it about and says whether the model can have it."""


def apply_fault(device: Faulty, name: str) -> bool:
    """Bring about the fault `name` on `device`.

    Returns
    -------
    bool
        False when this model cannot have it, such as an interlock on a unit without one.

    Raises
    ------
    ParameterError
        For a name that is not a fault.
    """
    try:
        apply = FAULTS[name]
    except KeyError:
        raise ParameterError(f"no fault is named {name!r}", remedy="known: " + ", ".join(FAULTS)) from None
    return apply(device)
