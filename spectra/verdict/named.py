"""Which components of a fit may be named.

A hazard may when it is raised as a target. A harmless material may where it is probable, the bands that it
must show are there, and more than one of them needs it: one line alone names only what explains nearly the
whole scan near the calibrated axis, or what stands on an axis that others hold. What may not be named
explains nothing: its bands count as unexplained.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from spectriage.spectra.evidence.target_list import TargetList
from spectriage.spectra.fitting.band_support import independent_supports
from spectriage.spectra.fitting.fit import Fit
from spectriage.spectra.policy.policy import Policy
from spectriage.spectra.reference import Hazard
from spectriage.spectra.verdict.candidate_list import CandidateList
from spectriage.spectra.verdict.component import Component

HOLDING_BANDS = 3
"""So many bands of others hold an axis."""
HELD_OFFSET_CM = 3.0
EVIDENT, MANY_SEEN, LITTLE_MISSING = 20.0, 8, 0.05
"""A log ratio of likelihoods, bands that are seen, and the share by height of those that are not: what looks
like nothing in the library as a whole, being a mixture or measured at another resolution, may be evident."""
MOST_MISSING, LARGE = 0.2, 0.3
"""The share by height of the bands which the scan would have to show that may be missing (0.08 is the most
among right names), of what makes this share of the signal: bands of less hide beside others."""


def may_be_named(
    part: Component, parts: Sequence[Component], found: Collection[str], fit: Fit, policy: Policy
) -> bool:
    """Say whether one component of a fit may be named.

    Parameters
    ----------
    parts
        All of them, with packaging.
    found
        The families of hazards that are raised.
    """
    if part.reference.hazard is not Hazard.NONE:
        return part.reference.family in found
    if part.probability is not None and part.probability < policy.named and not is_evident(part):
        return False
    if is_missing(part):
        return False
    if independent_supports(part.bands) > 1 or len(part.bands) == 0:
        return True
    others = [other for other in parts if other is not part]
    if not others:
        return policy.single_line_holds(fit.similarity, fit.axis.offset_cm)
    held = any(independent_supports(other.bands) >= HOLDING_BANDS for other in others)
    return held or abs(fit.axis.offset_cm) <= HELD_OFFSET_CM


def is_evident(part: Component) -> bool:
    """Say whether the scan shows nearly all bands of a component, and these are too many for chance."""
    shown = part.sighting
    return shown.log_ratio >= EVIDENT and shown.contradicted <= LITTLE_MISSING and shown.seen >= MANY_SEEN


def is_missing(part: Component) -> bool:
    """Say whether bands that the scan would have to show if a large component were there are not."""
    return part.spectral_fraction >= LARGE and part.sighting.contradicted > MOST_MISSING


def with_odds_of_named(candidates: CandidateList, named: Sequence[Component]) -> CandidateList:
    """Give a candidate that is named as a component the probability of that, where it is the greater.

    Taken for the whole of a mixture, none of its parts is probable.
    """
    return candidates.with_named({part.reference.substance: part.probability or 0.0 for part in named})


def with_odds_of_found(parts: tuple[Component, ...], targets: TargetList) -> tuple[Component, ...]:
    """Give hazards the probability that they are raised by, so that it and the verdict are one."""
    known = {target.reference.family: target.probability for target in targets.found}
    if not known:
        return parts
    return tuple(
        part._replace(probability=known[part.reference.family]) if part.reference.family in known else part
        for part in parts
    )


def rests_on_few_lines(parts: Sequence[Component], offset_cm: float) -> bool:
    """Say whether what a scan is explained by is too few lines to rule anything out by.

    One line is; so are two where the axis had to be moved for them, and nothing else holds it; and so are
    several materials that each explain one line.
    """
    each = [independent_supports(part.bands) for part in parts]
    lines = sum(each)
    if lines <= 1 or (len(each) > 1 and max(each) <= 1):
        return True
    return lines < HOLDING_BANDS and abs(offset_cm) > HELD_OFFSET_CM
