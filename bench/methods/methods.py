"""The methods that are compared: the engine and the classical scores behind one small interface.

To add a peer, derive from `Method`, implement `rank` and `decide`, and put the class into `METHODS`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.errors import ParameterError
from spectriage.spectra.reference import Reference, ReferenceSet
from spectriage.spectra.search import SearchIndex
from spectriage.spectra.signal import resample
from spectriage.spectra.spectrum import Spectrum
from spectriage.spectra.verdict.verdict import RAISED

if TYPE_CHECKING:
    from spectriage.spectra.policy import Policy
    from spectriage.spectra.verdict import Identification

CUTOFF = 0.65
"""The fixed correlation above which a common tool reports a match; 65 for HQI."""
NNLS_SHARE = 0.05
"""The share of the coefficients above which plain NNLS is usually taken to have found a component."""


@dataclass(frozen=True)
class Ranked:
    """A substance and its score: higher is better, the scale is the method's own."""

    substance: str
    score: float


@dataclass(frozen=True)
class Decision:
    """What a method says is there.

    Parameters
    ----------
    named
        Substances, strongest first; empty when it names none.
    packaging
        Wrappings that it names beside; classical scores know no difference.
    packaging_only
        Whether it says that nothing but packaging was seen.
    raised
        Whether it raised an alarm or a warning.
    """

    named: tuple[str, ...]
    packaging: tuple[str, ...] = ()
    packaging_only: bool = False
    raised: bool = False

    @property
    def everything(self) -> tuple[str, ...]:
        """Contents and packaging."""
        return (*self.named, *self.packaging)


class Method(ABC):
    """One way to identify a spectrum against a library.

    Parameters
    ----------
    references
        The library, prepared once.
    """

    name = ""

    def __init__(self, references: ReferenceSet) -> None:
        self.references = references

    @abstractmethod
    def rank(self, spectrum: Spectrum) -> list[Ranked]:
        """Return substances, best first, each once."""

    @abstractmethod
    def decide(self, spectrum: Spectrum) -> Decision:
        """Return what is there, by the method's own fixed thresholds."""


class Classical(Method):
    """A classical score with a fixed cut-off, at the best axis offset within the usual tolerance."""

    cutoff = CUTOFF

    def __init__(self, references: ReferenceSet) -> None:
        super().__init__(references)
        self._index = SearchIndex(references, self.name)

    def rank(self, spectrum: Spectrum) -> list[Ranked]:
        """Return substances by the score of their best reference."""
        scores, _ = self._index.scores(spectrum)
        return _by_substance(self.references.records, scores)

    def decide(self, spectrum: Spectrum) -> Decision:
        """Return the best match when it reaches the cut-off."""
        best = self.rank(spectrum)[:1]
        return Decision(tuple(match.substance for match in best if match.score >= self.cutoff))


class Pearson(Classical):
    """Pearson's correlation after an arPLS baseline."""

    name = "pearson"


class HitQuality(Classical):
    """The hit quality index after an arPLS baseline."""

    name = "hqi"
    cutoff = 100.0 * CUTOFF


class FirstDerivative(Classical):
    """The cosine of Savitzky–Golay first derivatives."""

    name = "deriv1"


class SecondDerivative(Classical):
    """The cosine of Savitzky–Golay second derivatives."""

    name = "deriv2"


class NonNegative(Method):
    """Plain non-negative least squares over the whole library, after an arPLS baseline."""

    name = "nnls"

    def __init__(self, references: ReferenceSet) -> None:
        super().__init__(references)
        self._index = SearchIndex(references, "hqi")
        self._columns = np.ascontiguousarray(self._index.matrix.T, dtype=np.float64)

    def rank(self, spectrum: Spectrum) -> list[Ranked]:
        """Return substances by their share of the coefficients times the explained share of the spectrum."""
        from scipy.optimize import nnls

        query, valid = self._index.prepare(resample(spectrum, self.references.shift))
        target = np.where(valid, query, 0.0)
        energy = float(target @ target)
        if energy == 0.0:
            return []
        coefficients, residual = nnls(self._columns[valid], target[valid])
        total = float(coefficients.sum())
        if total == 0.0:
            return []
        explained = max(1.0 - residual**2 / energy, 0.0)
        return _by_substance(self.references.records, coefficients / total * explained, np.add)

    def decide(self, spectrum: Spectrum) -> Decision:
        """Return the substances whose share of the coefficients is large enough."""
        ranked = self.rank(spectrum)
        total = sum(match.score for match in ranked) or 1.0
        return Decision(tuple(match.substance for match in ranked if match.score / total >= NNLS_SHARE))


class Spectriage(Method):
    """The engine, as it decides."""

    name = "spectriage"

    def __init__(self, references: ReferenceSet, policy: Policy | None = None) -> None:
        from spectriage.spectra.identify import Identifier

        super().__init__(references)
        self._engine = Identifier(references, policy)
        self._last: tuple[Spectrum, Identification] | None = None

    def identify(self, spectrum: Spectrum) -> Identification:
        """Return the whole answer; the last one is kept, so that ranking and deciding cost one scan."""
        if self._last is None or self._last[0] is not spectrum:
            self._last = (spectrum, self._engine.identify(spectrum))
        return self._last[1]

    def rank(self, spectrum: Spectrum) -> list[Ranked]:
        """Return the candidates' substances; those after the last candidate are not ranked."""
        candidates = self.identify(spectrum).candidates
        scores = np.array([candidate.score for candidate in candidates])
        return _by_substance([candidate.reference for candidate in candidates], scores)

    def decide(self, spectrum: Spectrum) -> Decision:
        """Return the components, and the packaging beside them."""
        result = self.identify(spectrum)
        return Decision(
            tuple(dict.fromkeys(part.reference.substance for part in result.components)),
            tuple(dict.fromkeys(part.reference.substance for part in result.packaging)),
            result.reason == "packaging-only",
            str(result.verdict) in RAISED,
        )


METHODS: dict[str, type[Method]] = {
    method.name: method
    for method in (Spectriage, Pearson, HitQuality, FirstDerivative, SecondDerivative, NonNegative)
}
"""The methods by name."""


def make_methods(references: ReferenceSet, names: Collection[str] | None = None) -> list[Method]:
    """Return the named methods (all by default), prepared for a library.

    Raises
    ------
    ParameterError
        Lists the methods there are.
    """
    wanted = list(METHODS) if names is None else list(names)
    for name in wanted:
        if name not in METHODS:
            raise ParameterError(f"there is no method {name!r}", remedy=f"use some of {', '.join(METHODS)}")
    return [METHODS[name](references) for name in wanted]


def rank_of(ranked: Sequence[Ranked], right: Callable[[str], bool]) -> int | None:
    """Return the place of the first right substance, 1 for the best; None when it is not ranked."""
    for place, match in enumerate(ranked, 1):
        if right(match.substance):
            return place
    return None


def _by_substance(
    records: Sequence[Reference], scores: FloatArray, combine: Callable[[float, float], float] = max
) -> list[Ranked]:
    best: dict[str, float] = {}
    for record, score in zip(records, scores.tolist(), strict=True):
        known = best.get(record.substance)
        best[record.substance] = score if known is None else float(combine(known, score))
    return sorted(
        (Ranked(substance, score) for substance, score in best.items()),
        key=lambda match: (-round(match.score, 9), match.substance),
    )
