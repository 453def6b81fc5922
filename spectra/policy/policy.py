"""`Policy`: the thresholds of the decision, fixed before any test, and what is watched for."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property

import numpy as np

from spectriage.spectra.arrays import FloatArray, IndexArray, Int8Array
from spectriage.spectra.errors import ParameterError
from spectriage.spectra.policy.tables import default_targets
from spectriage.spectra.policy.target import DEFAULT, Target
from spectriage.spectra.reference import Hazard, Reference, ReferenceSet, Tier

JUDGED = ("middle", "upper")
RAISES = tuple(hazard for hazard in Hazard if hazard is not Hazard.NONE)
FEW_LINES = (Hazard.OXIDISER, Hazard.PRECURSOR)
"""Hazards of which some have one strong line and a few weak ones."""
SUPPORTS_NEEDED = ((0, 0, 0), (3, 2, 1), (4, 3, 3))
"""Independent bands that must need a reference which gains little, more, and most: of what is harmless; of
hazards of few lines, where one must do alone in a bag; of the others and what is watched for."""
STRIP = "Test with an immunoassay strip for fentanyl and for xylazine; they see amounts that Raman cannot."


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
        What is watched for; those of the shipped policy ``border`` unless given.
    name, description
        What it is called, and what it is for.
    judged
        Which end of a mass range must be within a target's limit: ``middle`` or ``upper``.
    raises
        The hazards that alarm or warn.
    advice
        What is always advised.
    lod
        The spectral fraction that a target without a limit by mass must have been visible at, for
        ``NO_ALARM``.
    gain
        Log factor by which a component must lower the disagreement to count as necessary.
    hazard_gain
        The same for materials that alarm or warn.
    packaging_gain
        The same for packaging, a nuisance that may enter cheaply.
    margin
        By how much (in log gain) an amount at the limit of detection must beat the best harmless addition.
    prior_known
        Prior probability that a material is in the library at all; the rest is "none of these".
    min_fraction
        Smaller spectral fractions are not reported.
    min_snr
        Below this signal-to-noise ratio nothing is decided.
    raised
        The probability (even odds before) from which a hazard is raised.
    named
        The probability from which a harmless material is named.
    suspected
        That from which a required target forbids ``NO_ALARM``.
    explained
        For every tier, the similarity from which references of that tier explain a spectrum.
    strip_after
        The verdicts on a powder after which a SERS strip of it is asked for, where there are SERS references.

    Raises
    ------
    ParameterError
        For a value outside its range.
    """

    targets: tuple[Target, ...] = field(default_factory=default_targets)
    name: str = DEFAULT
    description: str = ""
    judged: str = "middle"
    raises: tuple[Hazard, ...] = RAISES
    advice: str = STRIP
    lod: float = 0.10
    gain: float = 0.20
    hazard_gain: float = 0.22
    packaging_gain: float = 0.10
    margin: float = 0.05
    prior_known: float = 0.5
    min_fraction: float = 0.01
    min_snr: float = 5.0
    raised: float = 0.6
    named: float = 0.8
    suspected: float = 0.1
    explained: dict[Tier, float] = field(default_factory=lambda: dict(_EXPLAINED))
    strip_after: tuple[str, ...] = ("WARNING", "INCONCLUSIVE", "NO_ALARM")

    def __post_init__(self) -> None:
        if self.judged not in JUDGED:
            raise ParameterError(f"judged = {self.judged!r} is neither {' nor '.join(JUDGED)}")
        if not self.targets:
            raise ParameterError("a policy without targets watches for nothing")
        names = [target.name for target in self.targets]
        if len(set(names)) != len(names):
            raise ParameterError("two targets have one name", remedy="give each its own")
        for name in ("lod", "prior_known", "raised", "named", "suspected"):
            if not 0.0 < getattr(self, name) < 1.0:
                raise ParameterError(f"{name} = {getattr(self, name)} is not between 0 and 1")
        for name in (
            "gain",
            "hazard_gain",
            "packaging_gain",
            "margin",
            "min_fraction",
            "min_snr",
        ):
            if not 0.0 <= getattr(self, name) < np.inf:
                raise ParameterError(f"{name} = {getattr(self, name)} is not a number from 0")

    def required_gain(self, reference: Reference) -> float:
        """Return the log gain that a reference must bring."""
        if reference.is_packaging:
            return self.packaging_gain
        return self.gain if reference.hazard is Hazard.NONE else self.hazard_gain

    @staticmethod
    def single_line_holds(similarity: float, offset_cm: float) -> bool:
        """Say whether one line alone, with nothing else to hold the axis, may name a material.

        Such materials resolve only within the axis uncertainty: hydrogen peroxide (876 cm⁻¹), boric acid
        (881) and ethanol (884) are each other's neighbours.
        """
        return similarity >= SINGLE_LINE_EXPLAINED and abs(offset_cm) <= SINGLE_LINE_OFFSET_CM

    def is_present(self, log_odds: float) -> bool:
        """Say whether a hazard's log odds (even before) suffice to raise it."""
        return log_odds >= math.log(self.raised / (1.0 - self.raised))

    def supports_needed(self, reference: Reference, gain: float) -> int:
        """Return how many independent bands must need a reference that brings this log gain.

        One shared line is never enough for what alarms; the less is gained, the more bands must agree.
        """
        at = sum([gain >= bound for bound in self._supports_bounds])
        return SUPPORTS_NEEDED[self._supports_kind(reference.hazard, reference.family)][at]

    def _supports_kind(self, hazard: Hazard, family: str) -> int:
        """Return the row of `SUPPORTS_NEEDED` that holds for a reference."""
        if hazard in FEW_LINES:
            return 1
        return 2 if hazard is not Hazard.NONE or family in self.watched_families else 0

    @cached_property
    def _supports_bounds(self) -> tuple[float, float]:
        return 2.0 * self.hazard_gain, 4.0 * self.hazard_gain

    def supports_table(self, references: ReferenceSet) -> tuple[Int8Array, IndexArray, FloatArray]:
        """Return `supports_needed` of a whole library.

        Returns
        -------
        kinds
            Which row of `needed` holds for each reference, int8, shape (n,).
        needed
            How many bands, for what gains less than each of `bounds`, and for more; shape (kinds, 3).
        bounds
            Log gains, shape (2,).
        """
        hazardous = references.column("hazard") != Hazard.NONE.encode()
        watched = references.among("family", self.watched_families)
        kinds = np.where(hazardous | watched, 2, 0).astype(np.int8)
        kinds[references.among("hazard", FEW_LINES)] = 1
        return kinds, np.array(SUPPORTS_NEEDED), np.array(self._supports_bounds)

    @cached_property
    def sha256(self) -> str:
        """Of all that it asks for, whatever file it came from, and whatever that says it is for."""
        asked = asdict(self)
        del asked["description"]
        text = json.dumps(asked, sort_keys=True, default=str)
        return hashlib.sha256(text.encode("utf-8")).hexdigest()

    def with_signal_limit(self, lod: float) -> Policy:
        """Return the policy with one limit for all targets: a share of the signal, whatever the mass."""
        return replace(self, lod=lod, targets=tuple(replace(target, mass=None) for target in self.targets))

    @cached_property
    def watched_families(self) -> frozenset[str]:
        """The families that a target names."""
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
