"""`ItemInHand`: the item that is being scanned: its spots and its SERS strip, side by side, never added up.

What they amount to together is said by `Item` and `TwoScans`; nothing is decided here.
"""

from __future__ import annotations

from spectriage.device.serve.control import RefusedError
from spectriage.device.serve.models import ItemState, Part, Problem, Result, Start
from spectriage.device.session.item import Item
from spectriage.library.service import Answer
from spectriage.library.service.strip import TwoScans, asks_for_strip
from spectriage.spectra.policy import Policy
from spectriage.spectra.verdict import Verdict, most_serious


class ItemInHand:
    """Empty until the first scan; a scan that is no further spot and no strip begins another item."""

    def __init__(self) -> None:
        self._item: Item | None = None
        self._parts: list[Part] = []
        self._strip: Answer | None = None
        self._strip_part: Part | None = None
        self._policy: Policy | None = None

    def need(self, request: Start) -> None:
        """Refuse a further spot, or a strip, of nothing.

        Raises
        ------
        RefusedError
            There is no item yet, or none whose powder was measured.
        """
        if request.standard:
            return
        if request.another_spot and self._item is None:
            raise RefusedError(
                "there is no item to scan another spot of", remedy="scan its first spot", code="no-item"
            )
        if request.step == "strip" and self._decisive is None:
            raise RefusedError(
                "there is no item that the strip is of", remedy="scan its powder first", code="no-item"
            )

    def begin(self, request: Start, uri: str) -> int:
        """Begin an item, or its next spot; return the spot's number, from 1."""
        if request.standard or request.step == "strip":
            return 0
        if not request.another_spot or self._item is None:
            self.__init__()  # type: ignore[misc]
            self._item = Item(uri, 1)
            return 1
        if self._item.answers and self._item.answers[-1].result is None:
            # a spot that could not be measured is measured again: it stays asked for until then
            self._item.answers.pop()
            self._parts.pop()
        else:
            self._item.expected += 1
        return self._item.expected

    def ended(
        self,
        request: Start,
        answer: Answer,
        result: Result | None,
        problem: Problem | None,
        policy: Policy | None,
    ) -> None:
        """Keep what came of a scan; `policy` is None where a strip cannot be scanned here."""
        if request.standard or self._item is None:
            return
        self._policy = policy
        found = answer.result
        part = Part(
            number=len(self._parts) + 1,
            record=None if result is None else result.record,
            verdict="" if found is None else str(found.verdict),
            reason="" if found is None else found.reason,
            summary="" if found is None else found.summary,
            problem=problem,
        )
        if request.step == "strip":
            self._strip, self._strip_part = answer, part.model_copy(update={"number": 1})
        else:
            self._item.answers.append(answer)
            self._parts.append(part)

    def forget(self) -> None:
        """Begin anew: the device was changed."""
        self.__init__()  # type: ignore[misc]

    @property
    def _decisive(self) -> Answer | None:
        """The spot that stands for the powder: the one that decided, else the first that was measured."""
        if self._item is None:
            return None
        measured = [answer for answer in self._item.answers if answer.result is not None]
        index = self._item.decisive
        return self._item.answers[index] if index is not None else next(iter(measured), None)

    @property
    def _strip_asked(self) -> bool:
        powder, policy = self._decisive, self._policy
        if powder is None or powder.result is None or policy is None:
            return False
        return asks_for_strip(powder.result, policy)

    def _verdict(self) -> Verdict | None:
        assert self._item is not None
        said, powder = self._item.verdict, self._decisive
        if powder is None or (self._strip is None and not self._strip_asked):
            return said
        both = TwoScans(self._item.name, powder, self._strip, self._strip_asked).verdict
        return most_serious([each for each in (said, both) if each is not None])

    def shown(self) -> ItemState | None:
        """Return the item as the API and the screen show it; None where nothing was scanned."""
        item = self._item
        if item is None or not item.answers:
            return None
        verdict, decisive = self._verdict(), item.decisive
        return ItemState(
            verdict="" if verdict is None else str(verdict),
            summary=item.summary,
            decided_by_spot=None if decisive is None else decisive + 1,
            spots_asked=item.expected,
            spots=tuple(self._parts),
            strip_asked=self._strip_asked,
            strip=self._strip_part,
        )
