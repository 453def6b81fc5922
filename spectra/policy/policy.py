"""The thresholds of the decision, fixed before any test, and what is watched for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.errors import ParameterError
from spectriage.spectra.reference import Hazard, Reference, Tier


@dataclass(frozen=True)
class Target:
    """Something to be watched for in every scan.

    Parameters
    ----------
    name
        As printed.
    families
        The families that count as it.
    """

    name: str
    families: tuple[str, ...]


DEFAULT_TARGETS = (
    Target("fentanyl-class", ("fentanyl-class",)),
    Target("nitazene-class", ("nitazene-class",)),
    Target("xylazine", ("xylazine",)),
    Target("medetomidine", ("medetomidine",)),
    Target("cocaine", ("cocaine",)),
    Target("heroin", ("heroin",)),
    Target("methamphetamine", ("amphetamine-type",)),
    Target("MDMA", ("MDMA",)),
    Target("explosives", ("TNT", "RDX", "HMX", "PETN", "TATP")),
)

_EXPLAINED = {
    Tier.MEASURED: 0.72,
    Tier.BANDS: 0.72,
    Tier.RECALLED: 0.62,
    Tier.ESTIMATED: 0.62,
    Tier.COMPUTED: 0.80,
}

HARMLESS_EXPLAINED = 0.70
"""A harmless material need not be named on a poor fit: to call it unknown endangers nobody."""
SINGLE_LINE_EXPLAINED = 0.85
SINGLE_LINE_OFFSET_CM = 3.0


@dataclass(frozen=True)
class Policy:
    """What a decision asks for.

    Parameters
    ----------
    targets
        What is watched for.
    lod
        The spectral fraction that every watched target must have been visible at, for ``NO_ALARM``.
    gain
        Log factor by which a component must lower the disagreement to count as necessary.
    hazard_gain
        The same for materials that alarm or warn.
    packaging_gain
        The same for packaging, a nuisance that may enter cheaply.
    margin
        By how much (in log gain) a watched target must beat the best harmless addition.
    unexplained_margin
        The same where the model with the target does not explain the spectrum: what is not in the library
        resembles everything a little.
    prior_known
        Prior probability that a material is in the library at all; the rest is "none of these".
    min_fraction
        Smaller spectral fractions are not reported.
    min_snr
        Below this signal-to-noise ratio nothing is decided.
    explained
        For every tier, the similarity from which references of that tier explain a spectrum.
    strip_after
        The verdicts on a powder after which a SERS strip of it is asked for, where there are SERS references.

    Raises
    ------
    ParameterError
        For a value outside its range.
    """

    targets: tuple[Target, ...] = DEFAULT_TARGETS
    lod: float = 0.10
    gain: float = 0.20
    hazard_gain: float = 0.22
    packaging_gain: float = 0.10
    margin: float = 0.05
    unexplained_margin: float = 0.35
    prior_known: float = 0.5
    min_fraction: float = 0.01
    min_snr: float = 5.0
    explained: dict[Tier, float] = field(default_factory=lambda: dict(_EXPLAINED))
    strip_after: tuple[str, ...] = ("WARNING", "INCONCLUSIVE", "NO_ALARM")

    def __post_init__(self) -> None:
        for name in ("lod", "prior_known"):
            if not 0.0 < getattr(self, name) < 1.0:
                raise ParameterError(f"{name} = {getattr(self, name)} is not between 0 and 1")
        for name in (
            "gain",
            "hazard_gain",
            "packaging_gain",
            "margin",
            "unexplained_margin",
            "min_fraction",
            "min_snr",
        ):
            if not 0.0 <= getattr(self, name) < np.inf:
                raise ParameterError(f"{name} = {getattr(self, name)} is not a number from 0")

    def required_gain(self, reference: Reference) -> float:
        """Return the log gain that a reference must bring."""
        hazardous = reference.hazard is not Hazard.NONE
        return self.required_gain_of(packaging=reference.is_packaging, hazardous=hazardous)

    def required_gain_of(self, *, packaging: bool, hazardous: bool) -> float:
        """Return the log gain that packaging, what alarms or warns, or anything else must bring."""
        if packaging:
            return self.packaging_gain
        return self.hazard_gain if hazardous else self.gain

    @staticmethod
    def single_line_holds(similarity: float, offset_cm: float) -> bool:
        """Say whether one line alone, with nothing else to hold the axis, may name a material.

        Such materials resolve only within the axis uncertainty: hydrogen peroxide (876 cm⁻¹), boric acid
        (881) and ethanol (884) are each other's neighbours.
        """
        return similarity >= SINGLE_LINE_EXPLAINED and abs(offset_cm) <= SINGLE_LINE_OFFSET_CM

    def required_margin(self, explained: bool) -> float:
        """Return the margin that a target must have in a model that explains the spectrum, or does not."""
        return self.margin if explained else self.unexplained_margin

    def supports_needed(self, reference: Reference, gain: float) -> int:
        """Return how many independent bands must need a reference that brings this log gain.

        One shared line is never enough for what alarms; the less is gained, the more bands must agree.
        """
        weak = gain < 2.0 * self.hazard_gain
        if reference.hazard.alarms or reference.family in self._watched:
            return 4 if weak else 3
        if reference.hazard.warns:
            # oxidisers have one strong line and a few weak ones: alone in a bag, the one must do
            return 3 if weak else 2 if gain < 4.0 * self.hazard_gain else 1
        return 0

    @cached_property
    def _watched(self) -> frozenset[str]:
        return frozenset(family for target in self.targets for family in target.families)

    def explained_by(self, references: Sequence[Reference], amplitudes: FloatArray) -> float:
        """Return the similarity at which these references, together, explain a spectrum.

        Each tier has its own; they are averaged by what the references contribute.
        """
        total = level = 0.0
        for reference, amplitude in zip(references, amplitudes.tolist(), strict=True):
            own = self.explained[reference.tier]
            if reference.hazard is Hazard.NONE:
                own = max(own, HARMLESS_EXPLAINED)
            total += amplitude**2
            level += own * amplitude**2
        return level / total if total > 0.0 else 1.0
