"""What an import finds: a spectrum with its record and its original bytes, or a reason why not."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spectriage.spectra.errors import FormatError
from spectriage.spectra.reference import Reference
from spectriage.spectra.spectrum import Spectrum
from spectriage.spectra.technique import Technique

MAX_ORIGINAL_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Original:
    """The bytes that a spectrum was read from, kept in the library as they are.

    Parameters
    ----------
    name
        Of the file, without folders.
    content
        All of its bytes, or those that are about this spectrum in a table of thousands.
    """

    name: str
    content: bytes = field(repr=False)

    @property
    def sha256(self) -> str:
        """Of its bytes, hexadecimal."""
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True)
class Found:
    """A spectrum that can be brought in.

    Parameters
    ----------
    where
        The file, and which spectrum of it.
    spectrum
        As read.
    fields
        Of its record, under their manifest names; ``substance`` at least.
    original
        What it was read from; None for a reference that has none (a band model of another library).
    which
        Which spectrum of the original.
    record
        A record that comes whole, from another library; `fields` then say nothing.
    named_by
        Where the substance's name comes from.
    """

    where: str
    spectrum: Spectrum
    fields: dict[str, Any]
    original: Original | None = None
    which: str = ""
    record: Reference | None = None
    named_by: str = ""

    @property
    def key(self) -> str:
        """What is the same whenever the same spectrum is imported."""
        sha = "" if self.original is None else self.original.sha256
        return hashlib.sha256(f"{sha}\0{self.which}".encode()).hexdigest()


@dataclass(frozen=True)
class Refusal:
    """Something that was not brought in, and why."""

    where: str
    reason: str


Findings = Iterator[Found | Refusal]


@dataclass(frozen=True)
class Defaults:
    """What holds for all spectra of an import unless their files say otherwise.

    Parameters
    ----------
    fields
        Under their manifest names.
    technique, substrate
        How they were measured.
    """

    fields: dict[str, str] = field(default_factory=dict)
    technique: Technique = Technique.NORMAL
    substrate: str = ""


def read_original(path: Path) -> Original:
    """Read a file's bytes, bounded.

    Raises
    ------
    FormatError
        When it cannot be read or is too long.
    """
    try:
        if not path.is_file():
            raise FormatError("not a regular file", where=str(path))
        with path.open("rb") as file:
            content = file.read(MAX_ORIGINAL_BYTES + 1)
    except OSError as error:
        raise FormatError(f"cannot be read: {error.strerror or error}", where=str(path)) from None
    if len(content) > MAX_ORIGINAL_BYTES:
        raise FormatError(f"is longer than {MAX_ORIGINAL_BYTES // 2**20} MB", where=str(path))
    return Original(path.name, content)
