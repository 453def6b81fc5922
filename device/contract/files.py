"""Writing what a device leaves behind: whole files or none."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from spectriage.device.contract.errors import DeviceError


class ScanFileError(DeviceError):
    """A scan that cannot be written."""


def write_whole(content: str | bytes, path: Path, *, mode: int = 0o644) -> None:
    """Write a file whole or not at all: to a temporary file beside it, then renamed.

    Parameters
    ----------
    mode
        Its permissions.

    Raises
    ------
    ScanFileError
        When it cannot be written.
    """
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content.encode("utf-8") if isinstance(content, str) else content)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(name, mode)
            os.replace(name, path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ScanFileError(f"cannot be written: {error.strerror}", where=str(path)) from error
