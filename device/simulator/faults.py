"""Faults of a simulated device, by name, as real ones show them: what breaks, when, and for how long."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from spectriage.device.contract.errors import (
    DeviceBusyError,
    DeviceLostError,
    DevicePermissionError,
    DeviceProtocolError,
    DeviceTimeoutError,
)
from spectriage.device.contract.uri import DeviceURI


class Fault(StrEnum):
    """What can be wrong."""

    TIMEOUT = "timeout"
    STALL = "stall"
    UNPLUG_BEFORE = "unplug-before"
    UNPLUG_MID = "unplug-mid"
    UNPLUG_AFTER = "unplug-after"
    SHORT_READ = "short-read"
    CORRUPT = "corrupt"
    DROPPED = "dropped"
    BUSY = "busy"
    NO_PERMISSION = "no-permission"
    BLANK_MEMORY = "blank-memory"
    CORRUPT_MEMORY = "corrupt-memory"
    INTERLOCK_OPEN = "interlock-open"
    WATCHDOG_TRIP = "watchdog-trip"
    LASER_STUCK = "laser-stuck"
    LOW_BATTERY = "low-battery"
    OVER_TEMPERATURE = "over-temperature"
    WARM_UP_DROOP = "warm-up-droop"
    SATURATION = "saturation"


PASSING = frozenset(
    {Fault.TIMEOUT, Fault.STALL, Fault.SHORT_READ, Fault.CORRUPT, Fault.DROPPED, Fault.WATCHDOG_TRIP}
)
"""Faults that strike one frame; the others stay."""

ON_OPENING = frozenset({Fault.BUSY, Fault.NO_PERMISSION, Fault.BLANK_MEMORY, Fault.CORRUPT_MEMORY})
"""Faults that show when the device is opened."""

UNPLUGS = frozenset({Fault.UNPLUG_BEFORE, Fault.UNPLUG_MID, Fault.UNPLUG_AFTER})


@dataclass
class FaultState:
    """The fault of one device, or none.

    Parameters
    ----------
    fault
        What is wrong.
    at_frame
        The frame read at which a fault of the transport strikes, counted from 1.
    """

    fault: Fault | None = None
    at_frame: int = 1
    frames: int = 0
    lost: bool = False

    def has(self, fault: Fault) -> bool:
        """Whether this is what is wrong."""
        return self.fault is fault

    def strikes(self) -> Fault | None:
        """Count a frame read; return the fault when it strikes this one."""
        self.frames += 1
        if self.fault is None or self.frames != self.at_frame:
            return None
        struck = self.fault
        if struck in PASSING:
            self.fault = None
        return struck

    def check_opening(self, where: str) -> None:
        """Raise what opening a device with this fault raises."""
        if self.fault is Fault.BUSY:
            raise DeviceBusyError("another program has the device open", where=where, remedy="close it there")
        if self.fault is Fault.NO_PERMISSION:
            raise DevicePermissionError(
                "this user may not open the device", where=where, remedy="install the udev rules"
            )

    def check_there(self, where: str) -> None:
        """Raise DeviceLostError once the device was unplugged."""
        if self.lost:
            raise DeviceLostError(
                "the device is gone", where=where, remedy="plug it in and open it again by its serial number"
            )

    def lose(self, where: str) -> None:
        """Unplug the device, and raise."""
        self.lost = True
        self.check_there(where)


def fail_frame(fault: Fault, where: str) -> None:
    """Raise what a transport fault makes of a frame; faults that spoil its content return.

    Raises
    ------
    DeviceError
        Or, for a short read, the bare ValueError that a real driver raises.
    """
    if fault is Fault.TIMEOUT:
        raise DeviceTimeoutError("the device did not answer", where=where)
    if fault is Fault.STALL:
        raise DeviceProtocolError("the endpoint stalled", where=where)
    if fault is Fault.CORRUPT:
        raise DeviceProtocolError("a packet's check sum is wrong", where=where)
    if fault is Fault.SHORT_READ:
        raise ValueError("cannot reshape array of the bytes received")


def read_fault(uri: DeviceURI) -> FaultState:
    """Read ``fault=NAME[@FRAME]``.

    Raises
    ------
    DeviceURIError
        The fault is unknown, or the frame is not a number from 1.
    """
    text = uri.options.get("fault", "")
    if not text:
        return FaultState()
    name, at, frame = text.partition("@")
    if name not in set(Fault):
        raise uri.error(f"fault={name!r} is not one of {', '.join(Fault)}")
    if at and not (frame.isascii() and frame.isdigit() and 1 <= int(frame[:9]) <= 10**6):
        raise uri.error(f"the frame {frame!r} of fault={name} is not a number from 1")
    return FaultState(Fault(name), int(frame) if at else 1)
