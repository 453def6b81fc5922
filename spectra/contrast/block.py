"""Scans that stand together: arrays with a row for each, as one kernel writes them and the next takes them.

To Python each scan is an object, whose arrays are rows of such a block. It remembers where it stands, so that
a kernel that takes the same scans next is given the block as it is, and not one put together again of rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

Kind = TypeVar("Kind", bound=np.generic)
Rows = TypeVar("Rows", bound=tuple[Any, ...])


class Block(Generic[Rows]):
    """Arrays of one length, a named tuple of them: row i of each is of the scan that stands at place i."""

    __slots__ = ("_places", "rows")

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self._places = list(range(len(rows[0])))

    def at(self, places: list[int]) -> Rows:
        """Return the rows at some places: the arrays themselves where these are all of them, in order."""
        if places == self._places:
            return self.rows
        where, named = np.array(places, np.intp), type(self.rows)
        return named(*[array.take(where, 0) for array in self.rows])


class Standing(Protocol[Rows]):
    """What stands in a block, at a place of it; in none where it was made alone."""

    @property
    def block(self) -> Block[Rows] | None:
        """Where it stands."""

    @property
    def place(self) -> int:
        """At which place."""


Own = TypeVar("Own", bound=Standing[Any])


def together(each: Sequence[Own], stack: Callable[[Sequence[Own]], Rows]) -> Rows:
    """Return the rows of several: of the block that they stand in, and over them those of what does not.

    Parameters
    ----------
    stack
        Puts the rows of some together, wherever they stand.
    """
    only: Block[Rows] | None = each[0].block if len(each) == 1 else None
    if only is not None:
        return only.at([each[0].place])
    homes: set[Block[Rows] | None] = {own.block for own in each}
    home = homes.pop()
    if not homes and home is not None:
        return home.at([own.place for own in each])
    home = home or next(iter(homes), None)
    if home is None:
        return stack(each)
    strays = [number for number, own in enumerate(each) if own.block is not home]
    beside = stack([each[number] for number in strays])
    if any(array.shape[1:] != own.shape[1:] for array, own in zip(home.rows, beside, strict=True)):
        return stack(each)
    # a place that is not in order, so that the rows are a copy
    rows = home.at([own.place if own.block is home else -1 for own in each])
    for array, own in zip(rows, beside, strict=True):
        array[strays] = own
    return rows


def standing(each: Sequence[Own], stack: Callable[[Sequence[Own]], Rows]) -> tuple[Rows, list[int]]:
    """Return rows among which several stand, and where each does: what `together` takes, without a copy.

    For kernels that are told which scans of a block they are to take.
    """
    homes: set[Block[Rows] | None] = {own.block for own in each}
    home = homes.pop() if len(homes) == 1 else None
    if home is None:
        return together(each, stack), list(range(len(each)))
    return home.rows, [own.place for own in each]


def row_by_row(rows: Sequence[NDArray[Kind]]) -> NDArray[Kind]:
    """Return rows of one length as a matrix, one row without a copy. `np.stack` takes thrice as long."""
    return rows[0][None] if len(rows) == 1 else np.concatenate(rows).reshape(len(rows), -1)
