"""Find where the numbers of a text table begin, and the line that names its columns."""

from __future__ import annotations

import re
from dataclasses import dataclass

from spectriage.spectra.errors import FormatError
from spectriage.spectra.formats.axis import Role, role_of
from spectriage.spectra.formats.grouping import REMEDY, is_grouped
from spectriage.spectra.formats.numbers import (
    gappy_separator_of,
    is_comment,
    is_missing_number,
    is_number,
    not_a_number,
    separator_of,
    split_row,
)
from spectriage.spectra.formats.source import MAX_HEAD_LINES, Source

_UNITS = re.compile(
    r"[\s()\[\]{}.\"'#%]{0,20}(?:raman )?"
    r"(?:cm\W{0,3}1|1/cm|nm|counts?|cts|cnts?|a\.? ?u\.?|arb\.? ?u(?:nits)?\.?|)"
    r"[\s()\[\]{}.\"'#%]{0,20}",
    re.IGNORECASE,
)
_UNIT_DIGITS = re.compile(r"cm\W{0,2}-?1|1/cm|cm⁻¹")
_COLUMN_WORDS = re.compile(
    r"inten[sz]|count|signal|wave|shift|raman|pixel|cm\W{0,2}-?1|1/cm|\bnm\b|강도|强度|強度"
)
_SETTING = re.compile(r"laser|excitation|integration|exposure|averag|power|date")
_DIGITS_FIRST = re.compile(r"[+-]?\.?\d")
# "785 nm", "50 mW", "excited at 785 nm": settings, never the name of a column.
_STATED = re.compile(r"\d\s?(?:nm|[mµu]?w|[mµu]?s|secs?|seconds|°c|k|x|%|l/mm|cm)\b", re.IGNORECASE)
_VALUE = re.compile(r"~?[+-]?\d+(?:[.,]\d+)?\s?(?:nm|[mµu]?w|[mµu]?s|secs?|%|°c)", re.IGNORECASE)
_MARK = re.compile(r"\s*>{3,}[^<]{0,200}<{3,}.*")
_MAX_HEADER_CHARS = 20_000


@dataclass(frozen=True)
class Header:
    """The names of the columns.

    Parameters
    ----------
    names
        One for each column, or a single one for the axis.
    units
        One for each column, or none.
    line
        Index of the line of the names.
    """

    names: tuple[str, ...]
    units: tuple[str, ...]
    line: int

    def labels(self) -> list[str]:
        """Return each name with its unit."""
        units = self.units or ("",) * len(self.names)
        return [f"{name} {unit}".strip() for name, unit in zip(self.names, units, strict=True)]


def is_mark(line: str) -> bool:
    """Whether a line is Ocean Optics' mark around the data, in any language: ``>>>>>…<<<<<``."""
    return len(line) < 300 and bool(_MARK.fullmatch(line))


def _tabbed(source: Source, i: int) -> bool:
    """Whether the tabs of row i stand one for each column that the line above it names."""
    cells = source.lines[i].rstrip("\t").split("\t")
    above = next((source.lines[k] for k in range(i - 1, max(i - 200, -1), -1) if source.lines[k].strip()), "")
    names = above.rstrip("\t").split("\t")
    return len(names) == len(cells) and all(name.strip() for name in names)


def _after(source: Source, i: int) -> str:
    """Return the next line that is not blank; none of them is copied to find it."""
    lines = source.lines
    return next((lines[k] for k in range(i + 1, min(i + 200, len(lines))) if lines[k].strip()), "")


def _check_not_grouped(source: Source, i: int) -> None:
    """Refuse a row that would be numbers but for their thousands separators."""
    line = source.lines[i]
    if len(line) > _MAX_HEADER_CHARS or not line.lstrip(' "+-')[:1].isdigit():
        return
    for separator in (";", "\t", ","):
        cells = split_row(line, separator)
        grouped = [cell for cell in cells if is_grouped(cell)]
        if len(cells) >= 2 and grouped and all(is_number(cell) or cell in grouped for cell in cells):
            raise FormatError(not_a_number(grouped[0]), where=source.where(i + 1), remedy=REMEDY)


def first_row(source: Source) -> tuple[int, str, bool]:
    """Return the index and the separator of the first row of numbers, and whether it has empty cells.

    Raises
    ------
    FormatError
        When there is no row of two numbers.
    """
    singles = 0
    text_lines = 0
    for i, line in enumerate(source.lines):
        if is_comment(line):
            continue
        separator, gappy = separator_of(line), gappy_separator_of(line)
        if separator is not None and not (gappy == "\t" and _tabbed(source, i)):
            return i, separator, False
        _check_not_grouped(source, i)
        following = _after(source, i) if gappy else ""
        alike = gappy is not None and len(split_row(following, gappy)) == len(split_row(line, gappy))
        if gappy and alike and (gappy != "\t" or _tabbed(source, i)):
            return i, gappy, True
        singles += is_number(line.strip())
        text_lines += 1
        if text_lines > MAX_HEAD_LINES:
            break
    if singles > text_lines // 2:
        raise FormatError(
            "the file has one column of numbers; a spectrum has an axis and intensities",
            where=source.where(),
            remedy="export the Raman shift axis with it",
        )
    raise FormatError(
        "no two columns of numbers are in it: this is not a spectrum",
        where=source.where(),
        remedy="give a file with a Raman shift column and an intensity column",
    )


def header_cells(line: str, separator: str, width: int) -> list[str]:
    """Split the line of names as the rows below it are."""
    text = line.strip().lstrip("%!/;").strip()[:_MAX_HEADER_CHARS]
    if separator != " ":
        cells = split_row(text, separator)
        while len(cells) > width and not cells[-1]:
            cells.pop()
        return cells
    # With blanks between the numbers the names may hold blanks themselves.
    candidates = [re.split(r"\t+", text), re.split(r" {2,}|\t+", text), text.split()]
    candidates += [[cell.strip() for cell in re.split("[,;]", text)]]
    return next((cells for cells in candidates if len(cells) == width), candidates[0])


def _check_not_data(source: Source, index: int, cells: list[str], width: int) -> None:
    """Refuse a broken row of data that would pass for a header."""
    first = cells[0]
    like_a_number = len(cells) == width and _DIGITS_FIRST.match(first) and role_of(first) is Role.UNNAMED
    if not (is_number(first) or is_missing_number(first) or like_a_number):
        return
    if any(_STATED.search(cell) for cell in cells):
        return
    bad = next((cell for cell in cells if not is_number(cell)), "")
    reason = not_a_number(bad) if bad else f"the row has {len(cells)} columns, the table {width}"
    raise FormatError(
        f"{reason}, in a row just before the table of numbers",
        where=source.where(index + 1),
        remedy="remove the row, or put a comment sign (#) before it",
    )


def _clean(cells: list[str]) -> tuple[str, ...]:
    return tuple(cell.strip().strip('"').lstrip("#").strip() for cell in cells)


def _loose(line: str, index: int) -> Header | None:
    """Return the axis that a line names whose words do not fall into columns."""
    text = _UNIT_DIGITS.sub("", line[:_MAX_HEADER_CHARS].lower())
    if any(c.isdigit() or c in ":=" for c in text) or "laser" in text or "excitation" in text:
        return None
    role = role_of(line)
    known = role in (Role.SHIFT, Role.WAVELENGTH, Role.OTHER)
    return Header((line.strip()[:200],), (), index) if known else None


def _header_at(
    source: Source, index: int, above: int | None, separator: str, width: int, adjacent: bool
) -> Header | None:
    line = source.lines[index]
    cells = header_cells(line, separator, width)
    comment = is_comment(line)
    names = _clean(cells)
    if not comment and adjacent:
        _check_not_data(source, index, cells, width)
    if ":" in line or "=" in line:
        return None
    if comment and (len(cells) != width or not _COLUMN_WORDS.search(line.lower())):
        return None
    roles = [role_of(name) for name in names]
    if any(map(_VALUE.fullmatch, names)):
        return None
    if any(map(_STATED.search, names)) and not {Role.SHIFT, Role.WAVELENGTH, Role.PIXEL} & set(roles):
        return None
    if len(cells) != width:
        if above is not None and len(cells) > 1 and all(_UNITS.fullmatch(name[:60]) for name in names):
            # fewer units than names
            over = header_cells(source.lines[above], separator, width)
            if len(over) == width > len(cells):
                return Header(_clean(over), (*names, *[""] * (width - len(cells))), above)
        if len(cells) > 1 and cells[0] and role_of(cells[0]) is not Role.UNNAMED and separator != " ":
            raise FormatError(
                f"the header names {len(cells)} columns but the rows have {width}",
                where=source.where(index + 1),
                remedy="a decimal comma cannot be told from a separating comma: use another separator",
            )
        return _loose(line, index)
    if width == 2:
        setting = _SETTING.search(names[0].lower())
        value = _DIGITS_FIRST.match(names[1]) and roles[0] is Role.UNNAMED
        if setting or value:
            return None
    if above is not None and any(names) and all(_UNITS.fullmatch(name[:60]) for name in names):
        over = header_cells(source.lines[above], separator, width)
        if len(over) == width:
            return Header(_clean(over), names, above)
    return Header(names, (), index)


def _cif_loop(source: Source, start: int, width: int) -> Header | None:
    """Return the names of a CIF loop: one a line, each with an underscore, after ``loop_``."""
    first = start - width
    if first < 1 or source.lines[first - 1].strip().lower() != "loop_":
        return None
    names = [line.strip() for line in source.lines[first:start]]
    return Header(tuple(names), (), first) if all(name.startswith("_") for name in names) else None


def find_header(source: Source, start: int, separator: str, width: int) -> Header | None:
    """Return the names of the columns: of the last line before the numbers, or the last but comments."""
    loop = _cif_loop(source, start, width)
    if loop is not None:
        return loop
    before = [i for i in range(start) if source.lines[i].strip()]
    spoken = [i for i in before if not is_comment(source.lines[i])]
    for index in dict.fromkeys([*before[-1:], *spoken[-1:]]):
        if is_mark(source.lines[index]):
            continue
        position = before.index(index)
        above = before[position - 1] if position else None
        found = _header_at(source, index, above, separator, width, index == before[-1])
        if found:
            return _with_axis_above(source, before[:position], found, separator, width)
    return None


def _with_axis_above(source: Source, before: list[int], found: Header, separator: str, width: int) -> Header:
    """Return a header above the one that was found, where only that names an axis.

    Tables of plotting programs have up to three lines: names, units and comments.
    """
    named = {Role.SHIFT, Role.WAVELENGTH, Role.PIXEL, Role.OTHER}
    if len(found.names) != width or named & set(map(role_of, found.labels())) - {role_of("")}:
        return found
    for k in range(len(before) - 1, max(len(before) - 4, -1), -1):
        line = source.lines[before[k]]
        cells = header_cells(line, separator, width)
        if ":" in line or "=" in line or is_comment(line) or len(cells) != width:
            break
        if {Role.SHIFT, Role.WAVELENGTH} & set(map(role_of, cells)) and not any(map(_STATED.search, cells)):
            above = before[k - 1] if k else None
            return _header_at(source, before[k], above, separator, width, False) or found
    return found


def end_of_head(source: Source, header: Header | None, start: int, width: int) -> int:
    """Return the index of the first line that is no part of the head.

    A line that may be a header by its shape alone stays in the head too: nothing said there is lost.
    """
    if header is None or len(header.names) != width:
        return start
    line = source.lines[header.line]
    sure = not is_comment(line) and _COLUMN_WORDS.search(line.lower())
    return header.line if sure else start
