"""The unit's own key: Ed25519, made once on the unit, never leaving it."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from spectriage.library.journal.errors import AlteredJournalError, JournalError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

KEY_BYTES = 32


def default_key_path() -> Path:
    """Return where the unit's key is kept: ``$SPECTRIAGE_DATA``, or the user's data folder."""
    from platformdirs import user_data_path

    named = os.environ.get("SPECTRIAGE_DATA")
    return (Path(named) if named else user_data_path("spectriage")) / "unit.key"


@dataclass(frozen=True, repr=False)
class UnitKey:
    """A private key, and the public one that records are checked with."""

    private: Ed25519PrivateKey

    @property
    def public(self) -> bytes:
        """The public key, 32 bytes."""
        return self.private.public_key().public_bytes_raw()

    def sign(self, data: bytes) -> bytes:
        """Return the signature of bytes, 64 bytes (RFC 8032)."""
        return self.private.sign(data)


def unit_key(path: Path | None = None) -> UnitKey:
    """Return the unit's key; made on first use, readable by its owner alone.

    Raises
    ------
    JournalError
        When it cannot be read or made.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    file = path or default_key_path()
    try:
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            _make(file)
        data = file.read_bytes()
    except OSError as error:
        raise JournalError(f"the unit's key cannot be read: {error.strerror}", where=str(file)) from error
    if len(data) != KEY_BYTES:
        raise JournalError(
            "the unit's key is damaged",
            where=str(file),
            remedy="restore it, or begin a new journal with a new key",
        )
    return UnitKey(Ed25519PrivateKey.from_private_bytes(data))


def _make(file: Path) -> None:
    """Write a new key whole under its name; where two programs do so at once the first one's stays."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    temporary = file.with_name(f".{file.name}.{secrets.token_hex(6)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(Ed25519PrivateKey.generate().private_bytes_raw())
            stream.flush()
            os.fsync(stream.fileno())
        with suppress(FileExistsError):
            os.link(temporary, file)
    finally:
        temporary.unlink(missing_ok=True)


def check_signature(public: bytes, signature: bytes, data: bytes) -> None:
    """Check a signature.

    Raises
    ------
    AlteredJournalError
        When it is not that of this key over these bytes.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, data)
    except (InvalidSignature, ValueError):
        raise AlteredJournalError("the signature does not fit") from None
