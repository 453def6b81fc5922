"""The shipped catalogue as a library in the user's cache, built once and kept by its content.

The file's name is a hash of what decides its content: the catalogue's files, the code that renders and
prepares them, the schema and the version. So a cached file is never out of date: it is the right one or
has another name. Two processes that build at once write the same content and rename it atomically.
"""

from __future__ import annotations

import gc
import hashlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from spectriage.library.files.folders import CACHE_VARIABLE, cache_folder
from spectriage.library.signing.trust import JUST_MADE, Trust
from spectriage.library.store.file import SCHEMA, content_sha256, engine_version, read_library, write_library
from spectriage.spectra.errors import LibraryError
from spectriage.spectra.reference import ReferenceSet

if TYPE_CHECKING:
    from spectriage.spectra.progress import Progress

KEPT_LIBRARIES = 4
STALE_S = 3600.0
_CODE = "spectriage.spectra", "spectriage.library"

Notify = Callable[[str], None]


def _say(message: str) -> None:
    print(message, file=sys.stderr)


def _content_files() -> Iterator[Path]:
    from importlib import resources

    from spectriage.library.catalogue import catalogue_files

    yield from catalogue_files()
    for package in _CODE:
        yield from _code_files(str(resources.files(package)))


def _code_files(folder: str) -> list[Path]:
    """Return the code of a package, in order.

    Not looked for among what was compiled: of a few versions that takes longer than all the rest.
    """
    found: list[str] = []
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != "__pycache__"]
        found += [os.path.join(place, name) for name in names if name.endswith(".py")]
    return [Path(path) for path in sorted(found)]


def cache_key() -> str:
    """Return what the cached library depends on, as a short hash.

    It hashes files as bytes: parsing the catalogue only to find its library would cost more than opening it.
    """
    digest = hashlib.sha256(f"{SCHEMA} {engine_version()}".encode())
    for path in _content_files():
        digest.update(f"\0{path.name}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:20]


def default_library(progress: Progress | None = None, *, notify: Notify = _say) -> ReferenceSet:
    """Open the shipped catalogue, building it into the user's cache when it is not there.

    Parameters
    ----------
    progress
        Called while it is built.
    notify
        Told when a damaged file is rebuilt, or when the cache cannot be written and the library is kept in
        memory for this process only; prints to standard error unless given.

    Raises
    ------
    CatalogueError, BuildError
        When the catalogue itself is not acceptable.
    """
    folder = cache_folder()
    path = folder / f"catalogue-{cache_key()}.h5"
    if path.exists():
        try:
            return read_library(path, trust=JUST_MADE)
        except LibraryError as error:
            notify(f"The cached library is damaged and is built again: {error}")
    return _build_into(path, progress, notify)


def _build_into(path: Path, progress: Progress | None, notify: Notify) -> ReferenceSet:
    from spectriage.library.building.build import assemble

    made = assemble(progress=progress)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_library(path, made.references, made.natives, made.history, overwrite=True)
        _sweep(path)
        # what building left behind goes before the collector is told to leave all that is there alone
        gc.collect()
        return read_library(path, trust=JUST_MADE)
    except (OSError, LibraryError) as error:
        notify(
            f"The library cannot be kept in the cache and is built for this run only: {error} "
            f"(set {CACHE_VARIABLE} to a folder that can be written)"
        )
    return replace(
        made.references,
        sha256=content_sha256(made.references, made.natives, made.history),
        attributes={**made.references.attributes, "history": made.history},
    )


def _sweep(path: Path) -> None:
    """Remove what killed writers left, and all but the newest few libraries."""
    with suppress(OSError):
        now = time.time()
        for left in path.parent.glob(".catalogue-*.tmp"):
            if now - left.stat().st_mtime > STALE_S:
                left.unlink()
        kept = sorted(path.parent.glob("catalogue-*.h5"), key=lambda old: old.stat().st_mtime, reverse=True)
        for old in kept[KEPT_LIBRARIES:]:
            if old != path:
                old.unlink()


def open_library(
    path: Path | str | None = None,
    *,
    verify: bool = True,
    trust: Trust | None = None,
    progress: Progress | None = None,
    notify: Notify = _say,
) -> ReferenceSet:
    """Open a library file, or the shipped catalogue when none is named.

    Parameters
    ----------
    path
        A library file; None for the shipped catalogue.
    verify
        Check the hashes of a named file, see `read_library`; the cached catalogue's are always checked.
    trust
        Which named files may be opened, see `hold_library`; the shipped catalogue is trusted as the
        program is.
    progress, notify
        As in `default_library`.

    Raises
    ------
    LibraryError
        Or one of its kinds, as `read_library` and `default_library`.
    """
    if path is None:
        return default_library(progress, notify=notify)
    references = read_library(path, verify=verify, trust=trust)
    if verify:
        from spectriage.library.building.derived import check_opened

        check_opened(references)
    return references
