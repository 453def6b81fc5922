"""A permit to fire for tests of a driver alone; everything else fires through a `LaserGuard`."""

from __future__ import annotations

from spectriage.device.contract.permit import LaserPermit


def bench_permit() -> LaserPermit:
    """Return a permit that is always in force; only for a simulated or emulated device on a bench."""
    return LaserPermit(lambda: True)
