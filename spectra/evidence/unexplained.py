"""Bands that no component explains: whether something else is in a scan that has a name.

A material of which the library knows nothing shows in places where the fit has nothing. What the fit is off by
near its own bands is mismatch, and is not counted. A few are water, a dopant, the glass; a material that makes
a fifth of the signal brings six and more, where four of five harmless materials bring fewer on an instrument
that the library was not made with.
"""

from __future__ import annotations

from spectriage.spectra.evidence._kernels_sighting import count_unexplained
from spectriage.spectra.fitting.band_support import points_of
from spectriage.spectra.fitting.fit import Fit

NEAR_CM = 10.0
NOISE_MULTIPLE = 3.0
LEAST_SHARE = 0.004
"""Of the highest band of the scan: no reference is known better than this."""


def unexplained_bands(fit: Fit, step_cm: float) -> int:
    """Return how many bands of a scan its fit does not explain."""
    query = fit.query
    return int(
        count_unexplained(
            query.derivative,
            query.valid,
            fit.fitted,
            query.noise,
            NOISE_MULTIPLE,
            LEAST_SHARE,
            points_of(NEAR_CM, step_cm),
        )
    )
