"""`Journal`: one unit's records, each committed before its result is shown."""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from spectriage.library.journal.chain import GENESIS, Record, record_hash
from spectriage.library.journal.database import connect, translated
from spectriage.library.journal.entry import Entry, canonical_json, compress, decompress, digest
from spectriage.library.journal.errors import AlteredJournalError, JournalError
from spectriage.library.journal.head import Head, head_path
from spectriage.library.journal.keys import UnitKey, unit_key

_COLUMNS = "number, payload, previous, hash, signature"


class Line(NamedTuple):
    """A record in a list."""

    number: int
    time: str
    kind: str
    verdict: str
    summary: str
    hash: str


class Journal:
    """A journal file, open.

    Several programs may write one journal; each record is one transaction.

    Parameters
    ----------
    path
        SQLite file; made if it is not there, unless `readonly`.
    key
        Signs records; the unit's own if None. Not needed to read.
    readonly
        Whether it is only read.
    now
        The clock.

    Raises
    ------
    JournalError
        When it cannot be opened, or is another unit's.
    """

    def __init__(
        self,
        path: Path,
        key: UnitKey | None = None,
        *,
        readonly: bool = False,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.path = path
        self._now = now
        self._key = None if readonly else key or unit_key()
        self._database = connect(path, readonly=readonly)
        try:
            self.id, self.public_key = self._identity()
        except BaseException:
            self._database.close()
            raise

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    @contextmanager
    def as_of_now(self) -> Iterator[None]:
        """See inside only what is there at the first look, whatever others record meanwhile."""
        self._database.execute("BEGIN")
        try:
            yield
        finally:
            with suppress(sqlite3.Error):
                self._database.execute("ROLLBACK")

    def _identity(self) -> tuple[str, bytes]:
        with translated(self.path):
            if self._key is not None:
                values = {"id": uuid.uuid4().hex.encode(), "public_key": self._key.public}
                for key, value in values.items():
                    self._database.execute("INSERT OR IGNORE INTO journal VALUES (?, ?)", (key, value))
            found = dict(self._database.execute("SELECT key, value FROM journal").fetchall())
        if not {"id", "public_key"} <= set(found):
            raise JournalError("the journal does not say whose it is", where=str(self.path))
        if self._key is not None and found["public_key"] != self._key.public:
            raise JournalError(
                "the journal is another unit's: its key is not this one's",
                where=str(self.path),
                remedy="name a journal of this unit; `spectriage journal merge` brings several together",
            )
        return bytes(found["id"]).decode("ascii", "replace"), bytes(found["public_key"])

    def append(self, entry: Entry, committed: Callable[[Record], None] | None = None) -> Record:
        """Record an entry; it is on the disk when this returns.

        Parameters
        ----------
        entry
            The fields ``kind``, ``time``, ``blobs`` and ``clock`` of its payload are set here.
        committed
            Called as soon as the record is on the disk, before the head is written: somebody is waiting.

        Raises
        ------
        JournalFullError
            No room; nothing was written.
        JournalBusyError, JournalError
            It could not be written; nothing was.
        """
        if self._key is None:
            raise JournalError("the journal was opened to be read", where=str(self.path))
        blobs = entry.blobs()
        database = self._database
        with translated(self.path):
            database.execute("BEGIN IMMEDIATE")
            try:
                record = self._insert(entry, blobs)
                database.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    database.execute("ROLLBACK")
                raise
        try:
            if committed is not None:
                committed(record)
        finally:
            self._keep_head(record)
        return record

    def _insert(self, entry: Entry, blobs: dict[str, bytes]) -> Record:
        assert self._key is not None
        last = self._database.execute(
            "SELECT number, hash, time FROM records ORDER BY number DESC LIMIT 1"
        ).fetchone()
        number, previous, before = (0, GENESIS, "") if last is None else last
        time = self._now().astimezone(UTC).isoformat(timespec="microseconds")
        payload = {
            **entry.payload,
            "kind": entry.kind,
            "time": time,
            # a clock that was set back is no reason to lose a record, but the record says so
            "clock": "set back" if time < before else "ok",
            "blobs": {name: digest(data) for name, data in blobs.items()},
        }
        content = canonical_json(payload)
        made = record_hash(number + 1, previous, content)
        record = Record(number + 1, content, previous, made, self._key.sign(made))
        for data in blobs.values():
            self._database.execute(
                "INSERT OR IGNORE INTO blobs VALUES (?, ?)", (digest(data), compress(data))
            )
        self._database.execute(
            "INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (record.number, *listed(payload), record.payload, record.previous, record.hash, record.signature),
        )
        return record

    def _keep_head(self, record: Record) -> None:
        assert self._key is not None
        # the record is kept in any case; a head that lags behind is no damage
        with suppress(OSError):
            time = json.loads(record.payload)["time"]
            head = Head(self.id, record.number, record.hash.hex(), time)
            head.write(head_path(self.path), self._key)

    def __len__(self) -> int:
        with translated(self.path):
            (count,) = self._database.execute("SELECT count(*) FROM records").fetchone()
        return int(count)

    def lines(self, *, last: int | None = None) -> Iterator[Line]:
        """Yield the records in short, the latest first."""
        with translated(self.path):
            found = self._database.execute(
                "SELECT number, time, kind, verdict, summary, hash FROM records ORDER BY number DESC LIMIT ?",
                (-1 if last is None else last,),
            )
            for number, time, kind, verdict, summary, made in found:
                yield Line(number, time, kind, verdict, summary, made.hex())

    def records(self) -> Iterator[tuple[Record, tuple[str, str, str, str]]]:
        """Yield every record with its listed columns, in order; nothing is checked."""
        with translated(self.path):
            found = self._database.execute(
                f"SELECT {_COLUMNS}, kind, time, verdict, summary FROM records ORDER BY number"
            )
            for number, payload, previous, made, signature, *columns in found:
                record = Record(number, bytes(payload), bytes(previous), bytes(made), bytes(signature))
                yield record, (str(columns[0]), str(columns[1]), str(columns[2]), str(columns[3]))

    def record(self, which: int | str) -> Record:
        """Return one record by its number, or by the beginning of its hash.

        Raises
        ------
        JournalError
            When there is none, or more than one hash begins so.
        """
        where = f"{self.path} record {which}"
        with translated(self.path):
            if isinstance(which, int):
                query, value = "number = ?", which
                rows = self._database.execute(
                    f"SELECT {_COLUMNS} FROM records WHERE {query}", (value,)
                ).fetchall()
            else:
                rows = self._database.execute(
                    f"SELECT {_COLUMNS} FROM records WHERE substr(lower(hex(hash)), 1, ?) = ?",
                    (len(which), which.lower()),
                ).fetchall()
        if len(rows) != 1:
            said = "there is no such record" if not rows else "several records begin so"
            raise JournalError(said, where=where, remedy="`spectriage journal list` shows them")
        number, payload, previous, made, signature = rows[0]
        return Record(number, bytes(payload), bytes(previous), bytes(made), bytes(signature))

    def blob(self, sha256: str) -> bytes:
        """Return a recorded array's or file's bytes, checked.

        Raises
        ------
        AlteredJournalError
            When it is gone or not what was recorded.
        """
        with translated(self.path):
            row = self._database.execute("SELECT data FROM blobs WHERE sha256 = ?", (sha256,)).fetchone()
        if row is None:
            raise AlteredJournalError("a recorded value is gone", where=f"{self.path} {sha256[:12]}")
        data = decompress(bytes(row[0]))
        if digest(data) != sha256:
            raise AlteredJournalError("a recorded value was changed", where=f"{self.path} {sha256[:12]}")
        return data

    def blob_names(self) -> set[str]:
        """Return the SHA-256 of everything that is kept."""
        with translated(self.path):
            return {row[0] for row in self._database.execute("SELECT sha256 FROM blobs")}


def listed(payload: dict[str, Any]) -> tuple[str, str, str, str]:
    """Return what a list shows of a payload: kind, time, verdict, summary."""
    result = payload.get("result")
    if isinstance(result, dict):
        said = str(result.get("verdict", "")), str(result.get("summary", ""))
    else:
        said = "", str(payload.get("text", ""))
    return str(payload["kind"]), str(payload["time"]), *said
