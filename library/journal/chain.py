"""The chain: every record's hash covers its content and the record before it."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass

from spectriage.library.journal.entry import digest

GENESIS = bytes(32)
"""What stands for the record before the first."""
_DOMAIN = b"spectriage-journal-record-1\0"


@dataclass(frozen=True)
class Record:
    """One record as it stands in the journal.

    Parameters
    ----------
    number
        1, 2, 3, … without a gap.
    payload
        Canonical JSON; it names every array and file by its SHA-256.
    previous
        Hash of the record before, 32 bytes.
    hash
        Of this record, 32 bytes.
    signature
        The unit key's over `hash`, 64 bytes.
    """

    number: int
    payload: bytes
    previous: bytes
    hash: bytes
    signature: bytes


def record_hash(number: int, previous: bytes, payload: bytes) -> bytes:
    """Return SHA-256 over the record's number, the hash before it and its payload; 32 bytes."""
    content = bytes.fromhex(digest(payload))
    return hashlib.sha256(_DOMAIN + struct.pack(">Q", number) + previous + content).digest()
