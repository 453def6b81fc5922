"""What a scan leaves to be recorded: counts, calibration, plan and answer; and the way back from that."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from typing import Any

import numpy as np

from spectriage.device.calibration.calibration import parse_calibration
from spectriage.device.calibration.unit import UnitCalibration
from spectriage.device.contract.rawscan import Axis, Detector, DeviceInfo, RawScan
from spectriage.device.session.session import ScanResult, Session
from spectriage.library.journal import (
    AlteredJournalError,
    Context,
    Entry,
    Journal,
    Record,
    Replay,
    jsonable,
    recorded_array,
    recorded_spectrum,
    replay,
    said_by,
)
from spectriage.spectra.identify import Identifier
from spectriage.spectra.origin import Origin
from spectriage.spectra.spectrum import Spectrum

KIND = "scan"
CALIBRATION = "calibration"


def scan_entry(session: Session, result: ScanResult, *, context: Context | None = None) -> Entry:
    """Return all that repeats a scan's decision: counts, dark, calibration, library, engine and policy."""
    raw, known = result.raw, session.calibration
    arrays: dict[str, np.ndarray[Any, Any]] = {"counts": raw.counts, "saturated": raw.saturated}
    optional = {
        "dark": raw.dark,
        "wavelength_nm": raw.axis.wavelength_nm,
        "shift_cm": raw.axis.shift_cm,
    }
    arrays |= {name: values for name, values in optional.items() if values is not None}
    files = {} if known.calibration is None else {CALIBRATION: known.calibration.to_json().encode()}
    payload = {
        "input": raw.info.uri,
        "device": jsonable(asdict(raw.info)),
        "scan": {
            "axis_source": raw.axis.source,
            "excitation_nm": raw.excitation_nm,
            "integration_ms": raw.integration_ms,
            "accumulations": raw.accumulations,
            "dark_accumulations": raw.dark_accumulations,
            "started": raw.started.isoformat(),
            "finished": raw.finished.isoformat(),
            "metadata": jsonable(raw.metadata),
        },
        "plan": jsonable(asdict(session.plan)),
        "calibration": {"problem": known.problem, "overridden": known.overridden},
        "health": result.health,
        "power_mw": result.power_mw,
        "limited": result.limited,
        "looks": result.looks,
        **said_by(session.engine, result.identification, context),
    }
    return Entry(KIND, payload, arrays, files)


def recorded_scan(journal: Journal, record: Record) -> tuple[RawScan, UnitCalibration]:
    """Return the raw scan of a record, and the calibration that it was decided under.

    Raises
    ------
    AlteredJournalError
        When something of it is gone or was changed.
    """
    payload = json.loads(record.payload)
    if payload.get("kind") != KIND:
        raise AlteredJournalError("the record is not one of a scan", where=f"record {record.number}")
    said, device = payload["scan"], dict(payload["device"])
    detector = Detector(**device.pop("detector"))
    device |= {"origin": Origin(device["origin"]), "notes": tuple(device["notes"])}
    info = DeviceInfo(detector=detector, **device)

    def array(name: str) -> np.ndarray[Any, Any] | None:
        return recorded_array(journal, payload, name)

    counts, saturated = array("counts"), array("saturated")
    if counts is None or saturated is None:
        raise AlteredJournalError("the record holds no counts", where=f"record {record.number}")
    raw = RawScan(
        counts=counts,
        dark=array("dark"),
        saturated=saturated,
        axis=Axis(array("wavelength_nm"), array("shift_cm"), said["axis_source"]),
        info=info,
        excitation_nm=said["excitation_nm"],
        integration_ms=said["integration_ms"],
        accumulations=said["accumulations"],
        started=datetime.fromisoformat(said["started"]),
        finished=datetime.fromisoformat(said["finished"]),
        dark_accumulations=said["dark_accumulations"],
        metadata=said["metadata"],
    )
    file = payload["blobs"].get(CALIBRATION)
    calibration = None if file is None else parse_calibration(journal.blob(file), f"record {record.number}")
    problems = payload["calibration"]
    return raw, UnitCalibration(calibration, problems["problem"], problems["overridden"])


def decided_on(journal: Journal, record: Record) -> tuple[Spectrum, str]:
    """Return the spectrum that a recorded scan or identification was decided on, and its health.

    A scan's is made again from its counts: its calibration is part of what is repeated.

    Raises
    ------
    AlteredJournalError
        When something of it is gone or was changed.
    """
    if json.loads(record.payload).get("kind") == KIND:
        raw, known = recorded_scan(journal, record)
        return known.apply(raw)
    return recorded_spectrum(journal, record)


def replay_record(journal: Journal, record: Record, engine: Identifier) -> Replay | None:
    """Decide again from a record; None for one that holds no decision.

    Raises
    ------
    AlteredJournalError
        When something of it is gone or was changed.
    """
    if "result" not in json.loads(record.payload):
        return None
    spectrum, health = decided_on(journal, record)
    return replay(record, spectrum, health, engine)
