"""`Watchers`: who is told, at once, that the state has changed: every page and every event stream."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from threading import Lock


class Watchers:
    """Each has an event loop of its own, in which it is called; whoever changes the state does not wait."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._told: dict[object, tuple[asyncio.AbstractEventLoop, Callable[[], object]]] = {}

    def add(self, told: Callable[[], object]) -> Callable[[], None]:
        """Have something called in the running loop after each change; return what ends that."""
        key = object()
        with self._lock:
            self._told[key] = (asyncio.get_running_loop(), told)

        def remove() -> None:
            with self._lock:
                self._told.pop(key, None)

        return remove

    def __len__(self) -> int:
        return len(self._told)

    def tell(self) -> None:
        """Say that something has changed; from any thread."""
        with self._lock:
            told = tuple(self._told.values())
        for loop, call in told:
            # a loop that was closed has nobody left to tell
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(call)
