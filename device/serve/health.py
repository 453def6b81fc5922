"""The start-up check: what an officer would otherwise find out from a wrong answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from spectriage.device.acquire.acquisition import scan_time_s
from spectriage.device.calibration.unit import UnitCalibration
from spectriage.device.contract.capabilities import InterlockReadback, LaserGateLine, LaserSource, LaserState
from spectriage.device.contract.clock import Deadline
from spectriage.device.contract.errors import DeviceError
from spectriage.device.contract.spectrometer import ScanSettings, Spectrometer
from spectriage.device.serve.models import Checked, CheckState, Health, Laser
from spectriage.library.journal import Journal, JournalError
from spectriage.spectra.errors import SpectriageError
from spectriage.spectra.identify import Identifier


def check_health(
    device: Spectrometer, engine: Identifier, calibration: UnitCalibration, journal: Path
) -> Health:
    """Check a unit with its laser off.

    The axis on a standard needs the laser: `spectriage check` does that.
    """
    checks = (
        Checked(
            code="device", state="ok", said=f"{device.info.maker} {device.info.model} {device.info.serial}"
        ),
        _laser(device),
        _interlock(device),
        _caught("dark", lambda: _dark(device)),
        _calibration(device, calibration),
        _library(engine),
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
        return Checked(code=code, state="failed", said=str(error))


def _laser(device: Spectrometer) -> Checked:
    state = read_laser(device)
    said = {
        "off": "off, read back from the device",
        "on": "ON although nothing is being scanned: switch it off at its key",
        "unknown": "cannot be read back: whether light comes out is not known",
        "not controlled": "this device's light is not controlled by software",
    }[state]
    states: dict[Laser, CheckState] = {"off": "ok", "on": "failed"}
    return Checked(code="laser", state=states.get(state, "attention"), said=said)


def _interlock(device: Spectrometer) -> Checked:
    if not isinstance(device, InterlockReadback):
        return Checked(
            code="interlock", state="attention", said="this device cannot say whether it is closed"
        )
    try:
        closed = device.interlock_closed()
    except DeviceError as error:
        return Checked(code="interlock", state="failed", said=str(error))
    return Checked(
        code="interlock",
        state="ok" if closed else "failed",
        said="closed" if closed else "open: the laser cannot fire",
    )


def _dark(device: Spectrometer) -> Checked:
    """Take one exposure without the laser."""
    settings = device.settings or ScanSettings()
    device.configure(ScanSettings(settings.integration_ms, 1))
    try:
        raw = device.acquire(Deadline.after(scan_time_s(settings) + 10.0, device.clock))
    finally:
        if not device.closed:
            device.configure(settings)
    level, noise = float(np.median(raw.counts)), float(np.median(np.abs(np.diff(raw.counts)))) * 1.05
    said = f"{level:.0f} counts in {raw.integration_ms:g} ms, noise {noise:.0f}"
    if bool(np.any(raw.saturated)):
        return Checked(
            code="dark", state="failed", said=f"{said}; saturated without laser: cover the opening"
        )
    return Checked(code="dark", state="ok", said=said)


def _calibration(device: Spectrometer, known: UnitCalibration) -> Checked:
    if known.problem:
        return Checked(code="calibration", state="failed", said=known.problem)
    if known.calibration is None:
        return Checked(
            code="calibration", state="attention", said="never calibrated: factory axis, low laser power only"
        )
    if known.overridden:
        return Checked(code="calibration", state="attention", said=f"overridden: {known.overridden}")
    left = (known.calibration.expires - device.clock.now()).total_seconds() / 86400.0
    return Checked(
        code="calibration",
        state="ok",
        said=f"valid until {known.calibration.expires:%Y-%m-%d}, {left:.0f} days left",
    )


def _library(engine: Identifier) -> Checked:
    said = engine.references
    content = f"content {said.sha256[:12]}" if said.sha256 else "without a content hash"
    return Checked(
        code="library",
        state="ok" if len(said) and said.sha256 else "attention",
        said=f"{said.name} {said.version}, {len(said)} references, {content}",
    )


def _journal(path: Path) -> Checked:
    path.parent.mkdir(parents=True, exist_ok=True)
    with Journal(path) as journal:
        count = len(journal)
    import shutil

    free = shutil.disk_usage(path.parent).free
    if free < 50_000_000:
        raise JournalError(f"only {free / 1e6:.0f} MB are free", where=str(path), remedy="make room")
    return Checked(code="journal", state="ok", said=f"{count} records, {free / 1e9:.1f} GB free")
