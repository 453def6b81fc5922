"""Making a file whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from spectriage.spectra.errors import LibraryError


@contextmanager
def replacing(path: Path, overwrite: bool) -> Iterator[Path]:
    """Give a temporary path beside `path`; put it in place when the block ends well, remove it otherwise.

    Raises
    ------
    LibraryError
        When the file exists and may not be replaced, or cannot be written.
    """
    exists = LibraryError(
        "the file exists; a library is never changed in place",
        where=str(path),
        remedy="name another file, or ask to replace it with --force",
    )
    temporary = path.parent / f".{path.name}.{secrets.token_hex(6)}.tmp"
    try:
        if path.is_dir():
            raise LibraryError("the library's path is a folder", where=str(path), remedy="name a file")
        if not path.parent.is_dir():
            raise LibraryError("the folder does not exist", where=str(path.parent), remedy="make it first")
        if path.exists() and not overwrite:
            raise exists
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        if overwrite:
            temporary.replace(path)
        else:
            _link_or_rename(temporary, path, exists)
        _sync_folder(path.parent)
    except (OSError, RuntimeError) as error:
        # HDF5 reports a full disk as either.
        reason = (isinstance(error, OSError) and error.strerror) or str(error)
        raise LibraryError(f"the library cannot be written: {reason}", where=str(path)) from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def _link_or_rename(temporary: Path, path: Path, exists: LibraryError) -> None:
    """Give the file its name without ever replacing another, as far as the file system can promise it."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise exists from None
    except OSError:
        # No hard links here (FAT): only a check-then-rename is possible.
        if path.exists():
            raise exists from None
        temporary.replace(path)


def _sync_folder(folder: Path) -> None:
    # Not every file system lets a folder be opened or synced; the rename itself has been made.
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
