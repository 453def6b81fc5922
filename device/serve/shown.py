"""A record and an error as the API and the screen show them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from spectriage.device.serve.models import Problem, Result
from spectriage.spectra.errors import SpectriageError

if TYPE_CHECKING:
    from spectriage.library.journal import Record

MEASURED = "measured"
"""Origin of what a real instrument delivered; everything else is training."""


def problem_of(error: SpectriageError) -> Problem:
    """Return an error as the API gives it."""
    return Problem(type=type(error).__name__, what=error.what, where=error.where, remedy=error.remedy)


def shown(record: Record, training: bool) -> Result:
    """Return a recorded scan as it is shown: everything comes from the record."""
    said = json.loads(record.payload)
    problems = said.get("calibration") or {}
    return Result(
        record=record.number,
        hash=record.hash.hex(),
        time=str(said["time"]),
        item=str(said.get("item") or ""),
        operator=str(said.get("operator") or ""),
        training=training,
        limited=str(said.get("limited") or ""),
        calibration=str(problems.get("problem") or problems.get("overridden") or ""),
        result=said["result"],
    )
