"""The contrast of a spectrum: its second derivative, compressed where it is strong.

A second derivative leaves no background, and is linear: mixtures stay sums. What differs between two
instruments that see one material is proportional to the signal (15–20 % of a band's height), what differs by
chance is the noise. The inverse hyperbolic sine of (derivative / threshold), linear below the threshold and
logarithmic above, gives both the same size everywhere, so that ten weak bands out of place count for more
than one strong band in place. It is the variance-stabilising transform of additive plus proportional error
(Durbin et al. 2002, Bioinformatics 18, S105).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from spectriage.spectra._kernels_compress import compress
from spectriage.spectra._kernels_fit import correct_axis
from spectriage.spectra._kernels_looks import best_allowed, pool_moved
from spectriage.spectra.derivative import differentiate, savgol_weights, shrink_mask, window_points
from spectriage.spectra.errors import LibraryError
from spectriage.spectra.grid import Resampled
from spectriage.spectra.mismatch import mismatched, severity
from spectriage.spectra.noise import noise_level
from spectriage.spectra.reference import Float32Array, Hazard, ReferenceSet
from spectriage.spectra.scores import DERIVATIVE_WINDOW_CM, score_by_name
from spectriage.spectra.search import SearchIndex
from spectriage.spectra.spectrum import BoolArray, FloatArray

Key = TypeVar("Key")
Value = TypeVar("Value")

BAND_HEIGHT = 0.08
"""A band of a reference counts when its curvature is at least this share of its strongest band's."""
KEPT_ROWS = 4096
UNLIKE_DRAWS = 10
IMITATORS = 16

NOISE_MULTIPLE = 20.0
"""The threshold in units of the derivative's noise: interpolated spectra hide most of theirs."""
THRESHOLD_FLOOR = 5e-4
"""The least threshold, as a share of the derivative's norm: what no reference is known better than."""
ROUNDING = 1e-12
"""A derivative below this share of the intensity, taken through the same filter, is rounding: no signal."""
INDEX_THRESHOLD = 1e-3
"""The threshold of the compressed rows of a first look."""
POOL = 4
POOL_ROWS = 1024
LOOKS_KEY = "looks-1"


@dataclass(frozen=True, eq=False)
class Contrast:
    """A query in the contrast domain.

    Parameters
    ----------
    derivative
        Second derivative, float32, shape (m,), of unit norm; zero where not valid.
    valid
        Where it holds, shape (m,).
    threshold
        Where the compression sets in.
    compressed
        asinh(derivative / threshold), float32, shape (m,).
    norm
        What the derivative was divided by, in intensity per (cm⁻¹)².
    noise
        Standard deviation of the derivative's noise, as a share of the norm.
    """

    derivative: Float32Array
    valid: BoolArray
    threshold: float
    compressed: Float32Array
    norm: float
    noise: float

    def corrected(self, shift: FloatArray, offset_cm: float, stretch: float) -> Contrast:
        """Return it with the query's axis corrected by ``offset_cm + stretch · (shift − 1200)``."""
        derivative, compressed = np.empty_like(self.derivative), np.empty_like(self.derivative)
        valid = np.empty_like(self.valid)
        start, step = float(shift[0]), float(shift[1] - shift[0])
        correct_axis(self.derivative, self.valid, start, step, offset_cm, stretch, derivative, valid)
        compress(derivative, self.threshold, compressed)
        return Contrast(derivative, valid, self.threshold, compressed, self.norm, self.noise)


def contrast(query: Resampled, shift: FloatArray, *, noise: float | None = None) -> Contrast:
    """Bring a spectrum on the library's grid into the contrast domain.

    Parameters
    ----------
    query
        On the grid, shape (m,).
    shift
        The grid in cm⁻¹, shape (m,).
    noise
        Standard deviation of one grid point's noise, where it is known; else `noise_level` takes it.
    """
    step = float(shift[1] - shift[0])
    values, valid = differentiate(
        query.intensity, query.measured, order=2, step_cm=step, width_cm=DERIVATIVE_WINDOW_CM
    )
    norm = float(np.linalg.norm(values))
    gain = float(np.linalg.norm(savgol_weights(window_points(DERIVATIVE_WINDOW_CM, step), 3, 2))) / step**2
    noise = (noise_level(query) if noise is None else noise) * gain
    # a constant or a line leaves the rounding of its own size
    rounding = ROUNDING * gain * float(np.abs(query.intensity).max(initial=0.0))
    if norm <= rounding or not np.isfinite(norm):
        nothing = np.zeros(values.size, np.float32)
        return Contrast(nothing, valid, 1.0, nothing, 0.0, 1.0)
    threshold = NOISE_MULTIPLE * noise / norm + THRESHOLD_FLOOR
    derivative = (values / norm).astype(np.float32)
    compressed = np.empty_like(derivative)
    compress(derivative, threshold, compressed)
    return Contrast(derivative, valid, threshold, compressed, norm, noise / norm)


class ContrastIndex:
    """A library in the contrast domain.

    Parameters
    ----------
    references
        The library; needs its ``deriv2`` matrix, and makes it where the library has none.

    Attributes
    ----------
    rows
        Unit-norm second derivatives, float32, shape (n, m).
    looks
        Compressed rows for a first look, pooled over four points, float32, unit norm, shape (n, ⌈m / 4⌉).
    families
        A number for each family, shape (n,).
    packaging, hazardous
        Whether a reference is packaging, or alarms or warns, shape (n,).
    """

    def __init__(self, references: ReferenceSet) -> None:
        self.references = references
        self.step_cm = float(references.shift[1] - references.shift[0])
        self.rows: Float32Array = np.asarray(SearchIndex(references, "deriv2").matrix)
        if self.rows.shape != references.spectra.shape:
            raise LibraryError("the derivative matrix does not fit the library")
        self.looks: Float32Array = _kept_looks(references, self.rows)
        records = references.records
        numbers: dict[str, int] = {}
        self.families = np.array([numbers.setdefault(r.family, len(numbers)) for r in records], dtype=np.intp)
        self._family_count = len(numbers)
        self.packaging: BoolArray = np.array([r.is_packaging for r in records], dtype=bool)
        self.hazardous: BoolArray = np.array([r.hazard is not Hazard.NONE for r in records], dtype=bool)
        self._rows: dict[tuple[int, float], Float32Array] = {}
        self._bands: dict[tuple[int, float], NDArray[np.intp]] = {}
        self._unlike: dict[tuple[int, float], Float32Array] = {}
        self._imitators: dict[int, tuple[tuple[int, int], ...]] = {}
        # zeros take no memory before they are written to: only rows that are asked for do
        self._held: BoolArray = np.zeros(self.rows.shape, dtype=bool)
        self._known_held: set[int] = set()
        self._areas: dict[int, float] = {}
        self._norms: dict[int, float] = {}

    def __len__(self) -> int:
        return len(self.references)

    def looks_moved(self, compressed: Float32Array, reach: int) -> Float32Array:
        """Return a compressed spectrum (m,), moved by −reach to reach points, pooled: its looks.

        Shape (2·reach + 1, ⌈m / 4⌉), of unit norm. The products with `looks` are the cosines to every
        reference, at a first look. Pooled over four points: a ranking loses nothing, and reads a quarter.
        """
        moved = np.empty((2 * reach + 1, self.looks.shape[1]), np.float32)
        pool_moved(compressed, POOL, reach, moved)
        return moved

    def outside_families_of(self, rows: Collection[int]) -> BoolArray:
        """Return which references are of none of the families of some rows, shape (n,)."""
        outside = np.ones(self._family_count, dtype=bool)
        outside[self.families[list(rows)]] = False
        return np.asarray(outside[self.families])

    def row(self, index: int, broadening_cm: float = 0.0) -> Float32Array:
        """Return one reference's derivative, shape (m,), blurred by a Gaussian of that FWHM in cm⁻¹."""
        if broadening_cm == 0.0:
            return np.asarray(self.rows[index])
        key = (index, broadening_cm)
        if key not in self._rows:
            values = blurred(self.rows[index].astype(np.float64), broadening_cm, self.step_cm)
            self._remember(self._rows, key, values.astype(np.float32))
        return self._rows[key]

    def stack(self, rows: Sequence[int], broadening_cm: float = 0.0) -> Float32Array:
        """Return several references' derivatives, shape (k, m), blurred."""
        if broadening_cm == 0.0:
            return np.asarray(self.rows[list(rows)])
        stack = np.empty((len(rows), self.rows.shape[1]), np.float32)
        for i, row in enumerate(rows):
            stack[i] = self.row(row, broadening_cm)
        return stack

    def bands(self, index: int, broadening_cm: float = 0.0) -> NDArray[np.intp]:
        """Return where one reference's bands are: local maxima of its curvature, of a height that counts."""
        key = (index, broadening_cm)
        if key not in self._bands:
            self._remember(self._bands, key, _peaks(-self.row(index, broadening_cm)))
        return self._bands[key]

    def unlike(self, index: int, broadening_cm: float = 0.0) -> Float32Array:
        """Return one reference's derivative as an instrument that sees it badly might show it.

        Of several perturbations to the mismatch between instruments, the one that nine of ten are more like
        the reference than; the same at every call.
        """
        key = (index, broadening_cm)
        if key not in self._unlike:
            record = self.references.records[index]
            rng = np.random.default_rng(index)
            row = self.row(index, broadening_cm).astype(np.float64)
            times = severity(record.tier)
            seen = [mismatched(row, self.references.shift, rng, times=times) for _ in range(UNLIKE_DRAWS)]
            compressed = np.arcsinh(row / INDEX_THRESHOLD)
            likeness = [_cosine(compressed, np.arcsinh(other / INDEX_THRESHOLD)) for other in seen]
            worst = int(np.argsort(likeness)[UNLIKE_DRAWS // 10])
            self._remember(self._unlike, key, seen[worst].astype(np.float32))
        return self._unlike[key]

    def imitators(self, index: int) -> tuple[tuple[int, int], ...]:
        """Return the harmless references of other families that look most like one, best first.

        Each with the number of its family.
        """
        if index not in self._imitators:
            harmless = ~self.hazardous & (self.families != self.families[index])
            best = np.empty(IMITATORS, np.intp)
            rows = best[: best_allowed(self.looks @ self.looks[index], harmless, best)]
            found = tuple(zip(rows.tolist(), self.families[rows].tolist(), strict=True))
            self._remember(self._imitators, index, found)
        return self._imitators[index]

    def holds(self, rows: Sequence[int]) -> BoolArray:
        """Return where several references hold, shape (k, m)."""
        for row in set(rows).difference(self._known_held):
            points = window_points(DERIVATIVE_WINDOW_CM, self.step_cm)
            self._held[row] = shrink_mask(np.isfinite(self.references.spectra[row]), points)
            self._known_held.add(row)
        return np.asarray(self._held[list(rows)])

    def derivative_norm(self, index: int) -> float:
        """Return the norm of a reference's second derivative, in its own intensity per (cm⁻¹)²."""
        if index not in self._norms:
            values = self.references.spectra[index].astype(np.float64)
            measured = np.isfinite(values)
            derivative, _ = differentiate(
                values, measured, order=2, step_cm=self.step_cm, width_cm=DERIVATIVE_WINDOW_CM
            )
            self._remember(self._norms, index, float(np.linalg.norm(derivative)))
        return self._norms[index]

    def area_per_norm(self, index: int) -> float:
        """Return the area under a reference, over its baseline, when its derivative has unit norm."""
        if index not in self._areas:
            values = self.references.spectra[index].astype(np.float64)
            measured = np.isfinite(values)
            flat, _ = score_by_name("hqi").prepare(np.nan_to_num(values), measured, self.step_cm)
            area = float(np.maximum(flat, 0.0).sum()) * self.step_cm
            norm = self.derivative_norm(index)
            self._remember(self._areas, index, area / norm if norm > 0.0 else 0.0)
        return self._areas[index]

    @staticmethod
    def _remember(memory: dict[Key, Value], key: Key, value: Value) -> None:
        """Keep a bounded number of prepared rows: a scan asks for the same few again and again."""
        if len(memory) >= KEPT_ROWS:
            memory.clear()
        memory[key] = value


def _cosine(first: FloatArray, second: FloatArray) -> float:
    norms = float(np.linalg.norm(first) * np.linalg.norm(second))
    return float(first @ second) / norms if norms > 0.0 else 0.0


def _peaks(curvature: Float32Array) -> NDArray[np.intp]:
    top = float(curvature.max(initial=0.0))
    inner = curvature[1:-1]
    high = (inner >= curvature[:-2]) & (inner > curvature[2:]) & (inner >= BAND_HEIGHT * top)
    return np.flatnonzero(high & (top > 0.0)) + 1


def blurred(values: FloatArray, fwhm_cm: float, step_cm: float) -> FloatArray:
    """Return values on an even grid, shape (m,), blurred by a Gaussian of that FWHM; as they are for 0."""
    return np.convolve(values, _gaussian(fwhm_cm, step_cm), "same") if fwhm_cm > 0.0 else values


def _gaussian(fwhm_cm: float, step_cm: float) -> FloatArray:
    sigma = fwhm_cm / 2.3548200450309493 / step_cm
    reach = max(1, round(4.0 * sigma))
    weights = np.exp(-0.5 * np.square(np.arange(-reach, reach + 1) / sigma))
    return np.asarray(weights / weights.sum())


def _kept_looks(references: ReferenceSet, rows: Float32Array) -> Float32Array:
    """Return the looks kept with a library, or make them: a subset has not the rows of its whole."""
    kept = references.attributes.get("null", {}).get(LOOKS_KEY)
    if kept is not None:
        looks = np.asarray(kept["arrays"]["rows"])
        if looks.dtype == np.float32 and looks.shape == (len(references), _pooled_size(rows.shape[1])):
            return looks
    return look_matrix(rows)


def look_matrix(rows: Float32Array) -> Float32Array:
    """Compress unit-norm derivative rows (n, m), pool them over four points and give them unit norm again.

    What a library keeps under `LOOKS_KEY`, so that a first look reads a quarter of the memory.
    """
    out = np.empty((rows.shape[0], _pooled_size(rows.shape[1])), dtype=np.float32)
    for start in range(0, rows.shape[0], POOL_ROWS):
        part = slice(start, start + POOL_ROWS)
        out[part] = _pool(np.arcsinh(rows[part] / np.float32(INDEX_THRESHOLD)))
    norms = np.linalg.norm(out, axis=1, keepdims=True)
    out /= np.where(norms > 0, norms, 1.0)
    return out


def _pooled_size(points: int) -> int:
    return -(-points // POOL)


def _pool(values: Float32Array) -> Float32Array:
    """Sum over groups of four points along the last axis."""
    missing = -values.shape[-1] % POOL
    if missing:
        values = np.concatenate([values, np.zeros((*values.shape[:-1], missing), np.float32)], axis=-1)
    return np.asarray(sum(values[..., part::POOL] for part in range(POOL)))
