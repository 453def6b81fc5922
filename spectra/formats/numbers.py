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
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from spectriage.spectra.arrays import FloatArray, IndexArray
from spectriage.spectra.errors import FormatError
from spectriage.spectra.formats.grouping import PROOF_OF_POINT, REMEDY, check_groups, is_decimal, is_grouped
from spectriage.spectra.formats.source import MAX_HEAD_LINES, Source, clip
from spectriage.spectra.spectrum import MAX_POINTS

MAX_COLUMNS = 10_000
_MAX_CELLS = 16_000_000
_CHUNK = 16_384
_POINT = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_COMMA = re.compile(r"[+-]?[0-9]+(?:,[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_NOT_A_NUMBER = re.compile(r"[+-]?(?:nan|na|n/a|inf|infinity|null|none|-+)", re.IGNORECASE)
_BLANKS = re.compile(r"[ \t]+")
_NUMBER_FIRST = re.compile(r"[+-]?[.,]?[0-9]")
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
    """Whether a line is blank, a row of empty cells, or a comment."""
    stripped = line.strip(" \t,;")
    if not stripped or stripped.startswith(_COMMENT):
        return True
    # a semicolon opens a comment in words; before numbers it separates
    return line.lstrip().startswith(";") and any(map(str.isalpha, stripped[:200]))


def split_row(line: str, separator: str) -> list[str]:
    """Split a row into its stripped cells; an empty cell after a trailing separator is left out."""
    if separator == " ":
        if '"' in line:
            line = line.replace('"', " ")
        # a no-break blank groups digits and separates nothing
        return line.split() if line.isascii() else _BLANKS.split(line.strip(" \t"))
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


def gappy_separator_of(line: str) -> str | None:
    """Return the separator of a row of numbers with empty cells between them, or None."""
    for separator in (";", "\t", ","):
        cells = split_row(line, separator) if separator in line else []
        numbers = [cell for cell in cells if cell]
        if 2 <= len(numbers) < len(cells) and all(map(is_number, numbers)):
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
    end
        Index of the first line after the last row: where the foot begins.
    """

    values: FloatArray
    lines: IndexArray
    separator: str
    decimal: str
    end: int


def _decimal_mark(source: Source, rows: Sequence[int], separator: str) -> str:
    if separator == ",":
        return "."
    with_comma = next((i for i in rows if "," in source.lines[i]), None)
    if with_comma is None:
        return "."
    with_point = next((i for i in rows if "." in source.lines[i]), None)
    if with_point is not None:
        for i in rows:
            grouped = next((cell for cell in split_row(source.lines[i], separator) if is_grouped(cell)), None)
            if grouped is not None:
                raise FormatError(not_a_number(grouped), where=source.where(i + 1), remedy=REMEDY)
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


def not_a_number(cell: str) -> str:
    """Say why a cell is no number."""
    grouped = is_grouped(cell)
    return f"{clip(cell)} is {'grouped by thousands separators' if grouped else 'not a number'}"


def _remedy(cell: str) -> str:
    return REMEDY if is_grouped(cell) else "remove the row, or put a comment sign (#) before it"


def _cells_of(source: Source, i: int, separator: str, width: int, missing: bool) -> list[str]:
    """Return the cells of row i, as many as the table has columns."""
    line = source.lines[i]
    cells = split_row(line, separator)
    while len(cells) > width and not cells[-1]:
        cells.pop()
    if missing and len(cells) < width and line.rstrip(" ").endswith(separator):
        cells += [""] * (width - len(cells))
    if len(cells) == width:
        return cells
    grouped = next((cell for cell in line.split("\t") if separator == " " and is_grouped(cell.strip())), None)
    raise FormatError(
        not_a_number(grouped) if grouped else f"the row has {len(cells)} columns, the table {width}",
        where=source.where(i + 1),
        remedy=REMEDY if grouped else "give every row the same number of cells",
    )


def _slow(
    source: Source, rows: Sequence[int], separator: str, decimal: str, width: int, missing: bool
) -> list[float]:
    numbers: list[float] = []
    for i in rows:
        for cell in _cells_of(source, i, separator, width, missing):
            number = _cell(cell, decimal, missing)
            if number is None:
                raise FormatError(not_a_number(cell), where=source.where(i + 1), remedy=_remedy(cell))
            numbers.append(number)
    return numbers


def _quick(lines: list[str], separator: str, decimal: str, width: int, longest: int) -> FloatArray | None:
    """Return the numbers of lines that cannot be read otherwise, or None: the slow way tells why."""
    whole = "\n".join(lines)
    if whole.encode("ascii", "replace").translate(None, _OF_NUMBERS) or len(whole) > (
        _MAX_NUMBER_CHARS * width * len(lines)
    ):
        return None
    most = _MAX_NUMBER_CHARS * width
    if longest >= most and max(map(len, lines)) >= most:
        return None
    if decimal == ",":
        if _BARE_COMMA.search(whole):
            return None
        lines = whole.replace(",", ".").split("\n")
    with suppress(ValueError):
        delimiter = None if separator == " " else separator
        values = np.loadtxt(lines, delimiter=delimiter, comments=None, ndmin=2, encoding=None)
        if values.shape == (len(lines), width):
            return values
    return None


def _chunk(
    source: Source, rows: Sequence[int], separator: str, decimal: str, width: int, missing: bool
) -> FloatArray:
    lines = [source.lines[i] for i in rows]
    if separator not in (" ", "") and lines[0].endswith(separator) and not missing:
        lines = [line.rstrip(f" \t{separator}") for line in lines]
    values = _quick(lines, separator, decimal, width, source.longest)
    if values is None:
        numbers = _slow(source, rows, separator, decimal, width, missing)
        values = np.array(numbers, dtype=np.float64).reshape(len(rows), width)
    return values


def _is_row(line: str, separator: str, width: int, missing: bool) -> bool:
    cells = split_row(line, separator)
    while len(cells) > width and not cells[-1]:
        cells.pop()
    if len(cells) != width:
        return False
    return all(is_number(cell) or (missing and cell in _MISSING) for cell in cells) and any(cells)


def _check_foot(source: Source, foot: list[int], separator: str, width: int) -> None:
    """Refuse a foot that may be a damaged row: one that begins with a number, or is shaped as a row."""
    first = foot[0]
    line = source.lines[first]
    cells = split_row(line, separator)
    bad = next((cell for cell in cells if not is_number(cell)), "")
    apart = not source.lines[first - 1].strip()
    shaped = len(cells) == width and any(map(is_number, cells)) and not (apart or len(foot) > 1)
    begins = cells and (
        _NUMBER_FIRST.match(cells[0]) or is_missing_number(cells[0]) or not cells[0].isprintable()
    )
    if begins or shaped or len(foot) > MAX_HEAD_LINES:
        said = (
            not_a_number(bad)
            if len(cells) == width
            else f"the row has {len(cells)} columns, the table {width}"
        )
        raise FormatError(said, where=source.where(first + 1), remedy=_remedy(bad))


def _end_of_table(source: Source, start: int, separator: str, width: int, missing: bool) -> int:
    """Return the index of the first line after the last row of numbers; what follows is text, or an error."""
    lines = source.lines
    minus = "\N{MINUS SIGN}"
    last = len(lines) - 1
    while last > start and not _is_row(lines[last].replace(minus, "-"), separator, width, missing):
        last -= 1
    foot = [i for i in range(last + 1, len(lines)) if not is_comment(lines[i])]
    if foot:
        _check_foot(source, foot, separator, width)
    return last + 1


def _rows(source: Source, start: int, end: int) -> Sequence[int]:
    return [
        i
        for i, line in enumerate(source.lines[start:end], start)
        # most begin with a digit, and then are none
        if line[:1].isdigit() or not is_comment(line)
    ]


def _values(
    source: Source, rows: Sequence[int], separator: str, decimal: str, width: int, missing: bool
) -> FloatArray:
    parts = [
        _chunk(source, rows[k : k + _CHUNK], separator, decimal, width, missing)
        for k in range(0, len(rows), _CHUNK)
    ]
    values = np.concatenate(parts)
    bad = np.argwhere(np.isinf(values))
    if bad.size:
        raise FormatError("the number is too large", where=source.where(rows[int(bad[0, 0])] + 1))
    return values


def _check_size(source: Source, rows: Sequence[int], width: int) -> None:
    if len(rows) > MAX_POINTS:
        raise FormatError(
            f"the table has {len(rows):,} rows; a spectrum has at most {MAX_POINTS:,} points",
            where=source.where(),
            remedy="check that the file is one spectrum",
        )
    if width > MAX_COLUMNS or width * len(rows) > _MAX_CELLS:
        raise FormatError(
            f"the table has {width:,} columns and {len(rows):,} rows",
            where=source.where(rows[0] + 1),
            remedy="the axis must run down the first column; split a larger table",
        )


def _all_numbers(source: Source, start: int, end: int, separator: str, width: int) -> FloatArray | None:
    """Return the numbers of lines of which every one is a row that can be read in one way only, or None.

    That holds for most files, and saves looking at each line for comments, blanks and a foot.
    """
    lines = source.lines[start:end]
    if len(lines) * width > _MAX_CELLS or len(lines) > MAX_POINTS or width > MAX_COLUMNS:
        return None
    parts: list[FloatArray] = []
    for k in range(0, len(lines), _CHUNK):
        values = _quick(lines[k : k + _CHUNK], separator, ".", width, source.longest)
        if values is None or np.isinf(values).any():
            return None
        parts.append(values)
    return np.concatenate(parts)


def _trimmed(source: Source) -> int:
    end = len(source.lines)
    while end and not source.lines[end - 1].strip():
        end -= 1
    return end


def read_block(
    source: Source, start: int, separator: str, *, width: int | None = None, missing: bool = False
) -> Block:
    """Read the rows of numbers from ``lines[start]`` to the last row of the file.

    Blank lines, rows of empty cells and comment lines (``#``, ``%``, ``!``, ``//``, ``;``) between them are
    passed over, and text after the last row ends the table; anything else that is not a row of numbers is an
    error. Columns without a name or a value at the right end are left out.

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
        With the line at which a cell is no number, a row has another length, decimal marks mix, or digits may
        be grouped by thousands.
    """
    lines = source.lines
    while start < len(lines) and is_comment(lines[start]):
        start += 1
    if start == len(lines):
        raise FormatError("no data follow the header", where=source.where(start), remedy="export it again")
    if width is None:
        first = split_row(lines[start], separator)
        while len(first) > 2 and not first[-1]:
            first.pop()
        width = len(first)
    if not missing and not (separator != "," and "," in lines[start]):
        end = _trimmed(source)
        values = _all_numbers(source, start, end, separator, width)
        if values is not None:
            _check_points(source, start, end, separator)
            return Block(values, np.arange(start + 1, end + 1, dtype=np.intp), separator, ".", end)
    end = _end_of_table(source, start, separator, width, missing)
    rows = _rows(source, start, end)
    _check_size(source, rows, width)
    decimal = _decimal_mark(source, rows, separator)
    values = _values(source, rows, separator, decimal, width, missing)
    _check_marks(source, rows, separator, decimal, width, missing)
    return Block(values, np.array(rows, dtype=np.intp) + 1, separator, decimal, end)


def _check_points(source: Source, start: int, end: int, separator: str) -> None:
    """Refuse ``934`` and ``1.092`` in one column, when no point in the table is certainly decimal."""
    head = "\n".join(source.lines[start : start + 50])
    if PROOF_OF_POINT.search(head):
        return
    _check_marks(source, range(start, end), separator, ".", 0, False)


def _check_marks(
    source: Source, rows: Sequence[int], separator: str, decimal: str, width: int, missing: bool
) -> None:
    text = "\n".join(source.lines[i] for i in rows)
    mark = "," if separator == "," and '"' in text and "," in text else decimal
    if mark == "," and separator == ",":
        text = "\n".join(cell for i in rows for cell in split_row(source.lines[i], separator))
    if mark not in text or is_decimal(mark, text):
        return
    # what the first rows leave open, the rest is not asked to settle
    rows = rows[:_CHUNK]
    cells = [split_row(source.lines[i], separator) for i in rows]
    width = width or len(cells[0])
    check_groups(source, [row[:width] for row in cells if len(row) >= width], [i + 1 for i in rows], mark)
