"""`ContrastIndex`: a library in the contrast domain, and what is prepared of what is asked for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from spectriage.spectra._kernels_looks import best_allowed, pool_moved
from spectriage.spectra.derivative import differentiate, shrink_mask, window_points
from spectriage.spectra.errors import LibraryError
from spectriage.spectra.kept import Kept
from spectriage.spectra.looks import INDEX_THRESHOLD, POOL, kept_looks
from spectriage.spectra.mapped import RowSource
from spectriage.spectra.mismatch import mismatched, severity
from spectriage.spectra.reference import Float32Array, Hazard, ReferenceSet
from spectriage.spectra.scores import DERIVATIVE_WINDOW_CM, score_by_name
from spectriage.spectra.search import SearchIndex
from spectriage.spectra.spectrum import BoolArray, FloatArray

BAND_HEIGHT = 0.08
"""A band of a reference counts when its curvature is at least this share of its strongest band's."""
BROADENINGS_CM = (0.0, 8.0, 12.0)
"""Widths of the Gaussians by which references are blurred, to the resolution of a coarser instrument."""
KEPT_ROWS = 384
KEPT_NUMBERS = 4096
LOOK_ROWS = 2048
UNLIKE_DRAWS = 10
IMITATORS = 6
KEPT_PROBES = 32
PROBE_STEP_CM = 4.0
"""Points so far apart suffice for a limit of detection: a derivative over 42 cm⁻¹ has nothing finer."""


@dataclass(frozen=True, eq=False)
class Probes:
    """References as they are put into scans, to see whether they would show.

    Parameters
    ----------
    thin
        Of so many points of the grid, one is used.
    derivatives, holds
        Each reference and where it holds, thinned, shape (c, ⌈m / thin⌉).
    unlike
        Each as an instrument that sees it badly might show it, of that shape.
    bands, band_ends
        Where their bands are, one reference after the other, and where those of each end, shape (c,).
    imitators, imitator_families
        The harmless references of other families that look most like each, best first, thinned, shape
        (c, 6, ⌈m / thin⌉); and the numbers of their families, −1 where there are no more, shape (c, 6).
    """

    thin: int
    derivatives: Float32Array
    holds: BoolArray
    unlike: Float32Array
    bands: NDArray[np.intp]
    band_ends: NDArray[np.intp]
    imitators: Float32Array
    imitator_families: NDArray[np.intp]


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
    widths
        Takes a row to its derivative blurred to each of `BROADENINGS_CM`, shape (b, m).
    derivative_norm
        Takes a row to the norm of its second derivative, in its own intensity per (cm⁻¹)².
    area_per_norm
        Takes a row to the area under it, over its baseline, when its derivative has unit norm.
    packaging, hazardous
        Whether a reference is packaging, or alarms or warns, shape (n,).
    """

    def __init__(self, references: ReferenceSet) -> None:
        self.references = references
        self.step_cm = float(references.shift[1] - references.shift[0])
        if references.shift.size < window_points(DERIVATIVE_WINDOW_CM, self.step_cm):
            raise LibraryError(
                f"the library's axis is shorter than the {DERIVATIVE_WINDOW_CM:g} cm⁻¹ of a derivative",
                remedy="build it on a longer one",
            )
        self.rows: Float32Array = np.asarray(SearchIndex(references, "deriv2").matrix)
        if self.rows.shape != references.spectra.shape:
            raise LibraryError("the derivative matrix does not fit the library")
        # a few rows at a time are read from the file: the map would bring in what lies around each
        self._row_source = RowSource(self.rows)
        self._spectra = RowSource(references.spectra)
        self.looks: Float32Array = kept_looks(references, self.rows)
        names, self.families = np.unique(references.column("family"), return_inverse=True)
        self._family_count = len(names)
        self.packaging: BoolArray = references.column("material_class") == b"packaging"
        self.hazardous: BoolArray = references.column("hazard") != Hazard.NONE.encode()
        self.widths = Kept(self._make_widths, KEPT_ROWS)
        self._read = Kept(self._row_source.row, KEPT_ROWS)
        self._bands = Kept(self._make_bands, KEPT_ROWS)
        self._unlike = Kept(self._make_unlike, KEPT_ROWS)
        self._probes = Kept(self._make_probes, KEPT_PROBES)
        self.derivative_norm = Kept(self._make_norm, KEPT_NUMBERS)
        self.area_per_norm = Kept(self._make_area, KEPT_NUMBERS)
        # most references hold over one of a few ranges: each is kept once
        self._ranges: BoolArray = np.empty((0, self.rows.shape[1]), dtype=bool)
        self._range_numbers: dict[bytes, int] = {}
        self._range_of = np.full(len(references), -1)
        self._range_lock = Lock()

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

    def similarities(self, looks: Float32Array) -> Float32Array:
        """Return the cosines of looks (k, ⌈m / 4⌉), or one, to every reference: shape (n, k) or (n,)."""
        out = np.empty((len(self.looks), *looks.shape[:-1]), np.float32)
        # BLAS packs what it multiplies: in one piece it would copy the whole library for each thread
        for start in range(0, len(out), LOOK_ROWS):
            part = slice(start, start + LOOK_ROWS)
            np.matmul(self.looks[part], looks.T, out=out[part])
        return out

    def outside_families_of(self, rows: Collection[int]) -> BoolArray:
        """Return which references are of none of the families of some rows, shape (n,)."""
        outside = np.ones(self._family_count, dtype=bool)
        outside[self.families[list(rows)]] = False
        return np.asarray(outside[self.families])

    def row(self, index: int, broadening_cm: float = 0.0) -> Float32Array:
        """Return one reference's derivative, shape (m,), blurred to one of `BROADENINGS_CM`."""
        if broadening_cm == 0.0:
            return self._read(index) if self._row_source.reads else self._row_source.row(index)
        return np.asarray(self.widths(index)[BROADENINGS_CM.index(broadening_cm)])

    def _make_widths(self, index: int) -> Float32Array:
        row = self.row(index).astype(np.float64)
        widths = np.stack([blurred(row, width, self.step_cm) for width in BROADENINGS_CM])
        return widths.astype(np.float32)

    def stack(self, rows: Sequence[int], broadening_cm: float = 0.0) -> Float32Array:
        """Return several references' derivatives, shape (k, m), blurred."""
        if broadening_cm == 0.0 and not self._row_source.reads:
            return self._row_source.rows(rows)
        stack = np.empty((len(rows), self.rows.shape[1]), np.float32)
        for i, row in enumerate(rows):
            stack[i] = self.row(row, broadening_cm)
        return stack

    def stack_widths(self, rows: Sequence[int]) -> Float32Array:
        """Return several references' derivatives blurred to each of `BROADENINGS_CM`, shape (b, k, m)."""
        stack = np.empty((len(BROADENINGS_CM), len(rows), self.rows.shape[1]), np.float32)
        for i, row in enumerate(rows):
            stack[:, i] = self.widths(row)
        return stack

    def bands(self, index: int, broadening_cm: float = 0.0) -> NDArray[np.intp]:
        """Return where one reference's bands are: local maxima of its curvature, of a height that counts."""
        return self._bands((index, broadening_cm))

    def _make_bands(self, key: tuple[int, float]) -> NDArray[np.intp]:
        return _peaks(-self.row(*key))

    def unlike(self, index: int, broadening_cm: float = 0.0) -> Float32Array:
        """Return one reference's derivative as an instrument that sees it badly might show it.

        Of several perturbations to the mismatch between instruments, the one that nine of ten are more like
        the reference than; the same at every call.
        """
        return self._unlike((index, broadening_cm))

    def _make_unlike(self, key: tuple[int, float]) -> Float32Array:
        index, broadening_cm = key
        rng = np.random.default_rng(index)
        row = self.row(index, broadening_cm).astype(np.float64)
        times = severity(self.references.records[index].tier)
        seen = [mismatched(row, self.references.shift, rng, times=times) for _ in range(UNLIKE_DRAWS)]
        compressed = np.arcsinh(row / INDEX_THRESHOLD)
        likeness = [_cosine(compressed, np.arcsinh(other / INDEX_THRESHOLD)) for other in seen]
        worst = int(np.argsort(likeness)[UNLIKE_DRAWS // 10])
        return seen[worst].astype(np.float32)

    def probes(self, rows: tuple[int, ...], broadening_cm: float = 0.0) -> Probes:
        """Return what is put into scans to see whether some references would show, blurred."""
        return self._probes((rows, broadening_cm))

    def _make_probes(self, key: tuple[tuple[int, ...], float]) -> Probes:
        rows, broadening_cm = key
        centres = [self.bands(row, broadening_cm) for row in rows]
        imitators = np.array([self._imitators(row) for row in rows])
        near = self.stack(np.maximum(imitators, 0).ravel().tolist(), broadening_cm)
        thin = max(1, int(PROBE_STEP_CM // self.step_cm))
        unlike = np.stack([self.unlike(row, broadening_cm) for row in rows])
        return Probes(
            thin,
            np.ascontiguousarray(self.stack(rows, broadening_cm)[:, ::thin]),
            np.ascontiguousarray(self.holds(rows)[:, ::thin]),
            np.ascontiguousarray(unlike[:, ::thin]),
            np.concatenate(centres),
            np.cumsum([bands.size for bands in centres]),
            np.ascontiguousarray(near[:, ::thin]).reshape(*imitators.shape, -1),
            np.where(imitators >= 0, self.families[imitators], -1),
        )

    def _imitators(self, index: int) -> NDArray[np.intp]:
        """Return the harmless references of other families most like one, best first; −1 for none."""
        harmless = ~self.hazardous & (self.families != self.families[index])
        best = np.full(IMITATORS, -1, np.intp)
        best_allowed(self.similarities(self.looks[index]), harmless, best)
        return best

    def holds(self, rows: Sequence[int]) -> BoolArray:
        """Return where several references hold, shape (k, m)."""
        ranges, numbers = self.ranges(rows)
        return np.asarray(ranges[numbers])

    def ranges(self, rows: Sequence[int]) -> tuple[BoolArray, NDArray[np.intp]]:
        """Return the ranges that references hold over, shape (r, m), and the number of each row's, (k,)."""
        numbers = self._range_of[np.asarray(rows, np.intp)]
        if numbers.size and numbers.min() < 0:
            for row in rows:
                self._find_range(row)
            numbers = self._range_of[np.asarray(rows, np.intp)]
        # taken after the numbers: it only grows
        return self._ranges, numbers

    def _find_range(self, row: int) -> None:
        points = window_points(DERIVATIVE_WINDOW_CM, self.step_cm)
        held = shrink_mask(np.isfinite(self._spectra.row(row)), points)
        with self._range_lock:
            number = self._range_numbers.setdefault(np.packbits(held).tobytes(), len(self._ranges))
            if number == len(self._ranges):
                self._ranges = np.vstack([self._ranges, held])
            # last: whoever sees the number finds the range
            self._range_of[row] = number

    def _make_norm(self, index: int) -> float:
        """Return the norm of a reference's second derivative, in its own intensity per (cm⁻¹)²."""
        values = self._spectra.row(index).astype(np.float64)
        derivative, _ = differentiate(
            values, np.isfinite(values), order=2, step_cm=self.step_cm, width_cm=DERIVATIVE_WINDOW_CM
        )
        return float(np.linalg.norm(derivative))

    def _make_area(self, index: int) -> float:
        """Return the area under a reference, over its baseline, when its derivative has unit norm."""
        values = self._spectra.row(index).astype(np.float64)
        flat, _ = score_by_name("hqi").prepare(np.nan_to_num(values), np.isfinite(values), self.step_cm)
        area = float(np.maximum(flat, 0.0).sum()) * self.step_cm
        norm = self.derivative_norm(index)
        return area / norm if norm > 0.0 else 0.0


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
