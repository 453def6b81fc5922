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

Worth = tuple[float, float | None, float | None, float | None]
"""Of a candidate its score, probability, p-value and likelihood ratio."""


class CandidateList(MadeWhenAsked[Candidate]):
    """What a scan resembles as one substance, best first.

    Parameters
    ----------
    references
        Of the library.
    odds
        What `rank_candidates` writes of each, shape (c, 4); or what each is worth.
    prior
        The probability that the library has what was scanned; None for a library without a null.
    named
        The probabilities of substances that are named as parts of a mixture.
    """

    __slots__ = ("_named", "_odds", "_prior", "_worth", "references")

    def __init__(
        self,
        references: Sequence[Reference],
        odds: FloatArray | Sequence[Worth],
        prior: float | None = None,
        named: Mapping[str, float] | None = None,
    ) -> None:
        super().__init__(len(references))
        self.references = references
        self._odds = odds
        self._prior = prior
        self._named = named or {}
        self._worth: Sequence[Worth] | None = None

    @classmethod
    def of(cls, members: Iterable[Candidate]) -> Self:
        """Return one of candidates that are made already; itself, if it is one."""
        if isinstance(members, cls):
            return members
        made = list(members)
        whole = cls([each.reference for each in made], [each[1:] for each in made])
        whole._made = dict(enumerate(made))
        return whole

    def _make(self, place: int) -> Candidate:
        return Candidate(self.references[place], *self.worth[place])

    def with_named(self, named: Mapping[str, float]) -> CandidateList:
        """Give what is named as a part the probability of that, where it is the greater, by substance."""
        return CandidateList(self.references, self._odds, self._prior, named) if named else self

    @property
    def worth(self) -> Sequence[Worth]:
        """What each of them is worth."""
        if self._worth is None:
            own = self._odds if isinstance(self._odds, Sequence) else self._shared(self._odds)
            self._worth = _with_named(self.references, own, self._named) if self._named else own
        return self._worth

    def _shared(self, odds: FloatArray) -> Sequence[Worth]:
        """Return what each is worth by its odds.

        The likelihood ratio is that of the best match being right; the candidates share its probability in
        proportion to their own ratios, each substance counting once.
        """
        rows = odds.tolist()
        if self._prior is None or not rows:
            return [(score, None, None, None) for score, *_ in rows]
        first = rows[0][2]
        shares: dict[str, float] = {}
        substances = [reference.substance for reference in self.references]
        for substance, (_, _, log_ratio, _) in zip(substances, rows, strict=True):
            # the best of a substance comes first
            if substance not in shares:
                shares[substance] = math.exp(log_ratio - first)
        any_right = probability(first, self._prior) / sum(shares.values())
        return [
            (score, any_right * shares[substance], p_value, ratio)
            for substance, (score, p_value, _, ratio) in zip(substances, rows, strict=True)
        ]


def _with_named(
    references: Sequence[Reference], worth: Sequence[Worth], named: Mapping[str, float]
) -> Sequence[Worth]:
    return [
        own if own[1] is None or known is None or known <= own[1] else (own[0], known, *own[2:])
        for own, known in zip(worth, [named.get(each.substance) for each in references], strict=True)
    ]
