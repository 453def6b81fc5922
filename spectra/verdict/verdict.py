"""`Verdict`: what a scan amounts to, in one word."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Verdict(StrEnum):
    """What a scan amounts to, most serious first. There is no "clear"."""

    ALARM = "ALARM"
    WARNING = "WARNING"
    INCONCLUSIVE = "INCONCLUSIVE"
    NO_ALARM = "NO_ALARM"

    @property
    def exit_code(self) -> int:
        """The process exit code: 10, 11, 12 or 0."""
        return {"ALARM": 10, "WARNING": 11, "INCONCLUSIVE": 12, "NO_ALARM": 0}[self.value]


def most_serious(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the most serious of several verdicts; at least one must be given."""
    order = list(Verdict)
    return min(verdicts, key=order.index)


RAISED = (Verdict.ALARM, Verdict.WARNING)
"""The verdicts that report a hazard."""
