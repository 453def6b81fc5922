"""Bands that no component explains: whether something else is in a scan that has a name.

A material of which the library knows nothing shows in places where the fit has nothing. What the fit is off
by near its own bands is mismatch, and is not counted. A few are water, a dopant, the glass; a material that
makes a fifth of the signal brings six and more, where four of five harmless materials bring fewer on an
instrument that the library was not made with.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.compile.jit import packed_as
from spectriage.spectra.contrast.block import row_by_row
from spectriage.spectra.contrast.contrast import queries_together
from spectriage.spectra.evidence._kernels_unexplained import LeftRules, count_left_each
from spectriage.spectra.fitting.band_support import points_of
from spectriage.spectra.fitting.fit import Fit

NEAR_CM = 10.0
NOISE_MULTIPLE = 10.0
"""Noise that is correlated, as after interpolation, is greater than it is estimated."""
LEAST_SHARE = 0.004
"""Of the highest band of the scan: no reference is known better than this."""


class Unexplained(NamedTuple):
    """How many bands of a scan nothing explains, and the height of the greatest over that of the scan's."""

    bands: int = 0
    greatest: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Return the fields of the JSON."""
        return {"unexplained_bands": self.bands, "greatest_unexplained": round(self.greatest, 4)}


ALL_EXPLAINED = Unexplained()
"""Nothing is left."""


def unexplained_bands(fits: Sequence[Fit], step_cm: float) -> list[Unexplained]:
    """Return the bands of each of several scans that its fit does not explain."""
    if not fits:
        return []
    queries, found = queries_together([fit.query for fit in fits]), np.empty((len(fits), 2))
    fitted = row_by_row([fit.fitted for fit in fits])
    count_left_each(queries.derivative, queries.valid, fitted, queries.noise, left_rules(step_cm), found)
    return unexplained_of(found)


def left_rules(step_cm: float) -> LeftRules:
    """Return what counts as a band that is left, packed for kernels."""
    return packed_as(LeftRules, (NOISE_MULTIPLE, LEAST_SHARE, points_of(NEAR_CM, step_cm)))


def unexplained_of(found: FloatArray) -> list[Unexplained]:
    """Return what `count_left` wrote of several scans, shape (s, 2)."""
    return [Unexplained(int(count), greatest) for count, greatest in found.tolist()]
