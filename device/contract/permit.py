"""The permit without which no laser is switched on: only a laser guard gives one."""

from __future__ import annotations

from collections.abc import Callable

from spectriage.device.contract.errors import DeviceUnsafeError


class LaserPermit:
    """The right to send an "on", for as long as the firing that it belongs to stands.

    `LaserGuard` makes it when an arming token is redeemed and passes it to the driver, which calls `check`
    as the last thing before it sends the command. So a laser cannot be switched on by accident: without a
    guard there is nothing to pass.

    Parameters
    ----------
    in_force
        Whether the firing still stands.
    """

    __slots__ = ("_in_force",)

    def __init__(self, in_force: Callable[[], bool]) -> None:
        self._in_force = in_force

    def check(self, where: str = "") -> None:
        """Refuse a firing that was called off.

        Raises
        ------
        DeviceUnsafeError
            The permit is no longer in force.
        """
        if not self._in_force():
            raise DeviceUnsafeError("the firing was called off", where=where, remedy="arm again")


def checked_permit(permit: LaserPermit | None, where: str = "") -> LaserPermit:
    """Return a permit that a caller may have forgotten.

    Raises
    ------
    DeviceUnsafeError
        There is none, or it is no longer in force.
    """
    if permit is None:
        raise DeviceUnsafeError(
            "the laser is switched on through a laser guard only",
            where=where,
            remedy="use `with LaserGuard(device) as guard, guard.fire(guard.arm()):`",
        )
    permit.check(where)
    return permit
