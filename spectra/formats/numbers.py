"""Rows of numbers in text: which character separates, which is the decimal mark, and what is ambiguous.

The rules, applied to the first row of two or more numbers and then to every row after it:

1. A semicolon separates wherever there is one: ``1,5;2,5`` and ``1.5;2.5`` are two columns.
2. Else blanks or tabs separate, any run of them: ``1,5 2,5`` and ``1,5<tab>2,5`` are two columns.
3. Else a comma separates, with or without blanks around it, and the decimal mark is the point: ``1,2``
   and ``1.5, 2.5`` are two columns.
4. With a semicolon, blank or tab the decimal mark is the comma if rows hold commas, the point if they
   hold points; both in one table are refused. A bare ``,5`` or ``5,`` is no number; digits are never
   grouped by thousands.
5. Three or more comma-separated fields without a single point, as in ``1,5,2,5``, may be decimal commas:
   refused, unless a header names exactly as many columns.
6. Quoted cells are split as CSV; a comma inside the quotes is then a decimal mark.
"""

from __future__ import annotations

import csv
import re
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from spectriage.spectra.arrays import FloatArray, IndexArray
from spectriage.spectra.errors import FormatError
from spectriage.spectra.formats.source import Source, clip
from spectriage.spectra.spectrum import MAX_POINTS

MAX_COLUMNS = 10_000
_MAX_CELLS = 16_000_000
_CHUNK = 16_384
_POINT = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_COMMA = re.compile(r"[+-]?[0-9]+(?:,[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_NOT_A_NUMBER = re.compile(r"[+-]?(?:nan|na|n/a|inf|infinity|null|none|-+)", re.IGNORECASE)
_OF_NUMBERS = b"0123456789eE+-.,; \t\n"
_BARE_COMMA = re.compile(r"(?<![0-9]),|,(?![0-9])")
_MAX_NUMBER_CHARS = 100
_MISSING = frozenset({"", "NA", "na"})
_COMMENT = ("#", "%", "!", "//")


def is_number(text: str) -> bool:
    """Whether a cell is a number with a decimal point or comma; ``nan`` and ``inf`` are not."""
    if len(text) > _MAX_NUMBER_CHARS:
        return False
    return bool(_POINT.fullmatch(text) or _COMMA.fullmatch(text))


def is_missing_number(text: str) -> bool:
    """Whether a cell stands where a number is missing, like ``NaN`` or ``-``."""
    return bool(_NOT_A_NUMBER.fullmatch(text))


def is_comment(line: str) -> bool:
    """Whether a line is blank or a comment."""
    stripped = line.lstrip()
    return not stripped or stripped.startswith(_COMMENT)


def split_row(line: str, separator: str) -> list[str]:
    """Split a row into its stripped cells; an empty cell after a trailing separator is left out."""
    if separator == " ":
        return line.replace('"', " ").split() if '"' in line else line.split()
    if '"' in line:
        try:
            cells = next(csv.reader([line], delimiter=separator, skipinitialspace=True), [])
        except csv.Error:
            return [line]
    else:
        cells = line.split(separator)
    cells = [cell.strip() for cell in cells]
    if len(cells) > 2 and not cells[-1]:
        cells.pop()
    return cells


def separator_of(line: str) -> str | None:
    """Return the separator of a row of two or more numbers, or None when the line is no such row."""
    line = line.replace("\N{MINUS SIGN}", "-")
    for separator in (";",) if ";" in line else (" ", ","):
        cells = split_row(line, separator)
        if len(cells) >= 2 and all(map(is_number, cells)):
            return separator
    return None


@dataclass(frozen=True)
class Block:
    """A block of numbers.

    Parameters
    ----------
    values
        Shape (rows, columns); NaN where a cell is missing and that was allowed.
    lines
        The line (from 1) of each row, shape (rows,).
    separator, decimal
        How it is written.
    """

    values: FloatArray
    lines: IndexArray
    separator: str
    decimal: str


def _decimal_mark(source: Source, rows: list[int], separator: str) -> str:
    if separator == ",":
        return "."
    with_comma = next((i for i in rows if "," in source.lines[i]), None)
    if with_comma is None:
        return "."
    with_point = next((i for i in rows if "." in source.lines[i]), None)
    if with_point is not None:
        raise FormatError(
            "the table mixes decimal commas and decimal points",
            where=source.where(max(with_comma, with_point) + 1),
            remedy="write one decimal mark throughout",
        )
    return ","


def _cell(text: str, decimal: str, missing: bool) -> float | None:
    if missing and text in _MISSING:
        return float("nan")
    text = text.replace("\N{MINUS SIGN}", "-")
    if len(text) > _MAX_NUMBER_CHARS:
        return None
    if "," in text:
        # Only quoted cells come here with a comma when the comma also separates.
        return float(text.replace(",", ".")) if _COMMA.fullmatch(text) else None
    return float(text) if _POINT.fullmatch(text) else None


def _slow(
    source: Source, rows: list[int], separator: str, decimal: str, width: int, missing: bool
) -> list[float]:
    numbers: list[float] = []
    for i in rows:
        cells = split_row(source.lines[i], separator)
        if missing and len(cells) == width - 1 and source.lines[i].rstrip().endswith(separator):
            cells.append("")
        if len(cells) != width:
            raise FormatError(
                f"the row has {len(cells)} columns, the table {width}",
                where=source.where(i + 1),
                remedy="give every row the same number of cells",
            )
        for cell in cells:
            number = _cell(cell, decimal, missing)
            if number is None:
                raise FormatError(
                    f"{clip(cell)} is not a number",
                    where=source.where(i + 1),
                    remedy="remove the row, or put a comment sign (#) before it",
                )
            numbers.append(number)
    return numbers


def _chunk(
    source: Source, rows: list[int], separator: str, decimal: str, width: int, missing: bool
) -> FloatArray:
    lines = [source.lines[i] for i in rows]
    whole = "\n".join(lines)
    foreign = whole.encode("ascii", "replace").translate(None, _OF_NUMBERS)
    quick = not foreign and not (decimal == "," and _BARE_COMMA.search(whole))
    if decimal == ",":
        lines = [line.replace(",", ".") for line in lines]
    # The quick way takes only text that cannot be read otherwise; all else, and every error, goes the
    # slow way.
    if quick and max(map(len, lines)) < _MAX_NUMBER_CHARS * width:
        with suppress(ValueError):
            delimiter = None if separator == " " else separator
            values = np.loadtxt(lines, delimiter=delimiter, comments=None, ndmin=2, encoding=None)
            if values.shape == (len(rows), width):
                return values
    numbers = _slow(source, rows, separator, decimal, width, missing)
    return np.array(numbers, dtype=np.float64).reshape(len(rows), width)


def read_block(
    source: Source, start: int, separator: str, *, width: int | None = None, missing: bool = False
) -> Block:
    """Read the rows of numbers from ``lines[start]`` to the end of the file.

    Blank lines and comment lines (``#``, ``%``, ``!``, ``//``) between them are passed over; anything else
    that is not a row of numbers is an error.

    Parameters
    ----------
    source
        The file.
    start
        Index of the first row.
    separator
        ``;``, ``,``, a tab, or a blank for any run of blanks and tabs.
    width
        Number of columns; of the first row when None.
    missing
        Whether ``NA``, ``na`` and empty cells are read as NaN.

    Raises
    ------
    FormatError
        With the line at which a cell is no number, a row has another length, or decimal marks mix.
    """
    rows = [
        i
        for i, line in enumerate(source.lines[start:], start)
        # most begin with a digit, and then are none
        if line[:1].isdigit() or not is_comment(line)
    ]
    if len(rows) > MAX_POINTS:
        raise FormatError(
            f"the table has {len(rows):,} rows; a spectrum has at most {MAX_POINTS:,} points",
            where=source.where(),
            remedy="check that the file is one spectrum",
        )
    if not rows:
        raise FormatError("no data follow the header", where=source.where(start), remedy="export it again")
    if width is None:
        width = len(split_row(source.lines[rows[0]], separator))
    if width > MAX_COLUMNS or width * len(rows) > _MAX_CELLS:
        raise FormatError(
            f"the table has {width:,} columns and {len(rows):,} rows",
            where=source.where(rows[0] + 1),
            remedy="the axis must run down the first column; split a larger table",
        )
    decimal = _decimal_mark(source, rows, separator)
    parts = [
        _chunk(source, rows[k : k + _CHUNK], separator, decimal, width, missing)
        for k in range(0, len(rows), _CHUNK)
    ]
    values = np.concatenate(parts)
    bad = np.argwhere(np.isinf(values))
    if bad.size:
        raise FormatError("the number is too large", where=source.where(rows[int(bad[0, 0])] + 1))
    return Block(values, np.array(rows, dtype=np.intp) + 1, separator, decimal)
