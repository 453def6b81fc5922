"""Made-up libraries and scans of any size: sums of Lorentzian bands, never a claim about a substance."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spectriage.library.files import scratch_matrix
from spectriage.spectra.arrays import Float32Array, FloatArray
from spectriage.spectra.derived import Derived
from spectriage.spectra.reference import Reference, ReferenceSet
from spectriage.spectra.signal import DEFAULT_GRID, Grid
from spectriage.spectra.spectrum import Spectrum

WIDTHS_CM = (8.0, 10.0, 13.0, 18.0)
BANDS_A_WIDTH = 4
CHUNK = 4096
FILES_A_FOLDER = 1000


def made_up_spectra(count: int, shift: FloatArray, seed: int = 0) -> Float32Array:
    """Return so many spectra of sixteen bands, highest point 1, with a little noise; float32 (count, m)."""
    return np.concatenate([*made_up_blocks(count, shift, seed)])


def made_up_blocks(count: int, shift: FloatArray, seed: int = 0) -> Iterator[Float32Array]:
    """Yield the same a block at a time."""
    rng = np.random.default_rng(seed)
    points, step = shift.size, float(shift[1] - shift[0])
    distance = (np.arange(points) - points // 2) * step
    profiles = [1.0 / (1.0 + np.square(2.0 * distance / width)) for width in WIDTHS_CM]
    # bands as spikes, convolved with each profile: a hundred thousand spectra in seconds
    transforms = [np.fft.rfft(np.fft.ifftshift(profile)).astype(np.complex64) for profile in profiles]
    for start in range(0, count, CHUNK):
        size = min(CHUNK, count - start)
        total = np.zeros((size, points // 2 + 1), np.complex64)
        for transform in transforms:
            spikes = np.zeros((size, points), np.float32)
            columns = rng.integers(0, points, (size, BANDS_A_WIDTH))
            np.put_along_axis(spikes, columns, rng.lognormal(size=columns.shape).astype(np.float32), axis=1)
            total += np.fft.rfft(spikes, axis=1) * transform
        rows = np.fft.irfft(total, points, axis=1).astype(np.float32)
        rows /= rows.max(axis=1, keepdims=True)
        rows += 0.002 * rng.standard_normal(rows.shape, dtype=np.float32)
        yield rows


def made_up_library(count: int) -> ReferenceSet:
    """Return a library on the default grid, with the search matrices of an identification."""
    shift = DEFAULT_GRID.shift
    spectra = scratch_matrix((count, shift.size), np.float32, made_up_blocks(count, shift))
    return _searchable(ReferenceSet(_made_up_records(count), shift, spectra, name="made up"))


def _made_up_records(count: int) -> tuple[Reference, ...]:
    return tuple(Reference(f"made-up-{i:06d}", f"made up {i}", source="synthetic") for i in range(count))


def _searchable(plain: ReferenceSet) -> ReferenceSet:
    """Return references with what an identification searches in; the null stays."""
    from spectriage.library.building.indexing import coarse_rows, search_matrix
    from spectriage.spectra.search import SCORES

    derivatives = search_matrix(plain, "deriv2")
    key = SCORES["deriv2"].key(float(plain.shift[1] - plain.shift[0]))
    derived = replace(plain.derived, coarse=coarse_rows(derivatives), projections={})
    return replace(plain, indexes={key: derivatives}, derived=derived)


def made_up_folder(folder: Path, count: int) -> Path:
    """Write so many made-up spectra as text files of 600 points each; return the manifest that lists them."""
    shift = np.arange(200.0, 2000.0, 3.0)
    lines = ["path,substance,source"]
    for start in range(0, count, FILES_A_FOLDER):
        part = folder / f"{start // FILES_A_FOLDER:03d}"
        part.mkdir(parents=True)
        rows = made_up_spectra(min(FILES_A_FOLDER, count - start), shift, seed=start)
        for number, row in enumerate(rows, start):
            points = zip(shift.tolist(), row.tolist(), strict=True)
            (part / f"{number}.csv").write_text("".join(f"{x:.0f},{y:.5f}\n" for x, y in points))
            lines.append(f"{part.name}/{number}.csv,made up {number},synthetic")
    manifest = folder / "list.csv"
    manifest.write_text("\n".join(lines) + "\n")
    return manifest


def enlarged_library(count: int) -> ReferenceSet:
    """Return the shipped library with made-up references added, `count` in all, with its targets and null.

    For fewer references than are shipped, so many of those, evenly taken.
    """
    from spectriage.library.building import default_library

    shipped = default_library()
    if count <= len(shipped):
        keep = np.zeros(len(shipped), bool)
        keep[np.linspace(0, len(shipped) - 1, count).astype(int)] = True
        return _searchable(replace(shipped.subset(keep), name="thinned", attributes={}))
    shift, added = shipped.shift, count - len(shipped)
    blocks = chain([shipped.spectra], made_up_blocks(added, shift))
    plain = ReferenceSet(
        (*shipped.records, *_made_up_records(added)),
        shift,
        scratch_matrix((count, shift.size), np.float32, blocks),
        name="enlarged",
        derived=Derived(null=shipped.derived.null),
    )
    return _searchable(plain)


def shipped_library_on(points: int) -> ReferenceSet:
    """Return the shipped library on an axis of so many points over the same range, with the shipped null."""
    from spectriage.library.building import default_library
    from spectriage.library.building.build import render_entries
    from spectriage.library.catalogue import load_catalogue

    step_cm = (DEFAULT_GRID.stop_cm - DEFAULT_GRID.start_cm) / (points - 1)
    grid = Grid(DEFAULT_GRID.start_cm, DEFAULT_GRID.stop_cm, step_cm)
    rendered = render_entries(load_catalogue(), grid, None)
    plain = ReferenceSet(
        tuple(record for record, _ in rendered),
        grid.shift,
        np.stack([row for _, row in rendered]),
        name=f"shipped, {points} points",
        derived=Derived(null=default_library().derived.null),
    )
    return _searchable(plain)


def made_up_scan(references: ReferenceSet, rows: list[int], seed: int = 0) -> Spectrum:
    """Return a scan in counts of an even mixture of references, on fluorescence, with its variance."""
    rng = np.random.default_rng(seed)
    shift = references.shift
    pure = np.nan_to_num(references.spectra[rows].astype(np.float64)).mean(axis=0)
    expected = 2e4 * np.maximum(pure, 0.0) + 4e3 * np.exp(-shift / 1500.0) + 200.0
    counts = rng.poisson(expected).astype(np.float64)
    return Spectrum(shift, counts, counts + 25.0)


def noisy_copies(matrix: Float32Array, rows: NDArray[np.intp], share: float, seed: int = 0) -> FloatArray:
    """Return queries: rows with white noise of this share of their norm, of unit norm."""
    rng = np.random.default_rng(seed)
    queries = matrix[rows].astype(np.float64)
    queries += rng.normal(size=queries.shape) * share / np.sqrt(queries.shape[1])
    return np.asarray(queries / np.linalg.norm(queries, axis=1, keepdims=True))


def read_bandwidth(megabytes: int = 512) -> float:
    """Return how many bytes a second one thread reads from memory: the best of five sums of a large array."""
    words = np.ones(megabytes * 2**20 // 8, np.int64)
    best = np.inf
    for _ in range(5):
        start = time.perf_counter()
        words.sum()
        best = min(best, time.perf_counter() - start)
    return words.nbytes / best
