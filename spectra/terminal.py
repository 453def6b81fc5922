"""Standard output that never loses a verdict: plain characters where it knows no others, a reader who left.

A terminal or pipe of another encoding (cp1252, ASCII, Latin-1) gets plain characters in place of those it
cannot write, JSON gets escapes. What can no longer be written, because the reader has gone or the disk is
full, is remembered instead of raised: the program goes on, and its exit code still is the verdict.
"""

from __future__ import annotations

import codecs
import errno
import io
import json
import os
import sys
import unicodedata
from typing import Any, TextIO

PLAIN = {
    "█": "#",
    "░": ".",
    "·": ".",
    "≥": ">=",
    "≤": "<=",
    "⁻": "-",
    "−": "-",
    "–": "-",
    "—": "-",
    "…": "...",
    "→": "->",
    "×": "x",
    "°": " deg ",
    "µ": "u",
    "α": "alpha",
    "β": "beta",
    "γ": "gamma",
    "δ": "delta",
    "Δ": "delta",
    "σ": "sigma",
    "λ": "lambda",
    "•": "*",
    "‘": "'",
    "’": "'",
    "“": '"',
    "”": '"',
}
"""What stands for characters that an encoding lacks."""

HANDLER = "spectriage-plain"


def plain(text: str) -> str:
    r"""Return text in ASCII: ``≥`` as ``>=``, accents dropped, what is left as ``\uXXXX``.

    Parameters
    ----------
    text
        Any text; lone surrogates, which undecodable file names bring, are escaped too.
    """
    return "".join(_plain_letter(letter) for letter in text)


def _plain_letter(letter: str) -> str:
    if letter.isascii():
        return letter
    if letter in PLAIN:
        return PLAIN[letter]
    simple = unicodedata.normalize("NFKD", letter).encode("ascii", "ignore").decode("ascii")
    return simple or letter.encode("ascii", "backslashreplace").decode("ascii")


def _replace(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return plain(error.object[error.start : error.end]), error.end


codecs.register_error(HANDLER, _replace)


class _Sturdy(io.FileIO):
    """A file descriptor whose first failed write is kept in `lost`; what follows goes nowhere."""

    lost: OSError | None = None

    def write(self, data: Any, /) -> int:
        """Write; after a failure pretend to."""
        if self.lost is None:
            try:
                return super().write(data)
            except BlockingIOError:
                raise
            except OSError as error:
                self.lost = error
        return memoryview(data).nbytes


def make_sturdy() -> None:
    """Let standard output and error write plain characters, and outlive their readers; for a whole process.

    A stream that was closed before the program began (``>&-``) is led nowhere.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        nowhere = stream is None
        setattr(sys, name, open(os.devnull, "w", encoding="utf-8") if nowhere else _sturdy(stream))  # noqa: SIM115


def _sturdy(stream: TextIO) -> TextIO:
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError, AttributeError):
        return stream
    if not isinstance(stream, io.TextIOWrapper):
        return stream
    stream.flush()
    return io.TextIOWrapper(
        io.BufferedWriter(_Sturdy(descriptor, "wb", closefd=False)),
        encoding=stream.encoding,
        errors=HANDLER,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


def allow_plain() -> None:
    """Let the streams of a program that is not ours alone (a test's, a notebook's) write plain characters."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=HANDLER)


def output_lost() -> OSError | None:
    """Flush standard output and return why it could not be written; None when all was, or nobody reads it."""
    sys.stdout.flush()
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    lost = raw.lost if isinstance(raw, _Sturdy) else None
    return None if lost is None or lost.errno == errno.EPIPE else lost


def print_json(value: Any, *, indent: int | None = None) -> None:
    """Print one object as a line of JSON, flushed; escapes stand for what standard output cannot write."""
    wide = (sys.stdout.encoding or "").lower().replace("-", "") in ("utf8", "utf16", "utf32")
    print(json.dumps(value, ensure_ascii=not wide, indent=indent), flush=True)
