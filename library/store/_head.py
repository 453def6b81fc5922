"""The head of a library file, and its table of references: what every reader looks at first."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from spectriage.library.store._hdf5 import GuardedFile
from spectriage.library.store._layout import (
    FORMAT,
    HASH_FIELDS,
    LATER_FIELDS,
    NUMBER_FIELDS,
    ROOT_ATTRIBUTES,
    SCHEMA,
    TEXT_FIELDS,
    root_members,
)
from spectriage.spectra.errors import ForeignFileError, NewerSchemaError


def read_head(file: GuardedFile, path: Path) -> dict[str, Any]:
    names = file.attributes()
    if "format" not in names or "schema" not in names or file.text("format") != FORMAT:
        raise ForeignFileError(
            "an HDF5 file, but not a Spectriage library", where=str(path), remedy="name a library file"
        )
    schema = file.integer("schema")
    if schema > SCHEMA:
        raise NewerSchemaError(
            f"the library has schema {schema}, this version reads up to {SCHEMA}",
            where=str(path),
            remedy="update Spectriage, or build the library again",
        )
    if schema < 1 or names != ROOT_ATTRIBUTES:
        raise file.altered("the file's attributes are not those of a library")
    if file.members("/") != root_members(schema):
        raise file.altered(f"the file holds {', '.join(file.members('/'))}: not the parts of a library")
    head: dict[str, Any] = {name: file.text(name) for name in ("name", "version", "generator", "sha256")}
    history = json.loads(file.text("history"))
    if not isinstance(history, list) or not all(isinstance(step, str) for step in history):
        raise file.altered("the history is not a list of texts")
    return head | {"schema": schema, "history": history}


def read_table(file: GuardedFile) -> NDArray[Any]:
    table = file.array("references", None, 1)
    names = set(table.dtype.names or ())
    # what came later came together
    missing = {name for later in LATER_FIELDS if not later & names for name in later}
    wanted = tuple(name for name in (*TEXT_FIELDS, *NUMBER_FIELDS, *HASH_FIELDS) if name not in missing)
    if table.dtype.names != wanted:
        raise file.altered("/references does not have the columns of a library")
    for name in table.dtype.names:
        column = table.dtype[name]
        if column.kind != ("f" if name in NUMBER_FIELDS else "S") or (column.kind == "f" and column != "<f8"):
            raise file.altered(f"the column {name!r} of /references is of type {column}")
    return table
