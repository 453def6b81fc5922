"""`Target`: something to be watched for in every scan, and how little of it must be visible."""

from __future__ import annotations

from dataclasses import dataclass

from spectriage.spectra.errors import ParameterError
from spectriage.spectra.reference import Hazard

DEFAULT = "border"
"""The policy that holds unless another is named."""


@dataclass(frozen=True)
class Target:
    """Something to be watched for in every scan.

    Parameters
    ----------
    name
        As printed.
    families
        The families that count as it.
    hazards, classes
        Families of these hazards, or material classes, count as it too, unless another target names them: so
        that nothing which can raise goes unguarded, whatever a library adds.
    mass
        The mass fraction that it must have been visible at, for ``NO_ALARM``; None leaves it to the policy's
        limit of the signal.
    required
        Whether ``NO_ALARM`` needs that; else its limit is stated, and does not decide.
    why
        The reason for the limit.

    Raises
    ------
    ParameterError
        When it has no name, nothing counts as it, or its limit is no fraction.
    """

    name: str
    families: tuple[str, ...] = ()
    hazards: tuple[Hazard, ...] = ()
    classes: tuple[str, ...] = ()
    mass: float | None = None
    required: bool = True
    why: str = ""

    def __post_init__(self) -> None:
        if not self.name:
            raise ParameterError("a target has no name")
        if not (self.families or self.hazards or self.classes):
            raise ParameterError(f"nothing counts as the target {self.name}", remedy="give its families")
        if self.mass is not None and not 0.0 < self.mass < 1.0:
            raise ParameterError(f"mass = {self.mass} of the target {self.name} is not between 0 and 1")

    def counts(self, hazard: str, material_class: str) -> bool:
        """Say whether a family of this hazard and class counts as it, if no other target names it."""
        return hazard in self.hazards or material_class in self.classes
