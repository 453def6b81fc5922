"""Merging one unit's journal into the fleet's store: verified first, and again no change."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spectriage.library.fleet.store import open_store, require_sqlalchemy
from spectriage.library.journal import AlteredJournalError, Journal, Record, verify
from spectriage.library.journal.entry import compress
from spectriage.spectra.progress import Progress

if TYPE_CHECKING:
    from sqlalchemy import Connection, MetaData

BATCH = 500


@dataclass(frozen=True)
class Merged:
    """What a merge did.

    Parameters
    ----------
    journal
        Its id.
    records, new
        How many the journal has, and how many of them the store did not.
    """

    journal: str
    records: int
    new: int


def merge(
    path: Path, url: str, *, public_key: bytes | None = None, progress: Progress | None = None
) -> Merged:
    """Bring a journal into a store; what is there already must be the same.

    Parameters
    ----------
    path
        A unit's journal, with its signed head beside it.
    url
        See `open_store`.
    public_key
        The unit's, from elsewhere; the journal's own word if None, and the store's from the second time on.

    Raises
    ------
    AlteredJournalError
        The journal is not what was written, is signed by another key than before, ends earlier than before,
        or has other records where the store has some. Nothing is merged.
    """
    found = verify(path, public_key=public_key, progress=progress)
    if not found.intact:
        raise AlteredJournalError(
            f"the journal is not what was written: {found.problems[0]}",
            where=str(path),
            remedy="`spectriage journal verify` lists all that was found",
        )
    with Journal(path, readonly=True) as journal, open_store(url) as (connection, meta):
        last = _known(connection, meta, journal)
        if last > found.records:
            raise AlteredJournalError(
                f"the journal has {found.records} records where {last} were merged before: its end is gone",
                where=str(path),
            )
        new = _copy(connection, meta, journal, last, found.records, progress)
    return Merged(journal.id, found.records, new)


def _known(connection: Connection, meta: MetaData, journal: Journal) -> int:
    """Return how far the journal was merged before; 0 for a new one."""
    sa = require_sqlalchemy()
    journals = meta.tables["journals"]
    row = connection.execute(sa.select(journals).where(journals.c.id == journal.id)).first()
    if row is None:
        connection.execute(journals.insert().values(id=journal.id, public_key=journal.public_key, last=0))
        return 0
    if bytes(row.public_key) != journal.public_key:
        raise AlteredJournalError("the journal is signed by another key than before", where=str(journal.path))
    return int(row.last)


def _copy(
    connection: Connection,
    meta: MetaData,
    journal: Journal,
    last: int,
    total: int,
    progress: Progress | None,
) -> int:
    sa = require_sqlalchemy()
    records, journals = meta.tables["records"], meta.tables["journals"]
    stored = dict(
        connection.execute(
            sa.select(records.c.number, records.c.hash).where(records.c.journal == journal.id)
        ).all()
    )
    new = 0
    for record, _ in journal.records():
        if record.number > total:  # recorded since it was verified: for the next time
            break
        if record.number <= last:
            if bytes(stored.get(record.number, b"")) != record.hash:
                raise AlteredJournalError(
                    f"record {record.number} is not the one that was merged before", where=str(journal.path)
                )
            continue
        _insert(connection, meta, journal, record)
        new += 1
        if progress is not None and new % BATCH == 0:
            progress("merging", record.number, total)
    connection.execute(journals.update().where(journals.c.id == journal.id).values(last=total))
    return new


def _insert(connection: Connection, meta: MetaData, journal: Journal, record: Record) -> None:
    said = json.loads(record.payload)
    result: dict[str, Any] = said.get("result") or {}
    device = said.get("device") or {}
    connection.execute(
        meta.tables["records"]
        .insert()
        .values(
            journal=journal.id,
            number=record.number,
            kind=said["kind"],
            time=said["time"],
            day=said["time"][:10],
            unit=str(device.get("serial") or journal.id[:12]),
            place=str(said.get("place") or ""),
            item=str(said.get("item") or ""),
            verdict=str(result.get("verdict") or ""),
            axis_offset_cm=(result.get("axis") or {}).get("offset_cm"),
            snr=(result.get("quality") or {}).get("snr"),
            payload=record.payload,
            previous=record.previous,
            hash=record.hash,
            signature=record.signature,
        )
    )
    watched = [
        {
            "journal": journal.id,
            "number": record.number,
            "target": str(target["target"]),
            "found": bool(target["found"]),
            "lod": target["lod"],
        }
        for target in result.get("targets") or []
    ]
    if watched:
        connection.execute(meta.tables["targets"].insert(), watched)
    _keep_blobs(connection, meta, journal, said.get("blobs") or {})


def _keep_blobs(connection: Connection, meta: MetaData, journal: Journal, named: dict[str, str]) -> None:
    sa = require_sqlalchemy()
    blobs = meta.tables["blobs"]
    wanted = set(named.values())
    if not wanted:
        return
    there = set(
        connection.execute(sa.select(blobs.c.sha256).where(blobs.c.sha256.in_(sorted(wanted)))).scalars()
    )
    missing = sorted(wanted - there)
    if missing:
        rows = [{"sha256": sha256, "data": compress(journal.blob(sha256))} for sha256 in missing]
        connection.execute(blobs.insert(), rows)
