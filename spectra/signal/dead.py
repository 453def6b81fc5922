"""Stretches of a spectrum that were not measured, though the file has numbers there.

Software that cuts, stitches or pads a spectrum leaves runs of one value. They look like a background without
bands; an answer that took them for one would say that what has its bands there is not there.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from spectriage.spectra.spectrum import Spectrum

DEAD_CM = 40.0
"""Negative values that were set to zero make runs of up to 17 cm⁻¹ in measured spectra."""
DEAD_POINTS = 8
MOST_DEAD = 0.5
"""Where more of a spectrum is of one value it is a computed one, whose background has no noise."""


def find_dead(spectrum: Spectrum) -> NDArray[np.bool_]:
    """Return which points lie in a long run of one value, shape (n,)."""
    dead = np.zeros(spectrum.intensity.size, dtype=bool)
    same = spectrum.intensity[1:] == spectrum.intensity[:-1]
    # whether seven steps in a row are none: two and two, these four, and the four that begin three later
    two = same[1:] & same[:-1]
    four = two[2:] & two[:-2]
    if not (four[DEAD_POINTS - 5 :] & four[: 5 - DEAD_POINTS]).any():
        return dead
    edges = np.flatnonzero(np.diff(np.concatenate([[0], same.astype(np.int8), [0]])))
    for first, last in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        wide = spectrum.shift[last] - spectrum.shift[first] >= DEAD_CM
        if wide and last - first + 1 >= DEAD_POINTS:
            dead[first : last + 1] = True
    return dead


def without_dead(spectrum: Spectrum) -> Spectrum:
    """Return the spectrum without its dead stretches, which leaves gaps; the same one where it has none."""
    dead = find_dead(spectrum)
    count = np.count_nonzero(dead)
    if count == 0 or count > MOST_DEAD * dead.size:
        return spectrum
    kept = ~dead
    return replace(
        spectrum,
        shift=spectrum.shift[kept],
        intensity=spectrum.intensity[kept],
        variance=None if spectrum.variance is None else spectrum.variance[kept],
    ).with_step(f"without_dead({count})")
