"""How an answer is put into words: claims by their tier, limits, lists of names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from spectriage.spectra.evidence.target_evidence import TargetEvidence
from spectriage.spectra.policy.policy import Policy
from spectriage.spectra.reference import Hazard, Reference, Tier
from spectriage.spectra.verdict.component import Component

NEAREST = 3
_BY_SUBSTANCE = (Tier.MEASURED, Tier.BANDS)


def claim(reference: Reference) -> str:
    """Return what may be claimed on a reference's tier: the substance, or only its family."""
    if reference.tier in _BY_SUBSTANCE:
        return reference.substance
    return reference.family


def wording(component: Component) -> str:
    """Return the claim in words that carry its tier."""
    tier = component.reference.tier
    if tier is Tier.MEASURED:
        return component.claim
    if tier is Tier.BANDS:
        return f"{component.claim} (band model)"
    if tier is Tier.RECALLED:
        return f"consistent with {component.claim}"
    return f"possible {component.claim}, unverified reference"


def named(components: Iterable[Component]) -> str:
    """Return several components in words, as the beginning of a sentence."""
    return capital(", ".join(wording(component) for component in components))


def nearest(candidates: Sequence[Reference]) -> str:
    """Name the nearest few substances once each, and every one that is hazardous among the candidates."""
    names: dict[str, None] = {}
    for reference in candidates:
        if len(names) < NEAREST or reference.hazard is not Hazard.NONE:
            names.setdefault(claim(reference))
    return f"; nearest: {', '.join(names)}" if names else ""


def lod_text(lod: float) -> str:
    """Return a limit of detection in words."""
    return f"{lod:.0%}" if lod <= 1.0 else "no amount"


def limit_text(target: TargetEvidence, policy: Policy) -> str:
    """Return how little of a target would have been seen, by mass where the policy asks for that."""
    if not target.lod <= 1.0:
        return lod_text(target.lod)
    if target.asked.mass is None:
        return f"{target.lod:.0%} of the signal"
    about = "about " if target.mass.assumed else ""
    if policy.judged == "middle":
        return f"{about}{target.mass.middle:.0%} by mass, up to {target.mass.high:.0%}"
    return f"{about}{target.mass.high:.0%} by mass at most"


def asked_text(target: TargetEvidence, policy: Policy) -> str:
    """Return what the policy asks of a target."""
    asked = policy.lod if target.asked.mass is None else target.asked.mass
    return f"{asked:.0%} asked"


def capital(text: str) -> str:
    """Return a text that begins a sentence."""
    return text[:1].upper() + text[1:]
