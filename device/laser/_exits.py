"""Every way out of the process leads past here: signals and the interpreter's end switch every laser off."""

from __future__ import annotations

import atexit
import os
import signal
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Protocol


class Switchable(Protocol):
    """What can be switched off."""

    @property
    def active(self) -> bool:
        """Whether it is in use."""

    def off(self, reason: str = "") -> bool:
        """Switch off; whether that was verified."""


_guards: weakref.WeakSet[Switchable] = weakref.WeakSet()
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def watch(guard: Switchable) -> None:
    """Switch `guard` off when the process ends."""
    _guards.add(guard)


def all_off(reason: str = "the program ends") -> bool:
    """Switch off the laser of every guard that is not closed; False when one could not be verified."""
    verified = True
    for guard in list(_guards):
        if guard.active:
            verified &= guard.off(reason)
    return verified


atexit.register(all_off)


@contextmanager
def signals_switch_off() -> Iterator[None]:
    """While the block runs, let SIGINT and SIGTERM switch every laser off before they do what they did.

    Only the main thread can catch signals: elsewhere nothing changes, and a program that fires from another
    thread wraps its main loop in this.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before: dict[signal.Signals, Any] = {}

    def handler(number: int, frame: FrameType | None) -> None:
        all_off(f"signal {signal.Signals(number).name}")
        previous = before.get(signal.Signals(number))
        if callable(previous):
            previous(number, frame)
        elif previous == signal.SIG_DFL:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

    for number in _SIGNALS:
        before[number] = signal.getsignal(number)
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number, previous in before.items():
            if previous is not None:
                signal.signal(number, previous)
