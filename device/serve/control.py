"""`Control`: who may fire. One holder at a time arms; the arming is good for one scan and expires."""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from spectriage.spectra.errors import SpectriageError

ARMED_S = 20.0


class RefusedError(SpectriageError):
    """Not now, or not from this holder; nothing was done.

    Parameters
    ----------
    what, where, remedy
        As of every error.
    code
        Stable: which refusal it is.
    """

    def __init__(self, what: str, *, where: str = "", remedy: str = "", code: str = "") -> None:
        super().__init__(what, where=where, remedy=remedy)
        self.code = code


def scanning() -> RefusedError:
    """Return the refusal of what cannot be while a scan is running."""
    return RefusedError("a scan is running", remedy="wait for its end, or cancel it", code="scanning")


@dataclass(frozen=True)
class _Armed:
    holder: str
    key: str
    until_s: float


class Control:
    """Gives out armings and redeems them.

    Parameters
    ----------
    valid_s
        How long an arming is good for.
    now_s
        Monotonic clock.
    """

    def __init__(self, valid_s: float = ARMED_S, now_s: Callable[[], float] = time.monotonic) -> None:
        self.valid_s = valid_s
        self._now_s = now_s
        self._armed: _Armed | None = None

    @property
    def holder(self) -> str:
        """Who has armed; empty where nobody has."""
        return self._armed.holder if self._armed is not None and self.left_s > 0.0 else ""

    @property
    def left_s(self) -> float:
        """Seconds until the arming expires; 0 when nothing is armed."""
        return 0.0 if self._armed is None else max(0.0, self._armed.until_s - self._now_s())

    def arm(self, holder: str) -> str:
        """Return the key of a new arming.

        Raises
        ------
        RefusedError
            Somebody else has armed.
        """
        if self.holder not in ("", holder):
            raise RefusedError(
                "another screen has armed the laser", remedy="wait, or cancel there", code="other-armed"
            )
        self._armed = _Armed(holder, secrets.token_urlsafe(24), self._now_s() + self.valid_s)
        return self._armed.key

    def redeem(self, key: str) -> str:
        """Use up an arming and return its holder.

        Raises
        ------
        RefusedError
            It is not the one that was given, or it expired.
        """
        armed = self._armed
        if armed is None or not hmac.compare_digest(armed.key.encode(), key.encode()):
            raise RefusedError("not armed with this key", remedy="arm first", code="not-armed")
        left, self._armed = self.left_s, None
        if left <= 0.0:
            raise RefusedError("the arming expired", remedy="arm again", code="arming-expired")
        return armed.holder

    def disarm(self) -> None:
        """Take back the arming."""
        self._armed = None
