"""Parsing an unsigned library in a process of its own first: HDF5 loops, or crashes, on some made to harm.

Damage by accident is found by HDF5's own checksums. Who makes a file to do harm makes those again, and some
such file stops or kills the program that opens it. So a child does first what the program is about to do, for
a limited time. What came through is remembered by its hash, and not tried again.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from typing import Any

from spectriage.library.files.folders import cache_folder
from spectriage.library.store._layout import engine_version
from spectriage.library.store.held import HeldFile
from spectriage.spectra.compile import MappedFile
from spectriage.spectra.errors import AlteredLibraryError, LibraryError

WORKER = "spectriage.library.store.trial_worker"
SECONDS, BYTES_A_SECOND = 30.0, 20e6
"""How long the child may take, and what it has to get through of a larger file."""
REMEMBERED, KEPT_LINES = "tried-libraries", 1000


def try_parsing(held: HeldFile) -> None:
    """Have a child parse all of a library file, unless one of these bytes came through before.

    Raises
    ------
    AlteredLibraryError
        When the child crashes, or does not come to an end.
    LibraryError
        When no child can be started.
    """
    line = f"{held.sha256} {_parser()}"
    if line in _remembered():
        return
    where, remedy = str(held.path), "use a library from a source you trust"
    mapping, seconds = held.mapping, SECONDS + len(held) / BYTES_A_SECOND
    given: dict[str, Any] = (
        {"stdin": mapping.descriptor} if isinstance(mapping, MappedFile) else {"input": bytes(held.buffer)}
    )
    try:
        done = subprocess.run(
            [sys.executable, "-m", WORKER],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=seconds,
            check=False,
            **given,
        )
    except subprocess.TimeoutExpired:
        raise AlteredLibraryError(
            f"the HDF5 library does not come to an end with it in {seconds:.0f} s",
            where=where,
            remedy=remedy,
        ) from None
    except OSError as error:
        raise LibraryError(
            f"no process can be started to try it in: {error.strerror}",
            where=where,
            remedy="have it signed: what a trusted key signed is not tried",
        ) from None
    if done.returncode != 0:
        raise AlteredLibraryError("the HDF5 library fails on it", where=where, remedy=remedy)
    _remember(line)


def _parser() -> str:
    import h5py

    return f"{h5py.version.hdf5_version} {engine_version()}"


def _remembered() -> list[str]:
    try:
        return (cache_folder() / REMEMBERED).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []


def _remember(line: str) -> None:
    """Keep a line; where that cannot be, the file is tried again next time."""
    lines = _remembered()
    path = cache_folder() / REMEMBERED
    with suppress(OSError):
        if len(lines) >= KEPT_LINES:
            temporary = path.with_name(f".{REMEMBERED}.{os.getpid()}.tmp")
            temporary.write_text("".join(f"{kept}\n" for kept in lines[KEPT_LINES // 2 :]), encoding="utf-8")
            temporary.replace(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")
