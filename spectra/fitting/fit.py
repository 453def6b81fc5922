"""What a fit is: references with amplitudes, at an axis and a resolution, and how well they agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from spectriage.spectra.arrays import Float32Array, FloatArray, IndexArray
from spectriage.spectra.compile.jit import packed_as
from spectriage.spectra.contrast.block import Block, row_by_row, standing, together
from spectriage.spectra.contrast.contrast import Contrast, QueryRows, queries_stacked, queries_together
from spectriage.spectra.contrast.rows import BROADENINGS_CM
from spectriage.spectra.fitting._kernels_model import Models, Views
from spectriage.spectra.signal.axis import AXIS_TOLERANCE_CM

AXIS_PENALTY = 0.02
"""Disagreement that an axis offset at the tolerance must earn back: most axes are better than that."""
STRETCH_TOLERANCE = 0.004
OFFSET_PENALTY = AXIS_PENALTY / AXIS_TOLERANCE_CM**2
STRETCH_PENALTY = AXIS_PENALTY / STRETCH_TOLERANCE**2
MIN_DISAGREEMENT = 1e-4
MOST_COMPONENTS, MOST_PACKAGINGS = 5, 2
"""Of what is selected; a target that is found may come on top of it."""


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


def axis_of(place: Sequence[float]) -> Axis:
    """Return an axis from its offset, stretch and number of the resolution."""
    return Axis(place[0], place[1], BROADENINGS_CM[int(place[2])])


def axis_numbers(axis: Axis) -> tuple[float, float, float]:
    """Return an axis' offset, stretch and number of the resolution: the inverse of `axis_of`."""
    return axis.offset_cm, axis.stretch, BROADENINGS_CM.index(axis.broadening_cm)


class FitRows(NamedTuple):
    """Several fits of at most k references each.

    Parameters
    ----------
    axes
        As `axis_numbers`, shape (s, 3).
    counts, rows, amplitudes
        How many references each has, which and how much of them, shape (s,) and (s, k).
    similarity, fitted
        Shape (s,) and, float32, (s, m).
    """

    axes: FloatArray
    counts: IndexArray
    rows: IndexArray
    amplitudes: FloatArray
    similarity: FloatArray
    fitted: Float32Array

    @property
    def models(self) -> Models:
        """What kernels take of them, packed."""
        return packed_as(Models, self[1:])

    def views(self, queries: QueryRows) -> Views:
        """Return their queries, which are at their axes, as kernels take them, packed."""
        return packed_as(Views, (*queries.queries, self.axes))


# not frozen: see `Contrast`
@dataclass(eq=False)
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
    block, place
        Where it stands together with others.
    """

    rows: tuple[int, ...]
    amplitudes: FloatArray
    similarity: float
    axis: Axis
    query: Contrast
    fitted: Float32Array
    block: Block[FitRows] | None = None
    place: int = 0

    @property
    def disagreement(self) -> float:
        """1 − V."""
        return max(1.0 - self.similarity, MIN_DISAGREEMENT)

    def without(self, position: int) -> tuple[int, ...]:
        """Return the rows but for one."""
        return self.rows[:position] + self.rows[position + 1 :]


def fits_together(fits: Sequence[Fit]) -> FitRows:
    """Return several fits as rows."""
    return together(fits, _stacked)


def standing_fits(fits: Sequence[Fit]) -> tuple[FitRows, QueryRows, list[int]]:
    """Return rows of fits and of their queries, among which several stand, and where each does in both."""
    queries = [fit.query for fit in fits]
    (rows, places), (seen, there) = standing(fits, _stacked), standing(queries, queries_stacked)
    if places != there:
        return fits_together(fits), queries_together(queries), list(range(len(fits)))
    return rows, seen, places


def _stacked(fits: Sequence[Fit]) -> FitRows:
    most = max(MOST_COMPONENTS + MOST_PACKAGINGS, *[len(fit.rows) for fit in fits])
    rows, amplitudes = np.zeros((len(fits), most), np.intp), np.zeros((len(fits), most))
    for place, fit in enumerate(fits):
        rows[place, : len(fit.rows)], amplitudes[place, : len(fit.rows)] = fit.rows, fit.amplitudes
    return FitRows(
        np.array([axis_numbers(fit.axis) for fit in fits]),
        np.array([len(fit.rows) for fit in fits], np.intp),
        rows,
        amplitudes,
        np.array([fit.similarity for fit in fits]),
        row_by_row([fit.fitted for fit in fits]),
    )


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
