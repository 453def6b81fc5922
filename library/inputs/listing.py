"""What a batch is made of, in one fixed order: a folder, a manifest, a library, a store or a table."""

from __future__ import annotations

import csv
import io
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from spectriage.library.files.places import fetch, file_system, is_url, local_path, typed_access
from spectriage.library.files.walking import walk
from spectriage.library.inputs.item import Item, Kind
from spectriage.library.inputs.store import is_store, store_items
from spectriage.library.inputs.table import PARQUET_SUFFIX, is_table, table_items
from spectriage.spectra.errors import FormatError, ParameterError

COLUMNS = ("path", "which", "column")
MAX_FIELD_CHARS = 4096
MAX_MANIFEST_BYTES = 2**30
HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
HEAD_BYTES = 8


def batch_items(source: Path | str) -> Iterator[Item]:
    """List the inputs, always in the same order.

    A folder gives every file in it and below, but hidden ones, by path, and the rows of those whose name ends
    in ``.parquet``; a CSV table with the column ``path`` (relative to the table; also ``which``, ``column``)
    gives its rows; a library file its references; an HDF5 file of a NeXus group of many spectra its spectra;
    a Parquet table its rows. All but a library may lie at a URL that fsspec can open.

    Raises
    ------
    FormatError
        When the source is none of these, or cannot be read.
    ParameterError
        When it needs a package that is not installed.
    """
    path = local_path(source)
    if path is None:
        return _remote(str(source))
    if path.is_dir():
        return _folder(path)
    head = _head(path)
    if head == HDF5_SIGNATURE:
        return store_items(str(path)) if is_store(str(path)) else _references(path)
    return table_items(str(path)) if is_table(head) else _manifest(path)


def source_kind(source: Path | str) -> str:
    """Return what a source is, in a word: folder, library, store, table or manifest."""
    first = next(iter(batch_items(source)), None)
    path = local_path(source)
    if path is not None and path.is_dir():
        return "folder"
    return str(first.kind) if first is not None and first.kind is not Kind.FILE else "files"


def _head(path: Path) -> bytes:
    """Return a file's first bytes."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise FormatError(
                "this is a device, pipe or socket, not a folder, manifest or library", where=str(path)
            )
        if status.st_size == 0:
            raise FormatError("the file is empty: not a manifest", where=str(path))
        with path.open("rb") as file:
            return file.read(HEAD_BYTES)
    except OSError as error:
        raise FormatError(f"the input cannot be read: {error.strerror or error}", where=str(path)) from None


def _folder(folder: Path) -> Iterator[Item]:
    for path, name in walk(folder):
        yield from _of_file(name, str(path))


def _of_file(name: str, path: str) -> Iterator[Item]:
    """Yield a file of a folder; of a Parquet table its rows, or the table where it cannot be listed."""
    if not name.endswith(PARQUET_SUFFIX):
        yield Item(name, path)
        return
    given = False
    try:
        for item in table_items(path, before=f"{name}#"):
            given = True
            yield item
    except FormatError:
        if given:
            raise
        yield Item(name, path, kind=Kind.TABLE)


def _remote(url: str) -> Iterator[Item]:
    system, path = file_system(url)
    with typed_access(url):
        is_folder = bool(system.isdir(path))
        head = b"" if is_folder else bytes(system.cat_file(path, start=0, end=HEAD_BYTES))
    if is_folder:
        return _remote_folder(system, path, url, "")
    if head == HDF5_SIGNATURE:
        if is_store(url):
            return store_items(url)
        raise ParameterError(
            "a library is opened from a file on this machine", where=url, remedy="copy it here first"
        )
    return table_items(url) if is_table(head) else _remote_manifest(url)


def _remote_folder(system: Any, folder: str, url: str, before: str) -> Iterator[Item]:
    """Walk one folder of a store at a time, in the order of `_folder`."""
    with typed_access(url):
        found = system.ls(folder, detail=True)
    names = sorted((str(entry["name"]).rstrip("/"), entry["type"] == "directory") for entry in found)
    for path, is_folder in names:
        name = path.rpartition("/")[2]
        # a store may keep an empty object in the folder's own name
        if not name or name.startswith(".") or path == folder.rstrip("/"):
            continue
        if is_folder:
            yield from _remote_folder(system, path, url, f"{before}{name}/")
        else:
            yield from _of_file(f"{before}{name}", str(system.unstrip_protocol(path)))


def _manifest(path: Path) -> Iterator[Item]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from _rows(file, str(path), str(path.parent))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FormatError(f"the manifest cannot be read: {error}", where=str(path), remedy=_REMEDY) from None


def _remote_manifest(url: str) -> Iterator[Item]:
    try:
        text = fetch(url, MAX_MANIFEST_BYTES).decode("utf-8-sig")
        yield from _rows(io.StringIO(text, newline=""), url, url.rpartition("/")[0])
    except (UnicodeDecodeError, csv.Error) as error:
        raise FormatError(f"the manifest cannot be read: {error}", where=url, remedy=_REMEDY) from None


_REMEDY = f"a manifest is a CSV table with the column path, and at will {', '.join(COLUMNS[1:])}"


def _rows(file: Iterable[str], where: str, folder: str) -> Iterator[Item]:
    rows = csv.reader(file, strict=True)
    header = [name.strip() for name in next(rows, [])]
    if "path" not in header or len(set(header)) != len(header):
        raise FormatError("not a manifest", where=where, remedy=_REMEDY)
    unknown = set(header) - set(COLUMNS)
    if unknown:
        raise FormatError(f"unknown column {min(unknown)!r}", where=where, remedy=_REMEDY)
    for row in rows:
        if not row:
            continue
        line = f"{where}, line {rows.line_num}"
        if len(row) != len(header) or any(len(text) > MAX_FIELD_CHARS for text in row):
            raise FormatError(f"{len(row)} fields, not {len(header)}", where=line, remedy=_REMEDY)
        fields = dict(zip(header, (text.strip() for text in row), strict=True))
        if not fields["path"] or "\0" in fields["path"]:
            raise FormatError("the path is empty", where=line, remedy=_REMEDY)
        name = "#".join(filter(None, (fields["path"], fields.get("which"), fields.get("column"))))
        yield Item(
            name,
            _beside(folder, fields["path"]),
            fields.get("which") or None,
            fields.get("column") or None,
        )


def _beside(folder: str, path: str) -> str:
    if is_url(path):
        return path
    return f"{folder}/{path}" if is_url(folder) else str(Path(folder) / path)


def _references(path: Path) -> Iterator[Item]:
    from spectriage.library.store.file import read_library

    for row, raw in enumerate(read_library(path, verify=False).ids):
        yield Item(raw.decode("utf-8"), str(path), row=row, kind=Kind.REFERENCE)
