"""The start-up check: what an officer would otherwise find out from a wrong answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from spectriage.device.acquire.acquisition import scan_time_s
from spectriage.device.calibration.calibration import problem_code
from spectriage.device.calibration.unit import UnitCalibration
from spectriage.device.contract.capabilities import InterlockReadback, LaserGateLine, LaserSource, LaserState
from spectriage.device.contract.clock import Deadline
from spectriage.device.contract.errors import DeviceError
from spectriage.device.contract.spectrometer import ScanSettings, Spectrometer
from spectriage.device.serve.models import Checked, CheckState, Health, Laser
from spectriage.library.journal import Journal, JournalError
from spectriage.spectra.errors import LibraryError, SpectriageError
from spectriage.spectra.identify import Identifier

DARK_MS = 250.0
"""Longest exposure of the check's dark: enough for a room's light to show, and nobody waits for seconds."""
CALIBRATE = "Calibrate it: spectriage calibrate."


def check_health(
    device: Spectrometer,
    engine: Identifier,
    calibration: UnitCalibration,
    journal: Path,
    library: Path | None = None,
) -> Health:
    """Check a unit with its laser off.

    The axis on a standard needs the laser: `taking.checked_axis` does that, when it is asked for.

    Parameters
    ----------
    library
        The file that the engine was opened from; None for the shipped one.
    """
    checks = (
        Checked(
            code="device",
            state="ok",
            said=f"{device.info.maker} {device.info.model} {device.info.serial}",
            case="named",
            values={"name": f"{device.info.maker} {device.info.model} {device.info.serial}".strip()},
        ),
        _laser(device),
        _interlock(device),
        _caught("dark", lambda: _dark(device)),
        _calibration(device, calibration),
        _library(engine),
        _caught("signature", lambda: _signature(library)),
        _caught("journal", lambda: _journal(journal)),
    )
    return Health(
        fit=all(check.state != "failed" for check in checks),
        checked_at=datetime.now(UTC).isoformat(timespec="seconds"),
        checks=checks,
    )


def read_laser(device: Spectrometer) -> Laser:
    """Return what the device says of its laser now; what cannot be asked is unknown."""
    if isinstance(device, LaserSource):
        try:
            state = device.laser_readback()
        except Exception:
            return "unknown"
        return {LaserState.OFF: "off", LaserState.ON: "on"}.get(state, "unknown")  # type: ignore[return-value]
    return "unknown" if isinstance(device, LaserGateLine) else "not controlled"


def _caught(code: str, check: Callable[[], Checked]) -> Checked:
    try:
        return check()
    except SpectriageError as error:
        return _failed(code, error)


def _failed(code: str, error: SpectriageError) -> Checked:
    values = {"type": type(error).__name__, "code": str(getattr(error, "code", ""))}
    return Checked(code=code, state="failed", said=str(error), case="error", values=values)


def _laser(device: Spectrometer) -> Checked:
    state = read_laser(device)
    said = {
        "off": "off, read back from the device",
        "on": "ON although nothing is being scanned: switch it off at its key",
        "unknown": "cannot be read back: whether light comes out is not known",
        "not controlled": "this device's light is not controlled by software",
    }[state]
    states: dict[Laser, CheckState] = {"off": "ok", "on": "failed"}
    case = state.replace(" ", "-")
    return Checked(code="laser", state=states.get(state, "attention"), said=said, case=case)


def _interlock(device: Spectrometer) -> Checked:
    if not isinstance(device, InterlockReadback):
        return Checked(
            code="interlock",
            state="attention",
            said="this device cannot say whether it is closed",
            case="unreadable",
        )
    try:
        closed = device.interlock_closed()
    except DeviceError as error:
        return _failed("interlock", error)
    return Checked(
        code="interlock",
        state="ok" if closed else "failed",
        said="closed" if closed else "open: the laser cannot fire",
        case="closed" if closed else "open",
    )


def _dark(device: Spectrometer) -> Checked:
    """Take one exposure without the laser."""
    settings = device.settings or ScanSettings()
    shorter = device.info.nearest_integration_ms(min(settings.integration_ms, DARK_MS))
    device.configure(ScanSettings(shorter, 1))
    try:
        raw = device.acquire(Deadline.after(scan_time_s(settings) + 10.0, device.clock))
    finally:
        if not device.closed:
            device.configure(settings)
    level, noise = float(np.median(raw.counts)), float(np.median(np.abs(np.diff(raw.counts)))) * 1.05
    said = f"{level:.0f} counts in {raw.integration_ms:g} ms, noise {noise:.0f}"
    values = {"level": f"{level:.0f}", "ms": f"{raw.integration_ms:g}", "noise": f"{noise:.0f}"}
    if bool(np.any(raw.saturated)):
        return Checked(
            code="dark",
            state="failed",
            said=f"{said}; saturated without laser: cover the opening",
            case="saturated",
            values=values,
        )
    return Checked(code="dark", state="ok", said=said, case="taken", values=values)


def _calibration(device: Spectrometer, known: UnitCalibration) -> Checked:
    made = known.calibration
    values = {} if made is None else {"until": f"{made.expires:%Y-%m-%d}"}
    if known.problem:
        case = problem_code(known.problem) or "problem"
        return Checked(
            code="calibration", state="failed", said=f"{known.problem} {CALIBRATE}", case=case, values=values
        )
    if made is None:
        return Checked(
            code="calibration",
            state="attention",
            said=f"never calibrated: factory axis, low laser power only. {CALIBRATE}",
            case="never",
        )
    if known.overridden:
        said = f"overridden: {known.overridden}"
        return Checked(code="calibration", state="attention", said=said, case="overridden")
    now = device.clock.now()
    left, age = ((made.expires - now).total_seconds() / 86400, (now - made.date).total_seconds() / 86400)
    return Checked(
        code="calibration",
        state="ok",
        said=f"{age:.0f} days old, valid until {made.expires:%Y-%m-%d}, {left:.0f} days left",
        case="valid",
        values={**values, "days": f"{left:.0f}", "age": f"{age:.0f}"},
    )


def _library(engine: Identifier) -> Checked:
    said = engine.references
    content = f"content {said.sha256[:12]}" if said.sha256 else "without a content hash"
    whole = bool(len(said) and said.sha256)
    return Checked(
        code="library",
        state="ok" if whole else "attention",
        said=f"{said.name} {said.version}, {len(said)} references, {content}",
        case="whole" if whole else "no-hash",
        values={
            "name": f"{said.name} {said.version}".strip(),
            "count": str(len(said)),
            "hash": said.sha256[:12],
        },
    )


def _signature(library: Path | None) -> Checked:
    """Say who signed the library; one that may not be used was refused before."""
    import hashlib

    from spectriage.library.signing import Trust

    if library is None:
        said = "made here from the catalogue that was installed: no signature is asked for"
        return Checked(code="signature", state="ok", said=said, case="shipped")
    try:
        content = library.read_bytes()
    except OSError as error:
        what = f"the library cannot be read again: {error.strerror}"
        raise LibraryError(what, where=str(library)) from error
    signed = Trust.from_environment().check(library, hashlib.sha256(content).hexdigest(), len(content))
    if signed is None:
        return Checked(
            code="signature",
            state="attention",
            said="by nobody that is trusted: who made it is not known. Use a signed one",
            case="unsigned",
        )
    key = signed.key.key_id
    return Checked(
        code="signature",
        state="ok",
        said=f"signed by {key}, release {signed.statement.serial}",
        case="signed",
        values={"key": key, "release": str(signed.statement.serial)},
    )


def _journal(path: Path) -> Checked:
    path.parent.mkdir(parents=True, exist_ok=True)
    with Journal(path) as journal:
        count = len(journal)
    import shutil

    free = shutil.disk_usage(path.parent).free
    if free < 50_000_000:
        raise JournalError(f"only {free / 1e6:.0f} MB are free", where=str(path), remedy="make room")
    return Checked(
        code="journal",
        state="ok",
        said=f"{count} records, {free / 1e9:.1f} GB free",
        case="room",
        values={"count": str(count), "free": f"{free / 1e9:.1f}"},
    )
