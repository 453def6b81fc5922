"""Matrices in a mapped file, and a few rows of them without the map.

A product over a whole matrix is best taken from the map. A few rows here and there are not: the kernel may
map the two megabytes around a page that is touched, so that some hundred rows bring the whole file into the
memory of the process. Read from the file they take up their own bytes.
"""

from __future__ import annotations

import mmap
import os
import weakref
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from spectriage.spectra.errors import LibraryError

Scalar = TypeVar("Scalar", bound=np.generic)

MAPPED_BYTES = 8 * 2**20
"""A matrix up to this size is always read through the map: all of it costs little, and it is faster."""
CAN_READ_AT = hasattr(os, "preadv")


class MappedFile(mmap.mmap):
    """A whole file, mapped read-only; it stays open as long as the map or a view of it lives.

    Parameters
    ----------
    descriptor
        Of the open file; may be closed afterwards.
    """

    descriptor: int
    address: int

    def __new__(cls, descriptor: int) -> MappedFile:
        """Map the file and keep a descriptor of it."""
        self = super().__new__(cls, descriptor, 0, access=mmap.ACCESS_READ)
        self.descriptor = os.dup(descriptor)
        # at exit the system closes it: a thread may still be reading
        weakref.finalize(self, os.close, self.descriptor).atexit = False
        self.address = np.frombuffer(self, np.uint8).ctypes.data
        return self


class RowSource(Generic[Scalar]):
    """Rows of a matrix, from the file that it is mapped from, where it is large and mapped.

    Parameters
    ----------
    matrix
        Shape (n, m).
    """

    def __init__(self, matrix: NDArray[Scalar]) -> None:
        self._matrix = matrix
        self._row_bytes = matrix[:1].nbytes
        self._start = 0
        self._file = _mapped_file(matrix) if CAN_READ_AT and matrix.nbytes > MAPPED_BYTES else None
        if self._file is not None:
            self._start = matrix.ctypes.data - self._file.address

    def row(self, index: int) -> NDArray[Scalar]:
        """Return one row, shape (m,): a copy or a read-only view.

        Raises
        ------
        IndexError
            When there is no such row; from a file none is counted from the end.
        LibraryError
            When the file has been cut short since it was mapped.
        """
        if self._file is None:
            return np.asarray(self._matrix[index])
        out = np.empty(self._matrix.shape[1], self._matrix.dtype)
        self._read(self._file, index, out)
        return out

    def _read(self, file: MappedFile, index: int, out: NDArray[Scalar]) -> None:
        if not 0 <= index < len(self._matrix):
            raise IndexError(f"there is no row {index} of {len(self._matrix)}")
        try:
            read = os.preadv(file.descriptor, (out.data,), self._start + index * self._row_bytes)
        except OSError as error:
            raise LibraryError(f"the file cannot be read any more: {error.strerror}") from None
        if read != self._row_bytes:
            raise LibraryError("the file was cut short while it was in use", remedy="copy it again")


def release_pages(matrix: NDArray[Any]) -> None:
    """Let go of the pages read so far of the file that a matrix is mapped from; they come back when needed.

    Does nothing for a matrix in memory, or where the platform cannot.
    """
    file = _mapped_file(matrix)
    if file is not None and hasattr(mmap, "MADV_DONTNEED"):
        file.madvise(mmap.MADV_DONTNEED)


def _mapped_file(matrix: NDArray[Any]) -> MappedFile | None:
    """Return the file of which a matrix is a contiguous view."""
    owner: Any = matrix
    while isinstance(owner, (np.ndarray, memoryview)):
        owner = owner.base if isinstance(owner, np.ndarray) else owner.obj
    return owner if isinstance(owner, MappedFile) and matrix.flags.c_contiguous else None
