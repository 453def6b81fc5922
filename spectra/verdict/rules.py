"""The verdict: the first rule that holds, with its reasons and the next step for the operator."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from spectriage.spectra.evidence.target_evidence import TargetEvidence
from spectriage.spectra.evidence.target_list import TargetList
from spectriage.spectra.evidence.unexplained import ALL_EXPLAINED, Unexplained
from spectriage.spectra.policy.policy import Policy
from spectriage.spectra.reference import CARRYING, Hazard, Tier
from spectriage.spectra.signal.artefacts import Artefact
from spectriage.spectra.signal.quality import Quality
from spectriage.spectra.verdict.advice import LABORATORY, to_see_more
from spectriage.spectra.verdict.candidate_list import CandidateList
from spectriage.spectra.verdict.component import Candidate, Component
from spectriage.spectra.verdict.verdict import Verdict
from spectriage.spectra.verdict.words import asked_text, limit_text, named, nearest

NEVER_SEEN = (
    "Raman cannot promise to show nitazenes or carfentanil at retail doses, nor fentanyl in pressed pills."
)
MOST_UNEXPLAINED = 5
"""Bands that nothing explains, beside a material that is named; more are another material."""
MOST_BESIDE_A_HAZARD = 20
"""So many bands that nothing explains beside what would be raised are no material, but interference: among
them some stand wherever one looks. A measured hazard in a material that the library lacks leaves up to 13."""
GREATEST_UNEXPLAINED = 0.3
"""Of the height of the scan's highest band: a line that nothing explains is a hot pixel, or what matters."""
SPOTS = 29
"""So many spots find, in 95 of 100 items, a grain of a kind that a tenth of all are: ln 0.05 / ln 0.9."""
MOST_BLIND = 3
"""So many limits that do not suffice are named."""
UNKNOWN = ("unknown", "fluorescent")
"""Reasons that a disturbance of the scan would be a better one than."""


class Ruling(NamedTuple):
    """A verdict with its words."""

    verdict: Verdict
    reason: str
    summary: str
    facts: tuple[str, ...]
    next_step: str


@dataclass(slots=True)
class Evidence:
    """What the rules look at.

    Parameters
    ----------
    components, packaging
        Of the best model.
    targets
        Of every watched target.
    similarity
        V of the best model.
    explained
        Whether that suffices for references of their tiers.
    quality
        Of the measurement.
    axis_offset_cm
        By how much the axis was shown to be further off than an instrument's may be; else 0.
    health
        Why the instrument's state forbids a conclusion, empty when it does not.
    unwatched
        Targets of the policy that the library has no reference of: no scan could show them.
    unresolved
        Families of hazards that the best model has, without enough evidence to name them.
    unexplained
        Bands of the scan that the best model does not explain.
    nearest
        What the scan resembles as one substance, best first.
    few_lines
        Whether what the scan is explained by is too few lines to rule anything out by.
    exposure
        How many times the light would show more; 1 where it would not.
    packaging_share
        Of packaging in the signal.
    artefact
        What disturbed a scan that nothing explains, where that is seen.

    Attributes
    ----------
    watched, found
        The targets, as the rules look at them, and those that were found.
    """

    components: tuple[Component, ...]
    packaging: tuple[Component, ...]
    targets: Sequence[TargetEvidence]
    similarity: float
    explained: bool
    quality: Quality
    axis_offset_cm: float = 0.0
    health: str = ""
    unwatched: tuple[str, ...] = ()
    unresolved: tuple[str, ...] = ()
    unexplained: Unexplained = ALL_EXPLAINED
    nearest: Sequence[Candidate] = ()
    few_lines: bool = False
    exposure: float = 1.0
    packaging_share: float = 0.0
    artefact: Artefact | None = None
    watched: TargetList = field(init=False, repr=False, compare=False)
    found: list[TargetEvidence] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self.watched = TargetList.of(self.targets)
        self.found = self.watched.found


def rule(evidence: Evidence, policy: Policy) -> Ruling:
    """Return the first ruling that holds: alarm, warning, inconclusive, no alarm."""
    evidence = _without_hints(evidence)
    # noise can look like anything: below the policy's signal-to-noise ratio it raises nothing
    seen = evidence.quality.snr >= policy.min_snr
    crowded = evidence.unexplained.bands > MOST_BESIDE_A_HAZARD
    for attempt in (_alarm, _warning, _inconclusive) if seen and not crowded else (_inconclusive,):
        ruling = attempt(evidence, policy)
        if ruling is not None:
            return ruling
    return _no_alarm(evidence, policy)


def _without_hints(evidence: Evidence) -> Evidence:
    """Leave out what rests on computed references: a hint among the candidates, never part of a verdict."""
    parts = tuple([part for part in evidence.components if part.reference.tier is not Tier.COMPUTED])
    hints = [target for target in evidence.found if _is_hint(target)]
    if not hints and len(parts) == len(evidence.components):
        return evidence
    return replace(
        evidence,
        components=parts,
        targets=tuple(
            target._replace(found=False) if _is_hint(target) else target for target in evidence.targets
        ),
        explained=evidence.explained and len(parts) == len(evidence.components),
    )


def _is_hint(target: TargetEvidence) -> bool:
    return target.found and target.tier is Tier.COMPUTED and not target.carried


def _alarm(evidence: Evidence, policy: Policy) -> Ruling | None:
    for target in evidence.found:
        if _is_raised(target, policy) and target.hazard.alarms and target.carried:
            return _raise(Verdict.ALARM, target, evidence, policy)
    return None


def _warning(evidence: Evidence, policy: Policy) -> Ruling | None:
    for target in evidence.found:
        if _is_raised(target, policy):
            return _raise(Verdict.WARNING, target, evidence, policy)
    return None


def _is_raised(target: TargetEvidence, policy: Policy) -> bool:
    return target.hazard in policy.raises


def _raise(verdict: Verdict, target: TargetEvidence, evidence: Evidence, policy: Policy) -> Ruling:
    shown = target.reference.family
    name = f"Consistent with {shown}"
    if not target.carried:
        name = f"Possible {shown}, unverified reference"
    return Ruling(
        verdict,
        f"{target.hazard}:{shown}",
        f"{name}{_beside(evidence, target)}.",
        _target_facts(target),
        f"{LABORATORY} {_hazard_step(target, policy)}",
    )


def _inconclusive(evidence: Evidence, policy: Policy) -> Ruling | None:
    quality = evidence.quality
    if evidence.health:
        return _unclear("instrument", evidence.health, evidence, "Check the instrument, then scan again.")
    if quality.saturated:
        step = "Shorten the exposure or lower the laser power, then scan again."
        return _unclear("saturated", "The detector was saturated.", evidence, step)
    # a ratio that is not a number does not suffice either
    if not quality.snr >= policy.min_snr:
        text = f"The signal is too weak: {quality.snr:.1f} times the noise."
        return _unclear("weak-signal", text, evidence, "Move closer, expose longer, or try another spot.")
    if evidence.axis_offset_cm:
        text = (
            f"The shift axis is about {abs(evidence.axis_offset_cm):.0f} cm⁻¹ "
            f"too {'high' if evidence.axis_offset_cm < 0.0 else 'low'}, further than an instrument's may be."
        )
        return _unclear("axis", text, evidence, "Calibrate the instrument on polystyrene, then scan again.")
    unresolved = evidence.unresolved or _found(evidence, policy)
    if unresolved:
        return _unresolved(unresolved, evidence, policy)
    if not evidence.components and evidence.packaging and evidence.explained:
        names = " and ".join(component.claim for component in evidence.packaging)
        text = f"Only the packaging was seen ({names})."
        return _unclear("packaging-only", text, evidence, "Move closer, or scan the contents themselves.")
    if not evidence.components or not evidence.explained:
        return _unknown(evidence, policy)
    near = evidence.watched.near(policy.hazard_gain)
    suspected = [target.reference.family for target in near if _is_suspected(target, policy)]
    if suspected:
        return _unresolved(suspected, evidence, policy)
    if evidence.unexplained.bands > MOST_UNEXPLAINED or evidence.unexplained.greatest > GREATEST_UNEXPLAINED:
        return _unknown(evidence, policy)
    if evidence.few_lines:
        names = named(evidence.components)
        text = f"{names}, by a line or two alone: nothing can be ruled out by that."
        return _unclear("few-lines", text, evidence, f"Try another spot. {policy.advice} {LABORATORY}")
    return _blind(evidence, policy)


def _found(evidence: Evidence, policy: Policy) -> tuple[str, ...]:
    """Return the families of what is there by its own evidence, and was not raised for another reason."""
    return tuple(sorted({target.reference.family for target in evidence.found if _is_raised(target, policy)}))


def _is_suspected(target: TargetEvidence, policy: Policy) -> bool:
    """Whether a target that was not found cannot be ruled out either.

    It gained what is asked for. More of it fits than would be found, and better than nothing else would: a
    limit that was passed without a finding is no limit.
    """
    return target.probability >= policy.suspected or 0.0 < target.lod <= target.share


def _unresolved(families: Sequence[str], evidence: Evidence, policy: Policy) -> Ruling:
    text = f"Something that resembles {', '.join(families)}, without enough evidence to name it."
    step = f"{_more(evidence, policy)} {LABORATORY}"
    return _unclear("unresolved", text, evidence, step)


def _more(evidence: Evidence, policy: Policy) -> str:
    return to_see_more(evidence.exposure, evidence.quality, evidence.packaging_share, policy)


def _unknown(evidence: Evidence, policy: Policy) -> Ruling:
    step = f"{_more(evidence, policy)} {LABORATORY}"
    if evidence.components:
        text = f"{named(evidence.components)}, and something else"
        count = evidence.unexplained.bands
        if count:
            left = "1 band is" if count == 1 else f"{count} bands are"
            text += f": {left} left that nothing in the library explains"
        return _unclear("partly-unknown", f"{text}.", evidence, step)
    artefact = evidence.artefact
    hidden = evidence.quality.fluorescence_ratio > 20.0
    if artefact is not None and not (hidden and artefact.reason == "broad"):
        text = f"{artefact.text} Nothing in the library matches well enough{_nearest(evidence)}."
        return _unclear(artefact.reason, text, evidence, f"{artefact.step} {policy.advice} {LABORATORY}")
    if hidden:
        return _unclear("fluorescent", "Fluorescence hides the Raman signal.", evidence, step)
    text = f"Nothing in the library matches well enough{_nearest(evidence)}."
    return _unclear("unknown", text, evidence, step)


def _nearest(evidence: Evidence) -> str:
    return nearest(CandidateList.of(evidence.nearest).references)


def _blind(evidence: Evidence, policy: Policy) -> Ruling | None:
    """Inconclusive when something watched for could have hidden in this scan."""
    blind = [f"{name} (not in the library)" for name in evidence.unwatched]
    beyond = evidence.watched.beyond(policy)
    count = len(blind) + len(beyond)
    if not count:
        return None
    for target in [evidence.watched[place] for place in beyond[:MOST_BLIND]]:
        blind.append(f"{target.name} ({limit_text(target, policy)}; {asked_text(target, policy)})")
    worst = ", ".join(blind[:MOST_BLIND])
    more = f" and {count - MOST_BLIND} more" if count > MOST_BLIND else ""
    names = named(evidence.components)
    text = f"{names}; but this scan could not have seen {worst}{more}."
    return _unclear("limit-of-detection", text, evidence, _more(evidence, policy))


def _unclear(reason: str, text: str, evidence: Evidence, step: str) -> Ruling:
    facts = [f"agreement of the best explanation {evidence.similarity:.2f}"]
    facts.append(f"signal to noise {evidence.quality.snr:.0f}")
    return Ruling(Verdict.INCONCLUSIVE, reason, text, tuple(facts), step)


def _no_alarm(evidence: Evidence, policy: Policy) -> Ruling:
    names = named(evidence.components)
    facts = [f"explains the spectrum with an agreement of {evidence.similarity:.2f}"]
    targets = evidence.watched
    worst = targets.least_visible()
    if worst is not None:
        facts.append(
            f"nothing that is watched for was seen; the least visible, {worst.name}, "
            f"would have been at {limit_text(worst, policy)}"
        )
    if targets.provisional:
        facts.append(f"provisional, their references are recalled tables: {', '.join(targets.provisional)}")
    if targets.guessed:
        facts.append(f"not covered, no measured reference: {', '.join(targets.guessed)}")
    facts.append(NEVER_SEEN)
    return Ruling(
        Verdict.NO_ALARM,
        "identified",
        f"{names}. Nothing watched for was seen, down to the limits listed.",
        tuple(facts),
        f"Smaller amounts cannot be excluded, nor what lies elsewhere: {SPOTS} spots would find a tenth of "
        f"the grains. {policy.advice}",
    )


def _target_facts(target: TargetEvidence) -> tuple[str, ...]:
    share = 1.0 - math.exp(-target.gain)
    sighting = target.sighting
    facts = [
        f"{target.name} removes {share:.0%} of the disagreement that is left without it",
        f"{sighting.seen} of its bands are seen: {sighting.supported:.0%} of the height that would have to "
        f"show; {sighting.contradicted:.0%} is missing",
    ]
    if target.reference.tier not in CARRYING:
        facts.append(f"closest reference: {target.reference.id} (estimated; analogue not resolved)")
    return tuple(facts)


def _beside(evidence: Evidence, target: TargetEvidence) -> str:
    others = [c.claim for c in evidence.components if c.reference.family != target.reference.family]
    return f", beside {', '.join(others)}" if others else ""


def _hazard_step(target: TargetEvidence, policy: Policy) -> str:
    if target.hazard in (Hazard.EXPLOSIVE, Hazard.OXIDISER):
        return "Do not heat, rub or re-scan at high power."
    return f"Avoid contact and dust. {policy.advice}"
