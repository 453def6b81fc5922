"""`TargetList`: what a scan says of several targets, as the numbers that kernels wrote."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, Self

import numpy as np

from spectriage.spectra.arrays import FloatArray, IndexArray
from spectriage.spectra.evidence.mass import NO_MASS, MassRange
from spectriage.spectra.evidence.null import probability
from spectriage.spectra.evidence.sighting import NOTHING, Sighting
from spectriage.spectra.evidence.target_evidence import TargetEvidence
from spectriage.spectra.made_when_asked import MadeWhenAsked
from spectriage.spectra.policy.policy import Policy
from spectriage.spectra.policy.target import Target
from spectriage.spectra.reference import Hazard, Reference, Tier

EVEN = 0.5
"""The prior of a probability that says what the evidence alone is worth."""
COLUMNS = ("gain", "carrying_gain", "margin", "lod", "low", "middle", "high", "share", "measured")
"""What is known of each target, in the order in which a result is written, and a kernel writes `Weights`."""
GAIN, LOD, LOW, MIDDLE, HIGH, SHARE, MEASURED = 0, *range(3, 9)


@dataclass(frozen=True, eq=False, slots=True)
class WatchedTarget:
    """What is the same of a target in every scan: fields of `TargetEvidence`."""

    name: str
    known_tier: Tier
    asked: Target
    families: tuple[str, ...]
    guessed: tuple[str, ...]
    provisional: bool

    @property
    def covered(self) -> bool:
        """Whether more than a guess is known of any of its families."""
        return len(self.guessed) < max(len(self.families), 1)


@dataclass(frozen=True, eq=False, slots=True)
class Told:
    """What is said of a target in every scan that one of its members shows it best in."""

    target: WatchedTarget
    reference: Reference
    tier: Tier
    hazard: Hazard


class Look(NamedTuple):
    """What was seen of a target that gained enough to be looked at, as `TargetEvidence` has it."""

    found: bool
    supports: int
    probability: float
    sighting: Sighting
    carried: bool


NOT_LOOKED_AT = Look(False, 0, probability(-math.inf, EVEN), NOTHING, False)


@dataclass(frozen=True, eq=False)
class WatchedTargets:
    """What of several targets is the same in every scan.

    Parameters
    ----------
    targets
        Each of them.
    """

    targets: Sequence[WatchedTarget]
    _allowed: dict[tuple[str, float], tuple[IndexArray, FloatArray]] = field(default_factory=dict, repr=False)

    @cached_property
    def required(self) -> tuple[int, ...]:
        """The places of those whose limits the policy asks for, and which more than a guess is known of."""
        return tuple(place for place, own in enumerate(self.targets) if own.asked.required and own.covered)

    @cached_property
    def provisional(self) -> tuple[str, ...]:
        """The names of those of the required ones whose limit is provisional."""
        return tuple(self.targets[place].name for place in self.required if self.targets[place].provisional)

    @cached_property
    def guessed(self) -> tuple[str, ...]:
        """The families that no limit holds for."""
        return tuple(sorted({family for own in self.targets for family in own.guessed}))

    def allowed(self, policy: Policy) -> tuple[IndexArray, FloatArray]:
        """Return where in the numbers the required limits stand, and how great they may be, shape (r,) each.

        By mass where the policy asks for that.
        """
        key = (policy.judged, policy.lod)
        if key not in self._allowed:
            by_mass = MIDDLE if policy.judged == "middle" else HIGH
            asked = [self.targets[place].asked.mass for place in self.required]
            columns = [LOD if mass is None else by_mass for mass in asked]
            self._allowed[key] = (
                np.array(self.required, np.intp) * len(COLUMNS) + np.array(columns, np.intp),
                np.array([policy.lod if mass is None else mass for mass in asked], np.float64),
            )
        return self._allowed[key]


class TargetList(MadeWhenAsked[TargetEvidence]):
    """What a scan says of several targets.

    Parameters
    ----------
    watched
        What is the same in every scan.
    told
        Of each target what is said of it by the member that shows it best.
    numbers
        Of each target `COLUMNS`, shape (c, 9).
    looks
        What was seen of those that gained enough to be looked at, by their places, ascending.
    """

    __slots__ = ("_watched", "looks", "numbers", "told")

    def __init__(
        self, watched: WatchedTargets, told: Sequence[Told], numbers: FloatArray, looks: Mapping[int, Look]
    ) -> None:
        super().__init__(len(told))
        self._watched = watched
        self.told = told
        self.numbers = numbers
        self.looks = looks

    @classmethod
    def of(cls, members: Iterable[TargetEvidence]) -> Self:
        """Return one of evidence that is made already; itself, if it is one."""
        if isinstance(members, cls):
            return members
        made = list(members)
        told = [_told_of(each) for each in made]
        rows = [
            (*each[2:5], each.lod, *each.mass[:3], each.share, float(not each.mass.assumed)) for each in made
        ]
        looks = [
            Look(each.found, each.supports, each.probability, each.sighting, each.carried) for each in made
        ]
        numbers = np.array(rows, np.float64).reshape(-1, len(COLUMNS))
        whole = cls(WatchedTargets([each.target for each in told]), told, numbers, dict(enumerate(looks)))
        whole._made = dict(enumerate(made))
        return whole

    def _make(self, place: int) -> TargetEvidence:
        told, look = self.told[place], self.looks.get(place, NOT_LOOKED_AT)
        target = told.target
        gain, carrying, margin, lod, low, middle, high, share, measured = self.numbers[place].tolist()
        return TargetEvidence(
            target.name,
            look.found,
            gain,
            carrying,
            margin,
            look.supports,
            lod,
            told.reference,
            told.tier,
            told.hazard,
            target.known_tier,
            target.asked,
            target.families,
            target.guessed,
            MassRange(low, middle, high, measured == 0.0) if middle < math.inf else NO_MASS,
            target.provisional,
            share,
            look.probability,
            look.sighting,
            look.carried,
        )

    @property
    def found(self) -> list[TargetEvidence]:
        """Those that were found."""
        return [self._at(place) for place, look in self.looks.items() if look.found]

    def near(self, gain: float) -> list[TargetEvidence]:
        """Return those that were looked at and not found, although they gained so much."""
        return [
            self._at(place)
            for place, look in self.looks.items()
            if not look.found and not self.numbers[place, GAIN] < gain
        ]

    @property
    def provisional(self) -> tuple[str, ...]:
        """The names of those whose limits the policy asks for although they are provisional."""
        return self._watched.provisional

    @property
    def guessed(self) -> tuple[str, ...]:
        """The families that no limit holds for."""
        return self._watched.guessed

    def beyond(self, policy: Policy) -> list[int]:
        """Return the places of those whose limits the policy asks for and are not what it asks.

        A limit that is no number never is. What no more than a guess is known of has none.
        """
        where, allowed = self._watched.allowed(policy)
        within = (self.numbers.take(where) <= allowed).tolist()
        if all(within):
            return []
        return [place for place, holds in zip(self._watched.required, within, strict=True) if not holds]

    def least_visible(self) -> TargetEvidence | None:
        """Return the one with the greatest limit of those whose limits the policy asks for."""
        limits = self.numbers[:, LOD].tolist()
        place = max(self._watched.required, key=limits.__getitem__, default=None)
        return None if place is None else self[place]


def _told_of(made: TargetEvidence) -> Told:
    target = WatchedTarget(
        made.name, made.known_tier, made.asked, made.families, made.guessed, made.provisional
    )
    return Told(target, made.reference, made.tier, made.hazard)
