"""Cutting the inputs of a batch into shards: always the same ones, a few at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count, islice

from spectriage.library.inputs.item import Item

SHARD_INPUTS = 256


@dataclass(frozen=True)
class Shard:
    """So many inputs, one after another, that are worked off and written together.

    Parameters
    ----------
    number
        From 0, in the order of the inputs.
    items
        The inputs.
    """

    number: int
    items: tuple[Item, ...]


def shards(items: Iterable[Item], size: int) -> Iterator[Shard]:
    """Cut the inputs into shards of a size, the last one shorter."""
    stream = iter(items)
    for number in count():
        some = tuple(islice(stream, size))
        if not some:
            return
        yield Shard(number, some)
