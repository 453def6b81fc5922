"""Guarded reading of an HDF5 file from outside: nothing is followed, decoded or allocated unchecked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spectriage.library.store.held import HeldFile
from spectriage.spectra.errors import (
    AlteredLibraryError,
    ForeignFileError,
    NewerSchemaError,
    ParameterError,
)

MAX_ATTRIBUTE_BYTES = 64 * 2**20


class GuardedFile:
    """An open HDF5 file whose datasets are read as views of the bytes held.

    Only hard links to groups and to contiguous, unfiltered datasets of this very file are taken; soft and
    external links, virtual datasets, external storage, filters and object references are refused unread.
    """

    def __init__(self, handle: Any, held: HeldFile) -> None:
        self._handle = handle
        self._held = held
        self._path = held.path

    def refuse(self, what: str) -> ForeignFileError:
        """Return the error for a thing that a library never holds."""
        return ForeignFileError(what, where=str(self._path), remedy="use a library from a source you trust")

    def altered(self, what: str) -> AlteredLibraryError:
        """Return the error for content that does not agree with itself."""
        return AlteredLibraryError(what, where=str(self._path), remedy="copy or build the library again")

    def members(self, group: str) -> tuple[str, ...]:
        """Return the names in a group, every one a hard link."""
        found = self._group(group)
        names = []
        for raw in found:
            self._check_link(found, raw, group)
            names.append(raw.decode("utf-8"))
        return tuple(sorted(names))

    def array(self, name: str, dtype: str | None, ndim: int) -> NDArray[Any]:
        """Return a dataset as a read-only view of the bytes held.

        Parameters
        ----------
        name
            Absolute path of the dataset, without the leading slash.
        dtype
            The numpy type it must have; None for the caller to check.
        ndim
            How many dimensions it must have.
        """
        import h5py

        dataset = self._dataset(name)
        plist = dataset.get_create_plist()
        if plist.get_layout() != h5py.h5d.CONTIGUOUS or plist.get_nfilters() or plist.get_external_count():
            raise self.refuse(f"/{name} is virtual, filtered, chunked or stored elsewhere")
        shape = tuple(int(length) for length in dataset.shape)
        found = np.dtype(dataset.dtype)
        if found.hasobject or found.itemsize == 0:
            raise self.refuse(f"/{name} holds references or text of any length")
        if dtype is not None and found != np.dtype(dtype):
            raise self.altered(f"/{name} is of type {found}, not {dtype}")
        if len(shape) != ndim or 0 in shape:
            raise self.altered(f"/{name} has the shape {shape}, not {ndim} dimensions")
        count = 1
        for length in shape:
            count *= length
        offset, size = dataset.get_offset(), count * found.itemsize
        if offset is None or dataset.get_storage_size() != size or offset + size > len(self._held):
            raise self.altered(f"/{name} says {shape} values, which the file does not hold")
        return np.frombuffer(self._held.buffer, found, count, offset).reshape(shape)

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape that a dataset says it has."""
        return tuple(int(length) for length in self._dataset(name).shape)

    def text(self, name: str, owner: str = "/") -> str:
        """Return a text attribute of the root or of a dataset."""
        value = self._attribute(name, owner)
        if not isinstance(value, bytes):
            raise self.altered(f"the attribute {name!r} of {owner} is not text")
        return value.decode("utf-8")

    def integer(self, name: str) -> int:
        """Return an integer attribute of the root."""
        value = self._attribute(name, "/")
        if not isinstance(value, np.integer):
            raise self.altered(f"the attribute {name!r} is not an integer")
        return int(value)

    def attributes(self) -> frozenset[str]:
        """Return the names of the root's attributes."""
        return frozenset(self._handle.attrs.keys())

    def _check_link(self, parent: Any, raw: bytes, group: str) -> None:
        import h5py

        if parent.links.get_info(raw).type != h5py.h5l.TYPE_HARD:
            raise self.refuse(f"{raw.decode('utf-8', 'replace')!r} in /{group} is a link to elsewhere")

    def _open(self, path: str, leaf: Any) -> Any:
        """Open an object step by step, each a hard link; `leaf` opens the last."""
        import h5py

        current = h5py.h5g.open(self._handle.id, b"/")
        steps = [step.encode() for step in path.split("/") if step]
        for depth, step in enumerate(steps):
            if step not in current:
                raise self.altered(f"/{path} is missing")
            self._check_link(current, step, "/".join(path.split("/")[:depth]))
            last = depth == len(steps) - 1
            wanted = h5py.h5o.TYPE_DATASET if last and leaf is h5py.h5d.open else h5py.h5o.TYPE_GROUP
            if h5py.h5o.get_info(current, step).type != wanted:
                raise self.altered(f"/{path} is of another kind")
            current = (leaf if last else h5py.h5g.open)(current, step)
        return current

    def _group(self, path: str) -> Any:
        import h5py

        return self._open(path, h5py.h5g.open)

    def _dataset(self, path: str) -> Any:
        import h5py

        return self._open(path, h5py.h5d.open)

    def _attribute(self, name: str, owner: str) -> Any:
        import h5py

        holder = self._handle.id if owner == "/" else self._dataset(owner)
        if not h5py.h5a.exists(holder, name.encode()):
            raise self.altered(f"{owner} has no attribute {name!r}")
        attribute = h5py.h5a.open(holder, name.encode())
        dtype = np.dtype(attribute.dtype)
        if attribute.shape != () or dtype.hasobject or dtype.itemsize > MAX_ATTRIBUTE_BYTES:
            raise self.refuse(f"the attribute {name!r} of {owner} is not one plain value")
        value = np.zeros((), dtype)
        attribute.read(value)
        return value[()]


@contextmanager
def open_guarded(held: HeldFile) -> Iterator[GuardedFile]:
    """Parse a file from outside; whatever the parser stumbles over becomes a typed error.

    Arrays taken from it stay valid after it is closed: they hold the bytes.

    Raises
    ------
    LibraryError
        `AlteredLibraryError` for a damaged structure.
    """
    import h5py

    try:
        with h5py.File(held.reader(), "r") as handle:
            yield GuardedFile(handle, held)
    except (AlteredLibraryError, ForeignFileError, NewerSchemaError, ParameterError):
        raise
    except Exception as error:
        # Records or arrays that are not acceptable, and whatever h5py, json or a codec raises.
        raise AlteredLibraryError(
            f"the file is damaged: {str(error).splitlines()[0] if str(error) else repr(error)}",
            where=str(held.path),
            remedy="copy or build the library again",
        ) from error
