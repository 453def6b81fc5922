"""What an answer raised, and what limit it states: read from the answer alone, the same for every table."""

from __future__ import annotations

import math
from collections.abc import Collection

from spectriage.spectra.evidence import TargetEvidence
from spectriage.spectra.policy import Policy
from spectriage.spectra.reference import Hazard
from spectriage.spectra.verdict import RAISED, Identification


def is_raised(result: Identification) -> bool:
    """Whether an answer is an alarm or a warning."""
    return result.verdict in RAISED


def raised_names(result: Identification, policy: Policy) -> frozenset[str]:
    """Return every name that an alarm or a warning goes by, in lower case; nothing when there is none.

    Those of the reason, of the targets that were found and their families, and of the components that alarm
    or warn: their substance, family and class.
    """
    if not is_raised(result):
        return frozenset()
    families = {target.name: target.families for target in policy.targets}
    names = {result.reason.partition(":")[2]}
    for target in result.targets:
        if target.found:
            names |= {target.name, target.reference.family, *families.get(target.name, ())}
    for component in result.components:
        record = component.reference
        if record.hazard is not Hazard.NONE:
            names |= {component.claim, record.substance, record.family, record.material_class}
    return frozenset(name.casefold() for name in names if name)


def stated_limit(result: Identification, policy: Policy, families: Collection[str]) -> float | None:
    """Return the limit that an answer states for a hazard of these families, as a share of the signal.

    Where several targets guard it, the most hopeful one counts: whoever reads the answer may rely on it. None
    when no target guards it, or no amount would have been seen.
    """
    limits = [
        float(target.lod)
        for target in _guards(result, policy, families)
        if math.isfinite(target.lod) and target.lod <= 1.0
    ]
    return min(limits, default=None)


def is_guarded(result: Identification, policy: Policy, families: Collection[str]) -> bool:
    """Whether an answer speaks of a hazard of these families at all, if only to say that it has no limit."""
    return bool(_guards(result, policy, families))


def _guards(result: Identification, policy: Policy, families: Collection[str]) -> list[TargetEvidence]:
    """Return the targets of an answer that stand for any of these families."""
    wanted = {family.casefold() for family in families}
    watched = {target.name: target.families for target in policy.targets}
    found = []
    for target in result.targets:
        own = {*watched.get(target.name, ()), target.reference.family, target.name}
        if wanted & {name.casefold() for name in own}:
            found.append(target)
    return found
