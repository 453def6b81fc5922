"""The journal's SQLite file: its tables, how it is opened, and what its errors mean."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from spectriage.library.journal.errors import JournalBusyError, JournalError, JournalFullError

SCHEMA = 1
APPLICATION_ID = 0x53505452
"""``SPTR``: what SQLite's header says that the file is for."""
BUSY_S = 30.0

_TABLES = """
CREATE TABLE journal (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE records (
    number INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    time TEXT NOT NULL,
    verdict TEXT NOT NULL,
    summary TEXT NOT NULL,
    payload BLOB NOT NULL,
    previous BLOB NOT NULL,
    hash BLOB NOT NULL UNIQUE,
    signature BLOB NOT NULL
);
CREATE TABLE blobs (sha256 TEXT PRIMARY KEY, data BLOB NOT NULL) WITHOUT ROWID;
"""
"""`kind`, `time`, `verdict` and `summary` repeat the payload, for lists; verifying compares them."""


def connect(path: Path, *, readonly: bool) -> sqlite3.Connection:
    """Open the file; a new one is made unless `readonly`.

    Raises
    ------
    JournalError
        When it cannot be opened, or is no journal.
    """
    with translated(path):
        if readonly and not path.is_file():
            raise JournalError("there is no journal", where=str(path), remedy="name the file it is in")
        mode = "ro" if readonly else "rwc"
        uri = f"{path.absolute().as_uri()}?mode={mode}"
        connection = sqlite3.connect(uri, uri=True, timeout=BUSY_S, isolation_level=None)
        try:
            _prepare(connection, path, readonly)
        except BaseException:
            connection.close()
            raise
        return connection


def _prepare(connection: sqlite3.Connection, path: Path, readonly: bool) -> None:
    connection.execute("PRAGMA trusted_schema=OFF")
    # tables first: another program may make them at this moment, and whose they are together with them
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    (found,) = connection.execute("PRAGMA application_id").fetchone()
    if not tables and not readonly:
        _use_wal(connection)
        connection.execute("BEGIN EXCLUSIVE")
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if not tables:
            for statement in _TABLES.split(";"):
                if statement.strip():
                    connection.execute(statement)
            connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version={SCHEMA}")
        connection.execute("COMMIT")
        (found,) = connection.execute("PRAGMA application_id").fetchone()
    if found != APPLICATION_ID:
        raise JournalError("this is not a journal", where=str(path))
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version != SCHEMA:
        raise JournalError(
            f"the journal has schema {version}, this program reads {SCHEMA}",
            where=str(path),
            remedy="use the program that wrote it, or a newer one",
        )
    connection.execute("PRAGMA synchronous=FULL")


def _use_wal(connection: sqlite3.Connection) -> None:
    """Let the file keep what is written in a log first: a record is on the disk before anybody is shown it.

    SQLite does not wait for another program that makes the same file at the same moment; here it is.
    """
    until = time.monotonic() + BUSY_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.005)
        else:
            return


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into ours.

    Raises
    ------
    JournalBusyError, JournalFullError, JournalError
        As the database said.
    """
    try:
        yield
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", "") or ""
        where, said = str(path), str(error)
        if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            raise JournalBusyError(
                "another program is writing the journal", where=where, remedy="let it finish, then try again"
            ) from error
        if name.startswith(("SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_IOERR_FSYNC")):
            raise JournalFullError(
                f"the record could not be written: {said}", where=where, remedy="make room on the disk"
            ) from error
        if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
            raise JournalError(
                f"the journal cannot be written: {said}",
                where=where,
                remedy="name a file on a medium that can be written",
            ) from error
        raise JournalError(f"the journal is damaged: {said}", where=where) from error
    except UnicodeDecodeError as error:
        # SQLite's own words about a damaged file may quote bytes of it
        raise JournalError("the journal is damaged", where=str(path)) from error
    except OSError as error:
        raise JournalError(f"the journal cannot be opened: {error.strerror}", where=str(path)) from error
