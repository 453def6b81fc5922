"""Tables of numbers as text: two columns, or one or more axes and several intensity columns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from spectriage.spectra.errors import FormatError, NotAShiftAxisError
from spectriage.spectra.formats import head as heads
from spectriage.spectra.formats.axis import (
    PIXELS_CONVERTED,
    Role,
    check_is_raman,
    to_spectrum,
    wavelength_of_pixels,
)
from spectriage.spectra.formats.columns import Column, Columns, chosen, columns_of, is_ocean
from spectriage.spectra.formats.contents import Contents, unique_names
from spectriage.spectra.formats.header import Header, end_of_head, find_header, first_row
from spectriage.spectra.formats.missing import dropped, measured_rows
from spectriage.spectra.formats.numbers import Block, read_block, split_row
from spectriage.spectra.formats.source import Source, clip
from spectriage.spectra.spectrum import MIN_POINTS, Spectrum

_MARKS = {" ": "blank", "\t": "tab"}


def _check_commas(source: Source, block: Block, start: int, header: Header | None) -> None:
    width = block.values.shape[1]
    if block.separator != "," or width < 3 or (header and len(header.names) == width):
        return
    if any("." in source.lines[line - 1] or '"' in source.lines[line - 1] for line in block.lines):
        return
    raise FormatError(
        f"{clip(source.lines[start])} may be {width} columns, or fewer with decimal commas",
        where=source.where(start + 1),
        remedy="separate the columns with semicolons or tabs, or name every column in a header",
    )


def _check_long_enough(source: Source, block: Block) -> None:
    if len(block.lines) < MIN_POINTS:
        raise FormatError(
            f"the table has {len(block.lines)} points; a spectrum has at least {MIN_POINTS}",
            where=source.where(),
            remedy="check that the file is one whole spectrum with its axis down the first column",
        )


def read_table(source: Source, column: str | None) -> Contents:
    """Read a table of numbers; each intensity column that is meant is a spectrum.

    Raises
    ------
    FormatError
        For a file without two columns of numbers, and every row that is no row of numbers.
    """
    start, separator, gaps = first_row(source)
    if gaps:
        block = read_block(source, start, separator, width=_width(source, start, separator), missing=True)
    else:
        block = read_block(source, start, separator)
    width = block.values.shape[1]
    _check_long_enough(source, block)
    header = find_header(source, start, separator, width)
    _check_commas(source, block, start, header)
    head = heads.pairs(source.lines[: end_of_head(source, header, start, width)])
    foot = heads.pairs(source.lines[block.end :], block.end + 1)
    said = {**foot, **head}
    columns = columns_of(source, header, block.values, said, start)
    if is_ocean(source, start) and any(role is Role.UNNAMED for role, _ in columns.axes.values()):
        raise NotAShiftAxisError(
            "the file does not say whether its axis is a Raman shift or a wavelength",
            where=source.where(),
            remedy="export with a Raman shift axis and its mode in the head",
        )
    found = chosen(source, columns, column)
    check_is_raman(tuple(c.name for c in found), source)
    single = len(found) == 1
    names = (source.stem,) if single and column is None else unique_names([c.name for c in found])
    loader = _loader(source, block, head, foot, columns)
    return Contents(source, names, lambda i: loader(found[i]), {found[0].name: 0} if single else {})


def _width(source: Source, start: int, separator: str) -> int:
    """Return the columns of a table with empty cells: those of its header, where one is as wide."""
    cells = split_row(source.lines[start], separator)
    above = next((source.lines[i] for i in range(start - 1, -1, -1) if source.lines[i].strip()), "")
    names = split_row(above.strip(), separator)
    while len(names) > 2 and not names[-1]:
        names.pop()
    while len(cells) > max(len(names), 2) and not cells[-1]:
        cells.pop()
    return max(len(names), len(cells)) if len(names) >= 2 else len(cells)


def _described(source: Source, said: dict[str, str]) -> dict[str, Any]:
    """Return what the head and foot of a table say of the measurement."""
    return heads.described(
        format="table",
        path=source.name,
        title=heads.text(said, "title", "sample", "name", "label", "sample name"),
        date=heads.text(said, "date", "timestamp", "acquired", "date and time"),
        integration_ms=heads.integration_ms(said),
        accumulations=heads.accumulations(said),
        instrument=heads.text(said, "instrument", "model", "device", "spectrometer"),
        serial=heads.text(said, "serial number", "devicesn", "serial", "device sn"),
    )


def _loader(
    source: Source, block: Block, head: dict[str, str], foot: dict[str, str], columns: Columns
) -> Callable[[Column], Spectrum]:
    mark = _MARKS.get(block.separator, block.separator)
    said = {**foot, **head}
    laser = heads.excitation_nm(said)
    coefficients = heads.wavelength_coefficients(said)
    known = _described(source, said)

    def load(column: Column) -> Spectrum:
        role, name = columns.axes[column.axis]
        axis, intensity = block.values[:, column.axis], block.values[:, column.index]
        variance = None if column.variance is None else block.values[:, column.variance]
        if column.minus is not None:
            intensity = intensity - block.values[:, column.minus]
        steps = [column.step] if column.step else []
        if role is Role.PIXEL:
            converted = wavelength_of_pixels(axis, coefficients, laser)
            if converted is not None:
                role, axis = Role.WAVELENGTH, converted
                steps.append(PIXELS_CONVERTED)
        held = [each for each in (axis, intensity, variance) if each is not None]
        rows = measured_rows(source, held, lambda i: source.where(int(block.lines[i])))
        read = f"read table: separator {mark!r}, decimal {block.decimal!r}, column {column.name!r}"
        return to_spectrum(
            source,
            np.ascontiguousarray(axis[rows]),
            np.ascontiguousarray(intensity[rows]),
            lambda i: source.where(int(block.lines[i + rows.start])),
            variance=None if variance is None else variance[rows].copy(),
            role=role,
            name=name,
            metadata={
                **known,
                **({"axis": name} if name else {}),
                "column": column.name,
                "head": head,
                **({"foot": foot} if foot else {}),
            },
            history=(read, *steps, *dropped(rows, axis.size)),
            excitation_nm=laser,
        )

    return load
