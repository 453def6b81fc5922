"""Spectra as text: CSV with a head of comments, and JCAMP-DX."""

from __future__ import annotations

import re
from collections.abc import Iterator

from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.formats.source import StrPath
from spectriage.spectra.formats.write.whole import whole_file
from spectriage.spectra.spectrum import Spectrum

_NOT_PLAIN = re.compile(r"[\x00-\x1f\x7f]+")
_MAX_CHARS = 2_000


def _one_line(value: object) -> str:
    return _NOT_PLAIN.sub(" ", str(value)).strip()[:_MAX_CHARS]


def _known(spectrum: Spectrum) -> Iterator[tuple[str, str]]:
    """Yield what is known of the measurement, under names that the readers know."""
    metadata = spectrum.metadata
    if spectrum.excitation_nm is not None:
        yield "Laser wavelength (nm)", repr(spectrum.excitation_nm)
    if spectrum.resolution_cm is not None:
        yield "Resolution (1/cm)", repr(spectrum.resolution_cm)
    for key, name in (
        ("title", "Title"),
        ("date", "Date"),
        ("integration_ms", "Integration time (ms)"),
        ("accumulations", "Number of accumulations"),
        ("instrument", "Instrument"),
        ("serial", "Serial number"),
        ("record", "Journal record"),
        ("verdict", "Verdict"),
    ):
        if metadata.get(key) not in (None, ""):
            yield name, _one_line(metadata[key])
    if metadata.get("axis_assumed"):
        yield "Note", "the axis was not named in the source and is taken as Raman shift"
    for i, step in enumerate(spectrum.history, start=1):
        yield f"History {i}", _one_line(step)


def _rows(separator: str, *columns: FloatArray) -> Iterator[str]:
    for row in zip(*(column.tolist() for column in columns), strict=True):
        yield separator.join(map(repr, row))


def write_csv(spectrum: Spectrum, path: StrPath) -> None:
    """Write a spectrum as CSV: a head of ``# key: value``, the names of the columns, and rows.

    A variance, where it is known, is the third column. The numbers read back are the same to the last bit.

    Parameters
    ----------
    spectrum
        What to write.
    path
        The file; an old one is replaced.

    Raises
    ------
    WriteError
        When it cannot be written.
    """
    head = [f"# {name}: {value}" for name, value in _known(spectrum)]
    names, columns = "Raman shift (cm-1),Intensity", [spectrum.shift, spectrum.intensity]
    if spectrum.variance is not None:
        names, columns = f"{names},Variance", [*columns, spectrum.variance]
    lines = [*head, names, *_rows(",", *columns)]
    with whole_file(path) as file:
        file.write_text("\n".join([*lines, ""]), encoding="utf-8", newline="\n")


def write_jcamp(spectrum: Spectrum, path: StrPath) -> None:
    """Write a spectrum as JCAMP-DX 4.24, with pairs of numbers (``XYPOINTS``) that need no even spacing.

    The numbers read back are the same to the last bit.

    Parameters
    ----------
    spectrum
        What to write.
    path
        The file; an old one is replaced.

    Raises
    ------
    WriteError
        When it cannot be written.
    """
    shift, intensity = spectrum.shift, spectrum.intensity
    title = _one_line(spectrum.metadata.get("title") or spectrum.metadata.get("path") or "spectrum")
    labels: list[tuple[str, object]] = [
        ("TITLE", title.replace("$$", "$ $")),
        ("JCAMP-DX", "4.24"),
        ("DATA TYPE", "RAMAN SPECTRUM"),
        ("ORIGIN", _one_line(spectrum.metadata.get("instrument") or "not stated")),
        ("OWNER", "not stated"),
        *([("RESOLUTION", repr(spectrum.resolution_cm))] if spectrum.resolution_cm is not None else []),
        *((f"$SPECTRIAGE {name.upper()}", value.replace("$$", "$ $")) for name, value in _known(spectrum)),
        ("XUNITS", "1/CM"),
        ("YUNITS", "ARBITRARY UNITS"),
        ("XFACTOR", 1),
        ("YFACTOR", 1),
        ("FIRSTX", repr(float(shift[0]))),
        ("LASTX", repr(float(shift[-1]))),
        ("FIRSTY", repr(float(intensity[0]))),
        ("MAXY", repr(float(intensity.max()))),
        ("MINY", repr(float(intensity.min()))),
        ("NPOINTS", len(spectrum)),
        ("XYPOINTS", "(XY..XY)"),
    ]
    lines = [
        *(f"##{label}={value}" for label, value in labels),
        *_rows(", ", spectrum.shift, spectrum.intensity),
        "##END=",
        "",
    ]
    with whole_file(path) as file:
        file.write_text("\n".join(lines), encoding="utf-8", newline="\n")
