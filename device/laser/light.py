"""How a sample is lit for one scan: through a guard of its own, armed and fired once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from spectriage.device.contract.spectrometer import LaserGateLine, LaserSource, Spectrometer
from spectriage.device.laser.guard import LaserGuard
from spectriage.device.laser.tokens import LONGEST_FIRING_S

ARMING_S = 60.0
"""How long the arming of one scan is good for, besides its delay."""

Light = Callable[[Spectrometer, float], AbstractContextManager[object]]
"""Gives the context in which the sample is lit, for so many seconds at most; leaving it ends that."""


def can_darken(device: Spectrometer) -> bool:
    """Whether software can take the light away, so that a dark means something."""
    return isinstance(device, LaserSource | LaserGateLine)


def powered_light(
    power_mw: float | None = None,
    *,
    delay_s: float = 0.0,
    countdown: Callable[[float], None] | None = None,
    on_change: Callable[[LaserGuard], None] | None = None,
) -> Light:
    """Return a `Light` that fires at a power, after a delay for people to step back.

    Parameters
    ----------
    power_mw
        None leaves the power as it is.
    delay_s
        Seconds before the laser comes on.
    countdown
        Called with the seconds left, about once a second.
    on_change
        See `LaserGuard`.
    """

    @contextmanager
    def light(device: Spectrometer, seconds: float) -> Iterator[LaserGuard | None]:
        if not can_darken(device):
            yield None
            return
        longest = max(1.0, min(seconds, LONGEST_FIRING_S))
        with LaserGuard(device, on_change=on_change) as guard:
            token = guard.arm(valid_s=ARMING_S + delay_s, max_firing_s=longest, power_mw=power_mw)
            with guard.fire(token, delay_s=delay_s, countdown=countdown):
                yield guard

    return light


def guarded_light(device: Spectrometer, seconds: float) -> AbstractContextManager[object]:
    """Fire the laser, or drive its gate, through a `LaserGuard`; a device without either stays as it is.

    Parameters
    ----------
    device
        Open.
    seconds
        Longest time that the light may be on.

    Raises
    ------
    DeviceUnsafeError
        The interlock is or was opened, or the laser could not be verified to be off afterwards.
    """
    return powered_light()(device, seconds)
