"""Columns of text of a large library, held without the room that the longest value would take in each row.

A million ids of fourteen letters in a column whose longest has 48 would take three times their room.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spectriage.spectra.arrays import ByteArray

EXPANDED_ROWS = 65_536
"""So many rows are expanded at a time."""


class OwnTexts:
    """Texts that differ from row to row: one after another, and where each ends.

    Parameters
    ----------
    count, width
        Rows, and bytes of the longest value that the column could hold.
    """

    def __init__(self, count: int, width: int) -> None:
        self._width = max(1, width)
        self._ends = np.zeros(count + 1, np.uint64 if count * self._width >= 2**32 else np.uint32)
        self._parts: list[ByteArray] = []
        self._filled = 0

    def add(self, texts: NDArray[np.bytes_]) -> None:
        """Take over the next rows."""
        lengths = np.char.str_len(texts)
        letters = _letters(texts)
        self._parts.append(letters[np.arange(letters.shape[1]) < lengths[:, None]])
        ends = self._ends[self._filled : self._filled + texts.size + 1]
        ends[1:] = ends[0] + np.cumsum(lengths)
        self._filled += texts.size

    def done(self) -> OwnTexts:
        """Bring the parts together, when the last rows were added."""
        self._parts = [np.concatenate(self._parts)] if self._parts else [np.empty(0, np.uint8)]
        return self

    def __len__(self) -> int:
        return self._ends.size - 1

    def __getitem__(self, rows: NDArray[np.intp]) -> NDArray[np.bytes_]:
        """Return the texts of some rows."""
        found = np.empty(rows.size, f"S{self._width}")
        for start in range(0, rows.size, EXPANDED_ROWS):
            some = rows[start : start + EXPANDED_ROWS]
            found[start : start + some.size] = self._expanded(some)
        return found

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Return all."""
        made: NDArray[Any] = self[np.arange(len(self))]
        return made if dtype is None else made.astype(dtype)

    def _expanded(self, rows: NDArray[np.intp]) -> NDArray[np.bytes_]:
        starts = self._ends[rows].astype(np.intp)
        lengths = self._ends[rows + 1].astype(np.intp) - starts
        letters = np.zeros((rows.size, self._width), np.uint8)
        places = np.arange(self._width)
        there = places < lengths[:, None]
        letters[there] = self._parts[0][(starts[:, None] + places)[there]]
        return letters.view(f"S{self._width}").ravel()


class FewTexts:
    """Texts of which there are few: a number in each row, and what it stands for.

    Parameters
    ----------
    count, width
        Rows, and bytes of the longest value that the column could hold.
    """

    def __init__(self, count: int, width: int) -> None:
        self._numbers: NDArray[Any] = np.zeros(count, np.uint8)
        self._width = max(1, width)
        self._known: dict[bytes, int] = {}
        self._filled = 0

    def add(self, texts: NDArray[np.bytes_]) -> None:
        """Take over the next rows."""
        words, places = np.unique(texts, return_inverse=True)
        numbers = np.array([self._known.setdefault(word, len(self._known)) for word in words.tolist()])
        if len(self._known) > np.iinfo(self._numbers.dtype).max + 1:
            self._numbers = self._numbers.astype(np.uint16 if len(self._known) <= 2**16 else np.uint32)
        self._numbers[self._filled : self._filled + texts.size] = numbers[places]
        self._filled += texts.size

    def done(self) -> FewTexts:
        """Return it."""
        return self

    def __len__(self) -> int:
        return self._numbers.size

    def __getitem__(self, rows: NDArray[np.intp]) -> NDArray[np.bytes_]:
        """Return the texts of some rows."""
        found: NDArray[np.bytes_] = self._words()[self._numbers[rows]]
        return found

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Return all."""
        made: NDArray[Any] = self._words()[self._numbers]
        return made if dtype is None else made.astype(dtype)

    def _words(self) -> NDArray[np.bytes_]:
        return np.array(list(self._known), f"S{self._width}")


def _letters(texts: NDArray[np.bytes_]) -> ByteArray:
    whole = np.ascontiguousarray(texts)
    return whole.view(np.uint8).reshape(whole.size, -1)
