"""`CandidateList`: what a scan resembles, as the numbers that kernels wrote."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Self

from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.evidence.null import probability
from spectriage.spectra.made_when_asked import MadeWhenAsked
from spectriage.spectra.reference import Reference
from spectriage.spectra.verdict.component import Candidate

WORTH = 4
"""Numbers of each: score, probability, p-value and likelihood ratio; all but the first may be None."""


class CandidateList(MadeWhenAsked[Candidate]):
    """What a scan resembles as one substance, best first.

    Parameters
    ----------
    references
        Of the library.
    odds
        What `rank_candidates` writes of each, shape (c, 4); or what they are worth.
    prior
        The probability that the library has what was scanned; None for a library without a null.
    named
        The probabilities of substances that are named as parts of a mixture.
    """

    __slots__ = ("_named", "_odds", "_prior", "_worth", "references")

    def __init__(
        self,
        references: Sequence[Reference],
        odds: FloatArray | list[float | None],
        prior: float | None = None,
        named: Mapping[str, float] | None = None,
    ) -> None:
        super().__init__(len(references))
        self.references = references
        self._odds = odds
        self._prior = prior
        self._named = named or {}
        self._worth: list[float | None] | None = None

    @classmethod
    def of(cls, members: Iterable[Candidate]) -> Self:
        """Return one of candidates that are made already; itself, if it is one."""
        if isinstance(members, cls):
            return members
        made = list(members)
        whole = cls([each.reference for each in made], [value for each in made for value in each[1:]])
        whole._made = dict(enumerate(made))
        return whole

    def _make(self, place: int) -> Candidate:
        score, probability, p_value, ratio = self.worth[WORTH * place : WORTH * (place + 1)]
        assert score is not None
        return Candidate(self.references[place], score, probability, p_value, ratio)

    def with_named(self, named: Mapping[str, float]) -> CandidateList:
        """Give what is named as a part the probability of that, where it is the greater, by substance."""
        return CandidateList(self.references, self._odds, self._prior, named) if named else self

    @property
    def worth(self) -> list[float | None]:
        """What they are worth, `WORTH` numbers each, one after another."""
        if self._worth is None:
            substances = [reference.substance for reference in self.references]
            own = self._odds if isinstance(self._odds, list) else self._shared(substances, self._odds)
            self._worth = _with_named(substances, own, self._named) if self._named else own
        return self._worth

    def _shared(self, substances: Sequence[str], odds: FloatArray) -> list[float | None]:
        """Return what they are worth by their odds.

        The likelihood ratio is that of the best match being right; the candidates share its probability in
        proportion to their own ratios, each substance counting once.
        """
        scores, p_values, log_ratios, ratios = odds.T.tolist()
        worth: list[float | None] = [None] * odds.size
        worth[::WORTH] = scores
        if self._prior is None or not scores:
            return worth
        first = log_ratios[0]
        shares: dict[str, float] = {}
        for substance, log_ratio in zip(substances, log_ratios, strict=True):
            # the best of a substance comes first
            if substance not in shares:
                shares[substance] = math.exp(log_ratio - first)
        any_right = probability(first, self._prior) / sum(shares.values())
        worth[1::WORTH] = [any_right * shares[substance] for substance in substances]
        worth[2::WORTH], worth[3::WORTH] = p_values, ratios
        return worth


def _with_named(
    substances: Sequence[str], worth: Sequence[float | None], named: Mapping[str, float]
) -> list[float | None]:
    raised = list(worth)
    for at, substance in zip(range(1, len(worth), WORTH), substances, strict=True):
        known, own = named.get(substance), worth[at]
        if known is not None and own is not None and not known <= own:
            raised[at] = known
    return raised
