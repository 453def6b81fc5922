"""LLVM's own code, let go of once it has loaded ours.

To load machine code from the cache numba goes through a third of LLVM's eighty megabytes, and hardly ever
again once all is loaded. The pages are the unchanged library file: letting go of them costs milliseconds
if they are needed once more, and takes some forty megabytes off what a process holds.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

MADV_DONTNEED = 4
"""Linux's."""
LOADS = 12
"""Once so many kernels were loaded the pages are let go again."""


def release_llvm_code() -> None:
    """Let go of the pages of LLVM's code; does nothing where the system is not Linux."""
    for start, size in _code_ranges():
        with suppress(OSError, AttributeError, ValueError):
            ctypes.CDLL(None).madvise(ctypes.c_void_p(start), ctypes.c_size_t(size), MADV_DONTNEED)


class _Loads:
    """How many kernels were loaded since the pages were let go, and are being loaded, one for another."""

    done = 0
    running = 0


@contextmanager
def kernel_loading() -> Iterator[None]:
    """Load a kernel inside; after each few let go of LLVM's code, but not while one still loads others.

    To need it again takes a few milliseconds. Numba loads in one thread at a time.
    """
    _Loads.running += 1
    try:
        yield
        _Loads.done += 1
    finally:
        _Loads.running -= 1
    if _Loads.running == 0 and _Loads.done >= LOADS:
        _Loads.done = 0
        release_llvm_code()


@cache
def _code_ranges() -> tuple[tuple[int, int], ...]:
    """Return where LLVM's code is mapped, executable and never written: what is changed would be lost."""
    found = []
    with suppress(OSError, ValueError):
        for line in Path("/proc/self/maps").read_text(encoding="utf-8").splitlines():
            place, rights, *_, name = line.split(maxsplit=5)
            if rights == "r-xp" and Path(name).name.startswith("libllvmlite"):
                start, end = (int(word, 16) for word in place.split("-"))
                found.append((start, end - start))
    return tuple(found)
