"""What a spectrum is explained by: components, and candidates for the whole of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from spectriage.spectra.evidence.sighting import NOTHING, Sighting
from spectriage.spectra.fitting.band_list import BandSupport
from spectriage.spectra.reference import Reference


class Candidate(NamedTuple):
    """A reference that the spectrum resembles, and how much: V in 0…1.

    The probability is that of its being the material, or its strongest component; of what is named as a part
    of a mixture it is that of its being there. Where nothing is named, what the probabilities of all
    candidates lack to 1 is that of "none of these". None when the library has no null distribution.
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


class Component(NamedTuple):
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
    sighting
        What the scan shows of all its bands, needed or not.
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
    bands: Sequence[BandSupport] = ()
    alternatives: tuple[str, ...] = ()
    sighting: Sighting = NOTHING

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
            "supported": round(self.sighting.supported, 4),
            "contradicted": round(self.sighting.contradicted, 4),
            "alternatives": list(self.alternatives),
        }


def _rounded(value: float | None) -> float | None:
    """Six significant digits: more differ between platforms."""
    return None if value is None else float(f"{value:.5e}")
