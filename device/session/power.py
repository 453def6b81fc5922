"""Whether a sample may get full laser power: asked of the decision on the calibrated axis, and of the sample.

A laser focused on a dark or energetic powder can set it off. Every sample is therefore lit at safe power
first, and full power follows only where all of this holds: the unit's axis is known to be right, the decision
names what the sample is, nothing in it could ignite, its own light neither hides the Raman signal nor grows,
and more light would help. That lowers the risk and does not remove it.
"""

from __future__ import annotations

import numpy as np

from spectriage.device.calibration.unit import UnitCalibration
from spectriage.device.contract.rawscan import RawScan
from spectriage.spectra.reference import Hazard
from spectriage.spectra.verdict import Identification, Verdict

ENERGETIC = (Hazard.EXPLOSIVE, Hazard.OXIDISER)

GLOWS = 10.0
"""A background so many times the strongest band is light that the sample takes up, as dark powders do."""

RISING = 1.5
"""Growth of the light between two equal exposures that is taken for a sample heating up."""

SERVED_BY_LIGHT = ("limit-of-detection", "weak-signal", "unknown", "partly-unknown", "unresolved")
"""Reasons of an undecided scan that more light may resolve."""


UNSURE_AXIS = "what is on the axis is not known well enough."
IGNITES = "could ignite."
UNKNOWN = "The material is not known well enough."
DARK = "The sample takes up much of the light, as dark powders do."
HOT = "The light of the sample grows under the laser: it may be heating up."
_CODES = {UNSURE_AXIS: "axis", IGNITES: "ignites", UNKNOWN: "unknown", DARK: "dark", HOT: "hot"}


def objection_code(text: str) -> str:
    """Return the stable code of what spoke against full power; empty for nothing, and for other words."""
    return next((code for end, code in _CODES.items() if text.endswith(end)), "")


def wants_light(identification: Identification) -> bool:
    """Whether more light could change the verdict."""
    if identification.verdict is not Verdict.INCONCLUSIVE:
        return False
    reason = identification.reason.split(":")[0]
    # where the references limit, and not noise, more light changes nothing
    return reason == "weak-signal" or (reason in SERVED_BY_LIGHT and identification.exposure > 1.0)


def full_power_objection(identification: Identification, calibration: UnitCalibration) -> str:
    """Return why the sample must not get full power, one sentence; empty when it may.

    Parameters
    ----------
    identification
        The decision at safe power, on the calibrated axis.
    calibration
        Of the unit.
    """
    if not calibration.valid:
        problem = calibration.problem or calibration.overridden or "The instrument has no calibration."
        return f"{problem.rstrip('.')}: {UNSURE_AXIS}"
    for component in identification.components:
        if component.reference.hazard in ENERGETIC:
            return f"{component.reference.substance} {IGNITES}"
    for target in identification.targets:
        if target.found and target.hazard in ENERGETIC:
            return f"{target.name} {IGNITES}"
    if identification.verdict is Verdict.INCONCLUSIVE and identification.reason != "limit-of-detection":
        return UNKNOWN
    if identification.quality.fluorescence_ratio > GLOWS:
        return DARK
    return ""


def heating(first: RawScan, second: RawScan) -> str:
    """Say so where the sample's own light grows from one exposure to the next equal one: it gets hot."""
    before, after = (
        float(np.sum(np.maximum(raw.counts - (raw.dark if raw.dark is not None else 0.0), 0.0)))
        for raw in (first, second)
    )
    if after > RISING * max(before, 1.0) and bool(after > 10.0 * np.sqrt(max(before, 1.0))):
        return HOT
    return ""
