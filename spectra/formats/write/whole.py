"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from spectriage.spectra.errors import SpectriageError
from spectriage.spectra.formats.source import StrPath


class WriteError(SpectriageError):
    """A spectrum that cannot be written."""


@contextmanager
def whole_file(path: StrPath) -> Iterator[Path]:
    """Yield the path of a new file beside `path`, which takes its name when nothing went wrong.

    Raises
    ------
    WriteError
        When it cannot be written.
    """
    target = Path(path)
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        os.close(handle)
        try:
            yield Path(name)
            with open(name, "rb+") as file:
                os.fsync(file.fileno())
            os.chmod(name, 0o644)
            os.replace(name, target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise WriteError(
            f"it cannot be written: {error.strerror or error}",
            where=str(path),
            remedy="check the folder and its permissions",
        ) from error
