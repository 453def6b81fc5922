"""`Telling`: how far a scan is, as the state says it: its stage, the time left, and whether light is out."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from spectriage.device.serve.models import Progress
from spectriage.device.serve.timing import time_left_s

if TYPE_CHECKING:
    from spectriage.device.acquire.acquisition import Progress as Acquired
    from spectriage.device.contract.spectrometer import Spectrometer


class Telling:
    """Turns what an acquisition reports into changes of the state.

    Parameters
    ----------
    change
        Changes values of the state.
    """

    def __init__(self, change: Callable[..., None]) -> None:
        self._change = change
        self._looks = 0
        self._left_at: tuple[float, float] | None = None

    def begin(self) -> Progress:
        """Begin a scan."""
        self._looks, self._left_at = 0, None
        return Progress(stage="start", message="", elapsed_s=0.0, left_s=None)

    def now(self, progress: Progress | None) -> Progress | None:
        """Return a progress with the time that is left by now."""
        if progress is None or self._left_at is None:
            return progress
        at, left = self._left_at
        return progress.model_copy(update={"left_s": max(0.0, left - (time.monotonic() - at))})

    def countdown(self, device: Spectrometer, left_s: float) -> None:
        """Tell of the seconds before the laser fires."""
        self._told(device, "countdown", f"{left_s:.0f}", 0.0, left_s)

    def progressed(self, device: Spectrometer, progress: Acquired) -> None:
        """Tell of a step of the acquisition."""
        stage = str(progress.stage)
        self._looks += stage == "scan" and progress.done == 0
        left_s = time_left_s(progress, device.settings)
        self._told(device, stage, progress.message, progress.elapsed_s, left_s)

    def _told(
        self, device: Spectrometer, stage: str, message: str, elapsed_s: float, left_s: float | None
    ) -> None:
        from spectriage.device.contract.capabilities import LaserGateLine, LaserSource

        self._left_at = None if left_s is None else (time.monotonic(), left_s)
        shown_now = Progress(
            stage=stage,
            message=message,
            elapsed_s=round(elapsed_s, 2),
            left_s=left_s,
            look=max(1, self._looks),
        )
        values = {"progress": shown_now}
        # "on" from before it is switched until it has been read back as off: never the other way round
        if isinstance(device, LaserSource | LaserGateLine) and stage in ("exposure", "scan"):
            self._change(**values, laser="on")
        elif stage == "dark":
            self._change(**values, laser="off")
        else:
            self._change(**values)
