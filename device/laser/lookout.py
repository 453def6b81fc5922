"""What watches a firing from beside it: the time that it may last, and the interlock."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic
from types import TracebackType
from typing import Self

from spectriage.device.contract.clock import SystemClock
from spectriage.device.contract.errors import DeviceError
from spectriage.device.contract.spectrometer import InterlockReadback, Spectrometer

POLL_S = 0.05
"""How often the interlock is asked for: one that opens for a shorter time can be missed."""
PATIENCE = 3
"""So many answers in a row may fail to come."""

OPENED = "the interlock was opened"


class Lookout:
    """Ends a firing when its time is over or its interlock opens; a context manager around the light.

    On a virtual clock an exposure takes no time, and the interlock is asked for once, at the end.

    Parameters
    ----------
    device
        Whose light it is.
    seconds
        Longest time that it may last.
    end
        Called once with the reason, on a thread of its own.
    """

    def __init__(self, device: Spectrometer, seconds: float, end: Callable[[str], None]) -> None:
        self._device = device
        self._until = monotonic() + seconds
        self._seconds = seconds
        self._end = end
        self._stop = threading.Event()
        self._polls = isinstance(device, InterlockReadback) and isinstance(device.clock, SystemClock)
        self._thread = threading.Thread(target=self._look, name="laser lookout", daemon=True)

    def __enter__(self) -> Self:
        self._until = monotonic() + self._seconds
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        if kind is None and self._interlock_open() is True:
            self._end(OPENED)

    def _look(self) -> None:
        silent = 0
        while (left := self._until - monotonic()) > 0.0:
            if self._stop.wait(min(POLL_S, left) if self._polls else left):
                return
            opened = self._interlock_open() if self._polls else False
            silent = silent + 1 if opened is None else 0
            if self._stop.is_set():
                return
            if opened:
                self._end(OPENED)
                return
            if silent >= PATIENCE:
                self._end("the interlock can no longer be read")
                return
        self._end("the firing time was over")

    def _interlock_open(self) -> bool | None:
        """Whether it is open; None when the device does not say."""
        if not isinstance(self._device, InterlockReadback):
            return False
        try:
            return not self._device.interlock_closed()
        except DeviceError:
            return None
