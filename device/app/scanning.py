"""What the commands that scan have in common: the session of one scan, and where its outcome goes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from spectriage.device.app.waiting import Waiting

if TYPE_CHECKING:
    from spectriage.device.contract.spectrometer import Spectrometer
    from spectriage.device.session import ScanPlan, ScanResult, Session
    from spectriage.library.journal import Recorder
    from spectriage.spectra.identify import Identifier


@dataclass(frozen=True)
class Outputs:
    """Where the answers go, and with which calibration they are made."""

    as_json: bool = False
    explain: bool = False
    out: Path | None = None
    plot: Path | None = None
    calibration: Path | None = None
    force: bool = False
    waiting: Waiting = field(default_factory=Waiting)


def session_for(device: Spectrometer, plan: ScanPlan, engine: Identifier, outputs: Outputs) -> Session:
    """Return the session of one scan under the unit's calibration."""
    from spectriage.device.calibration.unit import UnitCalibration
    from spectriage.device.session import Session

    known = UnitCalibration.of(device.info, device.clock.now(), outputs.calibration, force=outputs.force)
    return Session(
        device,
        engine,
        known,
        plan,
        countdown=countdown,
        progress=outputs.waiting,
        traces=outputs.plot is not None,
    )


def keep(session: Session, result: ScanResult, recorder: Recorder, out: Path | None) -> None:
    """Record a scan before its result is shown, alert, say what limited the laser, write it where asked."""
    from spectriage.device.record import alert, scan_entry

    record = recorder.keep(lambda context: scan_entry(session, result, context=context))
    alert(record, result.identification.verdict)
    if result.limited:
        typer.echo(f"Full laser power was not used: {result.limited}", err=True)
    if out is not None:
        from spectriage.device.acquire.scanfile import write_scan

        write_scan(result.raw, out)


def countdown(left_s: float) -> None:
    """Tell how long it is until the laser fires."""
    typer.echo(f"laser in {left_s:.0f} s" if left_s > 0 else "laser on", err=True)
