"""Two kinds of evidence on one item: the powder by normal Raman, and a SERS strip of it, side by side.

They are never added up: a strip shows traces of what sticks to its metal and little else, the powder shows
what there is much of. The item's verdict is the more serious one; a strip that shows nothing takes nothing
away from what the powder showed or could not show.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from spectriage.library.service.answers import EXIT_FAILED, Answer, error_json
from spectriage.spectra.policy import Policy
from spectriage.spectra.verdict import JSON_SCHEMA, Identification, Verdict, most_serious


def asks_for_strip(found: Identification, policy: Policy) -> bool:
    """Whether the policy wants a SERS strip of an item after this answer for its powder."""
    return str(found.verdict) in policy.strip_after


@dataclass(frozen=True)
class TwoScans:
    """The answers for one item's powder and for its strip.

    Parameters
    ----------
    name
        The item.
    powder
        By normal Raman.
    strip
        By SERS; None when it was not taken.
    asked
        Whether the policy asked for it.
    """

    name: str
    powder: Answer
    strip: Answer | None
    asked: bool

    @property
    def verdict(self) -> Verdict | None:
        """The more serious one; at least INCONCLUSIVE when one that was asked for is missing."""
        answers = [self.powder, *([] if self.strip is None else [self.strip])]
        verdicts = [answer.result.verdict for answer in answers if answer.result is not None]
        if not verdicts:
            return None
        complete = len(verdicts) == 2 or (len(verdicts) == len(answers) and not self.asked)
        return most_serious(verdicts if complete else [*verdicts, Verdict.INCONCLUSIVE])

    @property
    def summary(self) -> str:
        """One sentence on the item."""
        powder = _said("the powder", self.powder)
        if self.strip is not None:
            return f"{powder}; {_said('the SERS strip', self.strip)}"
        return f"{powder}; a SERS strip was {'asked for and not taken' if self.asked else 'not asked for'}"

    @property
    def exit_code(self) -> int:
        """That of the item's verdict; 2 when nothing could be measured."""
        return EXIT_FAILED if self.verdict is None else self.verdict.exit_code

    def to_json(self) -> dict[str, Any]:
        """Return the item's object: its verdict, and both pieces of evidence whole."""
        return {
            "schema": JSON_SCHEMA,
            "input": self.name,
            "verdict": None if self.verdict is None else str(self.verdict),
            "summary": self.summary,
            "strip_asked": self.asked,
            "powder": _whole(self.powder),
            "strip": None if self.strip is None else _whole(self.strip),
        }


def _said(what: str, answer: Answer) -> str:
    if answer.result is None:
        return f"{what} could not be read"
    return f"{what}: {answer.result.verdict}, {answer.result.summary}"


def _whole(answer: Answer) -> dict[str, Any]:
    if answer.result is None:
        return {"input": answer.name, "error": error_json(answer.error)}
    return answer.to_json()
