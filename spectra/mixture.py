"""Which few references, together, explain a spectrum: a fit with a measure of what each one is worth.

The measure is the factor by which the disagreement (1 − V, V being the cosine between the compressed query
and the compressed fit) falls when a component is added. Disagreement that comes from the mismatch between two
instruments is shared by every wrong addition, so that the factor, not the absolute fit, is the evidence.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from spectriage.spectra._kernels_compress import agreement, compress
from spectriage.spectra._kernels_fit import add_each, fit_rows
from spectriage.spectra.contrast import Contrast, ContrastIndex, contrast
from spectriage.spectra.grid import Resampled, resample
from spectriage.spectra.search import AXIS_TOLERANCE_CM
from spectriage.spectra.spectrum import BoolArray, FloatArray, Spectrum

RELATIVE_ERROR = 0.3
"""Proportional error of a derivative between instruments, in the weights of the fit."""
REWEIGHTINGS = 3
UNMEASURED_WEIGHT = 0.5
"""Weight of a point outside a component's range: it can neither confirm nor wholly deny it."""
AXIS_REACH_CM = 10.0
"""More than is tolerated: a greater offset is to be reported, and not absorbed."""
AXIS_PENALTY = 0.02
"""Disagreement that an axis offset at the tolerance must earn back: most axes are better than that."""
BROADENINGS_CM = (0.0, 8.0, 12.0)
STRETCHES = (-0.003, -0.0015, 0.0015, 0.003)
FIRST_LOOKS = 8
REFINED = 3
WORTH_REFINING = 0.25
"""No correction of axis and resolution makes up for a fit that is worse by more than this."""
LOOKS = 10
MIN_DISAGREEMENT = 1e-4


@dataclass(frozen=True)
class Axis:
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
        return AXIS_PENALTY * ((self.offset_cm / AXIS_TOLERANCE_CM) ** 2 + (self.stretch / 0.004) ** 2)


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
        The fit in the contrast domain, shape (m,).
    """

    rows: tuple[int, ...]
    amplitudes: FloatArray
    similarity: float
    axis: Axis
    query: Contrast
    fitted: FloatArray

    @property
    def disagreement(self) -> float:
        """1 − V."""
        return max(1.0 - self.similarity, MIN_DISAGREEMENT)


def log_gain(before: float, after: float) -> float:
    """Return ln((1 − V₀) / (1 − V₁)): how much of the disagreement an addition removes."""
    return float(np.log(max(1.0 - before, MIN_DISAGREEMENT) / max(1.0 - after, MIN_DISAGREEMENT)))


class Fitter:
    """Fits one query by references of one library.

    Parameters
    ----------
    index
        The library in the contrast domain.
    spectrum
        The query, or what it is on the library's grid.
    noise
        Standard deviation of one grid point's noise, where it is known; else it is estimated.

    Raises
    ------
    SpectrumError
        When the spectrum shares too little range with the library.
    """

    def __init__(
        self, index: ContrastIndex, spectrum: Spectrum | Resampled, *, noise: float | None = None
    ) -> None:
        self.index = index
        shift = index.references.shift
        on_grid = resample(spectrum, shift) if isinstance(spectrum, Spectrum) else spectrum
        self.query = contrast(on_grid, shift, noise=noise)
        self._weights: dict[tuple[int, frozenset[int]], tuple[Contrast, FloatArray]] = {}
        self._queries: dict[tuple[float, float], Contrast] = {(0.0, 0.0): self.query}
        self._scratch = np.empty(shift.size)

    def query_at(self, axis: Axis) -> Contrast:
        """Return the query under an axis correction."""
        key = (axis.offset_cm, axis.stretch)
        if key not in self._queries:
            self._queries[key] = self.query.corrected(self.index.references.shift, *key)
        return self._queries[key]

    def weights(self, rows: Collection[int], query: Contrast) -> FloatArray:
        """Return each point's weight: 0 outside the query, less outside a component's range."""
        # of one query under one axis, the same few sets of components are asked for again and again
        key = (id(query), frozenset(rows))
        if key not in self._weights:
            weights = query.valid.astype(np.float64)
            for row in rows:
                weights[query.valid & ~self.index.valid(row)] = UNMEASURED_WEIGHT
            # the query is kept with them: its identity is the key only while it lives
            self._weights[key] = (query, weights)
        return self._weights[key][1]

    def fit(
        self,
        rows: tuple[int, ...],
        axis: Axis,
        *,
        query: Contrast | None = None,
        weights: FloatArray | None = None,
    ) -> Fit:
        """Fit given references with non-negative amplitudes at a given axis."""
        query = self.query_at(axis) if query is None else query
        fitted = np.zeros_like(query.derivative)
        amplitudes = np.zeros(len(rows))
        if not rows or query.norm == 0.0:
            return Fit(rows, amplitudes, 0.0, axis, query, fitted)
        weights = self.weights(rows, query) if weights is None else weights
        stack = self.stack(rows, axis)
        fit_rows(
            stack,
            query.derivative,
            weights,
            query.threshold,
            RELATIVE_ERROR,
            REWEIGHTINGS,
            amplitudes,
            fitted,
        )
        similarity = agreement(query.compressed, fitted, weights, query.threshold, self._scratch)
        return Fit(rows, amplitudes, similarity, axis, query, fitted)

    def gains(self, base: Fit, rows: Sequence[int]) -> FloatArray:
        """Return what adding each of several references removes of the disagreement, shape (len(rows),)."""
        if not len(rows):
            return np.zeros(0)
        index, query = self.index, base.query
        before, after = np.zeros(len(rows)), np.zeros(len(rows))
        add_each(
            self.stack(base.rows, base.axis),
            self.stack(rows, base.axis),
            np.stack([index.valid(row) for row in rows]),
            UNMEASURED_WEIGHT,
            query.derivative,
            query.compressed,
            self.weights(base.rows, query),
            base.fitted,
            base.amplitudes,
            query.threshold,
            RELATIVE_ERROR,
            REWEIGHTINGS,
            before,
            after,
        )
        left = np.maximum(1.0 - before, MIN_DISAGREEMENT) / np.maximum(1.0 - after, MIN_DISAGREEMENT)
        return np.asarray(np.log(left))

    def exchange_gains(self, whole: Fit, position: int, rows: Sequence[int]) -> tuple[float, FloatArray]:
        """Return the log gain of a component over the rest, and that of each of `rows` in its place."""
        rest = whole.rows[:position] + whole.rows[position + 1 :]
        base = self.fit(rest, whole.axis, query=whole.query)
        gains = self.gains(base, [whole.rows[position], *rows])
        return float(gains[0]), gains[1:]

    def stack(self, rows: Sequence[int], axis: Axis) -> FloatArray:
        """Return references as rows of one array, shape (k, m)."""
        stack = np.empty((len(rows), self.index.references.shift.size))
        for i, row in enumerate(rows):
            stack[i] = self.index.row(row, axis.broadening_cm)
        return stack

    def with_row(self, base: Fit, row: int) -> Fit:
        """Return a fit with one more reference, its last."""
        return self.fit((*base.rows, row), base.axis, query=base.query)

    def loss(self, whole: Fit, position: int) -> float:
        """Return how much disagreement the component at `position` removes from the whole fit."""
        weights = self.weights(whole.rows, whole.query)
        rest = whole.rows[:position] + whole.rows[position + 1 :]
        without = self.fit(rest, whole.axis, query=whole.query, weights=weights)
        return log_gain(without.similarity, whole.similarity)

    def first(self, allowed: BoolArray) -> list[Fit]:
        """Return the best fits by one reference each, best first, every one at its own best axis.

        Parameters
        ----------
        allowed
            Which references may be used, shape (n,).
        """
        step = self.index.step_cm
        steps = int(AXIS_REACH_CM // step)
        reach = range(-steps, steps + 1)
        looks = self.index.similarities(np.stack([self.query.moved(k).compressed for k in reach])).T
        looks -= AXIS_PENALTY * np.square(np.array(reach) * step / AXIS_TOLERANCE_CM)[:, None]
        best_step = looks.argmax(axis=0)
        best = np.where(allowed, looks.max(axis=0), -1.0)
        count = min(FIRST_LOOKS, len(self.index))
        fits = []
        for row in np.argpartition(-best, count - 1)[:count]:
            if best[row] > 0.0:
                axis = Axis(offset_cm=float(reach[int(best_step[row])] * step))
                fits.append(self.fit((int(row),), axis))
        fits.sort(key=self._merit, reverse=True)
        close = [fit for fit in fits[:REFINED] if self._merit(fit) >= self._merit(fits[0]) - WORTH_REFINING]
        refined = [self.refine(fit) for fit in close]
        # the rest is compared at the best one's axis: it needs no better answer to come second
        if refined:
            axis = max(refined, key=self._merit).axis
            refined += [max(fit, self.fit(fit.rows, axis), key=self._merit) for fit in fits[len(close) :]]
        return sorted(refined, key=self._merit, reverse=True)

    @staticmethod
    def _merit(fit: Fit) -> float:
        return fit.similarity - fit.axis.penalty

    def refine(self, fit: Fit, *, stretch: bool = False) -> Fit:
        """Return the fit with the axis and resolution at which its references agree best, all jointly."""
        best = fit
        for broadening in BROADENINGS_CM:
            best = self._better(best, replace(best.axis, broadening_cm=broadening))
        for half in (1.0, 0.5):
            for sign in (-half, half):
                best = self._better(best, replace(best.axis, offset_cm=_bounded(best.axis.offset_cm + sign)))
        if stretch:
            for amount in STRETCHES:
                best = self._better(best, replace(best.axis, stretch=amount))
        return best

    def _better(self, fit: Fit, axis: Axis) -> Fit:
        if axis == fit.axis:
            return fit
        other = self.fit(fit.rows, axis)
        return other if self._merit(other) > self._merit(fit) else fit

    def looks(self, base: Fit, allowed: BoolArray, count: int = LOOKS) -> list[int]:
        """Return the rows that look most like what a fit leaves."""
        left = base.query.derivative - base.fitted
        left[~base.query.valid] = 0.0
        compressed = np.empty_like(left)
        compress(left, base.query.threshold, compressed)
        similarity = self.index.similarities(compressed)
        similarity[~allowed] = -1.0
        count = min(count, similarity.size)
        rows = np.argpartition(-similarity, count - 1)[:count]
        return [int(row) for row in rows if similarity[row] > 0.0 and row not in base.rows]


def _bounded(offset_cm: float) -> float:
    """Keep an offset within what is looked for."""
    return min(max(offset_cm, -AXIS_REACH_CM), AXIS_REACH_CM)
