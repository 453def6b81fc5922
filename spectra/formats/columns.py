"""Which columns of a table are axes and which are intensities, by their names and what they hold."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.errors import FormatError
from spectriage.spectra.formats import head as heads
from spectriage.spectra.formats.axis import (
    MAX_SHIFT_CM,
    Role,
    check_is_raman,
    looks_like_pixels,
    role_of,
    says_shift,
)
from spectriage.spectra.formats.header import Header, is_mark
from spectriage.spectra.formats.source import Source, clip

_AXIS_ROLES = (Role.SHIFT, Role.WAVELENGTH)
_AXIS_KEYS = (
    *("xaxis mode", "x axis", "xaxis", "xunits", "x units", "x-axis", "x unit", "xunit", "x axis mode"),
    *("x-axis unit", "xaxisunit", "xdatakind", "x label", "xlabel", "axis", "abscissa", "spectral axis"),
)
_AXIS_SAID = re.compile(r"\b(?:axis|abscissa|x[- ]?values?|columns?|x|units?|vs|versus)\b")
_OF_THE_LASER = re.compile(r"laser|excit")
_OCEAN = re.compile(r"spectrasuite|oceanview|ocean ?optics|o[io]+base|ocean ?insight")
# What spectrometer programs write beside the spectrum that is meant, by their names.
_PROCESSED = re.compile(r"processed|dark[ -]?(?:subtracted|corrected)|(?:dark|background)[ -]?removed")
_RAW = re.compile(r"\braw\b")
_DARK = re.compile(r"^(?:dark|background)\b(?!.*(?:subtr|correct|remov))")
_VARIANCE = re.compile(r"^(?:intensity )?variance$")
_DERIVED = re.compile(r"^reference\b|%\s?tr?\b|absorbance|irradiance|transmi|reflect")


@dataclass(frozen=True)
class Column:
    """One intensity: a column, or the difference of two.

    Parameters
    ----------
    name
        What it is called.
    index
        Of the column.
    axis
        Index of its axis column.
    minus
        Index of a column to subtract, or None.
    step
        History step, or an empty text where it is the only one there.
    variance
        Index of the column that holds its variance, or None.
    """

    name: str
    index: int
    axis: int
    minus: int | None = None
    step: str = ""
    variance: int | None = None


@dataclass(frozen=True)
class Columns:
    """The axes by index of their column, the intensities that are meant, and all that may be asked for."""

    axes: dict[int, tuple[Role, str]]
    meant: list[Column]
    all: list[Column]


def _said_of_axis(source: Source, head: dict[str, str], start: int) -> tuple[Role, str]:
    """Return what the head says of an axis without a name."""
    units = _peds_units(source, start)
    if units:
        check_is_raman(units, source)
        return role_of(units[0]), units[0]
    mode = heads.text(head, *_AXIS_KEYS)
    if mode and role_of(mode) in (*_AXIS_ROLES, Role.PIXEL, Role.OTHER):
        return role_of(mode), mode
    for key, value in head.items():
        text = f"{key} {value}"[:300]
        lowered = text.lower()
        if len(text) < 200 and _AXIS_SAID.search(lowered) and not _OF_THE_LASER.search(lowered):
            role = role_of(re.split(r"[;,]", value if not key.startswith("line ") else text)[0])
            if role in _AXIS_ROLES:
                return role, text.strip()
    return (Role.UNNAMED, mode) if mode else (Role.UNNAMED, "")


def _peds_units(source: Source, start: int) -> tuple[str, ...]:
    """Return the units of both axes from the head of a Perkin-Elmer ASCII file (PEDS), or nothing."""
    if "PEDS" not in source.lines[0][:200]:
        return ()
    lines = [line.strip() for line in source.lines[:start]]
    at = lines.index("#GR") if "#GR" in lines else start
    return tuple(lines[at + 1 : at + 3])


def is_ocean(source: Source, start: int) -> bool:
    """Whether a head is that of Ocean Optics' programs, which need not say what the axis is."""
    head = source.lines[: min(start, 60)]
    return any(map(is_mark, source.lines[:start])) or any(_OCEAN.search(line[:200].lower()) for line in head)


def _shift_columns(shift: list[int], labels: list[str], values: FloatArray) -> list[int]:
    """Of several columns named after the shift, return those that can be it."""
    with np.errstate(invalid="ignore"):
        small = [i for i in shift if not np.nanmax(np.abs(values[:, i]), initial=0.0) > MAX_SHIFT_CM]
    said = [i for i in shift if says_shift(labels[i])]
    return said or small or shift


def _axis_columns(source: Source, header: Header, labels: list[str], values: FloatArray) -> list[int]:
    """Return the columns that are axes of spectra, in order."""
    roles = [role_of(label) for label in labels]
    held = [i for i in range(len(labels)) if not np.isnan(values[:, i]).all()]
    for wanted in _AXIS_ROLES:
        found = [i for i in held if roles[i] is wanted]
        if wanted is Role.SHIFT and len(found) > 1:
            found = _shift_columns(found, labels, values)
        if len(found) > 1 and not _each_has_intensities(found, roles):
            raise FormatError(
                f"{len(found)} columns are named after a {wanted.value} axis",
                where=source.where(header.line + 1),
                remedy="give every spectrum in a file of its own, or one axis for all",
            )
        if found:
            return found
    return [0]


def _each_has_intensities(axes: list[int], roles: list[Role]) -> bool:
    ends = [*axes[1:], len(roles)]
    beside = (*_AXIS_ROLES, Role.PIXEL)
    return axes[0] == next(i for i, role in enumerate(roles) if role in beside) and all(
        any(roles[k] not in beside for k in range(i + 1, end)) for i, end in zip(axes, ends, strict=True)
    )


def _intensities(axes: list[int], labels: list[str], names: list[str], values: FloatArray) -> list[Column]:
    width = len(labels)
    others = [i for i in range(width) if i not in axes]
    # Beside one axis, further axes (pixel, wavelength, an index without a name) are no intensities.
    roles = [role_of(label) for label in labels]
    left_out = (Role.PIXEL, *_AXIS_ROLES) if width > 2 else ()
    kept = [
        i
        for i in others
        if roles[i] not in left_out
        and (names[i] or width == 2 or not (looks_like_pixels(values[:, i]) or np.isnan(values[:, i]).all()))
    ]
    return [
        Column(names[i] or f"column {i + 1}", i, max((a for a in axes if a < i), default=axes[0]))
        for i in kept or others
    ]


def _meant(columns: list[Column], values: FloatArray) -> list[Column]:
    """Of an instrument's columns (raw, dark, reference, processed, …) return the spectrum that is meant."""
    plain = [column.name.lower().replace("_", " ").strip() for column in columns]
    held = [not np.isnan(values[:, column.index]).all() for column in columns]

    def named(pattern: re.Pattern[str]) -> list[Column]:
        return [
            column
            for column, name, there in zip(columns, plain, held, strict=True)
            if there and pattern.search(name)
        ]

    variance = named(_VARIANCE)
    if len(variance) == 1 and len(columns) == 2:
        own = next(column for column in columns if column is not variance[0])
        return [Column(own.name, own.index, own.axis, None, "variance: as given", variance[0].index)]
    processed, raw, dark, derived = map(named, (_PROCESSED, _RAW, _DARK, _DERIVED))
    raw = [column for column in raw if column not in processed]
    if processed and (raw or dark or derived):
        return [Column(c.name, c.index, c.axis, None, f"intensity: {c.name}") for c in processed]
    if raw and len(dark) == 1:
        return [
            Column(
                f"{c.name} - {dark[0].name}",
                c.index,
                c.axis,
                dark[0].index,
                f"intensity: {c.name} minus {dark[0].name}",
            )
            for c in raw
        ]
    if raw and derived:
        return [
            Column(c.name, c.index, c.axis, None, f"intensity: {c.name}, dark not subtracted") for c in raw
        ]
    return columns


def columns_of(
    source: Source, header: Header | None, values: FloatArray, head: dict[str, str], start: int
) -> Columns:
    """Return the axes and intensities of a table.

    Parameters
    ----------
    source, header
        The file and the names of its columns.
    values
        Shape (rows, columns).
    head
        What the lines before and after the table say.
    start
        Index of the first row.

    Raises
    ------
    FormatError
        When several columns may be the axis.
    """
    width = values.shape[1]
    if header is None or len(header.names) != width:
        role, name = (
            (role_of(header.names[0]), header.names[0]) if header else _said_of_axis(source, head, start)
        )
        found = [Column(f"column {i + 1}", i, 0) for i in range(1, width)]
        return Columns({0: (role, name)}, found, found)
    labels = header.labels()
    axes = _axis_columns(source, header, labels, values)
    roles = {i: (role_of(labels[i]) if labels[i] else Role.UNNAMED, labels[i]) for i in axes}
    if roles[axes[0]][0] in (Role.UNNAMED, Role.INTENSITY):
        role, said = _said_of_axis(source, head, start)
        if role is not Role.UNNAMED:
            roles[axes[0]] = (role, said)
    found = _intensities(axes, labels, list(header.names), values)
    return Columns(roles, _meant(found, values), found)


def chosen(source: Source, columns: Columns, column: str | None) -> list[Column]:
    """Return the intensities that are meant, or the one that is asked for by name.

    Raises
    ------
    FormatError
        When none or more than one is named so.
    """
    if column is None:
        return columns.meant
    every = [*columns.meant, *columns.all]
    found = [c for c in every if c.name == column] or [c for c in every if c.name.lower() == column.lower()]
    if len({(c.index, c.minus) for c in found}) != 1:
        names = ", ".join(clip(c.name) for c in columns.all[:12])
        raise FormatError(
            f"{'more than one' if found else 'no'} column is named {clip(column)}; there are {names}",
            where=source.where(),
            remedy="ask for one of these columns",
        )
    return [Column(found[0].name, found[0].index, found[0].axis, found[0].minus)]
