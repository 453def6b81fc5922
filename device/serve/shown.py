"""A record and an error as the API and the screen show them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from spectriage.device.calibration.calibration import problem_code
from spectriage.device.serve.models import Problem, Result, State
from spectriage.device.serve.unit import Setup, synthetic
from spectriage.device.session.power import objection_code
from spectriage.spectra.errors import SpectriageError

if TYPE_CHECKING:
    from spectriage.library.journal import Record

MEASURED = "measured"
"""Origin of what a real instrument delivered; everything else is training."""


def problem_of(error: SpectriageError) -> Problem:
    """Return an error as the API gives it."""
    return Problem(
        type=type(error).__name__,
        what=error.what,
        where=error.where,
        remedy=error.remedy,
        code=str(getattr(error, "code", "")),
    )


def typed(error: Exception) -> SpectriageError:
    """Return an error as one of ours; what nobody raised on purpose keeps its type's name."""
    return (
        error if isinstance(error, SpectriageError) else SpectriageError(f"{type(error).__name__}: {error}")
    )


def shown(record: Record, training: bool) -> Result:
    """Return a recorded scan as it is shown: everything comes from the record."""
    said = json.loads(record.payload)
    problems, part = said.get("calibration") or {}, said.get("part") or {}
    limited = str(said.get("limited") or "")
    calibration = str(problems.get("problem") or problems.get("overridden") or "")
    return Result(
        record=record.number,
        hash=record.hash.hex(),
        time=str(said["time"]),
        item=str(said.get("item") or ""),
        operator=str(said.get("operator") or ""),
        training=training,
        limited=limited,
        limited_code=objection_code(limited),
        calibration=calibration,
        calibration_code=problem_code(calibration),
        spot=int(part.get("spot") or 1),
        step=str(part.get("step") or "powder"),
        result=said["result"],
    )


def first_state(setup: Setup, *, login_needed: bool) -> State:
    """Return the state of a service whose device is not open yet."""
    return State(
        version=0,
        phase="starting",
        training=synthetic(setup.device),
        device=setup.device,
        model="",
        serial="",
        laser="unknown",
        holder="",
        armed_for_s=0.0,
        progress=None,
        result=None,
        problem=None,
        health=None,
        library={},
        login_needed=login_needed,
    )
