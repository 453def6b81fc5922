"""`Identification`: what one scan supports, with what evidence, and what it could not have seen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from spectriage.spectra.fitting.band_support import BandSupport
from spectriage.spectra.reference import Hazard, Reference, Tier
from spectriage.spectra.spectrum import FloatArray

JSON_SCHEMA = 1


class Verdict(StrEnum):
    """What a scan amounts to, most serious first. There is no "clear"."""

    ALARM = "ALARM"
    WARNING = "WARNING"
    INCONCLUSIVE = "INCONCLUSIVE"
    NO_ALARM = "NO_ALARM"

    @property
    def exit_code(self) -> int:
        """The process exit code: 10, 11, 12 or 0."""
        return {"ALARM": 10, "WARNING": 11, "INCONCLUSIVE": 12, "NO_ALARM": 0}[self.value]


def most_serious(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the most serious of several verdicts; at least one must be given."""
    order = list(Verdict)
    return min(verdicts, key=order.index)


class Candidate(NamedTuple):
    """A reference that the spectrum resembles, and how much: V in 0…1.

    The probability is that of its being the material, or its strongest component; what the probabilities of
    all candidates lack to 1 is that of "none of these". None when the library has no null distribution.
    """

    reference: Reference
    score: float
    probability: float | None = None
    p_value: float | None = None
    likelihood_ratio: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the fields that version 1 of the JSON names."""
        record = self.reference
        return {
            "reference_id": record.id,
            "substance": record.substance,
            "family": record.family,
            "class": record.material_class,
            "tier": str(record.tier),
            "score": round(self.score, 6),
            "probability": _rounded(self.probability),
            "p_value": _rounded(self.p_value),
            "likelihood_ratio": _rounded(self.likelihood_ratio),
        }


@dataclass(frozen=True)
class Component:
    """Something that the spectrum needs for its explanation.

    Parameters
    ----------
    reference
        The library's record.
    claim
        What may be claimed on this tier of evidence: the substance, or only its family.
    spectral_fraction
        Its share of the fitted Raman signal, packaging not counted.
    fraction_low, fraction_high
        Nominal 95 % interval of that share; its coverage has not been measured.
    score
        The share of the disagreement that it removes, 0…1: 1 − exp(−gain).
    gain
        The log factor by which the disagreement grows without it.
    probability, p_value, likelihood_ratio
        From the library's null distribution; None when the library has none.
    bands
        Its bands, and whether it is needed there.
    alternatives
        Ids of references that could stand in its place.
    """

    reference: Reference
    claim: str
    spectral_fraction: float
    fraction_low: float
    fraction_high: float
    score: float
    gain: float
    probability: float | None = None
    p_value: float | None = None
    likelihood_ratio: float | None = None
    bands: tuple[BandSupport, ...] = ()
    alternatives: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the fields of the JSON."""
        record = self.reference
        return {
            "reference_id": record.id,
            "substance": self.claim,
            "family": record.family,
            "form": record.form if self.claim == record.substance else "",
            "class": record.material_class,
            "hazard": str(record.hazard),
            "tier": str(record.tier),
            "spectral_fraction": round(self.spectral_fraction, 6),
            "spectral_fraction_interval": [round(self.fraction_low, 6), round(self.fraction_high, 6)],
            "score": round(self.score, 6),
            "probability": _rounded(self.probability),
            "p_value": _rounded(self.p_value),
            "likelihood_ratio": _rounded(self.likelihood_ratio),
            "bands": [
                {
                    "shift": round(band.shift_cm, 1),
                    "height": round(band.height, 4),
                    "remaining": round(band.remaining, 4),
                    "supports": band.supports,
                }
                for band in self.bands
            ],
            "alternatives": list(self.alternatives),
        }


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
        The strongest tier on which the target is known, and what that member means.
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
        }


@dataclass(frozen=True)
class Quality:
    """How good the measurement is.

    Parameters
    ----------
    snr
        Height of the strongest band over the noise of one point.
    noise_from
        ``variance`` when it came with the spectrum, ``estimate`` when taken from the spectrum itself.
    fluorescence_ratio
        Median background over the height of the strongest band.
    saturated
        Whether points at the top of the detector's range were seen.
    low_cm, high_cm
        The range that could be compared.
    resolution_cm
        As stated with the spectrum, or None.
    """

    snr: float
    noise_from: str
    fluorescence_ratio: float
    saturated: bool
    low_cm: float
    high_cm: float
    resolution_cm: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the fields of the JSON."""
        return {
            key: round(value, 4) if isinstance(value, float) else value for key, value in vars(self).items()
        }


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
    notes
        What was done to the spectrum, and of what kind it is where it is not a measurement.
    traces
        The curves behind the decision, where they were asked for.
    """

    verdict: Verdict
    reason: str
    summary: str
    facts: tuple[str, ...]
    next_step: str
    components: tuple[Component, ...]
    packaging: tuple[Component, ...]
    candidates: tuple[Candidate, ...]
    targets: tuple[TargetEvidence, ...]
    quality: Quality
    similarity: float
    axis_offset_cm: float
    axis_stretch: float
    broadening_cm: float
    library: Mapping[str, str]
    engine: str
    notes: tuple[str, ...] = ()
    traces: Traces | None = field(default=None, compare=False, repr=False)

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
            "residual": {"similarity": round(self.similarity, 6)},
            "axis": {
                "offset_cm": round(self.axis_offset_cm, 3),
                "stretch": round(self.axis_stretch, 6),
                "broadening_cm": round(self.broadening_cm, 2),
            },
            "notes": list(self.notes),
            "library": dict(self.library),
            "engine": {"version": self.engine},
        }
        if elapsed_ms is not None:
            result["elapsed_ms"] = round(elapsed_ms, 3)
        return result


def _rounded(value: float | None) -> float | None:
    """Six significant digits: more differ between platforms."""
    return None if value is None else float(f"{value:.5e}")
