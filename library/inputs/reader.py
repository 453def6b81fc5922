"""`Reader`: the spectra and the hash of one input after another."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import local
from typing import TYPE_CHECKING

import numpy as np

from spectriage.library.files.places import fetch, fetch_many, is_url
from spectriage.library.inputs.item import Item, Kind
from spectriage.spectra.errors import FormatError, SpectriageError
from spectriage.spectra.spectrum import Spectrum

if TYPE_CHECKING:
    from spectriage.library.inputs.store import StoreRows
    from spectriage.library.inputs.table import TableRows
    from spectriage.spectra.reference import ReferenceSet

MAX_BYTES = 64 * 2**20
"""Of one file at a URL; as `spectriage.spectra.formats` has it for files."""
AHEAD = 32
"""So many small files at URLs are asked for at once."""


def _open_without_waiting(path: str, flags: int) -> int:
    # Between check and opening a FIFO may take the file's place: opening it must not wait for a writer.
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


class Reader(local):
    """Reads items; keeps the library, store or table that was opened last, and what was fetched ahead.

    Every thread that uses one has its own of these: another may be reading something else.
    """

    def __init__(self) -> None:
        self._path: str | None = None
        self._opened: ReferenceSet | StoreRows | TableRows | None = None
        self._fetched: dict[str, bytes] = {}

    def look_ahead(self, items: Sequence[Item]) -> None:
        """Fetch the first files at URLs among the next items all at once: a store answers late, but many."""
        urls = [item.path for item in items[:AHEAD] if item.kind is Kind.FILE and is_url(item.path)]
        if not set(urls) <= self._fetched.keys():
            self._fetched = fetch_many(list(dict.fromkeys(urls)), MAX_BYTES)

    def digest(self, item: Item) -> str:
        """Return the hash of an item's content; empty when it cannot be read, or is no regular file."""
        try:
            if item.kind is not Kind.FILE:
                return self._row_digest(item)
            if is_url(item.path):
                return hashlib.sha256(self._bytes(item.path)).hexdigest()
            status = os.stat(item.path)
            if not stat.S_ISREG(status.st_mode):
                return ""
            if status.st_size == 0:
                # also of what the kernel only pretends is a file (/proc): reading it may never end
                return hashlib.sha256(b"").hexdigest()
            with open(item.path, "rb", opener=_open_without_waiting) as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except (OSError, ValueError, SpectriageError):
            return ""

    def holds(self, item: Item) -> bool:
        """Say whether an item's content is held here, so that what is read of it is what was hashed."""
        return item.kind is not Kind.FILE or is_url(item.path)

    def spectra(self, item: Item) -> Mapping[str, Spectrum]:
        """Return an item's spectra by name; the only one of an item under the empty name.

        Raises
        ------
        SpectriageError
            When it cannot be read.
        """
        if item.kind is Kind.REFERENCE:
            return {"": self._reference(item)}
        if item.kind is not Kind.FILE:
            return {"": self._rows(item).spectrum(self._row(item))}
        if is_url(item.path):
            return self._remote(item)
        return _of_file(item.path, item)

    def _remote(self, item: Item) -> Mapping[str, Spectrum]:
        """Read the file at a URL from a copy of its own name; what is said of the copy is said of the URL."""
        data = self._bytes(item.path)
        with tempfile.TemporaryDirectory(prefix="spectriage-") as folder:
            copy = Path(folder) / (os.path.basename(item.path) or "spectrum")
            copy.write_bytes(data)
            try:
                return _of_file(str(copy), item)
            except SpectriageError as error:
                where = error.where.replace(str(copy), item.path)
                raise FormatError(error.what, where=where, remedy=error.remedy) from None

    def _bytes(self, url: str) -> bytes:
        if url not in self._fetched:
            self._fetched = {url: fetch(url, MAX_BYTES)}
        return self._fetched[url]

    def _row(self, item: Item) -> int:
        if item.row is None:
            raise FormatError("the table's rows could not be listed", where=item.path)
        return item.row

    def _row_digest(self, item: Item) -> str:
        if item.kind is Kind.REFERENCE:
            row = self._library(item.path).spectra[self._row(item)]
            return hashlib.sha256(row.tobytes()).hexdigest()
        if item.row is None:
            return self.digest(Item(item.name, item.path))
        return self._rows(item).digest(item.row)

    def _rows(self, item: Item) -> StoreRows | TableRows:
        from spectriage.library.inputs.store import StoreRows
        from spectriage.library.inputs.table import TableRows

        kind = StoreRows if item.kind is Kind.STORE else TableRows
        if self._path != item.path or not isinstance(self._opened, kind):
            self._opened = kind(item.path)
            self._path = item.path
        return self._opened

    def _library(self, path: str) -> ReferenceSet:
        from spectriage.library.store.file import read_library
        from spectriage.spectra.reference import ReferenceSet

        if self._path != path or not isinstance(self._opened, ReferenceSet):
            self._opened = read_library(path, verify=False)
            self._path = path
        return self._opened

    def _reference(self, item: Item) -> Spectrum:
        references = self._library(item.path)
        values = references.spectra[self._row(item)]
        measured = np.isfinite(values)
        return Spectrum(references.shift[measured], values[measured].astype(np.float64))


def _of_file(path: str, item: Item) -> Mapping[str, Spectrum]:
    from spectriage.spectra.formats import read_spectra, read_spectrum

    if item.which is not None or item.column is not None:
        return {"": read_spectrum(path, which=item.which, column=item.column)}
    found = read_spectra(path)
    return {"": next(iter(found.values()))} if len(found) == 1 else found
