"""A library file held privately: what was checked is what is read, whatever happens to the file afterwards.

A file that is mapped where it lies can be cut short under the reader (the system then kills the process) or
written over (its answers then change unseen). So a file is opened once, and its bytes are taken over: up to
`MEMORY_BYTES` into memory, larger ones into a file of our own that has no name. Only that copy is hashed,
parsed and mapped. The path may meanwhile be renamed over, removed, cut or overwritten.
"""

from __future__ import annotations

import hashlib
import io
import mmap
import os
import stat
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from spectriage.library.signing.signature import Signed
from spectriage.spectra.compile import MappedFile
from spectriage.spectra.errors import (
    AlteredLibraryError,
    ForeignFileError,
    LibraryError,
    TruncatedLibraryError,
)

SIGNATURE = b"\x89HDF\r\n\x1a\n"
SUPERBLOCK_BYTES = 48
MEMORY_BYTES = 32 * 2**20
"""Files up to this size are held in memory."""
CHUNK_BYTES = 4 * 2**20


class HeldFile:
    """The bytes of a library file at one moment, private to this process and read-only.

    Parameters
    ----------
    path
        The file.
    folder
        Where a large file's nameless copy is put; the system's folder for temporary files if None.

    Attributes
    ----------
    path
        As given, for messages.
    mapping
        Its bytes: memory, or a map of the nameless copy.
    sha256
        Of all bytes, hexadecimal.
    signed
        The statement of a trusted key on them, once that was checked.

    Raises
    ------
    LibraryError
        When the file cannot be opened or taken over, or changes meanwhile.
    TruncatedLibraryError, ForeignFileError, AlteredLibraryError
        When it is shorter than it says, no HDF5 file that this package writes, or longer than it says.
    """

    def __init__(self, path: Path, folder: Callable[[], Path] | None = None) -> None:
        self.path = path
        self.signed: Signed | None = None
        descriptor = _open_regular(path)
        try:
            before = os.fstat(descriptor)
            check_superblock(os.read(descriptor, SUPERBLOCK_BYTES), before.st_size, path)
            os.lseek(descriptor, 0, os.SEEK_SET)
            self.mapping, self.sha256 = _take_over(descriptor, before.st_size, path, folder)
            if _was_written(descriptor, before, self.sha256, path):
                raise AlteredLibraryError(
                    "the file was changed while it was being read", where=str(path), remedy="open it again"
                )
            # of what is held: the file may have been another one when its first bytes were looked at
            check_superblock(bytes(self.mapping[:SUPERBLOCK_BYTES]), len(self.mapping), path)
        finally:
            os.close(descriptor)

    def __len__(self) -> int:
        return len(self.mapping)

    @property
    def buffer(self) -> memoryview:
        """All bytes, read-only."""
        return memoryview(self.mapping).toreadonly()

    def reader(self) -> io.RawIOBase:
        """Return the bytes as a file for the HDF5 parser."""
        return _Reader(self.buffer)


def check_superblock(head: bytes, size: int, path: Path) -> None:
    """Check the file's first bytes and its length before the HDF5 parser sees it.

    The superblock (versions 2 and 3, HDF5 file format specification §II.A) holds the address of the end
    of the file, so that a file cut short is told from one that is something else.

    Raises
    ------
    TruncatedLibraryError, ForeignFileError, AlteredLibraryError
        When it is shorter than it says, no HDF5 file that this package writes, or longer than it says.
    """
    where = str(path)
    if head[: len(SIGNATURE)] != SIGNATURE[: len(head)]:
        raise ForeignFileError("not an HDF5 file", where=where, remedy="name a Spectriage library file")
    if len(head) > 8 and head[8] not in (2, 3):
        raise ForeignFileError(
            f"an HDF5 file of layout {head[8]}, which no Spectriage library has",
            where=where,
            remedy="name a file made by `spectriage library build`",
        )
    if len(head) < SUPERBLOCK_BYTES:
        raise TruncatedLibraryError(
            f"the file ends after {size} bytes", where=where, remedy="copy or build it again"
        )
    end = int.from_bytes(head[28:36], "little")
    if size < end:
        raise TruncatedLibraryError(
            f"the file has {size:,} of {end:,} bytes", where=where, remedy="copy or build it again"
        )
    if size > end:
        raise AlteredLibraryError(f"the file has {size - end:,} bytes after its end", where=where)


def _open_regular(path: Path) -> int:
    """Open a file for reading; links are followed here, once. A pipe or device is refused, not waited for."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(path, flags | getattr(os, "O_CLOEXEC", 0))
    except (OSError, ValueError) as error:
        reason = (isinstance(error, OSError) and error.strerror) or str(error)
        raise LibraryError(f"the library cannot be opened: {reason}", where=str(path)) from None
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        kind = "a folder" if stat.S_ISDIR(mode) else "no regular file"
        raise ForeignFileError(f"this is {kind}", where=str(path), remedy="name a Spectriage library file")
    return descriptor


def _was_written(descriptor: int, before: os.stat_result, sha256: str, path: Path) -> bool:
    """Tell whether somebody wrote into an open file since it was opened.

    The time of the last change of its status also moves where the bytes stay: an import has put another file
    under its name, somebody has made or removed a link or set its mode. And it moves where somebody wrote and
    then set the time of writing back. The bytes, read once more, tell these apart.
    """
    after = os.fstat(descriptor)
    if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
        return True
    if after.st_ctime_ns == before.st_ctime_ns:
        return False
    try:
        os.lseek(descriptor, 0, os.SEEK_SET)
        return _copy(descriptor, before.st_size, len, path) != sha256
    except (OSError, TruncatedLibraryError):
        # what cannot be read any more, as on a server that has removed it, is not known to be the same
        return True


def _take_over(
    descriptor: int, size: int, path: Path, folder: Callable[[], Path] | None
) -> tuple[mmap.mmap, str]:
    """Copy and hash a file's bytes in one pass."""
    try:
        if size <= MEMORY_BYTES:
            memory = mmap.mmap(-1, size)
            return memory, _copy(descriptor, size, memory.write, path)
        with tempfile.TemporaryFile(dir=folder() if folder else None, prefix=".held-") as copy:
            digest = _copy(descriptor, size, copy.write, path)
            copy.flush()
            return MappedFile(copy.fileno()), digest
    except (OSError, ValueError) as error:
        reason = (isinstance(error, OSError) and error.strerror) or str(error)
        raise LibraryError(
            f"no private copy of the library can be made: {reason}",
            where=str(path),
            remedy="free space in the folder for temporary files",
        ) from None


def _copy(descriptor: int, size: int, write: Callable[[bytes], Any], path: Path) -> str:
    digest = hashlib.sha256()
    left = size
    while left:
        chunk = os.read(descriptor, min(left, CHUNK_BYTES))
        if not chunk:
            raise TruncatedLibraryError(
                "the file was cut short while it was being read", where=str(path), remedy="open it again"
            )
        digest.update(chunk)
        write(chunk)
        left -= len(chunk)
    return digest.hexdigest()


class _Reader(io.RawIOBase):
    """Bytes as a file, without copying them."""

    def __init__(self, content: memoryview) -> None:
        self._content = content
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: len(self._content)}[whence]
        self._at = max(0, min(start + offset, sys.maxsize))
        return self._at

    def readinto(self, target: Any) -> int:
        part = self._content[self._at : self._at + len(target)]
        target[: len(part)] = part
        self._at += len(part)
        return len(part)
