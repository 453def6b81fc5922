"""What a batch is made of: the spectra of a folder, a manifest or a library file, in one fixed order."""

from __future__ import annotations

import csv
import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from spectriage.spectra.errors import FormatError, ParameterError
from spectriage.spectra.spectrum import Spectrum

COLUMNS = ("path", "which", "column")
MAX_FIELD_CHARS = 4096
LIBRARY_SUFFIXES = (".h5", ".hdf5")
HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"


@dataclass(frozen=True)
class Item:
    """One input: a file, or a reference of a library file.

    Parameters
    ----------
    name
        As it stands in the results: the path as given, or the reference's id.
    path
        The file.
    which, column
        Of a manifest's row; see `read_spectrum`.
    row
        Of a library's reference; None for a file of spectra.
    """

    name: str
    path: str
    which: str | None = None
    column: str | None = None
    row: int | None = None


def batch_items(source: Path) -> Iterator[Item]:
    """List the inputs, always in the same order.

    A folder gives every file in it and below, but hidden ones, by path; a CSV table with the column ``path``
    (relative to the table; also ``which``, ``column``) gives its rows; a library file its references.

    Raises
    ------
    FormatError
        When a manifest or library cannot be read.
    """
    if source.is_dir():
        return _folder(source, "")
    if is_hdf5(source):
        return _references(source)
    return _manifest(source)


def is_hdf5(path: Path) -> bool:
    """Whether a file is HDF5, by its first bytes."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise FormatError(
                "this is a device, pipe or socket, not a folder, manifest or library", where=str(path)
            )
        if status.st_size == 0:
            raise FormatError("the file is empty: not a manifest", where=str(path))
        with path.open("rb") as file:
            return file.read(len(HDF5_SIGNATURE)) == HDF5_SIGNATURE
    except OSError as error:
        raise FormatError(f"the input cannot be read: {error.strerror or error}", where=str(path)) from None


def _folder(folder: Path, before: str) -> Iterator[Item]:
    """Walk one folder at a time: only its names are held."""
    try:
        with os.scandir(folder) as entries:
            names = sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries)
    except OSError as error:
        raise FormatError(
            f"the folder cannot be read: {error.strerror or error}", where=str(folder)
        ) from None
    for name, is_folder in names:
        if name.startswith("."):
            continue
        if is_folder:
            yield from _folder(folder / name, f"{before}{name}/")
        else:
            yield Item(f"{before}{name}", str(folder / name))


def _manifest(path: Path) -> Iterator[Item]:
    remedy = f"a manifest is a CSV table with the column path, and at will {', '.join(COLUMNS[1:])}"
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file, strict=True)
            header = [name.strip() for name in next(rows, [])]
            if "path" not in header or len(set(header)) != len(header):
                raise FormatError("not a manifest", where=str(path), remedy=remedy)
            unknown = set(header) - set(COLUMNS)
            if unknown:
                raise FormatError(f"unknown column {min(unknown)!r}", where=str(path), remedy=remedy)
            for row in rows:
                if not row:
                    continue
                where = f"{path}, line {rows.line_num}"
                if len(row) != len(header) or any(len(text) > MAX_FIELD_CHARS for text in row):
                    raise FormatError(f"{len(row)} fields, not {len(header)}", where=where, remedy=remedy)
                fields = dict(zip(header, (text.strip() for text in row), strict=True))
                if not fields["path"] or "\0" in fields["path"]:
                    raise FormatError("the path is empty", where=where, remedy=remedy)
                name = "#".join(filter(None, (fields["path"], fields.get("which"), fields.get("column"))))
                yield Item(
                    name,
                    str(path.parent / fields["path"]),
                    fields.get("which") or None,
                    fields.get("column") or None,
                )
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FormatError(f"the manifest cannot be read: {error}", where=str(path), remedy=remedy) from None


def _references(path: Path) -> Iterator[Item]:
    from spectriage.library.store.file import read_library

    for row, raw in enumerate(read_library(path, verify=False).ids):
        yield Item(raw.decode("utf-8"), str(path), row=row)


def _open_without_waiting(path: str, flags: int) -> int:
    # Between check and opening a FIFO may take the file's place: opening it must not wait for a writer.
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


class Reader:
    """Reads the spectra of items; keeps an opened library between them."""

    def __init__(self) -> None:
        self._library: str | None = None

    def digest(self, item: Item) -> str:
        """Return the hash of an item's content; empty when it cannot be read, or is no regular file."""
        try:
            if item.row is not None:
                self._open(item.path)
                return hashlib.sha256(self._references.spectra[item.row].tobytes()).hexdigest()
            status = os.stat(item.path)
            if not stat.S_ISREG(status.st_mode):
                return ""
            if status.st_size == 0:
                # also of what the kernel only pretends is a file (/proc): reading it may never end
                return hashlib.sha256(b"").hexdigest()
            with open(item.path, "rb", opener=_open_without_waiting) as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except (OSError, ValueError):
            return ""

    def spectra(self, item: Item) -> Mapping[str, Spectrum]:
        """Return an item's spectra by name; the only one of an item under the empty name.

        Raises
        ------
        SpectriageError
            When it cannot be read.
        """
        if item.row is not None:
            return {"": self._reference(item)}
        from spectriage.spectra.formats import read_spectra, read_spectrum

        if item.which is not None or item.column is not None:
            return {"": read_spectrum(item.path, which=item.which, column=item.column)}
        found = read_spectra(item.path)
        return {"": next(iter(found.values()))} if len(found) == 1 else found

    def _open(self, path: str) -> None:
        from spectriage.library.store.file import read_library

        if self._library != path:
            self._references = read_library(path, verify=False)
            self._library = path

    def _reference(self, item: Item) -> Spectrum:
        self._open(item.path)
        if item.row is None:
            raise ParameterError("the item is not a reference", where=item.name)
        values = self._references.spectra[item.row]
        measured = np.isfinite(values)
        return Spectrum(self._references.shift[measured], values[measured].astype(np.float64))
