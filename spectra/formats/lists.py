"""Tables with one spectrum a row, whose axis and intensity are lists in brackets: ``"[450, 451, …]"``."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass

import numpy as np

from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.errors import FormatError
from spectriage.spectra.formats.axis import Role, role_of, to_spectrum
from spectriage.spectra.formats.contents import Contents
from spectriage.spectra.formats.source import Source, clip
from spectriage.spectra.spectrum import MAX_POINTS, Spectrum

_LIST = re.compile(r'"\s*\[([^\]"]*)\]\s*"')
_FOREIGN = re.compile(r"[^0-9eE+\-., \t]")
_NAMES = ("component", "name", "substance", "sample", "title", "id")


@dataclass(frozen=True)
class _Layout:
    width: int
    axis: int
    intensity: int
    name: int | None
    id: int | None
    columns: list[str]


def _cells(line: str) -> tuple[list[str], list[str]]:
    """Return the cells of a row, and the texts of its lists; a list's cell holds only its number."""
    lists = _LIST.findall(line)
    count = iter(range(len(lists)))
    short = _LIST.sub(lambda _: f'"[{next(count)}]"', line)
    try:
        return next(csv.reader([short]), []), lists
    except csv.Error:
        return [], lists


def _plain_cells(line: str) -> list[str] | None:
    """Return the cells of a row whose only quotes are those of its two lists, or None."""
    parts = line.split('"')
    if len(parts) != 5 or not all(parts[k].startswith("[") and parts[k].endswith("]") for k in (1, 3)):
        return None
    if parts[1].count("[") + parts[3].count("[") != 2:
        return None
    return f"{parts[0]}[0]{parts[2]}[1]{parts[4]}".split(",")


def is_list_table(source: Source) -> bool:
    """Whether the first row after the header holds two lists of numbers."""
    return len(source.lines) >= 2 and len(_LIST.findall(source.lines[1])) >= 2


def _layout(source: Source) -> _Layout:
    columns = [name.strip() for name in next(csv.reader([source.lines[0][:10_000]]), [])]
    cells, _ = _cells(source.lines[1])
    lists = [i for i, cell in enumerate(cells) if cell.startswith("[")]
    axes = [i for i in lists if i < len(columns) and role_of(columns[i]) is Role.SHIFT]
    others = [i for i in lists if i not in axes]
    if len(cells) != len(columns) or len(axes) != 1 or len(others) != 1:
        raise FormatError(
            "one list column must be named after the Raman shift, and one other be the intensity",
            where=source.where(1),
            remedy="name the columns, e.g. name,wavenumbers,intensity",
        )
    lowered = [name.lower() for name in columns]
    name = next((lowered.index(key) for key in _NAMES if key in lowered), None)
    identity = lowered.index("id") if "id" in lowered else None
    return _Layout(len(columns), axes[0], others[0], name, identity, columns)


def _numbers(source: Source, line: int, text: str, column: str) -> FloatArray:
    if text.count(",") >= MAX_POINTS:
        raise FormatError(
            f"the list {clip(column)} has more than {MAX_POINTS:,} points", where=source.where(line)
        )
    cells = text.split(",")
    try:
        if not _FOREIGN.search(text):
            return np.array([float(cell) for cell in cells], dtype=np.float64)
    except ValueError:
        pass
    wrong = next((cell for cell in cells if _FOREIGN.search(cell) or not cell.strip()), cells[0])
    raise FormatError(
        f"{clip(wrong)} in the list {clip(column)} is not a number",
        where=source.where(line),
        remedy="correct the row or remove it",
    )


def _in_place(cells: list[str], layout: _Layout) -> bool:
    """Whether the cells of a row that should be lists are the lists, and nothing beside them."""
    return {cells[layout.axis], cells[layout.intensity]} == {"[0]", "[1]"}


def _rows(source: Source, layout: _Layout) -> list[tuple[int, str, str]]:
    """Return the line, name and id of every row."""
    found: list[tuple[int, str, str]] = []
    for i, line in enumerate(source.lines[1:], start=1):
        if not line.strip():
            continue
        plain = _plain_cells(line)
        cells, lists = (plain, ["", ""]) if plain is not None else _cells(line)
        if len(cells) != layout.width or len(lists) != 2 or not _in_place(cells, layout):
            raise FormatError(
                f"the row has {len(cells)} cells and {len(lists)} lists; the header {layout.width} and 2",
                where=source.where(i + 1),
                remedy="correct the row or remove it",
            )
        identity = cells[layout.id].strip() if layout.id is not None else str(i)
        name = cells[layout.name].strip() if layout.name is not None else ""
        found.append((i + 1, name or f"row {i + 1}", identity))
    return found


def read_lists(source: Source, column: str | None) -> Contents:
    """Read a table of one spectrum a row; the names are those of its name column.

    A name that stands more than once is followed by the row's id; the id alone is also a name to ask by.

    Raises
    ------
    FormatError
        For a row that does not fit the header, and a list that is not numbers.
    """
    if column is not None:
        raise FormatError(
            "the table has one intensity column only", where=source.where(), remedy="leave out column"
        )
    layout = _layout(source)
    rows = _rows(source, layout)
    counts: dict[str, int] = {}
    for _, name, _ in rows:
        counts[name] = counts.get(name, 0) + 1
    names = [name if counts[name] == 1 else f"{name} (id {identity})" for _, name, identity in rows]
    if len(set(names)) != len(names):
        names = [f"{name} (line {line})" for line, name, _ in rows]

    def load(index: int) -> Spectrum:
        line, name, identity = rows[index]
        cells, lists = _cells(source.lines[line - 1])
        columns = (layout.axis, layout.intensity)
        texts = [lists[int(cells[c][1:-1])] for c in columns]
        axis, intensity = (
            _numbers(source, line, text, layout.columns[c]) for text, c in zip(texts, columns, strict=True)
        )
        if axis.size != intensity.size:
            raise FormatError(
                f"the axis has {axis.size} points, the intensity {intensity.size}",
                where=source.where(line),
                remedy="correct the row or remove it",
            )
        for values in (axis, intensity):
            if not np.all(np.isfinite(values)):
                raise FormatError("a number is too large", where=source.where(line))
        return to_spectrum(
            source,
            axis,
            intensity,
            lambda i: f"{source.where(line)}, point {i + 1}",
            role=Role.SHIFT,
            name=layout.columns[layout.axis],
            metadata={
                "format": "lists",
                "path": source.name,
                "axis": layout.columns[layout.axis],
                "column": layout.columns[layout.intensity],
                "title": name,
                "head": {layout.columns[i]: cell for i, cell in enumerate(cells) if i not in columns},
            },
            history=(f"read lists: row {name!r}, id {identity!r}",),
        )

    aliases = {identity: i for i, (_, _, identity) in enumerate(rows)}
    return Contents(source, tuple(names), load, aliases)
