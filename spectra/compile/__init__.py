"""How kernels become machine code, and how much of what they read is held.

`kernel` is the one decorator for numba kernels: cached on disk by content, without the GIL. `BoundedCache`
holds what was prepared once; `mapped` reads rows of a mapped file; `lasting` keeps the garbage collector from
looking through what a starting program makes to last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spectriage.spectra.facade import late

if TYPE_CHECKING:
    from spectriage.spectra.compile.collector import lasting
    from spectriage.spectra.compile.jit import announce_compilation, kernel, remove_outdated
    from spectriage.spectra.compile.mapped import MappedFile, RowSource, release_pages

__all__ = [
    "MappedFile",
    "RowSource",
    "announce_compilation",
    "kernel",
    "lasting",
    "release_pages",
    "remove_outdated",
]

__getattr__, __dir__ = late(
    __name__,
    {
        "collector": ("lasting",),
        "jit": ("announce_compilation", "kernel", "remove_outdated"),
        "mapped": ("MappedFile", "RowSource", "release_pages"),
    },
)
