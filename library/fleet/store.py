"""The fleet's store: its tables, and opening it by URL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from spectriage.library.journal import JournalError
from spectriage.spectra.errors import ParameterError

if TYPE_CHECKING:
    from sqlalchemy import Connection, MetaData

SCHEMA = 1


def require_sqlalchemy() -> Any:
    """Return SQLAlchemy.

    Raises
    ------
    ParameterError
        When it is not installed, naming the extra.
    """
    try:
        import sqlalchemy
    except ImportError:
        raise ParameterError(
            "a fleet's store needs SQLAlchemy", remedy='install the extra: pip install "spectriage[fleet]"'
        ) from None
    return sqlalchemy


def tables() -> MetaData:
    """Return the tables.

    ``journals`` whose they are and how far they were merged; ``records`` as they were signed, with what is
    asked of them beside; ``targets`` what was watched for in each, found or not, and the limit stated;
    ``blobs`` arrays and files by SHA-256.
    """
    sa = require_sqlalchemy()
    meta: MetaData = sa.MetaData()
    text, number, binary, real = sa.Text, sa.Integer, sa.LargeBinary, sa.Float
    sa.Table("fleet", meta, sa.Column("schema", number, primary_key=True))
    sa.Table(
        "journals",
        meta,
        sa.Column("id", text, primary_key=True),
        sa.Column("public_key", binary, nullable=False),
        sa.Column("last", number, nullable=False),
    )
    sa.Table(
        "records",
        meta,
        sa.Column("journal", text, sa.ForeignKey("journals.id"), primary_key=True),
        sa.Column("number", number, primary_key=True),
        *(sa.Column(name, text, nullable=False) for name in ("kind", "time", "unit", "place", "item")),
        sa.Column("day", text, nullable=False, index=True),
        sa.Column("verdict", text, nullable=False, index=True),
        sa.Column("axis_offset_cm", real),
        sa.Column("snr", real),
        *(sa.Column(name, binary, nullable=False) for name in ("payload", "previous", "hash", "signature")),
    )
    sa.Table(
        "targets",
        meta,
        sa.Column("journal", text, primary_key=True),
        sa.Column("number", number, primary_key=True),
        sa.Column("target", text, primary_key=True),
        sa.Column("found", sa.Boolean, nullable=False),
        sa.Column("lod", real),
        sa.ForeignKeyConstraint(["journal", "number"], ["records.journal", "records.number"]),
    )
    sa.Table(
        "blobs",
        meta,
        sa.Column("sha256", text, primary_key=True),
        sa.Column("data", binary, nullable=False),
    )
    return meta


@contextmanager
def open_store(url: str) -> Iterator[tuple[Connection, MetaData]]:
    """Give a transaction on a store, whole or not at all; a new one gets its tables.

    Parameters
    ----------
    url
        ``sqlite:///fleet.db`` or ``postgresql+psycopg://user@host/name``; a plain path is an SQLite file.

    Raises
    ------
    JournalError
        When it cannot be opened or written, or is of another schema.
    """
    sa = require_sqlalchemy()
    named = url if "://" in url else f"sqlite:///{url}"
    meta = tables()
    try:
        engine = sa.create_engine(named)
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError, ImportError) as error:
        raise ParameterError(f"not a store that can be opened: {error}", where=_public(named)) from None
    try:
        with engine.begin() as connection:
            if engine.dialect.name == "sqlite":
                connection.exec_driver_sql("PRAGMA foreign_keys=ON")
            _check(connection, meta, named)
            yield connection, meta
    except sa.exc.SQLAlchemyError as error:
        said = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        raise JournalError(f"the store cannot be used: {said}", where=_public(named)) from error
    finally:
        engine.dispose()


def _check(connection: Connection, meta: MetaData, url: str) -> None:
    sa = require_sqlalchemy()
    meta.create_all(connection)
    fleet = meta.tables["fleet"]
    found = connection.execute(sa.select(fleet.c.schema)).scalar()
    if found is None:
        connection.execute(fleet.insert().values(schema=SCHEMA))
    elif found != SCHEMA:
        raise JournalError(f"the store has schema {found}, this program uses {SCHEMA}", where=_public(url))


def _public(url: str) -> str:
    """Return a URL without its password."""
    sa = require_sqlalchemy()
    try:
        return str(sa.engine.make_url(url).render_as_string(hide_password=True))
    except sa.exc.ArgumentError:
        return url.split("://")[0]
