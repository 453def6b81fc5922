"""Room for what is larger than memory while a library is made: files without a name, gone with their reader.

Up to `MEMORY_BYTES` are held in memory; what grows beyond that goes into a file in the cache folder.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from math import prod
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from spectriage.library.files.folders import cache_folder
from spectriage.spectra.compile import MappedFile
from spectriage.spectra.errors import LibraryError

MEMORY_BYTES = 32 * 2**20


class Scratch:
    """Bytes that are appended one after the other, and read back from where they were put."""

    def __init__(self) -> None:
        self._size = 0
        with _room():
            self._file = tempfile.SpooledTemporaryFile(  # noqa: SIM115 - it lives as long as this
                max_size=MEMORY_BYTES, dir=_folder(), prefix=".making-"
            )

    def append(self, content: bytes | memoryview) -> int:
        """Put bytes at the end and return where they begin."""
        start = self._size
        with _room():
            self._file.seek(start)
            self._size += self._file.write(content)
        return start

    def read(self, start: int, size: int) -> bytes:
        """Return bytes."""
        self._file.seek(start)
        return self._file.read(size)

    def matrix(self, columns: int, dtype: DTypeLike) -> NDArray[Any]:
        """Return all bytes as a read-only matrix (n, columns); nothing may be appended after that."""
        kind = np.dtype(dtype)
        if self._size <= MEMORY_BYTES:
            whole: Any = self.read(0, self._size)
        else:
            with _room():
                self._file.rollover()
                self._file.flush()
                whole = MappedFile(self._file.fileno())
        return np.frombuffer(whole, kind, self._size // kind.itemsize).reshape(-1, columns)


def scratch_matrix(shape: tuple[int, ...], dtype: DTypeLike, blocks: Iterable[NDArray[Any]]) -> NDArray[Any]:
    """Return the matrix whose rows are those of some blocks: in memory, or read-only, mapped from a file."""
    kind = np.dtype(dtype)
    if prod(shape) * kind.itemsize <= MEMORY_BYTES:
        out = np.empty(shape, kind)
        start = 0
        for block in blocks:
            out[start : start + len(block)] = block
            start += len(block)
        return out
    with _room(), tempfile.TemporaryFile(dir=_folder(), prefix=".making-") as file:
        for block in blocks:
            file.write(np.ascontiguousarray(block, kind).data)
        file.flush()
        return np.frombuffer(MappedFile(file.fileno()), kind).reshape(shape)


def _folder() -> str | None:
    """Return the cache folder, None where it cannot be; the system may hold temporary files in memory."""
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return str(folder) if os.access(folder, os.W_OK) else None


@contextmanager
def _room() -> Iterator[None]:
    """Turn what a full or missing disk raises into the library's own error."""
    try:
        yield
    except OSError as error:
        raise LibraryError(
            f"there is no room for what a library is made of: {error.strerror or error}",
            where=str(cache_folder()),
            remedy="free space there, or name another folder in SPECTRIAGE_CACHE",
        ) from error
