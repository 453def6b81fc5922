"""`Live`: the spectrum while it is collected, for whoever looks on; nothing is decided on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from spectriage.device.serve.models import LiveSpectrum
from spectriage.spectra.arrays import FloatArray

if TYPE_CHECKING:
    from spectriage.device.acquire.acquisition import Partial

MOST_POINTS = 400
"""A small screen has no more; the highest pixel of each point is shown, so that no line is lost."""


class Live:
    """Holds the last frame's average. Taking one costs nothing: the laser is on meanwhile."""

    def __init__(self) -> None:
        self._shift: FloatArray | None = None
        self._last: Partial | None = None
        self._number = 0

    def begin(self, shift_cm: FloatArray) -> None:
        """Forget what was seen; the pixels are at these shifts, shape (pixels,), cm⁻¹."""
        self._shift, self._last = shift_cm, None

    def take(self, partial: Partial) -> None:
        """Hold the average of another frame with the light on; from any thread.

        What is seen without light is no spectrum: meanwhile the last one stays.
        """
        if str(partial.stage) != "dark":
            self._last = partial
            self._number += 1

    def end(self) -> None:
        """Show nothing any more."""
        self._last = None

    def shown(self) -> LiveSpectrum | None:
        """Return what was collected so far, thinned for a screen; None while there is nothing."""
        last, shift = self._last, self._shift
        if last is None or shift is None or shift.shape != last.counts.shape:
            return None
        counts = last.counts if last.dark is None else last.counts - last.dark
        thin = max(1, -(-counts.size // MOST_POINTS))
        whole = counts.size // thin * thin
        blocks = counts[:whole].reshape(-1, thin)
        row = np.argmax(blocks, axis=1) + thin * np.arange(blocks.shape[0])
        order = np.argsort(shift[row])
        return LiveSpectrum(
            number=self._number,
            stage=str(last.stage),
            exposures=last.exposures,
            integration_ms=last.integration_ms,
            dark_subtracted=last.dark is not None,
            shift_cm=tuple(round(float(value), 1) for value in shift[row][order]),
            counts=tuple(round(float(value), 1) for value in counts[row][order]),
        )
