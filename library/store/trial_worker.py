"""Parse a library file from standard input as a program would that opens it, in a process of its own.

Whether the parser comes to an end is all that is asked. What is wrong with a file that it gets through is
found and told by the process that uses it.
"""

from __future__ import annotations

import mmap
import os
import stat
import sys
from contextlib import suppress
from pathlib import Path

from spectriage.library.store.file import read_library
from spectriage.library.store.held import HeldFile
from spectriage.library.store.natives import read_originals, walk_natives
from spectriage.spectra.compile import MappedFile
from spectriage.spectra.errors import SpectriageError


class _StandardInput(HeldFile):
    """The bytes of standard input, a file or a pipe: held already by the process that gives them."""

    def __init__(self) -> None:
        self.path = Path("standard input")
        self.signed = None
        self.sha256 = ""
        if stat.S_ISREG(os.fstat(0).st_mode):
            self.mapping = MappedFile(0)
        else:
            content = sys.stdin.buffer.read()
            self.mapping = mmap.mmap(-1, len(content))
            self.mapping.write(content)


def main() -> int:
    """Return 0 when the parser came to an end, well or not."""
    held = _StandardInput()
    with suppress(SpectriageError):
        read_library(held, verify=False)
    with suppress(SpectriageError):
        walk_natives(held)
    with suppress(SpectriageError):
        read_originals(held)
    return 0


if __name__ == "__main__":
    sys.exit(main())
