"""A sequence of objects of which each is made when it is first asked for."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Generic, Self, SupportsIndex, TypeVar, overload

Member = TypeVar("Member")


class MadeWhenAsked(Sequence[Member], Generic[Member]):
    """To whoever reads it a tuple: an answer holds numbers, of which most are never asked for as objects.

    What was made is kept. Pickled and copied it is made whole, and holds on to nothing else.
    """

    __slots__ = ("_made", "_size")

    def __init__(self, size: int) -> None:
        self._size = size
        self._made: dict[int, Member] | None = None

    @classmethod
    @abstractmethod
    def of(cls, members: Iterable[Member]) -> Self:
        """Return one of members that are made already; itself, if it is one."""

    @abstractmethod
    def _make(self, place: int) -> Member:
        """Make one of its members."""

    def __len__(self) -> int:
        return self._size

    @overload
    def __getitem__(self, index: SupportsIndex) -> Member: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Member, ...]: ...

    def __getitem__(self, index: SupportsIndex | slice) -> Member | tuple[Member, ...]:
        if isinstance(index, slice):
            return tuple([self._at(place) for place in range(*index.indices(self._size))])
        return self._at(range(self._size)[index])

    def __iter__(self) -> Iterator[Member]:
        return iter([self._at(place) for place in range(self._size)])

    def _at(self, place: int) -> Member:
        if self._made is None:
            self._made = {}
        made = self._made.get(place)
        if made is None:
            made = self._made[place] = self._make(place)
        return made

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, (tuple, MadeWhenAsked)):
            return NotImplemented
        return tuple(self) == tuple(other)

    def __add__(self, other: object) -> tuple[Member, ...]:
        if not isinstance(other, (tuple, MadeWhenAsked)):
            return NotImplemented
        return tuple(self) + tuple(other)

    def __radd__(self, other: object) -> tuple[Member, ...]:
        return other + tuple(self) if isinstance(other, tuple) else NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return repr(tuple(self))

    def __reduce__(self) -> tuple[Callable[[Iterable[Member]], Self], tuple[Any, ...]]:
        return self.of, (tuple(self),)
