"""GRAMS SPC of Galactic, later Thermo: new (LSB and MSB) and old versions, one trace or several.

Source of the layout: Galactic Industries, *A Brief Guide to SPC File Format*, 1997 (header structures
``SPCHDR``, ``OSPCHDR``, ``SUBHDR``, ``LOGSTC``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.errors import FormatError
from spectriage.spectra.formats import head as heads
from spectriage.spectra.formats.axis import Role, to_spectrum
from spectriage.spectra.formats.binary.guard import Bytes, check_count, damaged, point
from spectriage.spectra.formats.contents import Contents, unique_names
from spectriage.spectra.formats.source import Source, clip
from spectriage.spectra.spectrum import MAX_POINTS, Spectrum

_NEW, _BIG_ENDIAN, _OLD = 0x4B, 0x4C, 0x4D
_NEW_HEADER, _OLD_HEADER, _SUB_HEADER = 512, 256, 32
# Flags of the first byte.
_SHORT, _MULTI, _LABELS, _OWN_X, _HAS_X = 0x01, 0x04, 0x20, 0x40, 0x80
_FLOAT = -128
_MAX_EXPONENT = 500
_X_UNITS: dict[int, tuple[Role, str]] = {
    0: (Role.UNNAMED, ""),
    1: (Role.SHIFT, "Wavenumber (cm-1)"),
    2: (Role.OTHER, "Micrometers (um)"),
    3: (Role.WAVELENGTH, "Nanometers (nm)"),
    13: (Role.SHIFT, "Raman Shift (cm-1)"),
    14: (Role.OTHER, "eV"),
    16: (Role.PIXEL, "Diode Number"),
    17: (Role.PIXEL, "Channel"),
    22: (Role.PIXEL, "Data Points"),
}
_INFRARED = {
    1: "an interferogram",
    2: "absorbance",
    3: "Kubelka-Munk",
    10: "log(1/R)",
    128: "transmission",
    129: "reflectance",
}
_Y_UNITS = {4: "Counts", 12: "Intensity", 13: "Relative Intensity"}
_OTHER_METHODS = {
    1: "gas chromatography",
    3: "HPLC",
    8: "X-ray diffraction",
    9: "mass spectroscopy",
    10: "NMR",
}


@dataclass(frozen=True)
class _Header:
    flags: int
    order: str
    old: bool
    method: int
    exponent: int
    points: int
    first_x: float
    last_x: float
    traces: int
    x_type: int
    y_type: int
    comment: str
    source: str
    labels: str
    log: int
    date: str
    begin: int


@dataclass(frozen=True)
class _Trace:
    offset: int
    points: int
    exponent: int
    z: float


def is_spc(data: bytes) -> bool:
    """Whether the bytes open as an SPC header with sane counts."""
    if len(data) < _OLD_HEADER + _SUB_HEADER or data[1] not in (_NEW, _BIG_ENDIAN, _OLD):
        return False
    if data[1] == _OLD:
        points = float(np.frombuffer(data, "<f4", 1, 4)[0])
        return 1.0 <= points <= MAX_POINTS and points == round(points)
    order = ">" if data[1] == _BIG_ENDIAN else "<"
    ends = np.frombuffer(data, f"{order}f8", 2, 8)
    return bool(np.all(np.isfinite(ends))) and data[2] < 32


def _date(word: int) -> str:
    year, month, day = word >> 20, word >> 16 & 15, word >> 11 & 31
    if not (1900 <= year <= 2200 and 1 <= month <= 12 and day):
        return ""
    return f"{year:04d}-{month:02d}-{day:02d} {word >> 6 & 31:02d}:{word & 63:02d}"


def _new_header(file: Bytes) -> _Header:
    o = ">" if file.data[1] == _BIG_ENDIAN else "<"
    return _Header(
        flags=file.data[0],
        order=o,
        old=False,
        method=file.data[2],
        exponent=file.one("b", 3),
        points=file.one(f"{o}I", 4),
        first_x=file.one(f"{o}d", 8),
        last_x=file.one(f"{o}d", 16),
        traces=file.one(f"{o}I", 24),
        x_type=file.data[28],
        y_type=file.data[29],
        comment=file.text(88, 130),
        source=file.text(45, 9),
        labels=file.text(218, 30),
        log=file.one(f"{o}I", 248),
        date=_date(file.one(f"{o}I", 32)),
        begin=_NEW_HEADER,
    )


def _old_header(file: Bytes) -> _Header:
    return _Header(
        flags=file.data[0] & ~(_OWN_X | _HAS_X),
        order="<",
        old=True,
        method=0,
        exponent=_FLOAT if file.data[2] == 0x80 else file.one("<h", 2),
        points=round(file.one("<f", 4)),
        first_x=file.one("<f", 8),
        last_x=file.one("<f", 12),
        traces=0,
        x_type=file.data[16],
        y_type=file.data[17],
        comment=file.text(64, 130),
        source="",
        labels=file.text(194, 30),
        log=0,
        date="",
        # the first trace's own header is the last part of the file's
        begin=_OLD_HEADER - _SUB_HEADER,
    )


def _width(header: _Header, exponent: int) -> int:
    return 2 if header.flags & _SHORT and exponent != _FLOAT else 4


def _exponent(header: _Header, own: int) -> int:
    return header.exponent if header.exponent == _FLOAT or not header.flags & _MULTI else own


def _traces(file: Bytes, header: _Header) -> Iterator[_Trace]:
    at = header.begin
    if header.flags & _HAS_X and not header.flags & _OWN_X:
        at += 4 * header.points
    found = 0
    while found < header.traces or (header.old and at + _SUB_HEADER < len(file.data)):
        own = file.one("b", at + 1)
        z = file.one(f"{header.order}f", at + 4)
        points = file.one(f"{header.order}I", at + 16) if header.flags & _OWN_X else header.points
        if not 1 <= points <= MAX_POINTS:
            raise damaged(file.source, f"trace {found + 1} has {points:,} points")
        exponent = _exponent(header, own)
        begin = at + _SUB_HEADER
        size = points * _width(header, exponent) + (4 * points if header.flags & _OWN_X else 0)
        if begin + size > len(file.data):
            if header.old and found:
                return
            raise damaged(file.source, f"trace {found + 1} of {points:,} points ends beyond the file")
        yield _Trace(begin, points, exponent, z)
        found += 1
        at = begin + size
        if header.old and not header.flags & _MULTI:
            return


def _axis(file: Bytes, header: _Header, trace: _Trace) -> FloatArray:
    if header.flags & _OWN_X:
        return file.array(f"{header.order}f4", trace.points, trace.offset)
    if header.flags & _HAS_X:
        return file.array(f"{header.order}f4", header.points, header.begin)
    return np.linspace(header.first_x, header.last_x, trace.points)


def _scale(file: Bytes, exponent: int, bits: int) -> float:
    """Return the worth of the last bit of a number that is a fraction of a power of two."""
    if abs(exponent) > _MAX_EXPONENT:
        raise damaged(file.source, f"an exponent of {exponent}")
    return float(2.0 ** (exponent - bits))


def _ordinates(file: Bytes, header: _Header, trace: _Trace) -> FloatArray:
    o = header.order
    offset = trace.offset + (4 * trace.points if header.flags & _OWN_X else 0)
    if trace.exponent == _FLOAT:
        return file.array(f"{o}f4", trace.points, offset)
    if _width(header, trace.exponent) == 2:
        return file.array(f"{o}i2", trace.points, offset) * _scale(file, trace.exponent, 16)
    if header.old:
        # The words of a number are in the order of the old processors: the high one first.
        words = np.frombuffer(file.data, "<u2", 2 * trace.points, offset).reshape(-1, 2).astype(np.int64)
        whole = words[:, 0] * 65_536 + words[:, 1]
        signed = np.where(whole >= 2**31, whole - 2**32, whole)
        return np.asarray(signed * _scale(file, trace.exponent, 32), dtype=np.float64)
    return file.array(f"{o}i4", trace.points, offset) * _scale(file, trace.exponent, 32)


def _log(file: Bytes, header: _Header) -> dict[str, str]:
    """Return the lines of text in the log block, as pairs."""
    if not 0 < header.log <= len(file.data) - 64:
        return {}
    size, _, offset = file.unpack(f"{header.order}3I", header.log)
    text = file.data[header.log + min(offset, size) : header.log + size][:100_000]
    return heads.pairs(text.split(b"\0", 1)[0].decode("latin-1").splitlines())


def _check_kind(source: Source, header: _Header) -> None:
    other = _INFRARED.get(header.y_type) or _OTHER_METHODS.get(header.method)
    if other:
        raise FormatError(
            f"the file holds {other}; not a Raman spectrum",
            where=source.where(),
            remedy="give a Raman spectrum",
        )


def read_spc(source: Source, data: bytes, column: str | None) -> Contents:
    """Read an SPC file; its traces are named by their Z values where there are several.

    Raises
    ------
    FormatError
        For infrared and other spectra, and a file whose counts do not fit its size.
    NotAShiftAxisError
        When the axis is neither a Raman shift, nor a wavelength with a stated laser.
    """
    file = Bytes(source, data)
    header = _old_header(file) if data[1] == _OLD else _new_header(file)
    _check_kind(source, header)
    if not header.old:
        check_count(source, header.traces)
    if not header.flags & _OWN_X and not 1 <= header.points <= MAX_POINTS:
        raise damaged(source, f"it says that it has {header.points:,} points")
    traces = list(_traces(file, header))
    check_count(source, len(traces))
    said = _log(file, header)
    if header.comment:
        said = {"comment": header.comment, **said}
    role, unit = _X_UNITS.get(header.x_type, (Role.OTHER, f"axis type {header.x_type}"))
    laser = heads.excitation_nm(said)
    names = unique_names([f"{trace.z:.7g}" for trace in traces]) if len(traces) > 1 else (source.stem,)

    def load(i: int) -> Spectrum:
        return to_spectrum(
            source,
            _axis(file, header, traces[i]),
            _ordinates(file, header, traces[i]),
            point(source),
            role=role,
            name=unit,
            metadata={
                **heads.described(
                    format="spc",
                    path=source.name,
                    axis=unit or None,
                    column=_Y_UNITS.get(header.y_type),
                    date=header.date or None,
                    title=header.comment or None,
                    instrument=header.source or None,
                ),
                "head": said,
            },
            history=(f"read spc: {'old' if header.old else 'new'} version, trace {names[i]!r}",),
            excitation_nm=laser,
        )

    _check_column(source, column)
    return Contents(source, names, load)


def _check_column(source: Source, column: str | None) -> None:
    if column is not None:
        raise FormatError(
            f"the file has no column {clip(column)}", where=source.where(), remedy="leave out the column"
        )
