"""Giving records out: JSON lines, CSV of one row a record, and rows of one substance each for a LIMS."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from typing import Any

from spectriage.library.journal.chain import Record
from spectriage.library.journal.journal import Journal
from spectriage.spectra.report import lims

PRIVATE = ("operator", "place")
COLUMNS = (
    "number",
    "time",
    "kind",
    "item",
    "input",
    "verdict",
    "reason",
    "summary",
    "operator",
    "place",
    "device",
    "library",
    "library_sha256",
    "engine",
    "engine_sha256",
    "policy_sha256",
    "hash",
)
SUBSTANCE_COLUMNS = (*lims.COLUMNS, "policy_sha256", "record_hash")


def exported_json(records: Iterable[Record], *, private: bool = True) -> Iterator[str]:
    """Yield one JSON object a record: number, hash and the payload itself.

    Parameters
    ----------
    private
        Whether operator and place are among it. Without them a record's hash cannot be made again from the
        export: it refers to the journal.
    """
    for record in records:
        payload = json.loads(record.payload)
        if not private:
            payload = {name: value for name, value in payload.items() if name not in PRIVATE}
        made = {"number": record.number, "hash": record.hash.hex(), "record": payload}
        yield json.dumps(made, ensure_ascii=False, sort_keys=True)


def exported_csv(records: Iterable[Record], *, private: bool = True) -> str:
    """Return a table of one row a record."""
    columns = [name for name in COLUMNS if private or name not in PRIVATE]
    return _table(columns, (_row(record) for record in records))


def exported_substances(records: Iterable[Record]) -> str:
    """Return a table of one row a substance found, as laboratory and drug-checking databases take it.

    A scan in which nothing was named has one row with an empty substance: it took place.
    """
    return _table(SUBSTANCE_COLUMNS, (row for record in records for row in _substances(record)))


def _row(record: Record) -> dict[str, Any]:
    said = json.loads(record.payload)
    result = said.get("result", {})
    library = result.get("library", {})
    return {
        **{name: said.get(name, "") for name in ("time", "kind", "item", "input", "operator", "place")},
        **{name: result.get(name, "") for name in ("verdict", "reason", "summary")},
        "number": record.number,
        "device": said.get("device", {}).get("serial", ""),
        "library": " ".join(str(library.get(name, "")) for name in ("name", "version")).strip(),
        "library_sha256": library.get("sha256", ""),
        "engine": said.get("program", {}).get("version", ""),
        "engine_sha256": said.get("program", {}).get("sha256", ""),
        "policy_sha256": said.get("policy_sha256", ""),
        "hash": record.hash.hex(),
    }


def _substances(record: Record) -> Iterator[dict[str, Any]]:
    said = json.loads(record.payload)
    result = said.get("result")
    if not isinstance(result, dict):
        return
    sample = str(said.get("item") or said.get("input", ""))
    hashes = {"policy_sha256": said.get("policy_sha256", ""), "record_hash": record.hash.hex()}
    for row in lims.substance_rows(result, sample=sample, time=str(said.get("time", ""))):
        yield {**row, "engine": said.get("program", {}).get("version", ""), **hashes}


def _table(columns: Iterable[str], rows: Iterable[dict[str, Any]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(columns), extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _cell(value) for name, value in row.items()})
    return out.getvalue()


def _cell(value: Any) -> Any:
    """Keep a text from being taken for a formula by a spreadsheet."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


def all_records(journal: Journal) -> Iterator[Record]:
    """Yield every record of a journal in order."""
    return (record for record, _ in journal.records())
