"""Digits grouped by thousands: told from decimals, and refused: 1,092 read as 1.092 is a silent error."""

from __future__ import annotations

import re

from spectriage.spectra.errors import FormatError
from spectriage.spectra.formats.source import Source, clip

_BLANKS = " \u00a0\u202f\u2009"
_GROUPED = re.compile(
    rf"[+-]?(?:[1-9][0-9]{{0,2}}(?:[.,'’{_BLANKS}][0-9]{{3}})+[.,][0-9]*"
    rf"|[1-9][0-9]{{0,2}}(?:['’{_BLANKS}][0-9]{{3}})+"
    r"|[1-9][0-9]{0,2}(?:[.][0-9]{3}){2,}|[1-9][0-9]{0,2}(?:,[0-9]{3}){2,})"
)
_MAX_CHARS = 40
# One mark that cannot end a group proves that it is decimal: not three digits after it, four before it, or
# a nought.
_PROOF = {
    mark: re.compile(
        rf"{re.escape(mark)}(?![0-9]{{3}}(?![0-9]))|(?<![0-9])0+{re.escape(mark)}|[0-9]{{4}}{re.escape(mark)}"
    )
    for mark in ".,"
}
PROOF_OF_POINT = _PROOF["."]
REMEDY = "export the numbers without thousands separators"


def is_grouped(cell: str) -> bool:
    """Whether a cell is certainly digits grouped by thousands, such as ``1.187,39`` or ``1 187``."""
    return len(cell) <= _MAX_CHARS and bool(_GROUPED.fullmatch(cell.strip()))


def is_decimal(mark: str, text: str) -> bool:
    """Whether one of the marks in a text cannot end a group of digits, so that it is a decimal mark."""
    return bool(_PROOF[mark].search(text))


def _mixed(cells: list[str], mark: str) -> bool:
    """Whether some of a column's cells hold the mark, and the others are whole numbers below 1,000."""
    without = [cell for cell in cells if mark not in cell]
    return 0 < len(without) < len(cells) and all(len(cell.lstrip("+-")) <= 3 for cell in without)


def _whole(cells: list[str], mark: str) -> list[float]:
    return [float(cell.replace(mark, ".")) for cell in cells]


def check_groups(source: Source, rows: list[list[str]], lines: list[int], mark: str) -> None:
    """Refuse a table whose marks may group thousands.

    Parameters
    ----------
    rows
        The cells of all rows, each a number.
    lines
        The line (from 1) of each row.
    mark
        The decimal mark that was found, ``.`` or ``,``, of which none is certainly decimal (`is_decimal`).

    Raises
    ------
    FormatError
        When a column mixes ``934`` with ``1,092``; or, with a
        comma, when nothing tells whether ``1,092`` is one or a thousand.
    """
    if not rows:
        return
    columns = [[row[i] for row in rows if row[i]] for i in range(len(rows[0]))]
    marked = [column for column in columns if any(mark in cell for cell in column)]
    doubtful = any(_mixed(column, mark) for column in marked)
    if mark == "," and not doubtful:
        first = columns[0]
        axis = _whole(first, mark) if first and all(mark in cell for cell in first) else []
        # an axis of 250,000 to 999,000 can only be decimal; one of 1,000 to 1,800 only whole
        doubtful = not axis or max(axis) - min(axis) < 10.0
    if not doubtful:
        return
    at, cell = next(
        ((line, cell) for line, row in zip(lines, rows, strict=True) for cell in row if mark in cell),
        (lines[0], ""),
    )
    raise FormatError(
        f"{clip(cell)} may be digits grouped by thousands separators or a decimal number",
        where=source.where(at),
        remedy=REMEDY,
    )
