"""`BandList`: which bands of a component made the decision, as the numbers that a kernel wrote."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Self

import numpy as np

from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.made_when_asked import MadeWhenAsked

SUPPORT = 0.6
"""A band supports a component when the disagreement around it falls at least to this share."""
CROWD_SHARE = 0.3
"""Bands of one material differ by this share between instruments: less is not another band."""


class KnownBand(NamedTuple):
    """What is the same of a band in every scan: fields of `BandSupport`."""

    shift_cm: float
    height: float
    shared_phenyl: bool


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
        The bands of the reference.
    shown
        What the scan shows there, `remaining` over `beside` as `weigh_bands` writes them, shape (2, b). Bands
        around which the query does not hold are left out.
    size
        How many are not.
    independent
        The pieces of evidence among them: the shared phenyl lines are one.
    """

    __slots__ = ("_known", "_shown", "independent")

    def __init__(self, known: Sequence[KnownBand], shown: FloatArray, size: int, independent: int) -> None:
        super().__init__(size)
        self._known = known
        self._shown = shown
        self.independent = independent

    @classmethod
    def of(cls, members: Iterable[BandSupport]) -> Self:
        """Return one of bands that are made already; itself, if it is one."""
        if isinstance(members, cls):
            return members
        made = list(members)
        needed = [each for each in made if each.supports]
        alone = sum([not each.shared_phenyl for each in needed])
        whole = cls(
            [KnownBand(each.shift_cm, each.height, each.shared_phenyl) for each in made],
            np.array([(each.remaining, np.inf if each.crowded else 0.0) for each in made]).reshape(-1, 2).T,
            len(made),
            alone + (alone < len(needed)),
        )
        whole._made = dict(enumerate(made))
        return whole

    def _each(self) -> Iterator[tuple[KnownBand, float, bool]]:
        """Yield what is known of each, the disagreement that remains, and whether it is crowded."""
        for known, left, others in zip(self._known, *self._shown.tolist(), strict=True):
            if left >= 0.0:
                yield known, left, CROWD_SHARE * others > 1.0

    def _make(self, place: int) -> BandSupport:
        self._made = dict(enumerate([_support(*each) for each in self._each()]))
        return self._made[place]

    def rows(self) -> Iterator[tuple[float, float, float, bool]]:
        """Yield of each its place, its height, the disagreement that remains, and whether it supports."""
        for (at_cm, height, _), left, crowded in self._each():
            yield at_cm, height, left, left <= SUPPORT and not crowded


def _support(known: KnownBand, left: float, crowded: bool) -> BandSupport:
    at_cm, height, is_shared = known
    return BandSupport(at_cm, height, left, is_shared, crowded)
