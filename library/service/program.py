"""Which program it was, beyond its version: the hash of its source."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import resources
from pathlib import Path


@cache
def code_sha256(package: str, pattern: str) -> str:
    """Return the hash of a package's source files; line ends do not count."""
    folder = Path(str(resources.files(package)))
    digest = hashlib.sha256()
    for path in sorted(folder.glob(pattern)):
        digest.update(f"\0{path.relative_to(folder).as_posix()}\0".encode())
        digest.update(path.read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()
