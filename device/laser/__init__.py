"""Laser safety: the one way in which a laser is fired, and every way in which it goes off.

`LaserGuard` is the state machine; `all_off` switches every laser off from anywhere. No other room fires.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spectriage.spectra.facade import late

if TYPE_CHECKING:
    from spectriage.device.laser.safety import LaserGuard, guarded_light

__all__ = [
    "LaserGuard",
    "guarded_light",
]

__getattr__, __dir__ = late(
    __name__,
    {
        "safety": ("LaserGuard", "guarded_light"),
    },
)
