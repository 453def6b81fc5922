"""`ContrastIndex`: a library in the contrast domain, and what is prepared of what is asked for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from spectriage.spectra._kernels_looks import best_allowed, pool_moved
from spectriage.spectra.derivative import differentiate, shrink_mask, window_points
from spectriage.spectra.errors import LibraryError
from spectriage.spectra.looks import INDEX_THRESHOLD, POOL, kept_looks
from spectriage.spectra.mapped import RowSource
from spectriage.spectra.mismatch import mismatched, severity
from spectriage.spectra.reference import Float32Array, Hazard, ReferenceSet
from spectriage.spectra.scores import DERIVATIVE_WINDOW_CM, score_by_name
from spectriage.spectra.search import SearchIndex
from spectriage.spectra.spectrum import BoolArray, FloatArray

Key = TypeVar("Key")
Value = TypeVar("Value")

BAND_HEIGHT = 0.08
"""A band of a reference counts when its curvature is at least this share of its strongest band's."""
BROADENINGS_CM = (0.0, 8.0, 12.0)
"""Widths of the Gaussians by which references are blurred, to the resolution of a coarser instrument."""
KEPT_ROWS = 384
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
    packaging, hazardous
        Whether a reference is packaging, or alarms or warns, shape (n,).
    """

    def __init__(self, references: ReferenceSet) -> None:
        self.references = references
        self.step_cm = float(references.shift[1] - references.shift[0])
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
        self._widths: dict[int, Float32Array] = {}
        self._read: dict[int, Float32Array] = {}
        self._bands: dict[tuple[int, float], NDArray[np.intp]] = {}
        self._unlike: dict[tuple[int, float], Float32Array] = {}
        self._probes: dict[tuple[tuple[int, ...], float], Probes] = {}
        # most references hold over one of a few ranges: each is kept once
        self._ranges: BoolArray = np.empty((0, self.rows.shape[1]), dtype=bool)
        self._range_numbers: dict[bytes, int] = {}
        self._range_of = np.full(len(references), -1)
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
            if not self._row_source.reads:
                return self._row_source.row(index)
            if index not in self._read:
                self._remember(self._read, index, self._row_source.row(index))
            return self._read[index]
        return np.asarray(self.widths(index)[BROADENINGS_CM.index(broadening_cm)])

    def widths(self, index: int) -> Float32Array:
        """Return one reference's derivative blurred to each of `BROADENINGS_CM`, shape (b, m)."""
        if index not in self._widths:
            row = self.row(index).astype(np.float64)
            widths = np.stack([blurred(row, width, self.step_cm) for width in BROADENINGS_CM])
            self._remember(self._widths, index, widths.astype(np.float32))
        return self._widths[index]

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

    def probes(self, rows: tuple[int, ...], broadening_cm: float = 0.0) -> Probes:
        """Return what is put into scans to see whether some references would show, blurred."""
        key = (rows, broadening_cm)
        if key not in self._probes:
            if len(self._probes) >= KEPT_PROBES:
                self._probes.clear()
            centres = [self.bands(row, broadening_cm) for row in rows]
            imitators = np.array([self._imitators(row) for row in rows])
            near = self.stack(np.maximum(imitators, 0).ravel().tolist(), broadening_cm)
            thin = max(1, int(PROBE_STEP_CM // self.step_cm))
            unlike = np.stack([self.unlike(row, broadening_cm) for row in rows])
            self._probes[key] = Probes(
                thin,
                np.ascontiguousarray(self.stack(rows, broadening_cm)[:, ::thin]),
                np.ascontiguousarray(self.holds(rows)[:, ::thin]),
                np.ascontiguousarray(unlike[:, ::thin]),
                np.concatenate(centres),
                np.cumsum([bands.size for bands in centres]),
                np.ascontiguousarray(near[:, ::thin]).reshape(*imitators.shape, -1),
                np.where(imitators >= 0, self.families[imitators], -1),
            )
        return self._probes[key]

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
        return self._ranges, numbers

    def _find_range(self, row: int) -> None:
        points = window_points(DERIVATIVE_WINDOW_CM, self.step_cm)
        held = shrink_mask(np.isfinite(self._spectra.row(row)), points)
        number = self._range_numbers.setdefault(np.packbits(held).tobytes(), len(self._ranges))
        if number == len(self._ranges):
            self._ranges = np.vstack([self._ranges, held])
        self._range_of[row] = number

    def derivative_norm(self, index: int) -> float:
        """Return the norm of a reference's second derivative, in its own intensity per (cm⁻¹)²."""
        if index not in self._norms:
            values = self._spectra.row(index).astype(np.float64)
            measured = np.isfinite(values)
            derivative, _ = differentiate(
                values, measured, order=2, step_cm=self.step_cm, width_cm=DERIVATIVE_WINDOW_CM
            )
            self._remember(self._norms, index, float(np.linalg.norm(derivative)))
        return self._norms[index]

    def area_per_norm(self, index: int) -> float:
        """Return the area under a reference, over its baseline, when its derivative has unit norm."""
        if index not in self._areas:
            values = self._spectra.row(index).astype(np.float64)
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
            del memory[next(iter(memory))]
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
