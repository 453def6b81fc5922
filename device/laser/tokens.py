"""Arming tokens: the right to fire once, which only the guard that gave it can honour."""

from __future__ import annotations

from dataclasses import dataclass

LONGEST_TOKEN_S = 600.0
LONGEST_FIRING_S = 600.0


class ArmingToken:
    """The right to fire once, until it expires.

    It is known by what it is, not by what it says: a copy, or one made by anybody else, is refused, and the
    limits that count are those that the guard wrote down when it gave it.

    Parameters
    ----------
    expires_s
        On the device's clock.
    max_firing_s
        Longest time that the laser may then be on.
    power_mw
        Laser power; None leaves it as it is.
    """

    __slots__ = ("_expires_s", "_max_firing_s", "_power_mw")

    def __init__(self, expires_s: float, max_firing_s: float, power_mw: float | None = None) -> None:
        self._expires_s = expires_s
        self._max_firing_s = max_firing_s
        self._power_mw = power_mw

    @property
    def expires_s(self) -> float:
        """When it expires, on the device's clock."""
        return self._expires_s

    @property
    def max_firing_s(self) -> float:
        """Longest time that the laser may be on."""
        return self._max_firing_s

    @property
    def power_mw(self) -> float | None:
        """Laser power in mW; None leaves it as it is."""
        return self._power_mw


@dataclass
class Grant:
    """What a guard wrote down when it gave a token.

    Parameters
    ----------
    token
        The very object that was given.
    expires_s, max_firing_s, power_mw
        Its limits.
    generation
        Number of offs of the guard when the grant was made, or redeemed: one more off and it is void.
    fired_until_s
        When the firing must end; None before the laser was switched on.
    ended
        Why the firing was ended from outside; empty while it stands.
    cut
        Whether it was the lookout that ended it, and aborted the exposure with it.
    """

    token: ArmingToken
    expires_s: float
    max_firing_s: float
    power_mw: float | None
    generation: int
    fired_until_s: float | None = None
    ended: str = ""
    cut: bool = False
