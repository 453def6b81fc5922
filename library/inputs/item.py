"""`Item`: one input of a batch, wherever it lies."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """Where an input lies."""

    FILE = "file"
    REFERENCE = "reference"
    STORE = "store"
    TABLE = "table"


@dataclass(frozen=True)
class Item:
    """One input: a file, or one row of a file of many.

    Parameters
    ----------
    name
        As it stands in the results: the path as given, the reference's or the row's id.
    path
        The file, or its URL.
    which, column
        Of a manifest's row; see `read_spectrum`.
    row
        Of a library, store or table, from 0; None for a file of spectra, or a table that cannot be listed.
    kind
        Of the file.
    """

    name: str
    path: str
    which: str | None = None
    column: str | None = None
    row: int | None = None
    kind: Kind = Kind.FILE
