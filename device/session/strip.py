"""A two-step session: scan the powder, then a SERS strip of the same item when the policy asks for it."""

from __future__ import annotations

from collections.abc import Callable

from spectriage.device.session.session import Session
from spectriage.library.service import Answer
from spectriage.library.service.strip import TwoScans, asks_for_strip
from spectriage.spectra.errors import ParameterError, SpectriageError
from spectriage.spectra.technique import Technique


def scan_powder_and_strip(
    powder: Session, strip: Session, ready: Callable[[], bool], *, name: str = ""
) -> TwoScans:
    """Scan an item's powder, and its strip when that is asked for.

    Parameters
    ----------
    powder
        Its engine explains normal scans; its policy says when a strip is wanted.
    strip
        On the same device or another, its engine of SERS references.
    ready
        Called when the strip is wanted, the laser off: returns when it lies under the probe; false when
        nobody has one.
    name
        Of the item; the device's URI if empty.

    Raises
    ------
    ParameterError
        When an engine is of the wrong technique.
    """
    if powder.engine.technique is not Technique.NORMAL or strip.engine.technique is not Technique.SERS:
        raise ParameterError("the powder needs an engine of normal references, the strip one of SERS")
    called = name or powder.device.info.uri
    first = _answer(powder, called)
    if first.result is None or not asks_for_strip(first.result, powder.engine.policy):
        return TwoScans(called, first, None, asked=False)
    second = _answer(strip, f"{called} strip") if ready() else None
    return TwoScans(called, first, second, asked=True)


def _answer(session: Session, name: str) -> Answer:
    try:
        result = session.run()
    except SpectriageError as error:
        return Answer(name, error=error)
    return Answer(name, result.identification, elapsed_ms=result.elapsed_ms)
