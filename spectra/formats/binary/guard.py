"""What the readers of binary formats share: bounded unpacking, optional packages, one kind of error."""

from __future__ import annotations

import importlib
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.errors import FormatError, SpectriageError
from spectriage.spectra.formats.source import Source, clip

# A map of more spectra than this is read in the vendor's software first.
MAX_SPECTRA = 200_000


def damaged(source: Source, what: str) -> FormatError:
    """Return the error for a file that contradicts itself or ends too soon."""
    return FormatError(f"the file is damaged: {what}", where=source.where(), remedy="export or copy it again")


@contextmanager
def typed_errors(source: Source, kind: str) -> Iterator[None]:
    """Turn whatever a package raises on a damaged file into a `FormatError`."""
    try:
        yield
    except (SpectriageError, MemoryError, KeyboardInterrupt):
        raise
    except Exception as error:
        reason = f"{type(error).__name__} {clip(str(error), 80)}"
        raise FormatError(
            f"the {kind} file cannot be decoded: {reason}",
            where=source.where(),
            remedy="export or copy it again, or export the spectrum as text",
        ) from None


def package(name: str, source: Source, kind: str) -> Any:
    """Import a package of the extra ``formats``.

    Raises
    ------
    FormatError
        When it is not installed; names the extra.
    """
    try:
        return importlib.import_module(name)
    except ImportError:
        raise FormatError(
            f"a {kind} file needs the package {name.split('.')[0]}, which is not installed",
            where=source.where(),
            remedy="pip install 'spectriage[formats]', or export the spectrum as text",
        ) from None


class Bytes:
    """The bytes of a file, read at offsets, never beyond its end."""

    def __init__(self, source: Source, data: bytes) -> None:
        self.source = source
        self.data = data

    def unpack(self, form: str, offset: int) -> tuple[Any, ...]:
        """Return the values of a `struct` format at an offset."""
        size = struct.calcsize(form)
        if offset < 0 or offset + size > len(self.data):
            raise damaged(self.source, f"it ends at byte {len(self.data):,}, before byte {offset + size:,}")
        return struct.unpack_from(form, self.data, offset)

    def one(self, form: str, offset: int) -> Any:
        """Return the one value of a `struct` format at an offset."""
        return self.unpack(form, offset)[0]

    def array(self, kind: str, count: int, offset: int) -> FloatArray:
        """Return numbers of a NumPy type at an offset as float64, shape (count,)."""
        size = np.dtype(kind).itemsize * count
        if count < 0 or offset < 0 or offset + size > len(self.data):
            raise damaged(
                self.source,
                f"{count:,} numbers at byte {offset:,} do not fit into its {len(self.data):,} bytes",
            )
        return np.frombuffer(self.data, kind, count, offset).astype(np.float64)

    def text(self, offset: int, size: int) -> str:
        """Return the text up to the first NUL byte."""
        raw = self.data[max(offset, 0) : max(offset, 0) + max(size, 0)].split(b"\0", 1)[0]
        return raw.decode("latin-1").strip()


def point(source: Source) -> Callable[[int], str]:
    """Return how a point of a binary spectrum is named in messages."""
    return lambda i: f"{source.where()}, point {i + 1}"


def check_count(source: Source, count: int) -> None:
    """Refuse files without spectra, or with more than can be told apart."""
    if not 1 <= count <= MAX_SPECTRA:
        raise damaged(source, f"it says that it holds {count:,} spectra; 1 to {MAX_SPECTRA:,} are read")
