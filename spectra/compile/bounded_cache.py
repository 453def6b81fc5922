"""`BoundedCache`: what was prepared once, kept for a bounded number of keys and for several threads."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class BoundedCache(Generic[Key, Value]):
    """A function whose last results are kept.

    Two threads that ask for the same at once may both make it; each gets a right one.

    Parameters
    ----------
    make
        Makes the value of a key; never None.
    most
        So many are kept; the oldest goes first.
    """

    def __init__(self, make: Callable[[Key], Value], most: int) -> None:
        self._make = make
        self._most = most
        self._values: dict[Key, Value] = {}
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._values)

    def __call__(self, key: Key) -> Value:
        """Return the value of a key."""
        found = self._values.get(key)
        if found is None:
            found = self._make(key)
            with self._lock:
                while len(self._values) >= self._most:
                    del self._values[next(iter(self._values))]
                self._values[key] = found
        return found
