"""What was recorded, read again: the history, one result, its report, its curves."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spectriage.device.serve.models import Curves, Line, Result
from spectriage.device.serve.shown import MEASURED, shown
from spectriage.library.journal import Journal, JournalError, canonical_json, engine_as_recorded
from spectriage.library.service import Engines
from spectriage.spectra.identify import Identifier

MOST_LINES = 500
MOST_SOUGHT = 1000
KINDS = ("scan", "identification")


def history(journal: Path, *, search: str = "", last: int = 50) -> tuple[Line, ...]:
    """Return the latest records of scans that have all the words, the newest first.

    They are sought in number, time, verdict, summary and hash, and in item and operator of the latest
    `MOST_SOUGHT` records.
    """
    if not journal.is_file():
        return ()
    words = search.casefold().split()
    found = []
    with Journal(journal, readonly=True) as opened:
        for row, line in enumerate(opened.lines()):
            text = f"{line.number} {line.time} {line.verdict} {line.summary} {line.hash}".casefold()
            if line.kind in KINDS and _missing(words, text) and row < MOST_SOUGHT:
                said = json.loads(opened.record(line.number).payload)
                text += f" {said.get('item') or ''} {said.get('operator') or ''}".casefold()
            if line.kind in KINDS and not _missing(words, text):
                found.append(Line(**line._asdict()))
                if len(found) >= min(last, MOST_LINES):
                    break
    return tuple(found)


def _missing(words: list[str], text: str) -> bool:
    return not all(word in text for word in words)


def recorded_result(journal: Path, number: int) -> Result:
    """Return one recorded scan.

    Raises
    ------
    JournalError
        There is none of that number.
    """
    with Journal(journal, readonly=True) as opened:
        record = opened.record(number)
    said = json.loads(record.payload)
    if not isinstance(said.get("result"), dict):
        raise JournalError("the record holds no answer", where=f"record {number}")
    return shown(record, said.get("device", {}).get("origin", MEASURED) != MEASURED)


def engine_of(journal: Path, number: int, engines: Engines) -> Identifier:
    """Return the engine with the policy and the packaging that a record was decided with.

    Raises
    ------
    JournalError
        There is no such record, or its policy is none that is known here.
    ParameterError
        The library has no such packaging.
    """
    with Journal(journal, readonly=True) as opened:
        return engine_as_recorded(opened.record(number), engines)


def report_file(
    journal: Path, number: int, kind: str, engine: Identifier, *, paper: str = "a4", language: str = "en"
) -> bytes:
    """Return a record's report as HTML or PDF.

    Raises
    ------
    JournalError, ParameterError
        There is no such record; what draws reports is not installed.
    """
    from spectriage.device.report import html_report, pdf_report, pictures, report_content

    with Journal(journal, readonly=True) as opened:
        record = opened.record(number)
        picture = pictures(opened, record, engine, language)
        content = replace(report_content(record, language=language), picture=picture)
    return html_report(content).encode() if kind == "html" else pdf_report(content, paper=paper)


def curves(journal: Path, number: int, engine: Identifier) -> Curves:
    """Decide a record again and return its curves.

    Raises
    ------
    JournalError
        There is no such record, or this library or engine answers otherwise: a picture must not show a fit
        that the recorded answer does not rest on.
    """
    from spectriage.device.record import decided_on

    with Journal(journal, readonly=True) as opened:
        record = opened.record(number)
        spectrum, health = decided_on(opened, record)
    made = engine.identify(spectrum, traces=True, health=health)
    if canonical_json(made.to_json()) != canonical_json(json.loads(record.payload)["result"]):
        raise JournalError(
            "this library or engine answers otherwise than the record", where=f"record {number}"
        )
    traces = made.traces
    assert traces is not None, "traces were asked for"
    return Curves(
        shift_cm=tuple(round(float(value), 2) for value in traces.shift),
        measured=_numbers(traces.measured),
        baseline=_numbers(traces.baseline),
        parts={name: _numbers(part) for name, part in traces.parts.items()},
        residual=_numbers(traces.residual),
    )


def _numbers(values: NDArray[np.float64]) -> tuple[float | None, ...]:
    return tuple(float(f"{value:.6g}") if np.isfinite(value) else None for value in values)
