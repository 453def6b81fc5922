"""`BandList`: which bands of a component made the decision, as the numbers that a kernel wrote."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Self

from spectriage.spectra.made_when_asked import MadeWhenAsked

SUPPORT = 0.6
"""A band supports a component when the disagreement around it falls at least to this share."""


class BandSupport(NamedTuple):
    """One band of a component.

    Parameters
    ----------
    shift_cm
        Where the reference has it.
    height
        Its curvature, as a share of the reference's strongest.
    remaining
        The disagreement around it with the component, as a share of that without: 0 explains it, 1 no help.
    shared_phenyl
        Whether it is one of the lines that all mono-substituted benzene rings share.
    crowded
        Whether a band of another component is so near and so strong that its mismatch could look like it.
    """

    shift_cm: float
    height: float
    remaining: float
    shared_phenyl: bool
    crowded: bool = False

    @property
    def supports(self) -> bool:
        """Whether the component is needed here."""
        return self.remaining <= SUPPORT and not self.crowded


class BandList(MadeWhenAsked[BandSupport]):
    """The bands of a component, strongest first.

    Parameters
    ----------
    known
        Of each band of the reference its place in cm⁻¹, its height, and whether it is a shared phenyl line.
    remaining, crowded
        What the scan shows there, as of `BandSupport`.

    Attributes
    ----------
    independent
        The pieces of evidence among them: the shared phenyl lines are one.
    """

    __slots__ = ("_crowded", "_known", "_remaining", "independent")

    def __init__(
        self, known: Sequence[tuple[float, float, bool]], remaining: Sequence[float], crowded: Sequence[bool]
    ) -> None:
        super().__init__(len(known))
        self._known = known
        self._remaining = remaining
        self._crowded = crowded
        alone, shared = 0, False
        for (_, _, is_shared), left, crowd in zip(known, remaining, crowded, strict=True):
            if left <= SUPPORT and not crowd:
                shared |= is_shared
                alone += not is_shared
        self.independent = alone + shared

    @classmethod
    def of(cls, members: Iterable[BandSupport]) -> Self:
        """Return one of bands that are made already; itself, if it is one."""
        if isinstance(members, cls):
            return members
        made = list(members)
        known = [(each.shift_cm, each.height, each.shared_phenyl) for each in made]
        return cls(known, [each.remaining for each in made], [each.crowded for each in made])

    def _make(self, place: int) -> BandSupport:
        at_cm, height, is_shared = self._known[place]
        return BandSupport(at_cm, height, self._remaining[place], is_shared, self._crowded[place])

    def rows(self) -> Iterator[tuple[float, float, float, bool]]:
        """Yield of each its place, its height, the disagreement that remains, and whether it supports."""
        for (at_cm, height, _), left, crowd in zip(self._known, self._remaining, self._crowded, strict=True):
            yield at_cm, height, left, left <= SUPPORT and not crowd
