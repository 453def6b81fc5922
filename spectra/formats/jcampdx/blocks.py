"""The labelled records of a JCAMP-DX file, and its blocks of data."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from spectriage.spectra.formats.source import Source

_LABEL = re.compile(r"\s*##([^=]{0,200})=(.*)", re.DOTALL)
_NOT_IN_LABELS = re.compile(r"[\s\-/_]")
SPECTRA = ("XYDATA", "XYPOINTS", "NTUPLES")
_BESIDE = ("PEAKTABLE", "PEAKASSIGNMENTS", "RADATA", "ATOMLIST", "BONDLIST", "MOLFILE")
_MAX_VALUE_CHARS = 2_000


def canonical(label: str) -> str:
    """Return a label as it compares: case, blanks, dashes, slashes and underscores do not count."""
    return _NOT_IN_LABELS.sub("", label).upper()


def is_jcamp(source: Source) -> bool:
    """Whether the file opens with a JCAMP-DX label."""
    for line in source.lines:
        text = line[:300].strip()
        if text and not text.startswith("$$"):
            match = _LABEL.match(text)
            return bool(match) and canonical(match[1]) in ("TITLE", "JCAMPDX") if match else False
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
    first
        Index of the first line of numbers.
    last
        Index after the last one.
    labels
        What was said since ``##PAGE=``; of NTUPLES only.
    """

    kind: str
    form: str
    first: int
    last: int
    labels: dict[str, str] = field(default_factory=dict)


@dataclass
class Block:
    """One ``##TITLE=`` … ``##END=``: its labels as they compare, as they are written, and its tables."""

    line: int
    labels: dict[str, str] = field(default_factory=dict)
    head: dict[str, str] = field(default_factory=dict)
    pages: list[Page] = field(default_factory=list)

    @property
    def title(self) -> str:
        """What the block is called."""
        return self.labels.get("TITLE", "").strip()

    def spectra(self) -> list[Page]:
        """Return the tables that may be spectra."""
        return [page for page in self.pages if page.kind in (*SPECTRA, "DATATABLE")]


def without_comment(line: str) -> str:
    """Return a line up to its ``$$``."""
    return line.split("$$", 1)[0] if "$$" in line else line


class _Reader:
    """Goes through the lines once; blocks may stand inside one another."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.done: list[Block] = []
        self.open: list[Block] = []
        self.page: Page | None = None
        self.page_labels: dict[str, str] | None = None
        self.last = ""

    def read(self) -> list[Block]:
        for i, line in enumerate(self.source.lines):
            # most lines are numbers
            if "##" not in line:
                if self.page is None and self.last and self.open:
                    self._continue(line)
                continue
            match = _LABEL.match(without_comment(line))
            if match:
                self._label(i, match[1].strip(), match[2].strip())
        self._end_page(len(self.source.lines))
        return [block for block in sorted([*self.done, *self.open], key=lambda b: b.line) if block.pages]

    def _continue(self, line: str) -> None:
        labels, text = self.open[-1].labels, without_comment(line).strip()
        if text and len(labels.get(self.last, "")) < _MAX_VALUE_CHARS:
            labels[self.last] = labels.get(self.last, "") + "\n" + text[:_MAX_VALUE_CHARS]

    def _end_page(self, i: int) -> None:
        if self.page is not None:
            self.page.last = i
        self.page = None

    def _label(self, i: int, written: str, value: str) -> None:
        label = canonical(written)
        self._end_page(i)
        self.last = ""
        if label == "":
            return
        if label == "TITLE" or not self.open:
            self.open.append(Block(i + 1))
            self.page_labels = None
        block = self.open[-1]
        if label == "END":
            self.done.append(self.open.pop())
            self.page_labels = None
        elif label == "ENDNTUPLES":
            self.page_labels = None
        elif label == "PAGE":
            self.page_labels = {"PAGE": value}
        elif label in ("XYDATA", "XYPOINTS", "DATATABLE", *_BESIDE):
            self.page = Page(label, value, i + 1, i + 1, dict(self.page_labels or {}))
            block.pages.append(self.page)
        else:
            known = block.labels if self.page_labels is None else self.page_labels
            known[label] = value[:_MAX_VALUE_CHARS]
            block.head[written] = value[:_MAX_VALUE_CHARS]
            self.last = label if self.page_labels is None else ""


def blocks_of(source: Source) -> list[Block]:
    """Return the blocks of a file that hold data, in its order."""
    return _Reader(source).read()
