"""The library file: HDF5, self-describing, immutable once built.

`read_library` checks before it believes, `write_library` writes whole or not at all. How the file is laid out
and guarded is private.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spectriage.spectra.facade import late

if TYPE_CHECKING:
    from spectriage.library.store.file import read_library, write_library

__all__ = [
    "read_library",
    "write_library",
]

__getattr__, __dir__ = late(
    __name__,
    {
        "file": ("read_library", "write_library"),
    },
)
