"""Binary files that are told by name and not read, with how to get the spectrum out of their software."""

from __future__ import annotations

from spectriage.spectra.errors import FormatError
from spectriage.spectra.formats.source import Source

# Opening bytes, what it is, what to do.
_OPENINGS: tuple[tuple[bytes, str, str], ...] = (
    (b"%PDF", "a PDF document", "export the spectrum as text"),
    (b"PK\x03\x04", "a ZIP archive or an office document", "unpack it, or export the sheet as CSV"),
    (b"\x1f\x8b", "a gzip archive", "unpack it first"),
    (b"BZh", "a bzip2 archive", "unpack it first"),
    (b"\xfd7zXZ\x00", "an xz archive", "unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "unpack it first"),
    (b"\x89PNG\r\n\x1a\n", "a PNG image", "export the numbers, not the picture"),
    (b"\xff\xd8\xff", "a JPEG image", "export the numbers, not the picture"),
    (b"GIF8", "a GIF image", "export the numbers, not the picture"),
    (b"II*\x00", "a TIFF image", "export the numbers, not the picture"),
    (b"MM\x00*", "a TIFF image", "export the numbers, not the picture"),
    (b"\x93NUMPY", "a NumPy array file", "export the spectrum as text"),
    (b"MATLAB 5.0 MAT-file", "a MATLAB file", "export the spectrum as text"),
    (b"SQLite format 3\x00", "an SQLite database", "export the spectrum as text"),
    (
        b"Spectral Data File",
        "a Thermo OMNIC file (SPA)",
        "in OMNIC: File, Save As, CSV text or JCAMP-DX; in OMNICxi: Export as SPC",
    ),
    (b"Spectral Exte File", "a Thermo OMNIC group (SPG)", "in OMNIC: save each spectrum as CSV text or SPC"),
    (b"PEPE", "a Perkin-Elmer file (SP)", "in Spectrum: File, Save As, ASCII or JCAMP-DX"),
    (b"WIT^PRCT", "a WITec project (WIP)", "in WITec Project: Export, Spectrum, ASCII or SPC"),
    (b"WIT_PRCT", "a WITec project (WIP)", "in WITec Project: Export, Spectrum, ASCII or SPC"),
    (b"WIT^DATA", "a WITec data file (WID)", "in WITec Project: Export, Spectrum, ASCII or SPC"),
    (b"LabSpec6", "a Horiba LabSpec 6 file (L6S, L6M)", "in LabSpec: File, Save As, XML or text (TXT)"),
    (b"DM3", "a Digital Micrograph file", "export the spectrum as text"),
    (
        b"\xd0\xcf\x11\xe0",
        "an OLE file: an old office document, JASCO JWS or Horiba NGS",
        "export the sheet as CSV; from Spectra Manager ASCII or JCAMP-DX; in LabSpec save as TXT",
    ),
    (b"\x7fELF", "a program", "give a spectrum"),
    (b"MZ", "a program", "give a spectrum"),
)


def refuse_known(source: Source, data: bytes) -> None:
    """Refuse files of a kind that is known by its first bytes and not read.

    Raises
    ------
    FormatError
        Names the kind, and how to export from its software.
    """
    for opening, what, remedy in _OPENINGS:
        if data.startswith(opening) and (len(opening) > 3 or b"\0" in data[:4096] or opening in (b"BZh",)):
            raise FormatError(f"this is {what}", where=source.where(), remedy=remedy)
    if b"LabSpec6" in data[:256]:
        raise FormatError(
            "this is a Horiba LabSpec 6 file", where=source.where(), remedy="in LabSpec: save as XML or TXT"
        )
