"""Decode the ordinates of ``(X++(Y..Y))``: plain, packed, squeezed, differences and repeats (ASDF)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from spectriage.spectra.errors import FormatError
from spectriage.spectra.formats.jcampdx.blocks import without_comment
from spectriage.spectra.formats.source import Source, clip

_SQUEEZED = {letter: str(i) for i, letter in enumerate("@ABCDEFGHI")} | {
    letter: f"-{i}" for i, letter in enumerate("abcdefghi", 1)
}
_DIFFERENCE = {letter: str(i) for i, letter in enumerate("%JKLMNOPQR")} | {
    letter: f"-{i}" for i, letter in enumerate("jklmnopqr", 1)
}
_REPEAT = {letter: str(i) for i, letter in enumerate("STUVWXYZs", 1)}
_LETTERS = re.compile(r"[@%A-DF-Za-df-z]")
_NUMBER = r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)"
# An exponent needs its sign: E without one is the squeezed digit 5.
_EXPONENT = r"(?:[Ee][+-][0-9]{1,3})?"
_FIRST = re.compile(rf"[\s,;]*({_NUMBER}{_EXPONENT})")
_TOKEN = re.compile(rf"({_NUMBER}{_EXPONENT}|[@A-Ia-i%J-Rj-r][0-9]*(?:\.[0-9]*)?|[S-Zs][0-9]*|\?)")
_MAX_TOKEN_CHARS = 40
MAX_LINE_CHARS = 4_096


@dataclass
class Line:
    """One line of a table: its X as written, and how many ordinates stood before its first one."""

    index: int
    x: float
    x_text: str
    start: int
    checks: bool


@dataclass
class Table:
    """The ordinates, unscaled, and the X of each line."""

    y: list[float]
    lines: list[Line]


class _Ordinates:
    """The ordinates so far; a line that begins after differences repeats the last value as a check."""

    def __init__(self, limit: int) -> None:
        self.y: list[float] = []
        self.limit = limit
        self.last: str | None = None
        self.step = 0.0

    def add(self, value: float) -> None:
        self.y.append(value)

    def token(self, token: str) -> str | None:
        """Take one token; return what is wrong with it, or None."""
        letter = token[0]
        if letter in _REPEAT:
            return self._repeat(token)
        if letter in _DIFFERENCE:
            if not self.y:
                return "is a difference to nothing"
            self.step = float(_DIFFERENCE[letter] + token[1:])
            self.add(self.y[-1] + self.step)
            self.last = "difference"
            return None
        self.add(float(_SQUEEZED[letter] + token[1:]) if letter in _SQUEEZED else float(token))
        self.last = "value"
        return None

    def _repeat(self, token: str) -> str | None:
        if self.last is None:
            return "repeats nothing"
        if len(token) > 7:
            return "is no count"
        count = int(_REPEAT[token[0]] + token[1:]) - 1
        if count > self.limit - len(self.y):
            return f"repeats beyond the {self.limit:,} points of the spectrum"
        if self.last == "difference":
            for _ in range(count):
                self.add(self.y[-1] + self.step)
        else:
            self.y.extend([self.y[-1]] * count)
        return None


def _tokens(source: Source, i: int, text: str) -> list[str]:
    found: list[str] = []
    end = 0
    for match in _TOKEN.finditer(text):
        between = text[end : match.start()]
        if between.strip(" \t,;") or len(match[0]) > _MAX_TOKEN_CHARS:
            break
        found.append(match[0])
        end = match.end()
    rest = text[end:].strip(" \t,;")
    if rest:
        raise FormatError(
            f"the data are damaged: {clip(rest)} is no ordinate",
            where=source.where(i + 1),
            remedy="export it again",
        )
    return found


def _plain(text: str) -> list[float] | None:
    """Return the numbers of a line in blanks and decimals, or None where it has other forms."""
    if _LETTERS.search(text) or "?" in text:
        return None
    try:
        values = [float(cell) for cell in text.split()]
    except ValueError:
        return None
    return values if not re.search("[Ee][0-9]|_", text) else None


def _missing(source: Source, i: int, points: int) -> FormatError:
    return FormatError(
        f"the value of point {points + 1} is missing ('?')",
        where=source.where(i + 1),
        remedy="export the spectrum without gaps",
    )


def _line(source: Source, i: int, text: str, ordinates: _Ordinates) -> Line:
    first = _FIRST.match(text)
    if first is None:
        raise FormatError(
            f"the data are damaged: {clip(text)} does not begin with an abscissa",
            where=source.where(i + 1),
            remedy="export it again",
        )
    rest = text[first.end() :]
    start, x = len(ordinates.y), float(first[1])
    checks = ordinates.last == "difference"
    values = _plain(rest)
    if values is not None and not checks:
        ordinates.y.extend(values)
        ordinates.last = "value" if ordinates.y else None
        return Line(i, x, first[1], start, False)
    tokens = _tokens(source, i, rest)
    if checks and tokens:
        _check_value(source, i, tokens[0], ordinates)
        ordinates.last = "value"
        tokens = tokens[1:]
    for token in tokens:
        if token == "?":
            raise _missing(source, i, len(ordinates.y))
        wrong = ordinates.token(token)
        if wrong:
            raise FormatError(
                f"the data are damaged: {clip(token)} {wrong}",
                where=source.where(i + 1),
                remedy="export it again",
            )
    return Line(i, x, first[1], start, checks)


def _check_value(source: Source, i: int, token: str, ordinates: _Ordinates) -> None:
    if token == "?":
        raise _missing(source, i, len(ordinates.y))
    letter = token[0]
    value = None
    if letter in _SQUEEZED:
        value = float(_SQUEEZED[letter] + token[1:])
    elif letter not in _DIFFERENCE and letter not in _REPEAT:
        value = float(token)
    last = ordinates.y[-1]
    if value is None or abs(value - last) > 1e-6 * max(abs(last), 1.0):
        raise FormatError(
            f"the data are damaged: the line begins with {clip(token)}, the one before it ended at {last:g}",
            where=source.where(i + 1),
            remedy="export it again",
        )


def decode(source: Source, first: int, last: int, points: int) -> Table:
    """Return the ordinates of the lines ``first`` to ``last`` (indexes, the last not included).

    Parameters
    ----------
    source
        The file.
    first, last
        Where the table stands.
    points
        How many ordinates there may be.

    Raises
    ------
    FormatError
        With the line at which a token is none of the standard's, a value is missing, a check does not hold,
        or there are far more values than points.
    """
    ordinates = _Ordinates(points)
    lines: list[Line] = []
    for i in range(first, last):
        text = without_comment(source.lines[i]).strip()
        if not text:
            continue
        if len(text) > MAX_LINE_CHARS:
            raise FormatError(
                f"the line has {len(text):,} characters", where=source.where(i + 1), remedy="export it again"
            )
        lines.append(_line(source, i, text, ordinates))
        if len(ordinates.y) > 2 * points + 100:
            raise FormatError(
                f"it holds far more values than its {points:,} points",
                where=source.where(i + 1),
                remedy="export it again",
            )
    return Table(ordinates.y, lines)


def decode_pairs(
    source: Source, first: int, last: int, points: int
) -> tuple[list[float], list[float], list[int]]:
    """Return the abscissae and ordinates of ``(XY..XY)``, and the line (from 1) of each.

    Raises
    ------
    FormatError
        With the line that is not pairs of numbers, or at which a value is missing.
    """
    values: list[float] = []
    lines: list[int] = []
    for i in range(first, last):
        text = without_comment(source.lines[i]).strip()
        if not text:
            continue
        if "?" in text:
            raise _missing(source, i, len(values) // 2)
        cells = re.split(r"[\s,;]+", text.strip(" \t,;")) if len(text) <= MAX_LINE_CHARS else []
        try:
            numbers = [float(cell) for cell in cells] if not re.search(r"[^0-9eE+\-.,; \t]", text) else []
        except ValueError:
            numbers = []
        if not numbers or len(numbers) % 2:
            raise FormatError(
                f"{clip(text)} is not pairs of numbers", where=source.where(i + 1), remedy="correct it"
            )
        values += numbers
        lines += [i + 1] * (len(numbers) // 2)
        if len(lines) > 2 * points + 100:
            raise FormatError(
                f"it holds far more values than its {points:,} points",
                where=source.where(i + 1),
                remedy="export it again",
            )
    return values[0::2], values[1::2], lines
