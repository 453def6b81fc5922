"""Ed25519 keys: made, kept in files, and listed as trusted.

A private key is a PEM file (PKCS #8) that only its owner can read. A public key is one line,
``ed25519 BASE64 comment``; a file of trusted keys holds such lines, one a key, blank lines and lines that
begin with ``#``. A line that begins with the word ``revoked`` takes its key's trust away wherever it stands.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from spectriage.library.signing.errors import KeyFileError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ALGORITHM = "ed25519"
REVOKED = "revoked"
RAW_BYTES = 32
MAX_FILE_BYTES = 1_000_000
MAX_COMMENT_CHARS = 200


@dataclass(frozen=True)
class PublicKey:
    """A public key and whose it is said to be.

    Parameters
    ----------
    raw
        Its 32 bytes.
    comment
        Whose; not part of the key.
    """

    raw: bytes
    comment: str = ""

    @property
    def key_id(self) -> str:
        """The first 16 hexadecimal digits of the SHA-256 of the key."""
        return hashlib.sha256(self.raw).hexdigest()[:16]

    def line(self) -> str:
        """Return it as a line for a file of trusted keys."""
        return f"{ALGORITHM} {base64.b64encode(self.raw).decode()} {self.comment}".strip()

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Whether a signature is this key's, of this message."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True)
class TrustedKeys:
    """Keys that are believed, and the ids of those that no longer are."""

    keys: tuple[PublicKey, ...] = ()
    revoked: frozenset[str] = frozenset()

    def find(self, raw: bytes) -> PublicKey | None:
        """Return the trusted key of these bytes, with its comment; None when it is not trusted."""
        return next((key for key in self.keys if key.raw == raw and key.key_id not in self.revoked), None)


def parse_key(line: str, where: str) -> PublicKey:
    """Read one line of a public key.

    Raises
    ------
    KeyFileError
        When it is none.
    """
    parts = line.split(maxsplit=2)
    try:
        raw = base64.b64decode(parts[1], validate=True) if parts[:1] == [ALGORITHM] else b""
    except (IndexError, binascii.Error, ValueError):
        raw = b""
    comment = parts[2].strip() if len(parts) > 2 else ""
    if len(raw) != RAW_BYTES or not comment.isprintable() or len(comment) > MAX_COMMENT_CHARS:
        raise KeyFileError(
            f"not a public key: {line[:60]!r}", where=where, remedy="a key is a line: ed25519 BASE64 comment"
        )
    return PublicKey(raw, comment)


def load_trusted_keys(path: Path) -> TrustedKeys:
    """Read a file of trusted keys.

    Raises
    ------
    KeyFileError
        When it cannot be read, or a line is no key: a list that is half understood is not believed.
    """
    text = _read(path)
    keys, revoked = [], set()
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        where = f"{path}, line {number}"
        if stripped.split(maxsplit=1)[0] == REVOKED:
            revoked.add(parse_key(stripped[len(REVOKED) :].strip(), where).key_id)
        else:
            keys.append(parse_key(stripped, where))
    return TrustedKeys(tuple(keys), frozenset(revoked))


def generate_key(path: Path, comment: str = "", passphrase: str = "") -> PublicKey:
    """Make a key: the private half at `path`, for its owner alone, the public one beside it at ``path.pub``.

    Raises
    ------
    KeyFileError
        When one of the files exists (a key is never overwritten) or cannot be written.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    if not comment.isprintable() or len(comment) > MAX_COMMENT_CHARS:
        raise KeyFileError("the comment is not one short line of text", where=str(path))
    private = Ed25519PrivateKey.generate()
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase:
        encryption = serialization.BestAvailableEncryption(passphrase.encode("utf-8"))
    pem = private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    public = public_of(private, comment)
    beside = public_path(path)
    if beside.exists() or beside.is_symlink():
        raise KeyFileError("the file exists; a key is never overwritten", where=str(beside))
    _write_new(path, pem, 0o600)
    _write_new(beside, (public.line() + "\n").encode(), 0o644)
    return public


def public_path(path: Path) -> Path:
    """Return where the public half of a private key's file lies."""
    return path.with_name(path.name + ".pub")


def public_of(private: Ed25519PrivateKey, comment: str = "") -> PublicKey:
    """Return the public half of a private key."""
    from cryptography.hazmat.primitives import serialization

    raw = private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return PublicKey(raw, comment)


def load_private_key(path: Path, passphrase: str = "") -> Ed25519PrivateKey:
    """Read a private key.

    Raises
    ------
    KeyFileError
        When it cannot be read, others can read it too, or it is no Ed25519 key under this passphrase.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    try:
        content = path.read_bytes()
        readable = os.name == "posix" and bool(path.stat().st_mode & 0o077)
    except OSError as error:
        raise KeyFileError(f"the key cannot be read: {error.strerror or error}", where=str(path)) from None
    if readable:
        raise KeyFileError(
            "others can read this private key", where=str(path), remedy=f"chmod 600 {path.name}"
        )
    try:
        key = serialization.load_pem_private_key(content, passphrase.encode("utf-8") or None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyFileError(f"the private key cannot be used: {error}", where=str(path)) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyFileError("the key is not an Ed25519 key", where=str(path))
    return key


def _write_new(path: Path, content: bytes, mode: int) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        raise KeyFileError("the file exists; a key is never overwritten", where=str(path)) from None
    except OSError as error:
        raise KeyFileError(f"the key cannot be written: {error.strerror}", where=str(path)) from None


def _read(path: Path) -> str:
    try:
        if not path.is_file():
            raise KeyFileError("there is no file of trusted keys", where=str(path))
        if path.stat().st_size > MAX_FILE_BYTES:
            raise KeyFileError("the file is too large for a list of keys", where=str(path))
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise KeyFileError(f"the trusted keys cannot be read: {error}", where=str(path)) from None


def add_trusted_key(path: Path, key: Path) -> PublicKey:
    """Add the public key of a file to a file of trusted keys, whole or not at all.

    Raises
    ------
    KeyFileError
        When either cannot be used.
    LibraryError
        When the file cannot be written.
    """
    from spectriage.library.files.atomic import replacing

    lines = [line.strip() for line in _read(key).splitlines() if line.strip() and not line.startswith("#")]
    if len(lines) != 1:
        raise KeyFileError(f"the file holds {len(lines)} keys, not one", where=str(key))
    added = parse_key(lines[0], str(key))
    text = _read(path) if path.exists() else ""
    if path.exists() and added.raw in [known.raw for known in load_trusted_keys(path).keys]:
        return added
    path.parent.mkdir(parents=True, exist_ok=True)
    before = text if not text or text.endswith("\n") else text + "\n"
    with replacing(path, overwrite=True) as temporary:
        temporary.write_text(f"{before}{added.line()}\n", encoding="utf-8")
    return added
