"""`ContrastIndex`: a library in the contrast domain, and what is prepared of what is asked for."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Collection, Hashable, Mapping
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from spectriage.spectra.arrays import BoolArray, Float32Array, FloatArray, HalfArray, Int8Array
from spectriage.spectra.compile.bounded_cache import BoundedCache
from spectriage.spectra.contrast._kernels_arguments import Probes
from spectriage.spectra.contrast._kernels_coarse import likeliest_each
from spectriage.spectra.contrast.coarse import INDEX_THRESHOLD, as_float, kept_coarse
from spectriage.spectra.contrast.mismatch import mismatched, severity
from spectriage.spectra.contrast.rows import KEPT_ROWS, ContrastRows
from spectriage.spectra.errors import LibraryError
from spectriage.spectra.reference import Hazard, Reference, ReferenceSet, Tier
from spectriage.spectra.search.index import SearchIndex
from spectriage.spectra.search.scores import score_by_name
from spectriage.spectra.signal.derivative import DERIVATIVE_WINDOW_CM, differentiate, window_points
from spectriage.spectra.signal.grid import MIN_COMMON_POINTS

Made = TypeVar("Made")

KEPT_NUMBERS = 4096
DRAWS = 10
IMITATORS = 6
KEPT_PROBES = 12
PROBE_STEP_CM = 4.0
"""Points so far apart suffice for a limit of detection: a derivative over 42 cm⁻¹ has nothing finer."""


class _RecordsByRow(dict[int, Reference]):
    """Records once asked for: some thirty are asked for in a scan, and a call takes longer than a look."""

    def __init__(self, references: ReferenceSet) -> None:
        self._references = references

    def __missing__(self, row: int) -> Reference:
        record = self[row] = self._references.records[row]
        return record


class ContrastIndex:
    """A library in the contrast domain.

    Parameters
    ----------
    references
        The library; needs its ``deriv2`` matrix, and makes it where the library has none.

    Attributes
    ----------
    grid
        The first shift of the library's axis and its step, as kernels take them.
    records
        Of the references, by their rows.
    rows
        Their unit-norm second derivatives, `ContrastRows`.
    coarse
        The matrix of the coarse search: compressed rows, pooled over four points, of unit norm, shape
        (n, ⌈m / 4⌉): the upper halves of float32 numbers.
    families
        A number for each family, shape (n,).
    derivative_norm
        Takes a row to the norm of its second derivative, in its own intensity per (cm⁻¹)².
    area_per_norm
        Takes a row to the area under it, over its baseline, when its derivative has unit norm.
    packaging, hazardous
        Whether a reference is packaging, or alarms or warns, shape (n,).
    ranks
        The rank of each one's tier, shape (n,).
    standards
        The rows of packaging and of plastics that axes are calibrated by.
    coarse_standards
        Their rows of `coarse`.
    id_ranks
        The place of each reference in the order of their ids.
    """

    def __init__(self, references: ReferenceSet) -> None:
        self.references = references
        self.records: Mapping[int, Reference] = _RecordsByRow(references)
        self.step_cm = float(references.shift[1] - references.shift[0])
        self.grid: FloatArray = np.array([references.shift[0], references.shift[1] - references.shift[0]])
        needed = max(MIN_COMMON_POINTS, window_points(DERIVATIVE_WINDOW_CM, self.step_cm))
        if references.shift.size < needed:
            raise LibraryError(
                f"the library's axis has {references.shift.size} points, fewer than the {needed} that a "
                f"derivative over {DERIVATIVE_WINDOW_CM:g} cm⁻¹ and a comparison take",
                remedy="build it on a longer one",
            )
        derivatives: Float32Array = np.asarray(SearchIndex(references, "deriv2").matrix)
        if derivatives.shape != references.spectra.shape:
            raise LibraryError("the derivative matrix does not fit the library")
        self.rows = ContrastRows(derivatives, references.spectra, self.step_cm)
        self.coarse = kept_coarse(references, derivatives).view()
        # mapped or made here: kernels are compiled for the one kind alone
        self.coarse.flags.writeable = False
        names, self.families = np.unique(references.column("family"), return_inverse=True)
        self._family_count = len(names)
        self.packaging: BoolArray = references.column("material_class") == b"packaging"
        plastics = references.among("family", ("polystyrene", "polyethylene"))
        self.standards: list[int] = np.flatnonzero(self.packaging | plastics).tolist()
        self.coarse_standards: HalfArray = self.coarse[self.standards]
        # as the whole is: kernels are compiled once more for what may be written
        self.coarse_standards.flags.writeable = False
        self.hazardous: BoolArray = references.column("hazard") != Hazard.NONE.encode()
        tiers = references.column("tier")
        self.ranks: Int8Array = np.full(len(references), -1, np.int8)
        for tier in Tier:
            self.ranks[tiers == tier.encode()] = tier.rank
        self.id_ranks: NDArray[np.int32] = _ranks(references.ids)
        self._made: dict[Hashable, Any] = {}
        self._perturbed = BoundedCache(self._make_perturbed, KEPT_ROWS)
        self._probes = BoundedCache(self._make_probes, KEPT_PROBES)
        self.derivative_norm = BoundedCache(self._make_norm, KEPT_NUMBERS)
        self.area_per_norm = BoundedCache(self._make_area, KEPT_NUMBERS)

    def __len__(self) -> int:
        return len(self.references)

    def once(self, name: Hashable, make: Callable[[], Made]) -> Made:
        """Return what was made of the library under a name, or make it; a few things, that are then kept."""
        if name not in self._made:
            # of two threads that make it one's is kept, for both: what is filled in later is to be the same
            self._made.setdefault(name, make())
        made: Made = self._made[name]
        return made

    def outside_families_of(self, rows: Collection[int]) -> BoolArray:
        """Return which references are of none of the families of some rows, shape (n,)."""
        outside = np.ones(self._family_count, dtype=bool)
        outside[self.families[list(rows)]] = False
        return np.asarray(outside[self.families])

    def perturbed(self, index: int, broadening_cm: float = 0.0) -> Float32Array:
        """Return one reference's derivative as an instrument that sees it badly might show it, shape (m,).

        Of several perturbations to the mismatch between instruments, the one that nine of ten are more like
        the reference than; the same at every call.
        """
        return self._perturbed((index, broadening_cm))

    def _make_perturbed(self, key: tuple[int, float]) -> Float32Array:
        index, broadening_cm = key
        # by its name: what else a library holds must not move a limit of detection
        rng = np.random.default_rng(zlib.crc32(self.references.records[index].id.encode()))
        row = self.rows.row(index, broadening_cm).astype(np.float64)
        times = severity(self.references.records[index].tier)
        seen = [mismatched(row, self.references.shift, rng, times=times) for _ in range(DRAWS)]
        compressed = np.arcsinh(row / INDEX_THRESHOLD)
        likeness = [_cosine(compressed, np.arcsinh(other / INDEX_THRESHOLD)) for other in seen]
        worst = int(np.argsort(likeness)[DRAWS // 10])
        return seen[worst].astype(np.float32)

    def probes(self, rows: tuple[int, ...], broadening_cm: float = 0.0) -> Probes:
        """Return what is put into scans to see whether some references would show, blurred."""
        return self._probes((rows, broadening_cm))

    def _make_probes(self, key: tuple[tuple[int, ...], float]) -> Probes:
        rows, broadening_cm = key
        centres = [self.rows.bands(row, broadening_cm).centres for row in rows]
        # shaped so that no references are as good as some
        imitators = np.array([self._imitators(row) for row in rows], np.intp).reshape(-1, IMITATORS)
        near = self.rows.stack(np.maximum(imitators, 0).ravel().tolist(), broadening_cm)
        thin = max(1, int(PROBE_STEP_CM // self.step_cm))
        perturbed = np.array([self.perturbed(row, broadening_cm) for row in rows], np.float32)
        perturbed = perturbed.reshape(-1, self.rows.points)[:, ::thin]
        return Probes(
            np.array([self.area_per_norm(row) for row in rows], np.float64),
            thin,
            np.ascontiguousarray(self.rows.stack(rows, broadening_cm)[:, ::thin]),
            np.ascontiguousarray(self.rows.holds(rows)[:, ::thin]),
            np.ascontiguousarray(perturbed),
            np.concatenate([np.empty(0, np.intp), *centres]),
            np.cumsum([bands.size for bands in centres], dtype=np.intp),
            np.ascontiguousarray(near[:, ::thin]).reshape(*imitators.shape, perturbed.shape[1]),
            np.where(imitators >= 0, self.families[imitators], -1),
        )

    def _imitators(self, index: int) -> NDArray[np.intp]:
        """Return the harmless references of other families most like one, best first; −1 for none."""
        harmless = ~self.hazardous & (self.families != self.families[index])
        best = np.full(IMITATORS, -1, np.intp)
        own = as_float(self.coarse[index : index + 1])
        likeliest_each(self.coarse, own, harmless[None], best[None], np.array([IMITATORS]))
        return best

    def _make_norm(self, index: int) -> float:
        """Return the norm of a reference's second derivative, in its own intensity per (cm⁻¹)²."""
        values = self.rows.spectrum(index)
        derivative, _ = differentiate(
            values, np.isfinite(values), order=2, step_cm=self.step_cm, width_cm=DERIVATIVE_WINDOW_CM
        )
        return float(np.linalg.norm(derivative))

    def _make_area(self, index: int) -> float:
        """Return the area under a reference, over its baseline, when its derivative has unit norm."""
        values = self.rows.spectrum(index)
        flat, _ = score_by_name("hqi").prepare(np.nan_to_num(values), np.isfinite(values), self.step_cm)
        area = float(np.maximum(flat, 0.0).sum()) * self.step_cm
        norm = self.derivative_norm(index)
        return area / norm if norm > 0.0 else 0.0


def _ranks(ids: NDArray[np.bytes_]) -> NDArray[np.int32]:
    """Return the place of each id in their order, shape (n,)."""
    if bool((ids[1:] > ids[:-1]).all()):  # as a library file has them
        return np.arange(ids.size, dtype=np.int32)
    return np.argsort(np.argsort(ids, kind="stable")).astype(np.int32)


def _cosine(first: FloatArray, second: FloatArray) -> float:
    norms = float(np.linalg.norm(first) * np.linalg.norm(second))
    return float(first @ second) / norms if norms > 0.0 else 0.0
