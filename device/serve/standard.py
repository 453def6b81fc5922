"""The axis on a shift standard: measured when it is asked for, known again after a restart, with its age."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from spectriage.device.acquire.acquisition import Acquirer, powered_light, scan_time_s
from spectriage.device.acquire.exposure import auto_expose
from spectriage.device.calibration.calibration import VALID_DAYS
from spectriage.device.calibration.standard import axis_error, standard_bands_cm
from spectriage.device.calibration.unit import UnitCalibration
from spectriage.device.contract.clock import Deadline
from spectriage.device.laser.power import safe_power_mw
from spectriage.device.serve.kept import Kept
from spectriage.device.serve.models import Checked, CheckState, Health
from spectriage.device.serve.taking import Hooks
from spectriage.device.serve.unit import Unit

NAME = "axis"
STANDARD_S = 120.0
"""Longest that a standard is measured for."""
BLURRED = 1.6
"""A line of a standard, itself some 5 cm⁻¹ wide, is so many times as wide as the resolution at most."""


def checked_axis(unit: Unit, standard: str, hooks: Hooks) -> tuple[Checked, ...]:
    """Measure a shift standard at safe power; say how far the axis is off, and how sharp its lines are.

    Raises
    ------
    ParameterError
        There is no such standard.
    DeviceError
        What went wrong; the laser is off.
    """
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


class KnownAxis:
    """What a standard showed last, of each unit.

    Parameters
    ----------
    kept
        Where it is kept over a restart.
    """

    def __init__(self, kept: Kept) -> None:
        self._kept = kept

    def measured(self, serial: str, now: datetime, checks: tuple[Checked, ...]) -> None:
        """Take note of what a standard showed."""
        known = self._known()
        known[serial] = {"at": now.isoformat(), "checks": [each.model_dump() for each in checks]}
        self._kept.keep_if_possible(NAME, known)

    def _known(self) -> dict[str, Any]:
        said = self._kept.get(NAME)
        return dict(said) if isinstance(said, dict) else {}

    def checks(self, serial: str, now: datetime, unit: UnitCalibration) -> tuple[Checked, ...]:
        """Return that, with its age; what is older than a calibration may be is no longer good.

        Nothing is known of an axis that was calibrated since.
        """
        made, said = unit.calibration, self._known().get(serial) or {}
        try:
            at = datetime.fromisoformat(said["at"]).astimezone(UTC)
            checks = tuple(Checked.model_validate(each) for each in said["checks"])
        except (KeyError, TypeError, ValueError):
            return ()
        if made is not None and made.date > at:
            return ()
        days = (now - at).total_seconds() / 86400
        # a clock that was set back says nothing of an age
        old = not 0.0 <= days <= (VALID_DAYS if made is None else made.valid_days)
        return tuple(_aged(check, days, old=old) for check in checks)


def _aged(check: Checked, days: float, *, old: bool) -> Checked:
    values = {**check.values, "age": f"{max(0.0, days):.0f}"}
    if not (old and check.code == "axis" and check.state == "ok"):
        said = check.said if days < 1.0 else f"{check.said} ({days:.0f} days ago)"
        return check.model_copy(update={"values": values, "said": said})
    said = f"{check.said}: {days:.0f} days ago, longer than a calibration holds. Check it again"
    return Checked(code="axis", state="attention", said=said, case="old", values=values)
