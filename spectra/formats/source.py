"""Read a file from outside into lines of text: bounded, never blocking, refusing what is no text."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from spectriage.spectra.errors import FormatError
from spectriage.spectra.spectrum import MAX_POINTS

MAX_BYTES = 64 * 2**20
MAX_LINE_CHARS = 4 * 2**20
MAX_HEAD_LINES = 5_000

StrPath = str | os.PathLike[str]

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")
_CONTROL_BYTES = bytes([*range(0x09), 0x0B, *range(0x0E, 0x20), 0x7F])


@dataclass(frozen=True)
class Source:
    """The text of one file.

    Parameters
    ----------
    path
        As the caller gave it; for error messages.
    name
        The file name alone; for metadata.
    lines
        The lines without their ends; line 1 of the file is ``lines[0]``.
    longest
        No line has more characters than this.
    """

    path: str
    name: str
    lines: list[str] = field(repr=False)
    longest: int = MAX_LINE_CHARS

    @property
    def stem(self) -> str:
        """The file name without its extension."""
        return Path(self.name).stem

    def where(self, line: int | None = None) -> str:
        """Name the file, and the line (counted from 1) where one is meant."""
        return self.path if line is None else f"{self.path}, line {line}"


def clip(text: str, length: int = 40) -> str:
    """Shorten foreign text for a message, with control characters made visible."""
    text = text.strip()
    return ascii(text[:length] + "…").replace("\\u2026", "…") if len(text) > length else repr(text)


def _open_without_waiting(path: str, flags: int) -> int:
    # Between check and opening a FIFO may take the file's place: opening it must not wait for a writer.
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))


def _check_regular(status: os.stat_result, path: str) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise FormatError("this is a folder, not a file", where=path, remedy="name the files in it")
    if not stat.S_ISREG(status.st_mode):
        raise FormatError("this is a device, pipe or socket, not a file", where=path, remedy="give a file")
    # what the system makes up while it is read (under /proc) says that it has no size, and may never end
    if status.st_size == 0:
        raise FormatError("the file is empty", where=path, remedy="export the spectrum again")


def _check_kind(status: os.stat_result, path: str) -> None:
    _check_regular(status, path)
    if status.st_size > MAX_BYTES:
        raise FormatError(
            f"the file has {status.st_size:,} bytes, more than the {MAX_BYTES:,} that are read",
            where=path,
            remedy="give one spectrum, or split the table",
        )


@contextmanager
def _typed(name: str) -> Iterator[None]:
    """Say in our own words what the system says of a path."""
    try:
        yield
    except FileNotFoundError:
        raise FormatError("there is no such file", where=name, remedy="check the path") from None
    except PermissionError:
        raise FormatError("no permission to read it", where=name, remedy="check its permissions") from None
    except FormatError:
        raise
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise FormatError(
            f"it cannot be read: {reason}", where=ascii(name)[1:-1], remedy="check the path"
        ) from None


def read_bytes(path: StrPath) -> bytes:
    """Return the bytes of a regular file of at most 64 MiB.

    Raises
    ------
    FormatError
        For a missing path, a folder, a device, an empty or too large file, or one that may not be read.
    """
    name = os.fspath(path)
    with _typed(name):
        _check_kind(os.stat(name), name)
        with open(name, "rb", opener=_open_without_waiting) as file:
            status = os.fstat(file.fileno())
            _check_kind(status, name)
            # a buffer of the file's size, and of the largest only for one that grows
            data = file.read(status.st_size + 1)
            if len(data) > status.st_size:
                data += file.read(MAX_BYTES + 1 - len(data))
    if len(data) > MAX_BYTES:
        raise FormatError("the file grows while it is read", where=name, remedy="wait until it is written")
    return data


def _check_binary(data: bytes, path: str) -> None:
    nul = data.find(b"\x00")
    if nul >= 0:
        raise FormatError(
            f"this is a binary file: a NUL byte at offset {nul}", where=path, remedy="export it as text"
        )


_UTF16 = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}


def is_utf16(data: bytes) -> bool:
    """Whether bytes open with the byte order mark of UTF-16."""
    return data[:2] in _UTF16


def _decoded(data: bytes) -> str:
    if data[:2] in _UTF16:
        return data[2:].decode(_UTF16[data[:2]], "replace")
    # Latin-1 never fails, so it comes last: vendors write "cm-¹" and "µm" in it.
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.removeprefix(b"\xef\xbb\xbf").decode("latin-1")


def text_source(data: bytes, name: str) -> Source:
    """Return the text of a file, line by line.

    UTF-16 with a byte order mark, UTF-8 with or without one, else Latin-1; lines end in LF, CR LF or CR.

    Parameters
    ----------
    data
        The bytes of the file.
    name
        Its path, for messages.

    Raises
    ------
    FormatError
        When they are no text, or too much to be one spectrum or table.
    """
    if data[:2] not in _UTF16:
        _check_binary(data, name)
    count = max(data.count(b"\n"), data.count(b"\r"))
    if count > MAX_POINTS + MAX_HEAD_LINES:
        raise FormatError(
            f"the file has {count:,} lines; a spectrum has at most {MAX_POINTS:,} points",
            where=name,
            remedy="check that the file is one spectrum",
        )
    text = _decoded(data).rstrip("\x1a")
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    # what is in no byte is in no character: the search is slow, and mostly finds nothing
    suspect = data[:2] in _UTF16 or len(data) > len(data.translate(None, _CONTROL_BYTES))
    control = _CONTROL.search(text) if suspect else None
    if control:
        line = text.count("\n", 0, control.start()) + 1
        raise FormatError(
            f"this is no text: a control character 0x{ord(control.group()):02x}",
            where=f"{name}, line {line}",
            remedy="export it as text",
        )
    lines = text.split("\n")
    longest = max(map(len, lines))
    if longest > MAX_LINE_CHARS:
        raise FormatError(
            f"the line has {longest:,} characters",
            where=f"{name}, line {next(i for i, line in enumerate(lines, 1) if len(line) == longest)}",
            remedy="check that the file is a table of numbers",
        )
    if not text or text.isspace():
        raise FormatError("the file holds only blanks", where=name, remedy="export the spectrum again")
    return Source(name, os.path.basename(name), lines, longest)
