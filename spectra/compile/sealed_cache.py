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
from functools import cache, partial
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import CompileResultCacheImpl, FunctionCache, IndexDataCacheFile, NullCache

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


class _Place:
    """Where the code of one function is kept, as numba asks for it.

    Numba's own would be one for all threads, and would write a file there for each function to see whether it
    can.

    Parameters
    ----------
    folder
        Where. Its name is another after every change of the function, whose age then says nothing.
    py_func
        The function.
    """

    def __init__(self, folder: Path, py_func: Any) -> None:
        self._folder = folder
        self._line = py_func.__code__.co_firstlineno
        # numba names it where it warns of code that it cannot keep
        self._py_file = py_func.__code__.co_filename

    def ensure_cache_path(self) -> None:
        """Make the folder.

        Raises
        ------
        OSError
            When it cannot be made.
        """
        self._folder.mkdir(parents=True, exist_ok=True)

    def get_cache_path(self) -> str:
        """Return the folder."""
        return str(self._folder)

    def get_source_stamp(self) -> str:
        """Return what changes with the function's file."""
        return ""

    def get_disambiguator(self) -> str:
        """Return what tells functions of one name in one file apart."""
        return str(self._line)


class _Placed(CompileResultCacheImpl):
    """Numba's ways of writing and reading code, in a folder that is given."""

    def __init__(self, folder: Path, py_func: Any) -> None:
        self._locator_classes: Any = [_Places(folder)]
        super().__init__(py_func)  # type: ignore[no-untyped-call]


class _Places:
    """What numba asks for the place of a function."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def from_function(self, py_func: Any, _: str) -> _Place:
        """Return the place of a function."""
        return _Place(self._folder, py_func)


class SealedCache(FunctionCache):
    """Numba's cache of one function, that never fails: at worst the function is compiled in this process.

    Parameters
    ----------
    py_func
        The function.
    folder
        Where its code is kept.
    """

    def __init__(self, py_func: Any, folder: Path) -> None:
        self._impl_class: Any = partial(_Placed, folder)
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


class _NotYet(NullCache):
    """In place of a function's cache until it is asked for code: an identification asks two in five.

    Parameters
    ----------
    dispatcher
        The compiled function.
    folder
        Where its code is kept.
    """

    def __init__(self, dispatcher: Any, folder: Path) -> None:
        self._dispatcher = dispatcher
        self._folder = folder

    @property
    def cache_path(self) -> Any:
        """Where the code is kept."""
        return self._made().cache_path

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the machine code for a signature, or None when it has to be compiled."""
        return self._made().load_overload(sig, target_context)

    def save_overload(self, sig: Any, cres: Any) -> None:
        """Keep the machine code of a signature where the disk lets it."""
        self._made().save_overload(sig, cres)

    def _made(self) -> Any:
        made = self._dispatcher._cache
        if made is self:
            try:
                made = SealedCache(self._dispatcher.py_func, self._folder)
            except RuntimeError:
                # a place of numba's own was asked for by the environment, and there is none
                made = NullCache()
            self._dispatcher._cache = made
        return made


def keep(dispatcher: Any, folder: Path) -> None:
    """Keep the machine code of a function in a folder."""
    dispatcher._cache = _NotYet(dispatcher, folder)
