"""Laser safety: the one way in which a laser is fired, and every way in which it goes off.

`states` is the table of the state machine, `guard` takes its steps, `tokens` are the right to fire; `exits`
and `signals` switch every laser off from anywhere, `lookout` watches a firing, `light` lights one scan, and
`power` says how much an unknown material may get. What this process cannot do when it is dead or stopped is
done by `spectriage.device.supervisor`. No other room fires.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spectriage.spectra.facade import late

if TYPE_CHECKING:
    from spectriage.device.laser.exits import all_off, resume
    from spectriage.device.laser.guard import LaserGuard
    from spectriage.device.laser.light import guarded_light, powered_light
    from spectriage.device.laser.power import safe_power_mw
    from spectriage.device.laser.signals import signals_switch_off
    from spectriage.device.laser.states import SafetyState
    from spectriage.device.laser.tokens import ArmingToken

__all__ = [
    "ArmingToken",
    "LaserGuard",
    "SafetyState",
    "all_off",
    "guarded_light",
    "powered_light",
    "resume",
    "safe_power_mw",
    "signals_switch_off",
]

__getattr__, __dir__ = late(
    __name__,
    {
        "exits": ("all_off", "resume"),
        "guard": ("LaserGuard",),
        "light": ("guarded_light", "powered_light"),
        "power": ("safe_power_mw",),
        "signals": ("signals_switch_off",),
        "states": ("SafetyState",),
        "tokens": ("ArmingToken",),
    },
)
