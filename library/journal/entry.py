"""`Entry`: what one event leaves to be recorded, as bytes that are the same on every machine."""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from spectriage.library.journal.errors import AlteredJournalError

MAX_BLOB_BYTES = 256 * 2**20
"""A recorded array or file is never larger; what unpacks to more is damage."""
_ARRAY = b"array-1\0"
_DTYPES = {"f": np.dtype("<f8"), "b": np.dtype("?")}


def canonical_json(value: Any) -> bytes:
    """Return JSON as UTF-8 with sorted keys and no spaces: equal values have equal bytes.

    Raises
    ------
    ValueError
        When a number is not finite, or a value is none of JSON's.
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8")


@dataclass(frozen=True, eq=False)
class Entry:
    """One event: a scan, an identification, a note, a photo.

    Parameters
    ----------
    kind
        What it is.
    payload
        JSON values: who, when, with what, and what came out.
    arrays
        Numbers, float64 or bool, shape (n,); kept byte for byte.
    files
        Anything else, by name: a calibration, a photo.
    """

    kind: str
    payload: Mapping[str, Any]
    arrays: Mapping[str, np.ndarray[Any, Any]] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)

    def blobs(self) -> dict[str, bytes]:
        """Return arrays and files as bytes by name."""
        packed = {name: pack_array(values) for name, values in self.arrays.items()}
        return {**packed, **self.files}


def pack_array(values: np.ndarray[Any, Any]) -> bytes:
    """Return an array as little-endian bytes with its kind and length before them."""
    kind = "b" if values.dtype == np.bool_ else "f"
    data = np.ascontiguousarray(values, dtype=_DTYPES[kind])
    return _ARRAY + kind.encode() + struct.pack("<Q", data.size) + data.tobytes()


def unpack_array(data: bytes) -> np.ndarray[Any, Any]:
    """Return the array that `pack_array` packed.

    Raises
    ------
    AlteredJournalError
        When the bytes are none.
    """
    head = len(_ARRAY) + 9
    if not data.startswith(_ARRAY) or len(data) < head:
        raise AlteredJournalError("a recorded array is damaged")
    dtype = _DTYPES.get(chr(data[len(_ARRAY)]))
    (size,) = struct.unpack("<Q", data[len(_ARRAY) + 1 : head])
    if dtype is None or len(data) != head + size * dtype.itemsize:
        raise AlteredJournalError("a recorded array is damaged")
    return np.frombuffer(data[head:], dtype=dtype)


def digest(data: bytes) -> str:
    """SHA-256, hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def compress(data: bytes) -> bytes:
    """Return bytes as they are stored."""
    return zlib.compress(data, 6)


def decompress(stored: bytes) -> bytes:
    """Return what `compress` stored, within `MAX_BLOB_BYTES`.

    Raises
    ------
    AlteredJournalError
        When it is damaged or larger.
    """
    unpacker = zlib.decompressobj()
    try:
        data = unpacker.decompress(stored, MAX_BLOB_BYTES)
    except zlib.error as error:
        raise AlteredJournalError(f"a recorded value is damaged: {error}") from None
    if not unpacker.eof or unpacker.unconsumed_tail:
        raise AlteredJournalError("a recorded value is damaged: it does not end where it should")
    return data
