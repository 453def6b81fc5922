"""Read spectra from files; the format is told by the content, never by the file's extension.

Formats, in the order in which they are looked for:

1. Files that are no text (PDF, ZIP and office, images, HDF5, archives, UTF-16, anything with a NUL
   byte), web pages, XML and JSON are refused by name.
2. **jcamp** — JCAMP-DX, opening with ``##TITLE=`` or ``##JCAMP-DX=``; needs the extra ``formats``. Raman
   spectra with 1/CM (or nm and a stated laser); XYDATA in all its compressed forms and XYPOINTS;
   compound files hold several.
3. **horiba** — LabSpec text, opening with ``#key=<tab>value`` lines. Two columns, or a map with the axis
   in its first row, of which each point is a spectrum named by its coordinates: ``"1,1"``.
4. **enlighten** — Wasatch ENLIGHTEN by column: a row naming ``Processed`` or ``Raw`` beside ``Pixel``,
   ``Wavelength`` or ``Wavenumber``, with or without a head of key and value. ``Processed`` is used, or
   the column that is asked for.
5. **lists** — one spectrum a row, its axis and intensity as lists: ``"[450, 451]"``.
6. **table** — any other table of numbers: two columns, or an axis and several named intensities. Its
   separators, decimal marks and what is ambiguous are set out in `spectriage.spectra.formats.numbers`.

What the axis is comes from its name: a Raman shift is taken; a wavelength in nm is converted when the
file states the laser; pixels, absolute wavenumbers and other quantities are refused. An axis without a
name or unit is taken as Raman shift and the history says so, unless it counts 0, 1, 2, … as pixels do. A
descending axis is reversed. Nothing is left out in silence: a cell that is no number, a repeated or
unsorted axis value and a gap are errors that name the line. The one exception are NA cells at the ends
of an ENLIGHTEN file (outside its region of interest).

Metadata of a spectrum, where the file states them: ``format`` (as above), ``path`` (file name without
folders), ``axis``, ``axis_assumed`` (where the axis was taken as Raman shift without being named so),
``column``, ``title``, ``date``, ``integration_ms``, ``accumulations``, ``instrument``, ``serial``,
``detector``, ``gain`` (the detector's setting, as text), and ``head``: every key of the file's head with
its text.

History steps begin with one of ``read``, ``intensity:``, ``drop:``, ``excitation:``, ``variance:``,
``axis:``, ``order:``.
"""

from __future__ import annotations

from spectriage.spectra.formats.axis import MAX_SHIFT_CM, AxisOrderError
from spectriage.spectra.formats.detect import contents
from spectriage.spectra.formats.source import MAX_BYTES, StrPath
from spectriage.spectra.spectrum import Spectrum

__all__ = ["FORMATS", "MAX_BYTES", "MAX_SHIFT_CM", "AxisOrderError", "read_spectra", "read_spectrum"]

FORMATS = ("jcamp", "horiba", "enlighten", "lists", "table")


def read_spectrum(path: StrPath, *, which: str | None = None, column: str | None = None) -> Spectrum:
    """Read one spectrum from a file.

    Parameters
    ----------
    path
        The file.
    which
        Name of the spectrum in a file of several; `SeveralSpectraError.names` lists them.
    column
        Name of the intensity column in a table or ENLIGHTEN file; by default the only one, or ``Processed``.

    Returns
    -------
    Spectrum
        With ascending shift in cm⁻¹, and what the file says of the measurement as metadata.

    Raises
    ------
    SeveralSpectraError
        When the file holds several and `which` is None.
    NotAShiftAxisError
        When its axis is not a Raman shift and cannot be turned into one.
    AxisOrderError
        When its axis repeats a value or neither ascends nor descends.
    FormatError
        When it is not a spectrum, is damaged, or cannot be read; names the line where there is one.
    """
    return contents(path, column).one(which)


def read_spectra(path: StrPath) -> dict[str, Spectrum]:
    """Read all spectra of a file, by name, in the file's order.

    A file with one spectrum gives it under the file's name without extension.

    Raises
    ------
    FormatError
        As `read_spectrum`; one spectrum that cannot be read fails the whole.
    """
    return contents(path).every()
