"""Putting a new release of a library in the place of the one in use."""

from __future__ import annotations

import hashlib
import os
import secrets
from contextlib import suppress
from pathlib import Path

from spectriage.library.files.atomic import replacing
from spectriage.library.signing.errors import SignatureError
from spectriage.library.signing.signature import (
    Signed,
    read_signatures,
    signature_path,
    write_signatures,
)
from spectriage.library.store.held import HeldFile
from spectriage.spectra.errors import LibraryError

PREVIOUS = ".previous"


def previous_path(path: Path) -> Path:
    """Return where the release before is kept."""
    return path.with_name(path.name + PREVIOUS)


def install_library(new: HeldFile, path: Path) -> Path | None:
    """Give a checked library the name of the one in use; at every moment that name is one whole file.

    The order makes it safe to die anywhere: the one before gets a second name, the signature file holds both
    signatures, the library is renamed into place, and the old signature goes.

    Parameters
    ----------
    new
        Checked; its bytes are what is written.
    path
        The library in use; need not exist.

    Returns
    -------
    Path or None
        Where the one before is kept; None where there was none.

    Raises
    ------
    LibraryError
        When it cannot be written; the one in use is then still there.
    """
    beside = signature_path(path)
    signatures = _signatures(signature_path(new.path), new.sha256)
    old = _signatures(beside, _sha(path)) if path.is_file() else []
    kept = keep_previous(path, old)
    if signatures:
        write_signatures(beside, [*signatures, *old])
    with replacing(path, overwrite=True) as temporary:
        temporary.write_bytes(new.buffer)
    if signatures:
        write_signatures(beside, signatures)
    else:
        with suppress(FileNotFoundError):
            beside.unlink()
    return kept


def _signatures(path: Path, sha256: str) -> list[Signed]:
    """Return the signatures in a file that are of these bytes."""
    try:
        found = read_signatures(path) if path.exists() else ()
    except SignatureError:
        return []
    return [each for each in found if each.statement.sha256 == sha256][:4]


def _sha(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise LibraryError(f"the library in use cannot be read: {error.strerror}", where=str(path)) from None


def keep_previous(path: Path, signatures: list[Signed] | None = None) -> Path | None:
    """Give the library in use a second name, replacing the one before it; return that name.

    Its signatures go with it; read from beside it if None.
    """
    if not path.is_file():
        return None
    kept = previous_path(path)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    try:
        try:
            os.link(path, temporary)
        except OSError:
            # no hard links on this file system
            temporary.write_bytes(path.read_bytes())
        temporary.replace(kept)
    finally:
        with suppress(OSError):
            temporary.unlink()
    signed = _signatures(signature_path(path), _sha(path)) if signatures is None else signatures
    if signed:
        write_signatures(signature_path(kept), signed)
    return kept
