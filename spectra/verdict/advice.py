"""What the operator can do next, by the cause that was found.

More light helps only where noise is what limits: the threshold from which a spectrum's contrast counts is
made of its noise and of what no reference is known better than. Where the second is the greater, a hundred
times the exposure changes nothing, and another spot, another wavelength or a strip does.
"""

from __future__ import annotations

import math

from spectriage.spectra.contrast.contrast import NOISE_MULTIPLE, THRESHOLD_FLOOR, Contrast
from spectriage.spectra.policy.policy import Policy
from spectriage.spectra.signal.quality import Quality

LABORATORY = "Presumptive result: send a sample to a laboratory for confirmation."
MOST_LIGHT = 100.0
NOISELESS = 3000.0
WORTH_LIGHT = 1.5
"""Less than so many times the exposure is no advice."""
FLUORESCENT = 5.0
"""A background so many times the strongest band hides more than noise does."""
THICK = 0.5
"""Packaging that makes so much of the signal is in the way."""


def useful_exposure(query: Contrast, quality: Quality) -> float:
    """Return how many times the light would bring the noise to what references are off by; 1 for none.

    From `NOISELESS` times the noise on, more light shows no other bands: it sharpens a limit at best.
    """
    factor = (NOISE_MULTIPLE * query.noise / THRESHOLD_FLOOR) ** 2
    most = min(MOST_LIGHT, (NOISELESS / max(quality.snr, 1.0)) ** 2)
    return min(factor, most) if min(factor, most) >= WORTH_LIGHT else 1.0


def to_see_more(exposure: float, quality: Quality, packaging_share: float, policy: Policy) -> str:
    """Return what would let a scan show more.

    Parameters
    ----------
    exposure
        How many times the light would help, as `useful_exposure` has it.
    quality
        Of the measurement.
    packaging_share
        Of the signal.
    policy
        Whose advice closes every step.
    """
    steps = []
    if quality.fluorescence_ratio > FLUORESCENT:
        steps.append("Try 1064 nm excitation or another spot.")
    if packaging_share > THICK:
        steps.append("Unwrap it, or press the bag flat on it.")
    if exposure > 1.0:
        steps.append(f"Expose {math.ceil(exposure)} times longer: noise limits this scan.")
    elif not steps:
        steps.append("Try another spot: more light would not change this.")
    return f"{' '.join(steps)} {policy.advice}"
