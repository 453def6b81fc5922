"""`look_for`: a unit that was unplugged is opened once it is there again; that switches its laser off."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress

from spectriage.device.serve.unit import Unit
from spectriage.spectra.errors import SpectriageError

PAUSES_S = (0.5, 1.0, 2.0, 5.0)
"""Between looks; the last is kept."""
LOST = "DeviceLostError"


def look_for(
    unit: Unit,
    submit: Callable[[Callable[[], bool]], Future[bool]],
    closing: threading.Event,
    found: Callable[[], object],
) -> None:
    """Look for a lost unit again and again, on a thread of its own, until it is there or another is used.

    Parameters
    ----------
    unit
        Its device was let go.
    submit
        Runs work on the thread that owns the device.
    closing
        Set when nobody waits for it any more.
    found
        Called on the owner's thread once the unit is open, its laser commanded off.
    """
    device = unit.setup.device

    def look() -> bool:
        """Whether there is nothing to look for any more."""
        # one that was opened while the service closes would be left open
        if closing.is_set() or unit.device is not None or unit.setup.device != device:
            return True
        try:
            unit.opened()
        except SpectriageError:
            return False
        found()
        return True

    def work() -> None:
        looks = 0
        while not closing.wait(PAUSES_S[min(looks, len(PAUSES_S) - 1)]):
            looks += 1
            # no more work is taken once the service closes
            with suppress(RuntimeError):
                if submit(look).result():
                    return

    threading.Thread(target=work, name="looks for the unit", daemon=True).start()
