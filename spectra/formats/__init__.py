"""Read spectra from files, and write them; the format is told by the content, never by the extension.

Binary formats, by their first bytes:

========= ============================================ =====================================================
format    what                                         spectra
========= ============================================ =====================================================
`wdf`     Renishaw WiRE (extra ``formats``)            one, a series, or a map by coordinates in µm
`spc`     GRAMS SPC, new (both byte orders) and old    one, or several traces by their Z value
`opus`    Bruker OPUS (extra ``formats``)              the Raman spectra of the file
`sif`     Andor Solis SIF (extra ``formats``)          frames of one row; the laser must be in the file
`spe`     Princeton Instruments SPE 2 and 3            frames of one row
`nexus`   HDF5 with NXdata: NXraman and its like       one, or a map by its coordinates
========= ============================================ =====================================================

Text, in the order in which it is looked for. UTF-8 or UTF-16 with or without a mark, else Latin-1:

1. **labspec-xml** — Horiba LabSpec 6 XML (``LSX_Data``).
2. **witec** — WITec TrueMatch, one or more ``[SpectrumHeader]`` sections. Other WITec text is a table.
3. **jcamp** — JCAMP-DX, opening with ``##TITLE=`` or ``##JCAMP-DX=``: Raman spectra with 1/CM (or nm and a
   stated laser); XYDATA in all its compressed forms or as pairs, XYPOINTS, NTUPLES; compound files hold
   several, peak tables and structures beside them are passed over. FIRSTX, LASTX, DELTAX, NPOINTS and each
   line's abscissa must agree.
4. **horiba** — LabSpec text, with or without ``#key=<tab>value`` lines. Two columns, or a map or series
   with the axis in its first row, of which each point is a spectrum named by its coordinates: ``"1,1"``.
5. **wire-map** — Renishaw WiRE's text of a map: coordinates, axis and intensity in each row.
6. **enlighten** — Wasatch ENLIGHTEN by column: a row naming ``Processed`` or ``Raw`` beside ``Pixel``,
   ``Wavelength`` or ``Wavenumber``, with or without a head of key and value, one measurement or several
   beside one another. ``Processed`` is used, or the column that is asked for.
7. **lists** — one spectrum a row, its axis and intensity as lists: ``"[450, 451]"``.
8. **table** — any other table of numbers: two columns; an axis and several named intensities; pairs of axis
   and intensity; the columns of an instrument's program (B&W Tek BWSpec and others), of which the
   dark-corrected one is meant. Separators, decimal marks and what is ambiguous are set out in
   `spectriage.spectra.formats.numbers`.

What is known and not read (PDF, images, archives, office documents, OMNIC, WITec and LabSpec 6 projects,
JASCO …) is refused by name, with how to export from its software.

What the axis is comes from its name, in the languages that instruments speak: a Raman shift is taken; a
wavelength in nm, an absolute wavenumber, or pixels with their coefficients are converted when the file
states the laser; other quantities are refused, as are exports of Ocean Optics that do not say what theirs
is. An axis without a name or unit is taken as Raman shift and the history says so, unless it counts 0, 1,
2, … as pixels do, or its values fit nm better. Text before and after the numbers is kept as ``head`` and
``foot``.

A descending axis is reversed; a few repeated values (rounding) are averaged, and the overlap of two
detector windows is sorted into place, both said in the history; a shuffled axis is refused. Cells that are
empty or NA at both ends are left out and said. Nothing else is left out: a cell that is no number, a gap,
and digits that may be grouped by thousands are errors that name the line.

Limits, for any input: 64 MiB a file, a million points a spectrum, 4 MiB a line, 16 million numbers a table
or map. What is not a regular file is never opened.

Metadata of a spectrum, where the file states them: ``format`` (as above), ``path`` (file name without
folders), ``axis``, ``axis_assumed`` (where the axis was taken as Raman shift without being named so),
``column``, ``title``, ``date``, ``integration_ms``, ``accumulations``, ``instrument``, ``serial``,
``detector``, ``gain`` (the detector's setting, as text), ``head`` and ``foot``: every key of the file's
head, and of the text after its numbers.

History steps begin with one of ``read``, ``intensity:``, ``drop:``, ``excitation:``, ``variance:``,
``axis:``, ``order:``.

`write_csv`, `write_jcamp` and `write_nexus` write a spectrum that reads back to the same numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from spectriage.spectra.errors import FormatError, SpectriageError
from spectriage.spectra.facade import late
from spectriage.spectra.formats.axis import MAX_SHIFT_CM, AxisOrderError
from spectriage.spectra.formats.detect import contents
from spectriage.spectra.formats.source import MAX_BYTES, StrPath
from spectriage.spectra.spectrum import Spectrum

if TYPE_CHECKING:
    from spectriage.spectra.formats.write import WriteError, write_csv, write_jcamp, write_nexus

__all__ = [
    "FORMATS",
    "MAX_BYTES",
    "MAX_SHIFT_CM",
    "AxisOrderError",
    "WriteError",
    "read_spectra",
    "read_spectrum",
    "write_csv",
    "write_jcamp",
    "write_nexus",
]

FORMATS = (
    *("wdf", "spc", "opus", "sif", "spe", "nexus"),
    *("labspec-xml", "witec", "jcamp", "horiba", "wire-map", "enlighten", "lists", "table"),
)

__getattr__, __dir__ = late(__name__, {"write": ("WriteError", "write_csv", "write_jcamp", "write_nexus")})


@contextmanager
def _one_kind_of_error(path: StrPath) -> Iterator[None]:
    """Turn what no reader foresaw into a `FormatError`, so that one file never ends a batch."""
    try:
        yield
    except SpectriageError:
        raise
    except Exception as error:
        raise FormatError(
            f"the reader failed on it: {type(error).__name__}",
            where=str(path),
            remedy="export the spectrum as two columns of text; please report the file",
        ) from error


def read_spectrum(path: StrPath, *, which: str | None = None, column: str | None = None) -> Spectrum:
    """Read one spectrum from a file.

    Parameters
    ----------
    path
        The file.
    which
        Name of the spectrum in a file of several; `SeveralSpectraError.names` lists them.
    column
        Name of the intensity column in a table or ENLIGHTEN file; by default the only one, or the
        dark-corrected one.

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
        When its axis repeats values, or turns, too often to be put in order.
    FormatError
        When it is not a spectrum, is damaged, or cannot be read; names the line where there is one.
    """
    with _one_kind_of_error(path):
        return contents(path, column).one(which)


def read_spectra(path: StrPath) -> dict[str, Spectrum]:
    """Read all spectra of a file, by name, in the file's order.

    A file with one spectrum gives it under the file's name without extension.

    Raises
    ------
    FormatError
        As `read_spectrum`; one spectrum that cannot be read fails the whole.
    """
    with _one_kind_of_error(path):
        return contents(path).every()
