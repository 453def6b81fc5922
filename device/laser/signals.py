"""Signals: while a laser is armed, every one that would end or stop the process switches it off first.

Handlers are installed when the first laser is armed and taken back when none is armed any more. They chain:
what the signal did before, it does afterwards. Signals that the host ignores stay ignored, those that it
handles for purposes of its own (a profiler's timer, say) are not touched. Only the main thread can install
handlers: a program that arms in another thread wraps its main loop in `signals_switch_off`. Where another
thread ends the last arming, the main thread takes the handlers back as soon as it runs Python again; a signal
that comes before that takes them back itself, and does only what it did before. What no handler sees
(``SIGKILL``, ``SIGSTOP``, a crash in C, a loop that holds the interpreter) is the supervisor's.

On Windows there are ``SIGINT``, ``SIGTERM`` and ``SIGBREAK``; stopping signals do not exist there.
"""

from __future__ import annotations

import ctypes
import signal
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from spectriage.device.laser.exits import all_off, gate_closed_by, resume

ENDING = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGBREAK")
"""Wrapped whether the host has a handler or not: they ask a program to end."""
STOPPING = ("SIGTSTP", "SIGTTIN", "SIGTTOU")
"""They halt a program with its laser as it is."""
HARMLESS = ("SIGCHLD", "SIGCONT", "SIGURG", "SIGWINCH", "SIGINFO")
"""Ignored by default."""
BEYOND = (
    "SIGKILL",
    "SIGSTOP",
    "SIGSEGV",
    "SIGBUS",
    "SIGFPE",
    "SIGILL",
    "SIGABRT",
    "SIGSYS",
    "SIGTRAP",
    "SIGEMT",
)
"""No handler in Python can act on them in time: the supervisor does."""

_held: dict[int, Any] = {}
_before: dict[int, Any] = {}


def _numbers(names: tuple[str, ...]) -> set[int]:
    return {int(getattr(signal, name)) for name in names if hasattr(signal, name)}


def watched_signals() -> list[int]:
    """Return the signals that would end or stop this process now, unless they are beyond a handler."""
    always = _numbers(ENDING) | _numbers(STOPPING)
    skipped = _numbers(HARMLESS) | _numbers(BEYOND)
    found = []
    for number in sorted(int(n) for n in signal.valid_signals()):
        if number in skipped:
            continue
        present = signal.getsignal(number)
        if present is signal.SIG_DFL or (number in always and callable(present)):
            found.append(number)
    return found


def hold(owner: object) -> None:
    """Install the handlers for one armed laser; from another thread than the main one nothing happens.

    An owner that is collected without `release` has released.
    """
    key = id(owner)
    if key not in _held:
        _held[key] = weakref.finalize(owner, release, key)
        _held[key].atexit = False
    if _before or threading.current_thread() is not threading.main_thread():
        return
    for number in watched_signals():
        _before[number] = signal.getsignal(number)
        signal.signal(number, _handle)


def release(key: int) -> None:
    """Take the handlers back once no laser is armed; a handler that the host put since is left alone.

    From another thread than the main one, the main thread does it as soon as it runs Python again.
    """
    holding = _held.pop(key, None)
    if holding is not None:
        holding.detach()
    if _held or not _before:
        return
    if threading.current_thread() is threading.main_thread():
        _give_back()
    else:
        ctypes.pythonapi.Py_AddPendingCall(_pending, None)


def _give_back() -> None:
    """Take the handlers back, on the main thread, unless something was armed in between."""
    if _held:
        return
    for number, previous in list(_before.items()):
        if signal.getsignal(number) is _handle:
            signal.signal(number, previous)
        _before.pop(number, None)


def _give_back_later(argument: int | None) -> int:
    _give_back()
    return 0


# The interpreter calls it on the main thread, between two steps of Python; it lives as long as the process.
_pending = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(_give_back_later)


def _handle(number: int, frame: FrameType | None) -> None:
    # Taken first: with the last laser off the handlers are given back.
    previous = _before.get(number, signal.SIG_DFL)
    closes = bool(_held) and not gate_closed_by()
    if _held:
        all_off(f"signal {_name(number)}")
    else:
        _give_back()
    if callable(previous):
        previous(number, frame)
    elif previous == signal.SIG_DFL:
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)
        # Only a stopping signal comes back here, when the process is continued. Its tokens are void.
        if number in _before:
            signal.signal(number, _handle)
        if closes:
            resume()


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return str(number)


@contextmanager
def signals_switch_off() -> Iterator[None]:
    """While the block runs, let every ending or stopping signal switch the lasers off first.

    For the main loop of a program that arms and fires in another thread; in another thread than the main one
    nothing changes.
    """
    marker = threading.Event()
    hold(marker)
    try:
        yield
    finally:
        release(id(marker))
