"""`Identification`: what one scan supports, with what evidence, and what it could not have seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.evidence.target_evidence import TargetEvidence
from spectriage.spectra.evidence.target_list import TargetList
from spectriage.spectra.evidence.unexplained import ALL_EXPLAINED, Unexplained
from spectriage.spectra.signal.quality import Quality
from spectriage.spectra.technique import Technique
from spectriage.spectra.verdict.candidate_list import CandidateList
from spectriage.spectra.verdict.component import Candidate, Component
from spectriage.spectra.verdict.json_text import (
    Draft,
    add_candidates,
    add_components,
    add_quality,
    add_targets,
    fixed,
    literal,
    literals,
)
from spectriage.spectra.verdict.verdict import Verdict

JSON_SCHEMA = 1
AXIS_ASSUMED = "The axis is not named in the file: taken as Raman shift in cm⁻¹."


@dataclass(frozen=True, eq=False)
class Traces:
    """The curves behind a decision, all on the library's grid, for plots; shape (m,) each.

    Parameters
    ----------
    shift
        cm⁻¹.
    measured, baseline
        The query's intensity on the grid and its background; NaN outside the query's range.
    parts
        Each component's and packaging's share of the fit, by reference id.
    residual
        Measured − baseline − parts, in units of the noise.
    """

    shift: FloatArray
    measured: FloatArray
    baseline: FloatArray
    parts: Mapping[str, FloatArray]
    residual: FloatArray


@dataclass(frozen=True)
class Identification:
    """The answer to one scan; presumptive, always.

    Parameters
    ----------
    verdict, reason, summary
        The verdict, its reason as a stable code, and one sentence.
    facts
        The two or three facts that made it.
    next_step
        What the operator can do.
    components, packaging
        What the spectrum needs for its explanation.
    candidates
        What it looks like as one substance, best first.
    targets
        What it says of everything that is watched for.
    similarity
        V of the whole fit.
    quality
        How good the measurement is.
    axis_offset_cm, axis_stretch, broadening_cm
        How the query's axis and resolution were found to differ from the library's.
    library, engine
        Name, version and content hash of the library; version of the engine.
    policy
        Name and content hash of the policy.
    unexplained
        Bands of the scan that nothing explains.
    exposure
        How many times the light would show more; 1 where it would not.
    notes
        What was done to the spectrum, and of what kind it is where it is not a measurement.
    traces
        The curves behind the decision, where they were asked for.
    technique
        How the scan was measured, and the references that explain it.
    """

    verdict: Verdict
    reason: str
    summary: str
    facts: tuple[str, ...]
    next_step: str
    components: tuple[Component, ...]
    packaging: tuple[Component, ...]
    candidates: Sequence[Candidate]
    targets: Sequence[TargetEvidence]
    quality: Quality
    similarity: float
    axis_offset_cm: float
    axis_stretch: float
    broadening_cm: float
    library: Mapping[str, str]
    engine: str
    policy: Mapping[str, str] = field(default_factory=dict)
    unexplained: Unexplained = ALL_EXPLAINED
    exposure: float = 1.0
    notes: tuple[str, ...] = ()
    traces: Traces | None = field(default=None, compare=False, repr=False)
    technique: Technique = Technique.NORMAL

    def to_json(self, *, input_name: str = "", elapsed_ms: float | None = None) -> dict[str, Any]:
        """Return the documented JSON object, version 1.

        Parameters
        ----------
        input_name
            What was identified.
        elapsed_ms
            Time taken; leave it out for the canonical result, which holds no times.
        """
        result: dict[str, Any] = {
            "schema": JSON_SCHEMA,
            "input": input_name,
            "technique": str(self.technique),
            "verdict": str(self.verdict),
            "reason": self.reason,
            "summary": self.summary,
            "facts": list(self.facts),
            "next_step": self.next_step,
            "components": [component.to_json() for component in self.components],
            "packaging": [component.to_json() for component in self.packaging],
            "candidates": [candidate.to_json() for candidate in self.candidates],
            "targets": [target.to_json() for target in self.targets],
            "quality": self.quality.to_json(),
            "residual": {"similarity": round(self.similarity, 6), **self.unexplained.to_json()},
            "axis": {
                "offset_cm": round(self.axis_offset_cm, 3),
                "stretch": round(self.axis_stretch, 6),
                "broadening_cm": round(self.broadening_cm, 2),
            },
            "notes": list(self.notes),
            "library": dict(self.library),
            "engine": {"version": self.engine},
            "policy": dict(self.policy),
            "useful_exposure": round(self.exposure, 2),
        }
        if elapsed_ms is not None:
            result["elapsed_ms"] = round(elapsed_ms, 3)
        return result

    def json_text(self, *, input_name: str = "", elapsed_ms: float | None = None) -> str:
        """Return what `json.dumps` makes of `to_json`, to the byte, in a third of the time."""
        draft = Draft()
        add, number = draft.text.append, draft.number
        add(
            f'{{"schema": {JSON_SCHEMA}, "input": {literal(input_name)}, '
            f'"technique": {literal(self.technique)}, "verdict": {literal(self.verdict)}, '
            f'"reason": {literal(self.reason)}, "summary": {literal(self.summary)}, '
            f'"facts": {literals(self.facts)}, "next_step": {literal(self.next_step)}, "components": ['
        )
        add_components(draft, self.components)
        add('], "packaging": [')
        add_components(draft, self.packaging)
        add('], "candidates": [')
        add_candidates(draft, CandidateList.of(self.candidates))
        add('], "targets": [')
        add_targets(draft, TargetList.of(self.targets))
        add('], "quality": {')
        add_quality(draft, self.quality)
        add(
            f'}}, "residual": {{"similarity": {number(self.similarity, 6)}, '
            f'"unexplained_bands": {self.unexplained.bands}, '
            f'"greatest_unexplained": {number(self.unexplained.greatest, 4)}}}, '
            f'"axis": {{"offset_cm": {number(self.axis_offset_cm, 3)}, '
            f'"stretch": {number(self.axis_stretch, 6)}, '
            f'"broadening_cm": {number(self.broadening_cm, 2)}}}, "notes": {literals(self.notes)}, '
            f'"library": {fixed(self.library)}, "engine": {{"version": {literal(self.engine)}}}, '
            f'"policy": {fixed(self.policy)}, "useful_exposure": {number(self.exposure, 2)}'
        )
        if elapsed_ms is not None:
            add(f', "elapsed_ms": {number(elapsed_ms, 3)}')
        add("}")
        return draft.finished()
