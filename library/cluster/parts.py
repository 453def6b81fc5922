"""Where shards of results are written: whole, once, under their final names; a folder or an object store."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from spectriage.library.files.places import file_system, local_path
from spectriage.spectra.errors import ParameterError, SpectriageError


class Place(Protocol):
    """A folder of results, here or in a store."""

    where: str

    def read(self, name: str) -> bytes | None:
        """Return a file's bytes; None where there is none."""

    def write_once(self, name: str, data: bytes) -> None:
        """Give a file its final name with its whole content, or leave what has the same content.

        Raises
        ------
        ParameterError
            When one of that name has other content, or nothing can be written.
        """

    def names(self) -> list[str]:
        """Return the files there but hidden ones, sorted."""

    def sweep(self) -> None:
        """Remove what killed writers left unfinished."""


def open_place(out: str) -> Place:
    """Return the place of results that a path or URL names.

    Raises
    ------
    ParameterError
        When it cannot be one.
    """
    path = local_path(out)
    return Store(out) if path is None else Folder(path)


class Folder:
    """A folder of this machine, or of a file system that all workers share."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.where = str(path)

    def make(self) -> None:
        """Make it, where it is not there."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._not_written(error) from None

    def read(self, name: str) -> bytes | None:
        """See `Place`."""
        try:
            return (self.path / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ParameterError(
                f"the results cannot be read: {error.strerror or error}", where=str(self.path / name)
            ) from None

    def write_once(self, name: str, data: bytes) -> None:
        """See `Place`: to a name of its own, to the disk, then linked under the final one."""
        self.make()
        temporary = self.path / f".{name}.{secrets.token_hex(6)}.tmp"
        try:
            with temporary.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            try:
                os.link(temporary, self.path / name)
            except FileExistsError:
                self._check_same(name, data)
            except OSError:  # no hard links here: content under one name is equal, so it may be replaced
                if (self.path / name).exists():
                    self._check_same(name, data)
                else:
                    temporary.replace(self.path / name)
            _sync(self.path)
        except OSError as error:
            raise self._not_written(error) from None
        finally:
            with suppress(OSError):
                temporary.unlink()

    def names(self) -> list[str]:
        """See `Place`."""
        try:
            return sorted(entry.name for entry in os.scandir(self.path) if not entry.name.startswith("."))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise self._not_written(error) from None

    def sweep(self) -> None:
        """See `Place`."""
        for left in self.path.glob(".*.tmp"):
            with suppress(OSError):
                left.unlink()

    def _check_same(self, name: str, data: bytes) -> None:
        if self.read(name) != data:
            raise other_content(str(self.path / name))

    def _not_written(self, error: OSError) -> ParameterError:
        return ParameterError(f"the results cannot be written: {error.strerror or error}", where=self.where)


class Store:
    """A prefix of an object store: an object is there as a whole, or not."""

    def __init__(self, url: str) -> None:
        self.where = url
        self._system, path = file_system(url)
        self._root = path.rstrip("/")

    def read(self, name: str) -> bytes | None:
        """See `Place`."""
        try:
            return bytes(self._system.cat_file(f"{self._root}/{name}"))
        except FileNotFoundError:
            return None
        except Exception as error:
            raise self._failed("read", error) from None

    def write_once(self, name: str, data: bytes) -> None:
        """See `Place`: one put."""
        there = self.read(name)
        if there is not None:
            if there != data:
                raise other_content(f"{self.where}/{name}")
            return
        try:
            self._system.pipe_file(f"{self._root}/{name}", data)
        except Exception as error:
            raise self._failed("written", error) from None

    def names(self) -> list[str]:
        """See `Place`."""
        try:
            self._system.invalidate_cache()
            found = [str(path).rpartition("/")[2] for path in self._system.ls(self._root, detail=False)]
        except FileNotFoundError:
            return []
        except Exception as error:
            raise self._failed("listed", error) from None
        return sorted(name for name in found if name and not name.startswith("."))

    def sweep(self) -> None:
        """See `Place`: a store keeps nothing unfinished under a name."""

    def _failed(self, done: str, error: Exception) -> SpectriageError:
        return ParameterError(
            f"the results cannot be {done}: {type(error).__name__}: {error}",
            where=self.where,
            remedy="check the URL, the store's settings and credentials",
        )


def other_content(where: str) -> ParameterError:
    """Return the error for a finished shard that holds something else than it should."""
    return ParameterError(
        "a shard of that name holds other results",
        where=where,
        remedy="the inputs have changed, or it is of another run: name another place",
    )


def _sync(folder: Path) -> None:
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
