"""Stretches of a spectrum that were not measured, though the file has numbers there.

Software that cuts, stitches or pads a spectrum leaves runs of one value. They look like a background without
bands; an answer that took them for one would say that what has its bands there is not there.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from spectriage.spectra.signal._kernels_dead import mark_runs
from spectriage.spectra.spectrum import Spectrum

DEAD_CM = 40.0
"""Negative values that were set to zero make runs of up to 17 cm⁻¹ in measured spectra."""
DEAD_POINTS = 8
MOST_DEAD = 0.5
"""Where more of a spectrum is of one value it is a computed one, whose background has no noise."""


def find_dead(spectrum: Spectrum) -> NDArray[np.bool_]:
    """Return which points lie in a long run of one value, shape (n,)."""
    dead = np.zeros(len(spectrum), dtype=bool)
    mark_runs(spectrum.intensity, spectrum.shift, DEAD_POINTS, DEAD_CM, dead)
    return dead


def without_dead(spectrum: Spectrum) -> Spectrum:
    """Return the spectrum without its dead stretches, which leaves gaps; the same one where it has none."""
    dead = np.zeros(len(spectrum), dtype=bool)
    count = mark_runs(spectrum.intensity, spectrum.shift, DEAD_POINTS, DEAD_CM, dead)
    if count == 0 or count > MOST_DEAD * dead.size:
        return spectrum
    kept = ~dead
    return replace(
        spectrum,
        shift=spectrum.shift[kept],
        intensity=spectrum.intensity[kept],
        variance=None if spectrum.variance is None else spectrum.variance[kept],
    ).with_step(f"without_dead({count})")
