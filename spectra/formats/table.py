"""Tables of numbers as text: two columns, or an axis and several intensity columns."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from spectriage.spectra.errors import FormatError, NotAShiftAxisError
from spectriage.spectra.formats import head as heads
from spectriage.spectra.formats.axis import Role, check_is_raman, looks_like_pixels, role_of, to_spectrum
from spectriage.spectra.formats.contents import Contents, unique_names
from spectriage.spectra.formats.numbers import (
    Block,
    is_comment,
    is_missing_number,
    is_number,
    read_block,
    separator_of,
    split_row,
)
from spectriage.spectra.formats.source import MAX_HEAD_LINES, Source, clip
from spectriage.spectra.spectrum import MIN_POINTS, Spectrum

_UNITS = re.compile(
    r"\W*(?:raman )?(?:cm\W*1|1/cm|nm|counts?|cts|cnts?|a\.? ?u\.?|arb\.? ?u(?:nits)?\.?|)\W*", re.IGNORECASE
)
_UNIT_DIGITS = re.compile(r"cm\W{0,2}-?1|1/cm|cm⁻¹")
_COLUMN_WORDS = re.compile(r"intens|count|signal|wave|shift|raman|pixel|cm\W{0,2}-?1|1/cm|\bnm\b")
_SETTING = re.compile(r"laser|excitation|integration|exposure|averag|power|date")
_DIGITS_FIRST = re.compile(r"[+-]?\.?\d")
_OCEAN_BEGIN = re.compile(r">{3,}\s*begin.*", re.IGNORECASE)
_OCEAN_END = re.compile(r">{3,}\s*end.*", re.IGNORECASE)


@dataclass(frozen=True)
class _Header:
    names: tuple[str, ...]
    units: tuple[str, ...]
    line: int


def _first_row(source: Source) -> tuple[int, str]:
    """Return the index and the separator of the first row of numbers."""
    singles = 0
    text_lines = 0
    for i, line in enumerate(source.lines):
        if is_comment(line):
            continue
        separator = separator_of(line)
        if separator is not None:
            return i, separator
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


def _header_cells(line: str, separator: str, width: int) -> list[str]:
    text = line.strip().lstrip("%!/").strip()
    if separator != " ":
        return split_row(text, separator)
    # With blanks between the numbers the names may hold blanks themselves.
    for pattern in (r"\t+", r"\s{2,}", r"\s+", r"\s*[,;]\s*"):
        cells = re.split(pattern, text)
        if len(cells) == width:
            return cells
    return re.split(r"\t+", text)


def _check_not_data(source: Source, index: int, cells: list[str], width: int) -> None:
    """Refuse a broken row of data that would pass for a header."""
    first = cells[0]
    like_a_number = len(cells) == width and _DIGITS_FIRST.match(first) and role_of(first) is Role.UNNAMED
    if not (is_number(first) or is_missing_number(first) or like_a_number):
        return
    bad = next((cell for cell in cells if not is_number(cell)), "")
    reason = f"{clip(bad)} is not a number" if bad else f"the row has {len(cells)} columns, the table {width}"
    raise FormatError(
        f"{reason}, in a row just before the table of numbers",
        where=source.where(index + 1),
        remedy="remove the row, or put a comment sign (#) before it",
    )


def _clean(cells: list[str]) -> tuple[str, ...]:
    return tuple(cell.strip().strip('"').lstrip("#").strip() for cell in cells)


def _loose_header(line: str, index: int) -> _Header | None:
    """Return the axis that a line names whose words do not fall into columns."""
    text = _UNIT_DIGITS.sub("", line.lower())
    if any(c.isdigit() or c in ":=" for c in text) or "laser" in text or "excitation" in text:
        return None
    role = role_of(line)
    return _Header((line.strip(),), (), index) if role not in (Role.UNNAMED, Role.PIXEL) else None


def _header_at(source: Source, index: int, above: int | None, separator: str, width: int) -> _Header | None:
    line = source.lines[index]
    cells = _header_cells(line, separator, width)
    comment = is_comment(line)
    names = _clean(cells)
    if not comment:
        _check_not_data(source, index, cells, width)
    if ":" in line or "=" in line:
        return None
    if comment and (len(cells) != width or not _COLUMN_WORDS.search(line.lower())):
        return None
    if len(cells) != width:
        if len(cells) > 1 and cells[0] and role_of(cells[0]) is not Role.UNNAMED and separator != " ":
            raise FormatError(
                f"the header names {len(cells)} columns but the rows have {width}",
                where=source.where(index + 1),
                remedy="a decimal comma cannot be told from a separating comma: use another separator",
            )
        return _loose_header(line, index)
    if width == 2:
        setting = _SETTING.search(names[0].lower())
        value = _DIGITS_FIRST.match(names[1]) and role_of(names[0]) is Role.UNNAMED
        if setting or value:
            return None
    if above is not None and any(names) and all(_UNITS.fullmatch(name) for name in names):
        over = _header_cells(source.lines[above], separator, width)
        if len(over) == width:
            return _Header(_clean(over), names, above)
    return _Header(names, (), index)


def _header(source: Source, start: int, separator: str, width: int) -> _Header | None:
    """Return the names of the columns: of the last line before the numbers, or the last but comments."""
    before = [i for i in range(start) if source.lines[i].strip()]
    spoken = [i for i in before if not is_comment(source.lines[i])]
    for index in dict.fromkeys([*before[-1:], *spoken[-1:]]):
        if _OCEAN_BEGIN.fullmatch(source.lines[index].strip()):
            continue
        position = before.index(index)
        found = _header_at(source, index, before[position - 1] if position else None, separator, width)
        if found:
            return found
    return None


def _check_commas(source: Source, block: Block, start: int, header: _Header | None) -> None:
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


def _axis_column(
    source: Source, header: _Header | None, width: int, head: dict[str, str]
) -> tuple[int, Role, str]:
    """Return which column is the axis, what it is, and its name."""
    if header and len(header.names) == width:
        units = header.units or ("",) * width
        labels = [f"{name} {unit}".strip() for name, unit in zip(header.names, units, strict=True)]
        roles = [role_of(label) for label in labels]
        for wanted in (Role.SHIFT, Role.WAVELENGTH):
            if roles.count(wanted) > 1:
                raise FormatError(
                    f"{roles.count(wanted)} columns are named after a {wanted.value} axis",
                    where=source.where(header.line + 1),
                    remedy="give every spectrum in a file of its own, or one axis for all",
                )
            if wanted in roles:
                column = roles.index(wanted)
                return column, wanted, labels[column]
        return 0, roles[0] if labels[0] else Role.UNNAMED, labels[0]
    if header:
        return 0, role_of(header.names[0]), header.names[0]
    mode = heads.text(head, "xaxis mode", "x axis", "xaxis", "xunits", "x units", "x-axis")
    return (0, role_of(mode), mode) if mode else (0, Role.UNNAMED, "")


def _intensity_columns(header: _Header | None, block: Block, axis: int) -> dict[int, str]:
    width = block.values.shape[1]
    others = [i for i in range(width) if i != axis]
    if not header or len(header.names) != width:
        return {i: f"column {i + 1}" for i in others}
    names = {i: header.names[i] or f"column {i + 1}" for i in others}
    if width == 2:
        return names
    # Beside one axis, further axes (pixel, wavelength, an index without a name) are no intensities.
    kept = {
        i: name
        for i, name in names.items()
        if role_of(name) not in (Role.PIXEL, Role.WAVELENGTH)
        and (header.names[i] or not looks_like_pixels(block.values[:, i]))
    }
    return kept or names


def _chosen(source: Source, columns: dict[int, str], column: str | None) -> dict[int, str]:
    if column is None:
        return columns
    found = {i: name for i, name in columns.items() if name == column} or {
        i: name for i, name in columns.items() if name.lower() == column.lower()
    }
    if len(found) != 1:
        names = ", ".join(clip(name) for name in list(columns.values())[:12])
        raise FormatError(
            f"{'more than one' if found else 'no'} column is named {clip(column)}; there are {names}",
            where=source.where(),
            remedy="ask for one of these columns",
        )
    return found


def _ocean(source: Source, start: int) -> bool:
    return any(_OCEAN_BEGIN.fullmatch(line.strip()) for line in source.lines[:start])


def _without_end_mark(source: Source) -> Source:
    last = next((i for i in reversed(range(len(source.lines))) if source.lines[i].strip()), 0)
    if not _OCEAN_END.fullmatch(source.lines[last].strip()):
        return source
    return Source(source.path, source.name, source.lines[:last])


def _end_of_head(source: Source, header: _Header | None, start: int, width: int) -> int:
    # A line that may be a header by its shape alone stays in the head too: nothing said there is lost.
    if header is None or len(header.names) != width:
        return start
    line = source.lines[header.line]
    sure = not is_comment(line) and _COLUMN_WORDS.search(line.lower())
    return header.line if sure else start


def read_table(source: Source, column: str | None) -> Contents:
    """Read a table of numbers; each intensity column is a spectrum.

    Raises
    ------
    FormatError
        For a file without two columns of numbers, and every row that is no row of numbers.
    """
    source = _without_end_mark(source)
    start, separator = _first_row(source)
    block = read_block(source, start, separator)
    width = block.values.shape[1]
    if len(block.lines) < MIN_POINTS:
        raise FormatError(
            f"the table has {len(block.lines)} points; a spectrum has at least {MIN_POINTS}",
            where=source.where(),
            remedy="check that the file is one whole spectrum with its axis down the first column",
        )
    header = _header(source, start, separator, width)
    _check_commas(source, block, start, header)
    head = heads.pairs(source.lines[: _end_of_head(source, header, start, width)])
    axis, role, name = _axis_column(source, header, width, head)
    if role is Role.UNNAMED and _ocean(source, start):
        raise NotAShiftAxisError(
            "the file does not say whether its axis is a Raman shift or a wavelength",
            where=source.where(),
            remedy="export with a Raman shift axis and its mode in the head",
        )
    if header and len(header.names) == width:
        check_is_raman(header.names, source)
    columns = _chosen(source, _intensity_columns(header, block, axis), column)
    indexes = list(columns)
    single = len(columns) == 1
    names = (source.stem,) if single and column is None else unique_names(list(columns.values()))
    loader = _loader(source, block, head, (axis, role, name), columns)
    return Contents(
        source,
        names,
        lambda i: loader(indexes[i]),
        {columns[indexes[0]]: 0} if single else {},
    )


def _loader(
    source: Source, block: Block, head: dict[str, str], axis: tuple[int, Role, str], columns: dict[int, str]
) -> Callable[[int], Spectrum]:
    axis_column, role, name = axis
    mark = {" ": "blank", "\t": "tab"}.get(block.separator, block.separator)
    metadata = heads.described(
        format="table",
        path=source.name,
        title=heads.text(head, "title", "sample", "name", "label"),
        date=heads.text(head, "date", "timestamp", "acquired"),
        axis=name or None,
    )

    def load(column: int) -> Spectrum:
        return to_spectrum(
            source,
            np.ascontiguousarray(block.values[:, axis_column]),
            np.ascontiguousarray(block.values[:, column]),
            lambda i: source.where(int(block.lines[i])),
            role=role,
            name=name,
            metadata={**metadata, "column": columns[column], "head": head},
            history=(
                f"read table: separator {mark!r}, decimal {block.decimal!r}, column {columns[column]!r}",
            ),
            excitation_nm=heads.excitation_nm(head),
        )

    return load
