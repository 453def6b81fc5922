"""What changed between two runs of a plan, scan by scan: verdicts, substances and limits, and why."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spectriage.bench.report.changes import Libraries, answer, change_tables, changes
from spectriage.bench.report.tables import Report
from spectriage.bench.validation.records import Record
from spectriage.bench.validation.store import RunFolder, latest_run
from spectriage.spectra.errors import ParameterError
from spectriage.spectra.origin import Origin


def add_changes(
    report: Report,
    first: Path | str,
    second: Path | str,
    *,
    first_run: int | None = None,
    second_run: int | None = None,
    libraries: Libraries | None = None,
) -> None:
    """Add to a report what changed in the scans with the very same spectrum, each kind of evidence apart.

    Parameters
    ----------
    report
        Where the tables go, and all changes as its details.
    first, second
        Folders of records.
    first_run, second_run
        Numbers of the runs; the last if None.
    libraries
        Of the first and the second run, so that a change can name references.

    Raises
    ------
    ParameterError
        When they share no spectrum.
    """
    runs = latest_run(Path(first), first_run), latest_run(Path(second), second_run)
    records = [{_key(record): record for record in run.records() if record.spectrum_sha256} for run in runs]
    if not records[0].keys() & records[1].keys():
        raise ParameterError("the two runs share no spectrum", remedy="run the same plan with both")
    for chapter in dict.fromkeys(record.chapter for record in records[0].values()):
        old, new = (
            {key: _said(record) for key, record in some.items() if record.chapter == chapter}
            for some in records
        )
        tally = changes(old, new, [_made_by(run) for run in runs], libraries)
        # what is no measurement is simulated, perturbed or not
        origin = Origin.MEASURED if chapter == "measured" else Origin.SIMULATED
        report.add(*change_tables(tally, origin, f"{chapter} scans"))
        report.detail(origin, f"changes: {chapter}", tally.to_json())


def _key(record: Record) -> tuple[Any, ...]:
    return record.panel, record.index, record.repeat, record.spectrum_sha256


def _said(record: Record) -> dict[str, Any]:
    name = f"{record.panel}, trial {record.index} {record.source}".strip()
    if record.error:
        return answer(name, "error", record.error)
    named = [part.substance for part in record.named]
    return answer(name, record.verdict, record.reason, named, record.lods, record.raised)


def _made_by(run: RunFolder) -> Mapping[str, Any]:
    """Return library, engine and policy of a run, as results of a batch have them."""
    header = run.header()
    libraries, engine = header.get("libraries") or {}, dict(header.get("engine") or {})
    policy = engine.pop("policy", None) or {}
    used = sorted({str(each.get("sha256", "")) for each in libraries.values()})
    names = sorted({str(each.get("name", "")) for each in libraries.values()})
    return {
        "library": {"name": ", ".join(names), "sha256": " ".join(used)},
        "engine": engine,
        "policy": {"name": policy.get("name", ""), "sha256": _hash(policy)},
    }


def _hash(value: Any) -> str:
    import hashlib
    import json

    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
