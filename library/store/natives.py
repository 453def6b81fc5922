"""Spectra as they were imported, and the files that they were read from, byte for byte."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spectriage.library.store._hdf5 import GuardedFile, open_guarded
from spectriage.library.store._head import read_head, read_table
from spectriage.library.store._layout import native_sha
from spectriage.library.store.held import HeldFile
from spectriage.library.store.opening import hold_library
from spectriage.spectra.errors import ParameterError
from spectriage.spectra.spectrum import Spectrum
from spectriage.spectra.technique import Technique

ORIGINAL_PREFIX = "sha256:"
"""No id has a colon."""


def original_sha(native: Spectrum) -> str:
    """Return the SHA-256 of the file that a native spectrum was read from; empty when none is kept."""
    return _sha_in(native.metadata.get("original"))


def original_sha_of(about: bytes) -> str:
    """Return what `original_sha` does, of what a file holds of a native spectrum beside its arrays."""
    return _sha_in(json.loads(about)["metadata"].get("original"))


def _sha_in(original: object) -> str:
    return str(original.get("sha256", "")) if isinstance(original, Mapping) else ""


def read_natives(path: Path | str | HeldFile, ids: Sequence[str] | None = None) -> dict[str, Spectrum]:
    """Read the spectra as they were imported, each checked against its hash, all into memory.

    Parameters
    ----------
    path
        A library file, or one that is held already.
    ids
        Which; None for all. A reference without one (a band model) is left out.

    Raises
    ------
    ParameterError
        When an id is not in the library.
    LibraryError
        Or one of its kinds, as `read_library`.
    """
    return dict(each_native(path, ids))


def each_native(
    path: Path | str | HeldFile, ids: Sequence[str] | None = None
) -> Iterator[tuple[str, Spectrum]]:
    """Yield what `read_natives` returns, one spectrum after the other."""
    held = path if isinstance(path, HeldFile) else hold_library(path)
    path = held.path
    with open_guarded(held) as file:
        read_head(file, path)
        table = read_table(file)
        shas = {
            name.decode(): sha.decode()
            for name, sha in zip(table["id"].tolist(), table["native_sha256"].tolist(), strict=True)
        }
        unknown = [name for name in ids or () if name not in shas]
        if unknown:
            raise ParameterError(f"no reference has the id {unknown[0]!r}", where=str(path))
        stored = {name for name in file.members("native") if not name.startswith(ORIGINAL_PREFIX)}
        if ids is None and stored != {name for name, sha in shas.items() if sha}:
            raise file.altered("the native spectra are not those of the references")
        wanted = shas if ids is None else dict.fromkeys(ids)
        for name in wanted:
            if shas[name]:
                yield name, _read_native(file, name, shas[name])


def read_originals(path: Path | str | HeldFile, *, check: bool = False) -> dict[str, NDArray[np.uint8]]:
    """Return the files that natives were read from, by SHA-256, as views of the bytes held.

    With `check`, each is hashed.

    Raises
    ------
    LibraryError
        Or one of its kinds, as `read_library`.
    """
    held = path if isinstance(path, HeldFile) else hold_library(path)
    found: dict[str, NDArray[np.uint8]] = {}
    with open_guarded(held) as file:
        read_head(file, held.path)
        for name in file.members("native"):
            if name.startswith(ORIGINAL_PREFIX):
                content: NDArray[np.uint8] = file.array(f"native/{name}", "|u1", 1)
                sha256 = name.removeprefix(ORIGINAL_PREFIX)
                if check and hashlib.sha256(content.data).hexdigest() != sha256:
                    raise file.altered(f"the original file {name} does not match its hash")
                found[sha256] = content
    return found


def walk_natives(held: HeldFile) -> None:
    """Parse all that `read_natives` would, without looking at what is in it."""
    with open_guarded(held) as file:
        for name in file.members("native"):
            if not name.startswith(ORIGINAL_PREFIX):
                _stored_native(file, name)


def _stored_native(file: GuardedFile, name: str) -> tuple[str, NDArray[np.float64]]:
    array: NDArray[np.float64] = file.array(f"native/{name}", "<f8", 2)
    return file.text("about", f"native/{name}"), array


def _read_native(file: GuardedFile, name: str, sha: str) -> Spectrum:
    about, array = _stored_native(file, name)
    if array.shape[0] not in (2, 3) or native_sha(about.encode("utf-8"), array) != sha:
        raise file.altered(f"the native spectrum of {name!r} does not match its hash")
    return native_from(about, array)


def native_from(about: str | bytes, array: NDArray[np.float64]) -> Spectrum:
    """Return a native spectrum from what a file holds of it."""
    known = json.loads(about)
    return Spectrum(
        array[0],
        array[1],
        array[2] if len(array) == 3 else None,
        known["excitation_nm"],
        known["resolution_cm"],
        known["metadata"],
        tuple(known["history"]),
        Technique(known.get("technique", Technique.NORMAL)),
        known.get("substrate", ""),
    )
