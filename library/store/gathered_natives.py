"""Native spectra and originals on their way into a library file: in a file without a name, not in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Container, Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spectriage.library.files import Scratch
from spectriage.library.store._layout import native_about, native_array, native_sha
from spectriage.library.store.held import HeldFile
from spectriage.library.store.natives import each_native, native_from, original_sha_of
from spectriage.spectra.errors import LibraryError
from spectriage.spectra.spectrum import Spectrum

StoredNative = tuple[bytes, NDArray[np.float64]]
"""What a native spectrum knows beside its arrays, and the arrays, as a file holds them."""


class _Place(NamedTuple):
    start: int
    about_bytes: int
    columns: int
    points: int


class GatheredNatives(Mapping[str, Spectrum]):
    """Spectra as imported, by reference id; each is made again when it is asked for."""

    def __init__(self) -> None:
        self._places: dict[str, _Place] = {}
        self._scratch = Scratch()

    def add(self, name: str, native: Spectrum) -> None:
        """Put a spectrum in.

        Raises
        ------
        LibraryError
            When its metadata cannot be kept, or there is no room.
        """
        about, array = native_about(native), native_array(native)
        start = self._scratch.append(about)
        self._scratch.append(np.ascontiguousarray(array).data.cast("B"))
        self._places[name] = _Place(start, len(about), *array.shape)

    def take(self, natives: Mapping[str, Spectrum], names: Iterable[str]) -> None:
        """Put in some of other native spectra."""
        for name in names:
            self.add(name, natives[name])

    def without(self, names: Container[str]) -> GatheredNatives:
        """Return the others; nothing may be put in after that."""
        others = GatheredNatives.__new__(GatheredNatives)
        others._scratch = self._scratch
        others._places = {name: place for name, place in self._places.items() if name not in names}
        return others

    def stored(self, name: str) -> StoredNative:
        """Return a spectrum as a file holds it."""
        place = self._places[name]
        content = self._scratch.read(place.start, place.about_bytes + 8 * place.columns * place.points)
        array = np.frombuffer(content, np.float64, offset=place.about_bytes)
        return content[: place.about_bytes], array.reshape(place.columns, place.points)

    def __getitem__(self, name: str) -> Spectrum:
        return native_from(*self.stored(name))

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, name: object) -> bool:
        return name in self._places


def gather_natives(path: Path | str | HeldFile) -> GatheredNatives:
    """Read the spectra of a library as they were imported, each checked against its hash.

    Raises
    ------
    LibraryError
        Or one of its kinds, as `read_natives`.
    """
    natives = GatheredNatives()
    for name, native in each_native(path):
        natives.add(name, native)
    return natives


def stored_native(natives: Mapping[str, Spectrum], name: str) -> StoredNative:
    """Return one of some native spectra as a file holds it."""
    if isinstance(natives, GatheredNatives):
        return natives.stored(name)
    return native_about(natives[name]), native_array(natives[name])


def hash_of_native(natives: Mapping[str, Spectrum], name: str) -> str:
    """Return the hash of one of some native spectra as a file holds it; empty when there is none."""
    return native_sha(*stored_native(natives, name)) if name in natives else ""


class GatheredOriginals(Mapping[str, bytes]):
    """Files that natives were read from, by SHA-256; beside those that are put in, some from elsewhere."""

    def __init__(self, others: Mapping[str, bytes]) -> None:
        self._others = others
        self._places: dict[str, tuple[int, int]] = {}
        self._scratch = Scratch()

    def add(self, sha256: str, content: bytes) -> None:
        """Put a file in, unless it is there."""
        if sha256 not in self:
            self._places[sha256] = (self._scratch.append(content), len(content))

    def __getitem__(self, sha256: str) -> bytes:
        place = self._places.get(sha256)
        return self._others[sha256] if place is None else self._scratch.read(*place)

    def __iter__(self) -> Iterator[str]:
        return chain(self._others, self._places)

    def __len__(self) -> int:
        return len(self._others) + len(self._places)


def named_originals(natives: Mapping[str, Spectrum], originals: Mapping[str, bytes]) -> list[str]:
    """Return which originals natives name, each once, sorted.

    Raises
    ------
    LibraryError
        When one is missing or is not what its name says.
    """
    kept: set[str] = set()
    for name in natives:
        sha256 = original_sha_of(stored_native(natives, name)[0])
        if not sha256 or sha256 in kept:
            continue
        content = originals.get(sha256)
        if content is None or hashlib.sha256(content).hexdigest() != sha256:
            raise LibraryError("the file that it was read from is missing or another one", where=name)
        kept.add(sha256)
    return sorted(kept)
