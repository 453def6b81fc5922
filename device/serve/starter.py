"""`Starter`: who started a scan: seen while it asks with the scan's key; when it is gone, the light goes."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from contextlib import suppress
from typing import TYPE_CHECKING

from spectriage.spectra.errors import SpectriageError

if TYPE_CHECKING:
    from spectriage.device.acquire.acquisition import CancelToken

LOOK_S = 0.05


class Starter:
    """The starter of the scan that runs; nobody's while none does.

    Attributes
    ----------
    gone
        Why the scan was cancelled for its starter; empty where it was not.
    """

    def __init__(self) -> None:
        self.gone = ""
        self._key = ""
        self._seen_s = 0.0

    def begin(self, key: str) -> None:
        """Take note that a scan was started with a key."""
        self._key, self.gone = key, ""
        self._seen_s = time.monotonic()

    def end(self) -> None:
        """Take note that the scan has ended."""
        self._key = ""

    def asks(self, key: str) -> None:
        """Take note that somebody asked with a key."""
        if key and key == self._key:
            self._seen_s = time.monotonic()

    def hold(self, running: Future[None], hold_s: float, cancel: CancelToken) -> None:
        """Cancel a scan, from a thread of its own, when its starter has not asked for `hold_s` seconds."""

        def look() -> None:
            while not running.done():
                if time.monotonic() - self._seen_s > hold_s:
                    self.gone = f"who started this scan was not heard of for {hold_s:g} s"
                    stop(cancel)
                    return
                time.sleep(LOOK_S)

        threading.Thread(target=look, name="looks for the starter", daemon=True).start()


def stop(token: CancelToken) -> None:
    """Stop a scan, the laser first.

    A device that cannot be told to stop is read back, and shown as unknown, by the thread that scans.
    """
    with suppress(SpectriageError):
        token.cancel()
