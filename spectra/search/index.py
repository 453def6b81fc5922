"""`SearchIndex`: which references look most like a query, by a classical score."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from spectriage.spectra.arrays import BoolArray, Float32Array, FloatArray
from spectriage.spectra.errors import LibraryError, ParameterError, SpectrumError
from spectriage.spectra.reference import Reference, ReferenceSet
from spectriage.spectra.search.scores import Score, score_by_name
from spectriage.spectra.signal.axis import AXIS_TOLERANCE_CM
from spectriage.spectra.signal.grid import Resampled, resample
from spectriage.spectra.spectrum import Spectrum

Scalar = TypeVar("Scalar", bound=np.generic)

KEPT_MASKS = 64
RANGE_ROWS = 1024


@dataclass(frozen=True)
class Match:
    """A reference, how well it matches, and the axis offset (cm⁻¹, added to the query) at which it does."""

    reference: Reference
    score: float
    offset_cm: float
    row: int


def index_matrix(references: ReferenceSet, score: str) -> tuple[str, Float32Array]:
    """Prepare every reference for a score.

    Returns
    -------
    key
        Names the preparation: a query must share it.
    matrix
        float32, shape (n, m), rows of unit norm; zero where a reference does not hold.
    """
    method = score_by_name(score)
    step = _step(references)
    out = np.empty(references.spectra.shape, np.float32)
    for start in range(0, len(out), RANGE_ROWS):
        part = slice(start, start + RANGE_ROWS)
        out[part] = prepared_rows(references.spectra[part], method, step)
    return method.key(step), out


def prepared_rows(spectra: Float32Array, score: Score, step_cm: float) -> FloatArray:
    """Prepare some spectra (k, m), NaN where not measured, for a score: rows of unit norm or of zeros."""
    values = spectra.astype(np.float64)
    prepared, _ = score.prepare(values, np.isfinite(values), step_cm)
    norms = np.linalg.norm(prepared, axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(norms > 0, prepared / norms, 0.0))


def _step(references: ReferenceSet) -> float:
    return float(references.shift[1] - references.shift[0])


class SearchIndex:
    """A library prepared for one score.

    Parameters
    ----------
    references
        The library; a matrix kept with it under the score's key is used as it is, else one is made here.
    score
        ``hqi``, ``pearson``, ``deriv1`` or ``deriv2``.

    Raises
    ------
    ParameterError
        For an unknown score.
    LibraryError
        When a kept matrix does not fit the library.
    """

    def __init__(self, references: ReferenceSet, score: str = "deriv2") -> None:
        self.references = references
        self.score: Score = score_by_name(score)
        self.step_cm = _step(references)
        kept = references.indexes.get(self.score.key(self.step_cm))
        self.matrix: Float32Array = index_matrix(references, score)[1] if kept is None else kept
        if self.matrix.shape != references.spectra.shape:
            raise LibraryError(
                f"the index of shape {self.matrix.shape} is not one of {len(references)} references"
            )
        self._sums: dict[bytes, tuple[FloatArray, FloatArray]] = {}

    @cached_property
    def _ranges(self) -> NDArray[np.intp]:
        """Where each row holds; found on the first search, since it reads the whole matrix."""
        return _valid_ranges(self.matrix)

    def search(
        self,
        spectrum: Spectrum,
        top: int = 10,
        *,
        low_cm: float | None = None,
        high_cm: float | None = None,
        axis_tolerance_cm: float = AXIS_TOLERANCE_CM,
    ) -> tuple[Match, ...]:
        """Return the best matches, best first; ties by reference id.

        Parameters
        ----------
        spectrum
            The query.
        top
            How many.
        low_cm, high_cm
            Only this range counts.
        axis_tolerance_cm
            How far the query's axis may be off, at most 20: every reference is scored at its best offset.

        Raises
        ------
        SpectrumError
            When the query shares no usable range with the library.
        """
        scores, offsets = self.scores(
            spectrum, low_cm=low_cm, high_cm=high_cm, axis_tolerance_cm=axis_tolerance_cm
        )
        records = self.references.records
        count = min(max(top, 0), len(records))
        if count == 0:
            return ()
        # a few more than asked, so that ties at the edge are broken by id and not by chance
        kept = min(len(records), count + 32)
        rows = np.argpartition(-scores, kept - 1)[:kept]
        ranked = sorted(rows, key=lambda row: (-round(float(scores[row]), 7), records[row].id))
        return tuple(
            Match(records[row], float(scores[row]), float(offsets[row]), int(row)) for row in ranked[:count]
        )

    def scores(
        self,
        spectrum: Spectrum,
        *,
        low_cm: float | None = None,
        high_cm: float | None = None,
        axis_tolerance_cm: float = AXIS_TOLERANCE_CM,
    ) -> tuple[FloatArray, FloatArray]:
        """Return every reference's score at its best offset, and that offset in cm⁻¹; both shape (n,)."""
        if not 0.0 <= axis_tolerance_cm <= 20.0:
            raise ParameterError(f"an axis tolerance of {axis_tolerance_cm} cm⁻¹ is not between 0 and 20")
        query = resample(spectrum, self.references.shift)
        prepared, valid = self.score.prepare(query.intensity, query.measured, self.step_cm)
        valid = valid & self._range_mask(low_cm, high_cm)
        if np.count_nonzero(valid) < 32:
            raise SpectrumError(
                "the query shares too little range with the library", remedy="widen the range"
            )
        reach = int(axis_tolerance_cm // self.step_cm)
        steps = np.arange(-reach, reach + 1)
        cosine = np.stack([self._cosines(moved(prepared, k), moved(valid, k)) for k in steps.tolist()])
        best = np.argmax(cosine - 1e-9 * np.abs(steps)[:, None], axis=0)
        return (
            self.score.finish(np.take_along_axis(cosine, best[None, :], axis=0)[0]),
            steps[best] * self.step_cm,
        )

    def prepare(self, query: Resampled) -> tuple[FloatArray, BoolArray]:
        """Prepare a resampled query as the references were."""
        return self.score.prepare(query.intensity, query.measured, self.step_cm)

    def _range_mask(self, low_cm: float | None, high_cm: float | None) -> BoolArray:
        shift = self.references.shift
        low = -np.inf if low_cm is None else low_cm
        high = np.inf if high_cm is None else high_cm
        return (shift >= low) & (shift <= high)

    def _cosines(self, query: FloatArray, valid: BoolArray) -> FloatArray:
        """Cosine to every reference over the range that both measured."""
        mask = valid.astype(np.float32)
        masked = (query * mask).astype(np.float32)
        dots = (self.matrix @ masked).astype(np.float64)
        count = _range_sums(valid.astype(np.float64), self._ranges)
        energy = _range_sums(np.square(masked.astype(np.float64)), self._ranges)
        sums, squares = self._reference_sums(mask)
        if self.score.centred:
            total = _range_sums(masked.astype(np.float64), self._ranges)
            safe = np.maximum(count, 1.0)
            dots -= total * sums / safe
            energy = energy - total**2 / safe
            squares = squares - sums**2 / safe
        scale = np.sqrt(np.maximum(energy, 0.0) * np.maximum(squares, 0.0))
        # a reference that overlaps hardly at all, or has no bands there, says nothing
        usable = (scale > 0.0) & (count >= 32) & (squares > 0.05)
        return np.where(usable, np.clip(dots / np.where(usable, scale, 1.0), -1.0, 1.0), 0.0)

    def _reference_sums(self, mask: Float32Array) -> tuple[FloatArray, FloatArray]:
        """Sum and sum of squares of each reference under a query's mask.

        Kept, because an instrument's range does not change from scan to scan.
        """
        key = np.packbits(mask > 0).tobytes()
        if key not in self._sums:
            if len(self._sums) >= KEPT_MASKS:
                self._sums.clear()
            sums = (self.matrix @ mask).astype(np.float64)
            squares = np.einsum("ij,ij,j->i", self.matrix, self.matrix, mask).astype(np.float64)
            self._sums[key] = (sums, squares)
        return self._sums[key]


def moved(values: NDArray[Scalar], steps: int) -> NDArray[Scalar]:
    """Return values moved up the axis by `steps` points, zeros (false) moving in."""
    out = np.zeros_like(values)
    if steps == 0:
        return values
    if steps > 0:
        out[steps:] = values[:-steps]
    else:
        out[:steps] = values[-steps:]
    return out


def _valid_ranges(matrix: Float32Array) -> NDArray[np.intp]:
    """First and one past the last point of each row that is not zero; shape (n, 2)."""
    ranges = np.zeros((len(matrix), 2), np.intp)
    for start in range(0, len(matrix), RANGE_ROWS):
        filled = matrix[start : start + RANGE_ROWS] != 0
        found = filled.any(axis=1)
        ranges[start : start + RANGE_ROWS, 0] = np.argmax(filled, axis=1)
        last = matrix.shape[1] - np.argmax(filled[:, ::-1], axis=1)
        ranges[start : start + RANGE_ROWS, 1] = np.where(found, last, 0)
    return ranges


def _range_sums(values: FloatArray, ranges: NDArray[np.intp]) -> FloatArray:
    """Sum of `values` over each row's range."""
    running = np.concatenate([[0.0], np.cumsum(values)])
    return np.asarray(running[ranges[:, 1]] - running[ranges[:, 0]])
