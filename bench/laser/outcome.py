"""What came of one attack."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    """One attack on one unit, once.

    Parameters
    ----------
    on
        Whether light was commanded or came out after the bound, or without a valid arming.
    unlatched
        Whether the program said that the laser is off, or ready, when that was not so or not known.
    off_ms
        How long after the attack the light went off, where that is what the attack is about; else None.
    note
        What happened, in words.
    """

    on: bool
    unlatched: bool = False
    off_ms: float | None = None
    note: str = ""

    @property
    def failed(self) -> bool:
        """Whether the attack succeeded."""
        return self.on or self.unlatched


class NotPossibleError(Exception):
    """The attack is not possible on this system or unit; says why."""
