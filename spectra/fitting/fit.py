"""What a fit is: references with amplitudes, at an axis and a resolution, and how well they agree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from spectriage.spectra.arrays import Float32Array, FloatArray
from spectriage.spectra.contrast.contrast import Contrast
from spectriage.spectra.signal.axis import AXIS_TOLERANCE_CM

AXIS_PENALTY = 0.02
"""Disagreement that an axis offset at the tolerance must earn back: most axes are better than that."""
STRETCH_TOLERANCE = 0.004
OFFSET_PENALTY = AXIS_PENALTY / AXIS_TOLERANCE_CM**2
STRETCH_PENALTY = AXIS_PENALTY / STRETCH_TOLERANCE**2
MIN_DISAGREEMENT = 1e-4


class Axis(NamedTuple):
    """How the query's axis and resolution differ from the library's.

    Parameters
    ----------
    offset_cm, stretch
        Added to the query's axis: ``offset_cm + stretch · (shift − 1200)``.
    broadening_cm
        FWHM of the Gaussian by which the library is blurred.
    """

    offset_cm: float = 0.0
    stretch: float = 0.0
    broadening_cm: float = 0.0

    @property
    def penalty(self) -> float:
        """What the correction must earn."""
        return OFFSET_PENALTY * self.offset_cm**2 + STRETCH_PENALTY * self.stretch**2


NO_CORRECTION = Axis()


@dataclass(frozen=True, eq=False)
class Fit:
    """References that explain a query.

    Parameters
    ----------
    rows
        Rows of the library, strongest first.
    amplitudes
        Their share of the query's derivative norm, shape (k,).
    similarity
        V, the cosine between the compressed query and the compressed fit.
    axis
        The correction under which they do.
    query
        The query under that correction.
    fitted
        The fit in the contrast domain, float32, shape (m,).
    """

    rows: tuple[int, ...]
    amplitudes: FloatArray
    similarity: float
    axis: Axis
    query: Contrast
    fitted: Float32Array

    @property
    def disagreement(self) -> float:
        """1 − V."""
        return max(1.0 - self.similarity, MIN_DISAGREEMENT)

    def without(self, position: int) -> tuple[int, ...]:
        """Return the rows but for one."""
        return self.rows[:position] + self.rows[position + 1 :]


class Single(NamedTuple):
    """One reference that explains a query alone, at its own axis, as well as `similarity` says."""

    row: int
    similarity: float
    axis: Axis

    @property
    def merit(self) -> float:
        """V less what the correction of the axis must earn."""
        return self.similarity - self.axis.penalty


class Additions(NamedTuple):
    """A model with one more reference, for each of several.

    Parameters
    ----------
    similarity
        With it, shape (c,).
    amplitudes
        Of the model's references and, last, of its own, shape (c, k + 1).
    gains
        Its log gain over the model as it was fitted, shape (c,).
    losses
        The log gain of each of them over the rest, shape (c, k + 1); zero where not asked for.
    fitted
        The model with the last one, float32, shape (m,); zero without any.
    """

    similarity: FloatArray
    amplitudes: FloatArray
    gains: FloatArray
    losses: FloatArray
    fitted: Float32Array
