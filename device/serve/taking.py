"""One scan on the service's thread: a sample through a `Session`, recorded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from spectriage.device.serve.control import RefusedError
from spectriage.device.serve.models import Start
from spectriage.device.serve.unit import Unit

if TYPE_CHECKING:
    from spectriage.device.acquire.acquisition import CancelToken, PartialCallback, ProgressCallback
    from spectriage.device.session.session import ScanResult, Session
    from spectriage.library.journal import Record
    from spectriage.spectra.identify import Identifier


@dataclass(frozen=True)
class Hooks:
    """Who is told of a scan, and what stops it."""

    countdown: Callable[[float], None]
    progress: ProgressCallback
    partial: PartialCallback
    cancel: CancelToken


def session_for(unit: Unit, request: Start, hooks: Hooks, spot: int) -> Session:
    """Return the session of what was asked for; a device with a stage moves the item to its spot.

    Parameters
    ----------
    spot
        Of the item, from 1; 0 for its strip.

    Raises
    ------
    RefusedError
        A strip, and the library has no references that explain one.
    """
    from spectriage.device.contract.capabilities import SampleStage
    from spectriage.device.session.session import Session

    device = unit.opened()
    if spot > 0 and isinstance(device, SampleStage):
        device.move_to_spot(spot - 1)
    plan = replace(unit.setup.plan, seconds=request.seconds, delay_s=request.delay_s)
    return Session(
        device,
        _engine(unit, request),
        unit.known(),
        plan,
        countdown=hooks.countdown,
        progress=hooks.progress,
        partial=hooks.partial,
        cancel=hooks.cancel,
    )


def _engine(unit: Unit, request: Start) -> Identifier:
    if request.step != "strip":
        return unit.engine_for(request.packaging)
    engine = unit.strip_engine()
    if engine is None:
        raise RefusedError(
            "the library has no SERS references",
            remedy="add references measured on such strips, or scan the powder alone",
            code="no-strip",
        )
    return engine


@dataclass(frozen=True)
class Recording:
    """Where a scan is recorded, as whose, and who is told once it is on the disk."""

    journal: Path
    operator: str
    committed: Callable[[Record, ScanResult], None]


def scanned(unit: Unit, request: Start, hooks: Hooks, spot: int, kept: Recording) -> None:
    """Scan, record, and tell of it the moment it is on the disk; what can wait comes after that.

    Parameters
    ----------
    spot
        Of the item, from 1; 0 for its strip.

    Raises
    ------
    JournalError
        It cannot be recorded. A journal that cannot be opened is found before anything is lit.
    SpectriageError
        What went wrong; the laser is off.
    """
    from spectriage.device.record import alert, scan_entry
    from spectriage.library.journal import Context, Entry, recording

    part = {"step": request.step, "spot": spot} if request.step == "powder" else {"step": request.step}
    place = unit.setup.place
    with recording(kept.journal, operator=kept.operator, place=place, item=request.item) as recorder:
        session = session_for(unit, request, hooks, spot)
        scan = session.run()
        hooks.cancel.check()

        def entry(context: Context) -> Entry:
            made = scan_entry(session, scan, context=context)
            return replace(made, payload={**made.payload, "part": part})

        record = recorder.keep(entry, lambda record: kept.committed(record, scan))
    assert record is not None, "a journal was named"
    alert(record, scan.identification.verdict)
