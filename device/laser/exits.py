"""Every way out of the process leads past here: one gate, `all_off`, the interpreter's end, a fork.

`all_off` latches first and switches then: it closes the gate, which every guard asks before it arms and again
before it fires, voids every arming token, and only then talks to the units, each on a thread of its own, so
that one that hangs holds no other back. The gate stays closed until `resume`: whoever wants to fire again
says so, and arms anew.
"""

from __future__ import annotations

import atexit
import os
import threading
import weakref
from collections.abc import Callable
from time import monotonic
from typing import Protocol

ALL_OFF_S = 4.0
"""Longest time that `all_off` waits for all units together."""


class Switchable(Protocol):
    """What can be switched off."""

    @property
    def active(self) -> bool:
        """Whether it is in use."""

    def latch(self, reason: str) -> None:
        """Void every right to fire: at once, without a lock, a transfer or a callback."""

    def off(self, reason: str = "") -> bool:
        """Switch off; whether that was verified."""


_guards: weakref.WeakSet[Switchable] = weakref.WeakSet()
_closed_by = ""


def watch(guard: Switchable) -> None:
    """Switch `guard` off when the process ends."""
    _guards.add(guard)


def gate_closed_by() -> str:
    """Why nothing may fire in this process; empty while the gate is open."""
    return _closed_by


def resume() -> None:
    """Open the gate that `all_off` closed; nothing fires by that, everything has to be armed anew."""
    global _closed_by
    _closed_by = ""


def active_guards() -> list[Switchable]:
    """Guards that are open, whatever other threads do meanwhile."""
    while True:
        try:
            return [guard for guard in list(_guards) if guard.active]
        except RuntimeError:  # another thread made a guard in between
            continue


def all_off(reason: str = "the program ends") -> bool:
    """Switch off the laser of every open guard, and let nothing fire until `resume`.

    Never raises; legal in a signal handler and at the interpreter's end.

    Parameters
    ----------
    reason
        Why, for the screen.

    Returns
    -------
    bool
        Whether every laser was verified to be off within `ALL_OFF_S`.
    """
    global _closed_by
    _closed_by = reason or "everything was switched off"
    guards = active_guards()
    for guard in guards:
        guard.latch(reason)
    done = [False] * len(guards)
    if len(guards) == 1:
        return _switch(guards[0], reason)

    def switch(at: int) -> Callable[[], None]:
        def work() -> None:
            done[at] = _switch(guards[at], reason)

        return work

    threads = []
    for at in range(len(guards)):
        thread = threading.Thread(target=switch(at), name="all off", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # no new threads at the interpreter's end
            switch(at)()
            continue
        threads.append(thread)
    left_s = ALL_OFF_S
    for thread in threads:
        began = monotonic()
        thread.join(max(left_s, 0.0))
        left_s -= monotonic() - began
    return all(done)


def _switch(guard: Switchable, reason: str) -> bool:
    try:
        return guard.off(reason)
    except Exception:
        return False


def _forget_in_child() -> None:
    """Forget the guards in a forked child: it owns no laser."""
    _guards.clear()


atexit.register(all_off)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)
