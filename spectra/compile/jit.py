"""One way to compile kernels: cached on disk, GIL released, IEEE division.

Numba keeps machine code while the kernel's own file stays the same; what it took from another kernel's file
would stay after that file changed. So the code of each file is kept in a folder named by the content of that
file and of every kernel file it imports, wherever that one stands: after an update old code is never found,
only left behind.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

from spectriage.spectra.compile import separate
from spectriage.spectra.compile.code_pages import release_llvm_code
from spectriage.spectra.compile.separate import Kernel

F = TypeVar("F", bound=Callable[..., Any])
Fields = TypeVar("Fields", bound=tuple[Any, ...])

FOLDER = "spectriage-kernels"
config: Any = numba.config
_IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import[ \t]+(\([^)]*\)|[^\n]*)|import[ \t]+([^\n]*))", re.MULTILINE
)


def kernel(*, bare: bool = False, shared: bool = False, **options: Any) -> Callable[[F], F]:
    """Return a typed ``numba.njit(nogil=True)`` with a cache on disk; `options` are passed on.

    A damaged file of the cache is made anew. Where no folder can be written the kernel is compiled in every
    process.

    Parameters
    ----------
    bare
        The kernel makes no arrays: all it works in is handed to it. Then it need not count who holds which
        array. Each view of a row costs two locked steps otherwise, a quarter of the time of short loops.
    shared
        Both Python and other kernels call it. Then it is compiled for these, and for Python only what calls
        that; else the whole of it twice. Of no use to what is called from one side alone.
    """
    _start_without_blas()
    settings = {"nopython": True, "nogil": True, "error_model": "numpy", "_nrt": not bare, **options}

    def decorate(function: F) -> F:
        if config.DISABLE_JIT:
            return function
        made = Kernel(function, targetoptions=settings)
        folder = cache_folder(Path(function.__code__.co_filename))
        if folder is not None:
            made.keep_in(folder)
        if shared:
            made.call_inner()
        return cast(F, made)

    return decorate


def packed(named: Fields) -> Fields:
    """Return a named tuple's values as a plain one, to be handed to a kernel, which names them again.

    Compiled code takes half a microsecond to see that what comes from Python is a named tuple, and none for a
    plain one: with three of them a kernel of twenty microseconds would take a tenth more. The type is a fib
    that lets the call be checked; what is returned has no names.
    """
    return cast(Fields, tuple(named))


def packed_as(kind: type[Fields], values: tuple[Any, ...]) -> Fields:
    """Return plain values as what `packed` would make of a named tuple of that kind, without making one."""
    return cast(Fields, values)


@cache
def _start_without_blas() -> None:
    """Let numba start without importing `scipy.linalg`, which it does only to know that it could.

    That takes 0.1 s and 16 MB of every new process. The kernels here have no matrix products; a caller's own
    functions that have some import what they need when they are compiled.
    """
    loaded = "numba.np.arraymath"
    if loaded in sys.modules or find_spec("scipy") is None:
        return
    linalg: Any = import_module("numba.np.linalg")
    asked = getattr(linalg, "ensure_blas", None)
    if asked is None or loaded in sys.modules:
        return
    linalg.ensure_blas = lambda: None
    try:
        import_module(loaded).ensure_blas = asked  # type: ignore[attr-defined]
    finally:
        linalg.ensure_blas = asked
        release_llvm_code()


@cache
def cache_folder(source: Path) -> Path | None:
    """Return where the machine code of a kernel file is kept; None when nothing can be written.

    Tried in turn: ``$NUMBA_CACHE_DIR``, ``__pycache__`` beside the file, and the user's cache.
    """
    name = f"{source.stem}-{content_key(source)}"
    for base in _bases(source):
        folder = base / FOLDER / name
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            if os.access(folder, os.W_OK):
                return folder
    return None


def _bases(source: Path) -> Iterator[Path]:
    named = os.environ.get("NUMBA_CACHE_DIR")
    if named:
        yield Path(named)
    yield source.parent / "__pycache__"
    from platformdirs import user_cache_dir

    own = os.environ.get("SPECTRIAGE_CACHE")
    yield Path(own) if own else Path(user_cache_dir("spectriage", appauthor=False))


@cache
def content_key(source: Path) -> str:
    """Return a hash of a kernel file and of all kernel files that it imports, directly or through others.

    Raises
    ------
    ImportError
        A kernel file is imported that cannot be found.
    """
    found = {source: _content(source)}
    waiting = [source]
    while waiting:
        for path in _imported_kernels(waiting.pop()):
            if path not in found:
                found[path] = _content(path)
                waiting.append(path)
    beside = Path(__file__).with_name
    compiler = [Path(__file__), Path(separate.__file__), *map(beside, ("shortcuts.py", "lending.py"))]
    digest = hashlib.sha256(b"".join(_content(path) for path in compiler))
    for path in sorted(found, key=lambda path: (path.name, found[path])):
        digest.update(f"\0{path.name}\0".encode() + found[path])
    return digest.hexdigest()[:16]


@cache
def _content(source: Path) -> bytes:
    return source.read_bytes()


@cache
def _imported_kernels(source: Path) -> tuple[Path, ...]:
    """Return the kernel files that a file's import statements name."""
    imported = []
    for package, names, modules in _IMPORT.findall(_content(source).decode("utf-8")):
        listed = [part.split()[0] for part in re.split(r"[(),]", names or modules) if part.split()]
        dotted = [package, *(f"{package.rstrip('.')}.{name}" for name in listed)] if package else listed
        for name in dotted:
            if name.rpartition(".")[2].startswith("_kernels"):
                imported.append(_file_of(name, source))
    return tuple(imported)


def _file_of(name: str, source: Path) -> Path:
    """Return the file of a module that a kernel file imports; a relative name counts from that file."""
    if name.startswith("."):
        steps = len(name) - len(name.lstrip("."))
        return source.parents[steps - 1].joinpath(*name.lstrip(".").split(".")).with_suffix(".py")
    beside = source.with_name(f"{name}.py")
    if beside.is_file():
        return beside
    module = sys.modules.get(name)
    spec = getattr(module, "__spec__", None) or find_spec(name)
    if spec is None or spec.origin is None:
        raise ImportError(f"{source.name} imports {name}, which cannot be found", name=name)
    return Path(spec.origin)


def remove_outdated(source: Path) -> int:
    """Remove the machine code of earlier versions of a kernel file; return how many versions."""
    kept = cache_folder(source)
    if kept is None:
        return 0
    pattern = re.compile(re.escape(source.stem) + r"-[0-9a-f]{16}")
    old = [folder for folder in kept.parent.iterdir() if pattern.fullmatch(folder.name) and folder != kept]
    for folder in old:
        shutil.rmtree(folder, ignore_errors=True)
    return len(old)


@contextmanager
def announce_compilation(notify: Callable[[str], None]) -> Iterator[None]:
    """Call `notify` with the name of each function that has to be compiled inside, not found in the cache."""
    from numba.core import event

    events: Any = event

    class Listener(event.Listener):
        def on_start(self, event: Any) -> None:
            notify(str(event.data["dispatcher"].py_func.__name__))

        def on_end(self, event: Any) -> None:
            pass

    listener = Listener()
    events.register("numba:compile", listener)
    try:
        yield
    finally:
        events.unregister("numba:compile", listener)
