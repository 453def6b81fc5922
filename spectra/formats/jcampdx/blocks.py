"""The labelled records of a JCAMP-DX file, and its blocks of data.

A file is gone through once for where its blocks and tables stand; the labels of a block are read when it is
asked for, so that a file of very many is listed at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from spectriage.spectra.formats.source import Source

_NOT_IN_LABELS = re.compile(r"[\s\-/_]")
SPECTRA = ("XYDATA", "XYPOINTS", "DATATABLE")
_BESIDE = ("PEAKTABLE", "PEAKASSIGNMENTS", "RADATA", "ATOMLIST", "BONDLIST", "MOLFILE")
_TABLES = frozenset((*SPECTRA, *_BESIDE))
_MARKS = _TABLES | {"TITLE", "END", "PAGE", "ENDNTUPLES"}
_MAX_VALUE_CHARS = 2_000
_MAX_LABEL_CHARS = 200


@lru_cache(maxsize=10_000)
def canonical(label: str) -> str:
    """Return a label as it compares: case, blanks, dashes, slashes and underscores do not count."""
    return _NOT_IN_LABELS.sub("", label).upper()


def record(line: str) -> tuple[str, str] | None:
    """Return the label and value of a line, or None where it is none: ``##LABEL= value``."""
    text = line.lstrip()
    if not text.startswith("##"):
        return None
    label, equals, value = text[2:].partition("=")
    return (label.strip(), value.strip()) if equals and len(label) <= _MAX_LABEL_CHARS else None


def without_comment(line: str) -> str:
    """Return a line up to its ``$$``."""
    return line.split("$$", 1)[0] if "$$" in line else line


def is_jcamp(source: Source) -> bool:
    """Whether the file opens with a JCAMP-DX label."""
    for line in source.lines:
        text = line[:300].strip()
        if text and not text.startswith("$$"):
            found = record(text)
            return found is not None and canonical(found[0]) in ("TITLE", "JCAMPDX")
    return False


@dataclass
class Page:
    """One table of numbers in a block.

    Parameters
    ----------
    kind
        ``XYDATA``, ``XYPOINTS``, ``DATATABLE`` of NTUPLES, or the label of data that are no spectrum.
    form
        What follows the label, such as ``(X++(Y..Y))``.
    first, last
        Index of the first line of numbers, and after the last one.
    begin
        Index of the ``##PAGE=`` that it belongs to, or None.
    """

    kind: str
    form: str
    first: int
    last: int
    begin: int | None = None


@dataclass
class Block:
    """One ``##TITLE=`` … ``##END=`` of a file: where it stands, and its tables."""

    source: Source = field(repr=False)
    first: int
    last: int
    title: str
    pages: list[Page] = field(default_factory=list)

    @property
    def line(self) -> int:
        """The line (from 1) at which it begins."""
        return self.first + 1

    def spectra(self) -> list[Page]:
        """Return the tables that may be spectra."""
        return [page for page in self.pages if page.kind in SPECTRA]

    @cached_property
    def labels(self) -> dict[str, str]:
        """The labels as they compare, with their values; those of pages are left out."""
        paged = min((page.begin for page in self.pages if page.begin is not None), default=self.last)
        return _labels(self.source, self.first, min(paged, self.last), canonical)

    @cached_property
    def head(self) -> dict[str, str]:
        """The labels as they are written, with their values."""
        return _labels(self.source, self.first, self.last, str)

    def labels_of(self, page: Page) -> dict[str, str]:
        """Return the block's labels and those of one page."""
        if page.begin is None:
            return self.labels
        return {**self.labels, **_labels(self.source, page.begin, page.first, canonical)}


def _labels(source: Source, first: int, last: int, named: Callable[[str], str]) -> dict[str, str]:
    found: dict[str, str] = {}
    current, titles = "", 0
    for i in range(first, last):
        pair = record(without_comment(source.lines[i])) if "##" in source.lines[i] else None
        if pair is None:
            text = without_comment(source.lines[i]).strip() if current else ""
            if text and len(found[current]) < _MAX_VALUE_CHARS:
                found[current] += "\n" + text[:_MAX_VALUE_CHARS]
            continue
        label = canonical(pair[0])
        titles += label == "TITLE"
        if titles > 1:
            # a block within this one: its labels are its own
            break
        current = "" if label in _TABLES or label in ("END", "") else named(pair[0])
        if current:
            found[current] = pair[1][:_MAX_VALUE_CHARS]
    return found


class _Reader:
    """Goes through the lines once; blocks may stand inside one another."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.done: list[Block] = []
        self.open: list[Block] = []
        self.page: Page | None = None
        self.begin: int | None = None

    def read(self) -> list[Block]:
        marks: dict[str, str] = {}
        for i, line in enumerate(self.source.lines):
            # most lines are numbers
            if "##" not in line:
                continue
            key, equals, _ = line.partition("=")
            mark = marks.get(key)
            if mark is None:
                pair = record(without_comment(key[: _MAX_LABEL_CHARS + 50] + equals))
                label = "" if pair is None else canonical(pair[0])
                mark = "" if pair is None else (label if label in _MARKS else "other")
                if len(marks) < 10_000:
                    marks[key] = mark
            if mark:
                self._label(i, mark, line)
        end = len(self.source.lines)
        self._end_page(end)
        for block in self.open:
            block.last = end
        found = [block for block in [*self.done, *self.open] if block.pages]
        return sorted(found, key=lambda block: block.first)

    def _end_page(self, i: int) -> None:
        if self.page is not None:
            self.page.last = i
            self.page = None

    def _label(self, i: int, label: str, line: str) -> None:
        self._end_page(i)
        if label == "other" and self.open:
            return
        value = without_comment(line).partition("=")[2].strip()[:_MAX_VALUE_CHARS]
        if label == "TITLE" or not self.open:
            self.open.append(Block(self.source, i, i, value if label == "TITLE" else ""))
            self.begin = None
        if label == "END":
            self.open[-1].last = i
            self.done.append(self.open.pop())
            self.begin = None
        elif label == "ENDNTUPLES":
            self.begin = None
        elif label == "PAGE":
            self.begin = i
        elif label in _TABLES:
            self.page = Page(label, value, i + 1, i + 1, self.begin)
            self.open[-1].pages.append(self.page)


def blocks_of(source: Source) -> list[Block]:
    """Return the blocks of a file that hold data, in its order."""
    return _Reader(source).read()
