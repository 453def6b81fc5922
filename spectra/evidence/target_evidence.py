"""`TargetEvidence`: what a scan says of one watched target."""

from __future__ import annotations

from typing import Any, NamedTuple

from spectriage.spectra.evidence.mass import NO_MASS, MassRange
from spectriage.spectra.evidence.sighting import NOTHING, Sighting
from spectriage.spectra.policy.target import Target
from spectriage.spectra.reference import Hazard, Reference, Tier


class TargetEvidence(NamedTuple):
    """What a scan says of one watched target.

    Parameters
    ----------
    name
        The target.
    found
        Whether the evidence suffices to report it.
    gain
        The log factor by which the disagreement falls when the best member of the target is added to the best
        model without it.
    carrying_gain
        The same gain by the target's best-known member: what estimated analogues do not carry.
    margin
        By how much `gain` exceeds that of the best addition that was not necessary.
    supports
        Independent bands that need it; counted only where the gain is at least half of what is asked for.
    lod
        The spectral fraction at which this scan would have shown it 95 % of the time; above 1 when never.
    reference
        The member of the target that fits best.
    tier, hazard
        The tier of that member, and what the target means.
    known_tier
        The strongest tier on which the library knows the target.
    provisional
        Whether the limit rests on a recalled table: of such tables too few were ever compared with a
        measurement to say what a limit by them is worth.
    share
        Of the signal, as fitted, whether it is there or not.
    probability
        That it is there, by this evidence alone (even odds before); 0 where too little is gained to look.
    sighting
        What the scan shows of the member's bands.
    carried
        Whether more than estimated references show it.
    asked
        What the policy asks of it.
    families, guessed
        Its families in the library, and those that only estimated references are known of: the limit does
        not hold for these.
    mass
        The limit as a fraction of the mass of what was lit.
    """

    name: str
    found: bool
    gain: float
    carrying_gain: float
    margin: float
    supports: int
    lod: float
    reference: Reference
    tier: Tier
    hazard: Hazard
    known_tier: Tier
    asked: Target
    families: tuple[str, ...] = ()
    guessed: tuple[str, ...] = ()
    mass: MassRange = NO_MASS
    provisional: bool = False
    share: float = 0.0
    probability: float = 0.0
    sighting: Sighting = NOTHING
    carried: bool = False

    @property
    def covered(self) -> bool:
        """Whether more than a guess is known of any of its families."""
        return len(self.guessed) < max(len(self.families), 1)

    def to_json(self) -> dict[str, Any]:
        """Return the fields of the JSON."""
        return {
            "target": self.name,
            "found": self.found,
            "gain": round(self.gain, 6),
            "carrying_gain": round(self.carrying_gain, 6),
            "margin": round(self.margin, 6),
            "supports": self.supports,
            "lod": round(float(self.lod), 6) if self.lod <= 1.0 else None,
            "reference_id": self.reference.id,
            "tier": str(self.tier),
            "known_tier": str(self.known_tier),
            "families": list(self.families),
            "not_covered": list(self.guessed),
            "mass_limit": self.mass.to_json(),
            "provisional": self.provisional,
            "policy_mass_limit": self.asked.mass,
            "required": self.asked.required,
            "share": round(self.share, 6),
            "probability": round(self.probability, 6),
            "supported": round(self.sighting.supported, 4),
            "contradicted": round(self.sighting.contradicted, 4),
        }
