"""Which binary format a file is, by its content alone."""

from __future__ import annotations

from pathlib import Path

from spectriage.spectra.errors import FormatError
from spectriage.spectra.formats.binary.known import refuse_known
from spectriage.spectra.formats.contents import Contents
from spectriage.spectra.formats.source import Source, clip

HDF5 = b"\x89HDF\r\n\x1a\n"
ZIP = b"PK\x03\x04"
"""Also how office documents begin; the second letter is the version of an SPC file."""


def _no_column(source: Source, column: str | None) -> None:
    if column is not None:
        raise FormatError(
            f"the file has no column {clip(column)}", where=source.where(), remedy="leave out the column"
        )


def read_binary(data: bytes, path: str, column: str | None) -> Contents | None:
    """Read a file of one of the binary formats; None when it may be text.

    Raises
    ------
    FormatError
        For a format that is known and not read, and a file that is damaged.
    """
    source = Source(path, Path(path).name, [])
    contents = _read(source, data)
    if contents is not None:
        _no_column(source, column)
        return contents
    refuse_known(source, data)
    return None


def _read(source: Source, data: bytes) -> Contents | None:
    if data.startswith(HDF5):
        from spectriage.spectra.formats.binary.nexus import read_nexus

        return read_nexus(source)
    if data.startswith(b"WDF1"):
        from spectriage.spectra.formats.binary.wdf import read_wdf

        return read_wdf(source, data)
    if data.startswith(b"\n\n\xfe\xfe"):
        from spectriage.spectra.formats.binary.opus import read_opus

        return read_opus(source, data)
    if data.startswith(b"Andor Technology Multi-Channel File"):
        from spectriage.spectra.formats.binary.sif import read_sif

        return read_sif(source, data)
    # these two have no opening of their own, and are no text: they hold NUL bytes
    if b"\0" not in data[:4096] or data.startswith(ZIP):
        return None
    from spectriage.spectra.formats.binary.spc import is_spc, read_spc
    from spectriage.spectra.formats.binary.spe import is_spe, read_spe

    if is_spc(data):
        return read_spc(source, data, None)
    return read_spe(source, data) if is_spe(data) else None
