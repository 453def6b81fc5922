"""The files of a folder and of those in it, in one fixed order."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from spectriage.spectra.errors import FormatError


def walk(folder: Path, before: str = "") -> Iterator[tuple[Path, str]]:
    """Yield every file in a folder and below, with its name from there; one folder is held at a time.

    By name; hidden ones are left out, and links to folders are not followed.

    Parameters
    ----------
    folder
        Where to begin.
    before
        What stands before the names.

    Raises
    ------
    FormatError
        When a folder cannot be read.
    """
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
            yield from walk(folder / name, f"{before}{name}/")
        else:
            yield folder / name, f"{before}{name}"
