"""Machine code on disk that ends with its checksum: what is damaged is compiled anew, never run.

Numba unpickles whatever stands in its files and runs it. A file cut by a full disk, zeroed by a lost power
supply or with one bit turned would then end a program with an error of pickle's, with a crash, or worse with
a wrong number. Here every file ends with the SHA-256 of what stands before it and of numba's version.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

import numba
from numba.core import config
from numba.core.caching import FunctionCache, IndexDataCacheFile

from spectriage.spectra.compile.code_pages import kernel_loading

_SEAL_BYTES = hashlib.sha256().digest_size


def _seal(content: bytes | memoryview) -> bytes:
    digest = hashlib.sha256(numba.__version__.encode())
    digest.update(content)
    return digest.digest()


def is_sound(path: str | Path) -> bool:
    """Return whether a file of machine code ends with the checksum of its content.

    Raises
    ------
    OSError
        When it cannot be read.
    """
    content = memoryview(Path(path).read_bytes())
    # of a file shorter than a seal the slices overlap, and do not agree
    return _seal(content[:-_SEAL_BYTES]) == bytes(content[-_SEAL_BYTES:])


class SealedFiles(IndexDataCacheFile):
    """Numba's index and code files of one function, each with its checksum behind it.

    Unpickling stops before the checksum, so numba's own reader can read them too.
    """

    def _load_index(self) -> dict[Any, str]:
        if not self._checked(self._index_path):
            return {}
        found: dict[Any, str] = super()._load_index()  # type: ignore[no-untyped-call]
        return found

    def _load_data(self, name: str) -> Any:
        # numba's load takes None for: not there, compile it
        path = self._data_path(name)  # type: ignore[no-untyped-call]
        return super()._load_data(name) if self._checked(path) else None  # type: ignore[no-untyped-call]

    def _checked(self, path: str) -> bool:
        """Return whether a file can be loaded; a damaged one is removed."""
        try:
            if is_sound(path):
                return True
            os.unlink(path)
        except OSError:
            pass
        return False

    def save(self, key: Any, data: Any) -> None:
        """Keep machine code, in a file named after what it is for, before the index says that it is there.

        Numba counts the files, and writes the index first: of two processes that keep code for different
        arguments at once both take the same number, and the index names the code of one for the other's.
        """
        named = hashlib.sha256(repr(key).encode()).hexdigest()[:16]
        name = f"{self._index_name.removesuffix('.nbi')}.{named}.nbc"
        self._save_data(name, data)  # type: ignore[no-untyped-call]
        found = self._load_index()
        if found.get(key) != name:
            found[key] = name
            self._save_index(found)  # type: ignore[no-untyped-call]

    def discard(self) -> None:
        """Remove the index, so that nothing it names is loaded again."""
        with suppress(OSError):
            os.unlink(self._index_path)

    @contextmanager
    def _open_for_write(self, filepath: str) -> Iterator[io.BytesIO]:
        held = io.BytesIO()
        yield held
        content = held.getvalue()
        with super()._open_for_write(filepath) as file:
            file.write(content)
            file.write(_seal(content))


class SealedCache(FunctionCache):
    """Numba's cache of one function, that never fails: at worst the function is compiled in this process.

    Parameters
    ----------
    py_func
        The function.

    Raises
    ------
    RuntimeError
        When numba finds no folder that it can write to.
    """

    def __init__(self, py_func: Any) -> None:
        super().__init__(py_func)  # type: ignore[no-untyped-call]
        files: Any = SealedFiles
        self._cache_file: Any = files(
            cache_path=self._cache_path,
            filename_base=self._impl.filename_base,
            source_stamp=self._impl.locator.get_source_stamp(),
        )

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the machine code for a signature, or None when it has to be compiled."""
        try:
            _prepare(target_context)
            with kernel_loading(), self._guard_against_spurious_io_errors():
                return self._load_overload(sig, target_context)  # type: ignore[no-untyped-call]
        except Exception:
            # whole, yet not to be used here, as after a change of LLVM below the same numba
            self._cache_file.discard()
            return None

    def _index_key(self, sig: Any, codegen: Any) -> Any:
        return super()._index_key(sig, _machine_of(codegen))  # type: ignore[no-untyped-call]

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep the machine code of a signature where the disk lets it."""
        with suppress(OSError):
            super().save_overload(sig, data)  # type: ignore[no-untyped-call]


class _Machine:
    """What numba asks of the processor for each function that it looks up, asked once.

    A virtual machine takes a tenth of a millisecond to say which processor it is.
    """

    def __init__(self, codegen: Any) -> None:
        self._magic = codegen.magic_tuple()

    def magic_tuple(self) -> Any:
        """Return what machine code depends on: the system, the processor and what it can."""
        return self._magic


@cache
def _machine_of(codegen: Any) -> _Machine:
    return _Machine(codegen)


@cache
def _prepare(target: Any) -> None:
    """Let numba look for what it knows, once: it does before each function that it loads.

    What it finds lets it look again, some two hundred times; once after all is found does as much.
    """
    look = target.refresh
    target.refresh = _nothing
    try:
        look()
    finally:
        del target.refresh
    look()


def _nothing() -> None:
    """Do nothing."""


def keep(dispatcher: Any, folder: Path) -> None:
    """Keep the machine code of a function in a folder; nowhere if numba can write nothing there after all."""
    settings: Any = config
    # numba has one setting for all threads: two may import kernels, or compile what others call, at once
    with _keeping:
        before = settings.CACHE_DIR
        settings.CACHE_DIR = str(folder)
        try:
            dispatcher._cache = SealedCache(dispatcher.py_func)
        except RuntimeError:
            pass
        finally:
            settings.CACHE_DIR = before


_keeping = Lock()
