"""How the threads of a batch share what there is to do, so that none waits for another.

Threads that begin alike come to each step in which they need the interpreter at the same moment. It lets them
work in turns of some milliseconds, so that they also leave the step together, and come to the next one
together: each then takes twice as long over all of them. So they begin with groups of growing size, and keep
that distance. Those who began with less get more at the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")

FEW = 32
"""A group costs as much as some ten of its members: shares of fewer than these are not divided."""


def groups_of(items: Iterable[Item], size: int, threads: int) -> Iterator[list[Item]]:
    """Yield groups of at most `size` items, in their order, for threads that take one group after another.

    Parameters
    ----------
    items
        Taken as they are needed, as many as make a group for each thread.
    size
        Of a group.
    threads
        So many take groups.
    """
    left, most, begun = iter(items), size * threads, False
    taken: list[Item] = []
    while True:
        taken += islice(left, most - len(taken))
        if not taken:
            return
        sizes = _sizes(len(taken), size, threads, begun=begun, more=len(taken) == most)
        begun, start = True, 0
        for count in sizes:
            if group := taken[start : start + count]:
                yield group
            start += count
        taken = taken[start:]


def _sizes(count: int, size: int, threads: int, *, begun: bool, more: bool) -> list[int]:
    """Return of how many items the next groups are; where fewer are left, a group takes what there is."""
    share = -(-count // threads)
    usual = size if begun or more else share
    if threads == 1 or usual < FEW or (begun and more):
        return [share] * threads
    first = [usual * step // threads for step in range(1, threads + 1)]
    if not begun:
        return first if more else first + [share - done for done in first]
    # who began with less has come further by that, and takes more of what is left
    mean = -(-sum(first) // threads)
    return [min(size, max(0, share + mean - done)) for done in first]
