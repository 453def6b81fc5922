"""One scan on the service's thread: a sample through a `Session`, recorded; or a shift standard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from spectriage.device.serve.control import RefusedError
from spectriage.device.serve.models import Checked, CheckState, Health, Start
from spectriage.device.serve.unit import Unit

if TYPE_CHECKING:
    from spectriage.device.acquire.acquisition import CancelToken, PartialCallback, ProgressCallback
    from spectriage.device.session.session import ScanResult, Session
    from spectriage.library.journal import Record
    from spectriage.spectra.identify import Identifier

STANDARD_S = 120.0
"""Longest that a standard is measured for."""


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


def checked_axis(unit: Unit, standard: str, hooks: Hooks) -> tuple[Checked, ...]:
    """Measure a shift standard at safe power; say how far the axis is off, and how sharp its lines are.

    Raises
    ------
    ParameterError
        There is no such standard.
    DeviceError
        What went wrong; the laser is off.
    """
    from spectriage.device.acquire.acquisition import Acquirer, powered_light, scan_time_s
    from spectriage.device.acquire.exposure import auto_expose
    from spectriage.device.calibration.standard import axis_error, standard_bands_cm
    from spectriage.device.contract.clock import Deadline
    from spectriage.device.laser.power import safe_power_mw

    standard_bands_cm(standard)
    device, known = unit.opened(), unit.known()
    acquirer = Acquirer(device, progress=hooks.progress, partial=hooks.partial, cancel=hooks.cancel)
    acquirer.light = powered_light(safe_power_mw(device, unit.setup.plan.safe_power_mw))
    before = acquirer.settings
    try:
        auto_expose(acquirer, Deadline.after(STANDARD_S, device.clock), max_integration_ms=5000.0)
        raw = acquirer.scan(Deadline.after(9.0 * scan_time_s(acquirer.settings) + 10.0, device.clock))
    finally:
        if not device.closed:
            device.configure(before)
    spectrum, _ = known.apply(raw)
    error = axis_error(spectrum, standard)
    date = f"{device.clock.now():%Y-%m-%d %H:%M}"
    values = {"standard": standard, "lines": str(error.bands), "date": date}
    if not error.found:
        said = f"too few lines of {standard} were found: {error.bands}"
        return (Checked(code="axis", state="failed", said=said, case="not-found", values=values),)
    values |= {"off": f"{error.mean_cm:+.1f}", "spread": f"{error.rms_cm:.1f}"}
    said = f"{error.mean_cm:+.1f} cm⁻¹ on {error.bands} certified lines of {standard}, {date} UTC"
    axis = Checked(
        code="axis",
        state="ok" if error.within else "failed",
        said=said if error.within else f"{said}: calibrate the instrument",
        case="within" if error.within else "off",
        values=values,
    )
    return (axis, _resolution(error.strongest_fwhm_cm, device.info.resolution_cm))


BLURRED = 1.6
"""A line of a standard, itself some 5 cm⁻¹ wide, is so many times as wide as the resolution at most."""


def _resolution(strongest_cm: float | None, nominal_cm: float | None) -> Checked:
    if strongest_cm is None or nominal_cm is None:
        return Checked(code="resolution", state="attention", said="not known", case="unknown")
    state: CheckState = "ok" if strongest_cm <= BLURRED * nominal_cm else "failed"
    said = f"strongest line {strongest_cm:.1f} cm⁻¹ wide, nominal resolution {nominal_cm:.0f} cm⁻¹"
    return Checked(
        code="resolution",
        state=state,
        said=said if state == "ok" else f"{said}: clean the optics, or have it serviced",
        case="sharp" if state == "ok" else "blurred",
        values={"width": f"{strongest_cm:.1f}", "nominal": f"{nominal_cm:.0f}"},
    )


def with_axis(health: Health, axis: tuple[Checked, ...]) -> Health:
    """Return a check with what a standard showed, before the calibration's line."""
    own = [check for check in health.checks if check.code not in ("axis", "resolution")]
    place = next((row for row, check in enumerate(own) if check.code == "calibration"), len(own))
    checks = (*own[:place], *axis, *own[place:])
    return health.model_copy(
        update={"checks": checks, "fit": all(check.state != "failed" for check in checks)}
    )
