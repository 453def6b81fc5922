"""Detached signatures: a short statement about a file, signed, in ``FILE.sig`` beside it.

The statement holds the file's SHA-256 and length, the library's name, and a release number that grows. A
signature file may hold several statements, so that a library and its signature can be replaced one after the
other: at every moment one of them is of the file that is there.
"""

from __future__ import annotations

import base64
import binascii
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spectriage.library.signing.errors import InvalidSignatureError, MissingSignatureError
from spectriage.library.signing.keys import RAW_BYTES, PublicKey, public_of
from spectriage.spectra.errors import ParameterError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

FORMAT = "spectriage-signature"
VERSION = 1
SUFFIX = ".sig"
MAX_FILE_BYTES = 64_000
MAX_STATEMENTS = 16
MAX_SERIAL = 2**53
DOMAIN = b"spectriage library signature, version 1\n"
"""Keeps a signature made here from being one of anything else."""


@dataclass(frozen=True)
class Statement:
    """What a signer says of a file.

    Parameters
    ----------
    sha256, size
        Of the file's bytes.
    library
        Its name.
    serial
        Its release number: a later release has a higher one.
    signed_at
        UTC, for people; nothing depends on it.
    """

    sha256: str
    size: int
    library: str
    serial: int
    signed_at: str = ""

    def message(self) -> bytes:
        """Return the bytes that are signed."""
        text = json.dumps(asdict(self), sort_keys=True, ensure_ascii=True, separators=(",", ":"))
        return DOMAIN + text.encode("ascii")


@dataclass(frozen=True)
class Signed:
    """A statement with its signature and the key that is said to have made it."""

    statement: Statement
    key: PublicKey
    signature: bytes

    @property
    def holds(self) -> bool:
        """Whether the signature is the key's, of this statement."""
        return self.key.verifies(self.signature, self.statement.message())

    def to_json(self) -> dict[str, Any]:
        """Return it as it stands in a signature file."""
        return {
            "statement": asdict(self.statement),
            "key": base64.b64encode(self.key.raw).decode(),
            "signature": base64.b64encode(self.signature).decode(),
        }


def signature_path(path: Path) -> Path:
    """Return where the signature of a file lies."""
    return path.with_name(path.name + SUFFIX)


def sign_statement(statement: Statement, private: Ed25519PrivateKey) -> Signed:
    """Sign a statement."""
    return Signed(statement, public_of(private), private.sign(statement.message()))


def sign_file(
    path: Path, library: str, sha256: str, size: int, private: Ed25519PrivateKey, serial: int | None = None
) -> Signed:
    """Sign a library file and write ``FILE.sig`` beside it, whole or not at all.

    Parameters
    ----------
    path
        The file.
    library, sha256, size
        Its name, and the hash and length of its bytes as they were read and checked.
    private
        The signer's key.
    serial
        Release number; the present time in seconds since 1970 if None.

    Raises
    ------
    ParameterError
        When the release number is not one.
    LibraryError
        When the signature cannot be written.
    """
    number = int(time.time()) if serial is None else serial
    if not 0 <= number < MAX_SERIAL:
        raise ParameterError(f"the release number {number} is not between 0 and {MAX_SERIAL}")
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    signed = sign_statement(Statement(sha256, size, library, number, now), private)
    write_signatures(signature_path(path), [signed])
    return signed


def write_signatures(path: Path, signed: Sequence[Signed]) -> None:
    """Write a signature file, replacing the one there is, whole or not at all.

    Raises
    ------
    LibraryError
        When it cannot be written.
    """
    from spectriage.library.files.atomic import replacing

    content = {"format": FORMAT, "version": VERSION, "signatures": [each.to_json() for each in signed]}
    with replacing(path, overwrite=True) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="ascii")


def read_signatures(path: Path) -> tuple[Signed, ...]:
    """Read a signature file, without believing it.

    Raises
    ------
    MissingSignatureError
        When there is none.
    InvalidSignatureError
        When it is none.
    """
    where = str(path)
    try:
        if not path.is_file():
            raise MissingSignatureError("the library is not signed", where=where)
        with path.open("rb") as file:
            raw = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise MissingSignatureError(f"the signature cannot be read: {error.strerror}", where=where) from None
    try:
        if len(raw) > MAX_FILE_BYTES:
            raise ValueError("it is too long")
        content = json.loads(raw)
        if content["format"] != FORMAT or content["version"] != VERSION:
            raise ValueError(f"it is of version {content['version']!r}")
        found = content["signatures"]
        if not isinstance(found, list) or not 1 <= len(found) <= MAX_STATEMENTS:
            raise ValueError("it has no list of signatures")
        return tuple(_parse(each) for each in found)
    except (KeyError, TypeError, ValueError, RecursionError, binascii.Error) as error:
        raise InvalidSignatureError(
            f"the signature file is damaged: {error}", where=where, remedy="get it again with the library"
        ) from None


def _parse(content: Any) -> Signed:
    said = content["statement"]
    statement = Statement(**said)
    texts = (statement.sha256, statement.library, statement.signed_at)
    numbers = (statement.size, statement.serial)
    if not all(isinstance(text, str) and text.isprintable() and len(text) <= 300 for text in texts):
        raise ValueError("a statement holds what is no text")
    if not all(type(number) is int and 0 <= number < MAX_SERIAL for number in numbers):
        raise ValueError("a statement holds what is no whole number")
    key = base64.b64decode(content["key"], validate=True)
    if len(key) != RAW_BYTES:
        raise ValueError("a key is not 32 bytes long")
    return Signed(statement, PublicKey(key), base64.b64decode(content["signature"], validate=True))
