"""Which few references, together, explain a spectrum: a fit with a measure of what each one is worth.

The measure is the factor by which the disagreement (1 − V, V being the cosine between the compressed query
and the compressed fit) falls when a component is added. Disagreement that comes from the mismatch between two
instruments is shared by every wrong addition, so that the factor, not the absolute fit, is the evidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from spectriage.spectra.arrays import BoolArray, Float32Array, FloatArray
from spectriage.spectra.compile.jit import packed
from spectriage.spectra.contrast._kernels_coarse import coarse_best, likeliest_each, pool_rest
from spectriage.spectra.contrast.contrast import Contrast, contrast
from spectriage.spectra.contrast.index import ContrastIndex
from spectriage.spectra.fitting._kernels_additions import add_each
from spectriage.spectra.fitting._kernels_axes import AxisSearch, best_axes
from spectriage.spectra.fitting._kernels_fit import FitSettings
from spectriage.spectra.fitting.fit import (
    MIN_DISAGREEMENT,
    OFFSET_PENALTY,
    STRETCH_PENALTY,
    Additions,
    Axis,
    Fit,
    Single,
    axis_numbers,
    axis_of,
)
from spectriage.spectra.fitting.memory import memory_of
from spectriage.spectra.signal.grid import resample
from spectriage.spectra.spectrum import Spectrum

RELATIVE_ERROR = 0.3
"""Proportional error of a derivative between instruments, in the weights of the fit."""
REWEIGHTINGS = 3
UNMEASURED_WEIGHT = 0.5
"""Weight of a point outside a component's range: it can neither confirm nor wholly deny it."""
SETTINGS = FitSettings(RELATIVE_ERROR, REWEIGHTINGS, UNMEASURED_WEIGHT, MIN_DISAGREEMENT)
PACKED_SETTINGS = packed(SETTINGS)
AXIS_REACH_CM = 10.0
"""More than is tolerated: a greater offset is to be reported, and not absorbed."""
PENALTIES = np.array([OFFSET_PENALTY, STRETCH_PENALTY])
OFFSET_STEPS_CM = np.array([-1.0, 1.0, -0.5, 0.5])
STRETCHES = np.array([-0.003, -0.0015, 0.0015, 0.003])
REFINED_FROM = 8
"""So many of the coarse search are fitted; `REFINED` of them at their own best axis and resolution."""
REFINED = 3
WORTH_REFINING = 0.25
"""No correction of axis and resolution makes up for a fit that is worse by more than this."""
_SEARCH = AxisSearch(OFFSET_STEPS_CM, STRETCHES, AXIS_REACH_CM, PENALTIES, REFINED, WORTH_REFINING)
STRETCHED, UNSTRETCHED = packed(_SEARCH), packed(_SEARCH._replace(stretches=np.zeros(0)))
LIKELIEST = 10


class Fitter:
    """Fits one query by references of one library.

    Parameters
    ----------
    index
        The library in the contrast domain.
    spectrum
        The query, or its contrast on the library's grid.

    Raises
    ------
    SpectrumError
        When the spectrum shares too little range with the library.
    """

    def __init__(self, index: ContrastIndex, spectrum: Spectrum | Contrast) -> None:
        self.index = index
        if isinstance(spectrum, Spectrum):
            shift = index.references.shift
            spectrum = contrast(resample(spectrum, shift), shift)
        self.query = spectrum
        self.grid = index.grid
        self._queries: dict[tuple[float, float], Contrast] = {(0.0, 0.0): self.query}
        self._fits: dict[tuple[tuple[int, ...], Axis], Fit] = {}

    @property
    def _nothing(self) -> Float32Array:
        """The fit of no references, shape (m,): the same for all."""
        return self.index.once("nothing", lambda: np.zeros(self.index.rows.points, np.float32))

    def query_at(self, axis: Axis) -> Contrast:
        """Return the query under an axis correction."""
        key = axis[:2]
        found = self._queries.get(key)
        if found is None:
            found = self._queries[key] = self.query.corrected(self.index.references.shift, *key)
        return found

    def fit(self, rows: tuple[int, ...], axis: Axis) -> Fit:
        """Fit given references with non-negative amplitudes at a given axis."""
        key = (rows, axis)
        found = self._fits.get(key)
        if found is None:
            found = self._fits[key] = self._fit(rows, axis)
        return found

    def known(self, rows: tuple[int, ...], axis: Axis) -> Fit | None:
        """Return the fit by these references where it was made before, or nothing is to be fitted."""
        if not rows or self.query.norm == 0.0:
            return self.fit(rows, axis)
        return self._fits.get((rows, axis))

    def kept(self, found: Fit) -> Fit:
        """Return the fit that a kernel found, and keep it and the query as it is under its axis."""
        self._queries[found.axis[:2]] = found.query
        return self._fits.setdefault((found.rows, found.axis), found)

    def _fit(self, rows: tuple[int, ...], axis: Axis) -> Fit:
        query = self.query_at(axis)
        if not rows or query.norm == 0.0:
            return Fit(rows, np.zeros(len(rows)), 0.0, axis, query, self._nothing)
        added = self._add_each(rows[:-1], axis, query, self._nothing, rows[-1:])
        return Fit(rows, added.amplitudes[0], float(added.similarity[0]), axis, query, added.fitted)

    def gains(self, base: Fit, rows: Sequence[int]) -> FloatArray:
        """Return what adding each of several references removes of the disagreement, shape (len(rows),)."""
        return self._add_each(base.rows, base.axis, base.query, base.fitted, rows).gains

    def add_each(self, base: Fit, rows: Sequence[int], parts: tuple[int, int] = (0, 0)) -> Additions:
        """Fit the model with each of several references.

        What each part of it is then worth is told of those from the first to before the second of `parts`.
        """
        return self._add_each(base.rows, base.axis, base.query, base.fitted, rows, parts)

    def losses(self, whole: Fit) -> FloatArray:
        """Return how much disagreement each component removes from the whole fit, shape (k,)."""
        if not whole.rows:
            return np.zeros(0)
        *rest, last = whole.rows
        parts = (0, len(whole.rows))
        added = self._add_each(tuple(rest), whole.axis, whole.query, self._nothing, (last,), parts)
        return np.asarray(added.losses[0])

    def _add_each(
        self,
        base: tuple[int, ...],
        axis: Axis,
        query: Contrast,
        base_fitted: Float32Array,
        rows: Sequence[int],
        parts: tuple[int, int] = (0, 0),
    ) -> Additions:
        """Fit some references with each of others, to a query at its axis."""
        of_each, of_parts = np.zeros((2, len(rows))), np.zeros((2, len(rows), len(base) + 1))
        fitted = self._nothing
        if rows:
            fitted = np.empty(self._nothing.size, np.float32)
            add_each(
                packed(self.index.rows.gather((*base, *rows), axis.broadening_cm)),
                len(base),
                query.packed,
                base_fitted,
                PACKED_SETTINGS,
                *parts,
                False,
                memory_of(len(base) + 1, fitted.size),
                of_each,
                of_parts,
                fitted,
            )
        similarity, gains = of_each
        amplitudes, losses = of_parts
        return Additions(similarity, amplitudes, gains, losses, fitted)

    def with_row(self, base: Fit, row: int) -> Fit:
        """Return a fit with one more reference, its last."""
        return self.fit((*base.rows, row), base.axis)

    def first(self, allowed: BoolArray) -> list[Single]:
        """Return the references that explain most alone, best first, every one at its own best axis.

        Parameters
        ----------
        allowed
            Which references may be used, shape (n,).
        """
        step = self.index.step_cm
        best, moves = np.empty((2, REFINED_FROM), np.intp)
        penalties = coarse_penalties(step)
        count = coarse_best(self.query.compressed, self.index.coarse, penalties, allowed, best, moves)
        if not count:
            return []
        rows = best[:count].tolist()
        axes = np.zeros((count, 3))
        axes[:, 0] = moves[:count] * step
        merits = self._seek(rows, 1, axes)
        found = []
        for row, merit, place in zip(rows, merits.tolist(), axes.tolist(), strict=True):
            axis = axis_of(place)
            found.append(Single(row, merit + axis.penalty, axis))
        return sorted(found, key=lambda single: -single.merit)

    def refine(self, rows: tuple[int, ...], axis: Axis, *, stretch: bool = False) -> Fit:
        """Return the fit at the axis and resolution where these references agree best, all jointly.

        Sought from `axis` on.
        """
        if not rows:
            return self.fit(rows, axis)
        axes = np.array([axis_numbers(axis)])
        self._seek(rows, len(rows), axes, STRETCHED if stretch else UNSTRETCHED)
        return self.fit(rows, axis_of(axes[0].tolist()))

    def _seek(
        self, rows: Sequence[int], together: int, axes: FloatArray, search: AxisSearch = UNSTRETCHED
    ) -> FloatArray:
        """Seek the best axis of sets of so many references, from `axes` on; return their merits there."""
        merits = np.empty(len(axes))
        gathered = self.index.rows.gather_widths(rows)
        best_axes(
            packed(gathered._replace(places=gathered.places.reshape(-1, together))),
            self.query.packed,
            self.grid,
            PACKED_SETTINGS,
            search,
            memory_of(together, self.index.rows.points),
            axes,
            merits,
        )
        return merits

    def likeliest(self, base: Fit, allowed: BoolArray, count: int = LIKELIEST) -> list[int]:
        """Return the rows that look most like what a fit leaves, best first."""
        coarse = self.index.coarse
        rest, best = np.empty((1, coarse.shape[1]), np.float32), np.empty((1, count), np.intp)
        counts = np.array([count], np.intp)
        pool_rest(base.query.packed, base.fitted, rest[0])
        likeliest_each(coarse, rest, allowed[None], best, counts)
        return [row for row in best[0, : counts[0]].tolist() if row not in base.rows]


@lru_cache(maxsize=16)
def coarse_penalties(step_cm: float) -> Float32Array:
    """Return what an offset by −reach to reach points takes off the similarity."""
    reach = int(AXIS_REACH_CM // step_cm)
    penalties = OFFSET_PENALTY * np.square(np.arange(-reach, reach + 1) * step_cm)
    return np.asarray(penalties, np.float32)
