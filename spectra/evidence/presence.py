"""How probable it is that what was added to a model is there: several measures of one scan as one log odds.

A logistic regression (Brümmer & du Preez 2006, Comput. Speech Lang. 20, 230) of what was there against what
was not, both equally likely before. There: sums of measured spectra of two instruments, with a library of
the one and scans of the other, and simulated ones of band tables perturbed by what their tier is uncertain
by. Not there: measured harmless materials, alone and in sums, known to the library and not. Half of the
field spectra were kept out of it.
"""

from __future__ import annotations

import math

from spectriage.spectra.evidence.sighting import Sighting
from spectriage.spectra.fitting.fit import MIN_DISAGREEMENT, Axis
from spectriage.spectra.reference import Tier

AXIS_SIGMA_CM = 3.0
"""Standard deviation of the axis offset of instruments that are calibrated."""
RATIO_RANGE = (-10.0, 12.0)
"""Bands are not wholly independent: more of a log ratio is not more evidence."""
LEAST_GAIN = 0.01

INTERCEPT = -6.42
RATIO = 0.57
OFFSET = -2.26
AGREEMENT = 2.33
GAIN = 1.06
LACKING = 1.41
GUESSED = -0.43


def presence_log_odds(
    sighting: Sighting, *, similarity: float, gain: float, lacking: int, axis: Axis, tier: Tier
) -> float:
    """Return the log odds that a reference which was added to a model is there.

    Parameters
    ----------
    sighting
        What the scan shows of its bands.
    similarity
        V of the model with it: what is left unexplained counts against it.
    gain
        Its log gain over the model without it.
    lacking
        How many independent bands that need it are wanting, 0 or more.
    axis
        Of the model; far from the calibrated one it must be held by more.
    tier
        Of the reference.
    """
    disagreement = max(1.0 - similarity, MIN_DISAGREEMENT)
    return (
        INTERCEPT
        + RATIO * min(max(sighting.log_ratio, RATIO_RANGE[0]), RATIO_RANGE[1])
        + OFFSET * 0.5 * (axis.offset_cm / AXIS_SIGMA_CM) ** 2
        - AGREEMENT * math.log(disagreement)
        + GAIN * math.log(max(gain, LEAST_GAIN))
        - LACKING * lacking
        + (GUESSED if tier in (Tier.ESTIMATED, Tier.COMPUTED) else 0.0)
    )
