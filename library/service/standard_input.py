"""A spectrum from standard input, which is what the file name ``-`` stands for."""

from __future__ import annotations

import copy
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from spectriage.spectra.errors import FormatError, SpectriageError
from spectriage.spectra.formats.source import MAX_BYTES

if TYPE_CHECKING:
    from spectriage.spectra.spectrum import Spectrum

STANDARD_INPUT = "-"


def read_standard_input(which: str | None = None, column: str | None = None) -> Spectrum:
    """Read a spectrum in any format from standard input, to its end.

    Parameters
    ----------
    which, column
        See `read_spectrum`.

    Raises
    ------
    FormatError
        When it is no spectrum, or has more than 64 MiB.
    """
    from spectriage.spectra.formats import read_spectrum

    if sys.stdin is None or sys.stdin.isatty():
        raise FormatError(
            "there is nothing on standard input",
            where=STANDARD_INPUT,
            remedy="pipe a file into it: spectriage identify - < FILE",
        )
    data = sys.stdin.buffer.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise FormatError(
            f"standard input has more than {MAX_BYTES:,} bytes",
            where=STANDARD_INPUT,
            remedy="give one spectrum",
        )
    # The readers take files: they look at one from its beginning more than once.
    with tempfile.TemporaryDirectory(prefix="spectriage-") as folder:
        path = Path(folder) / "standard input"
        path.write_bytes(data)
        try:
            return read_spectrum(path, which=which, column=column)
        except SpectriageError as error:
            raise _renamed(error, str(path)) from None


def _renamed(error: SpectriageError, path: str) -> SpectriageError:
    """Return the same error about standard input, not about a file that nobody named."""
    made = copy.copy(error)
    for name in ("what", "where", "remedy"):
        setattr(made, name, getattr(error, name).replace(path, STANDARD_INPUT))
    made.args = tuple(str(part).replace(path, STANDARD_INPUT) for part in error.args)
    return made
