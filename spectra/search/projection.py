"""A search matrix in its leading principal coordinates, coded so that bounds can be kept.

A row is ``scale · codes`` on the basis, plus the codes' rounding (at most half a step a coordinate), plus a
rest at right angles to the basis, whose length is kept as the row's tail. `TopK` turns that into bounds.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from spectriage.spectra.arrays import Float32Array, FloatArray
from spectriage.spectra.compile import release_pages
from spectriage.spectra.derived import Projection
from spectriage.spectra.errors import LibraryError, ParameterError
from spectriage.spectra.reference import ReferenceSet

FIRST, DIMENSIONS = 128, 256
"""Coordinates on the first level, and in all."""
SAMPLE_ROWS, SAMPLE_BLOCK = 16_384, 1024
POWER_ROUNDS = 3
CHUNK_ROWS = 8192
WORTH_KEEPING = 20_000
"""Rows from which a library keeps a projection."""
TINY = 1e-30
_STORED = {"basis": "<f8", "first": "|i1", "second": "|i1", "scales": "<f4", "tails": "<f4"}


def project(matrix: Float32Array, dimensions: int = DIMENSIONS, first: int = FIRST) -> Projection:
    """Code the rows of a matrix for `TopK`.

    The directions come from a sample of the rows, by subspace iteration (Halko, Martinsson & Tropp 2011,
    SIAM Rev. 53, 217, algorithm 4.4): the bounds hold for any orthonormal ones, good ones make them tight.

    Parameters
    ----------
    matrix
        float32, shape (n, m). A row that holds NaN or infinity scores 0, as does a row of zeros.
    dimensions, first
        How many coordinates, at most m, and how many of them on the first level.
    """
    matrix = checked_matrix(matrix)
    n, m = matrix.shape
    dimensions = min(dimensions, m)
    first = min(first, dimensions)
    basis = _directions(matrix, dimensions)
    codes = np.zeros((n, dimensions), np.int8)
    scales = np.zeros((2, n), np.float32)
    tails = np.zeros((2, n), np.float32)
    for start in range(0, n, CHUNK_ROWS):
        part = slice(start, min(start + CHUNK_ROWS, n))
        values = _finite_rows(matrix[part])
        coordinates = values @ basis.T
        total = np.einsum("ij,ij->i", values, values)
        left = total
        for level, columns in enumerate((slice(0, first), slice(first, dimensions))):
            wanted = coordinates[:, columns]
            held = np.abs(wanted).max(axis=1, initial=0.0)
            coded = held > TINY
            step = np.where(coded, held / 127.0, 0.0).astype(np.float32)
            safe = np.where(coded, step, 1.0).astype(np.float64)[:, None]
            codes[part, columns] = np.where(coded[:, None], np.clip(np.rint(wanted / safe), -127, 127), 0)
            # coordinates too small to code stay in the tail
            left = left - np.where(coded, np.einsum("ij,ij->i", wanted, wanted), 0.0)
            scales[level, part] = step
            tail = np.sqrt(np.maximum(left, 0.0) + 1e-14 * total)
            with np.errstate(over="ignore"):
                tails[level, part] = np.nextafter(tail.astype(np.float32), np.float32(np.inf))
        tails[:, part][:, total == 0.0] = 0.0
        release_pages(matrix)
    return Projection(
        basis,
        np.ascontiguousarray(codes[:, :first]),
        np.ascontiguousarray(codes[:, first:]),
        scales,
        tails,
    )


def checked_matrix(matrix: Float32Array) -> Float32Array:
    """Return a matrix with its rows one after the other in memory; refuse what is none."""
    if matrix.ndim != 2 or matrix.dtype != np.float32 or matrix.shape[1] == 0:
        raise ParameterError(f"a {matrix.dtype} array of shape {matrix.shape} is not a float32 (n, m) matrix")
    return np.ascontiguousarray(matrix)


def _finite_rows(rows: Float32Array) -> FloatArray:
    values = rows.astype(np.float64)
    values[~np.isfinite(values).all(axis=1)] = 0.0
    return values


def _directions(matrix: Float32Array, count: int) -> FloatArray:
    """Return orthonormal directions that hold most of the rows, the leading ones first; (count, m)."""
    n, m = matrix.shape
    rows = (
        np.unique(np.linspace(0, n - 1, min(n, SAMPLE_ROWS)).astype(np.intp)) if n else np.empty(0, np.intp)
    )
    sample = np.empty((len(rows), m), np.float32)
    for start in range(0, len(rows), SAMPLE_BLOCK):
        part = slice(start, start + SAMPLE_BLOCK)
        values = _finite_rows(matrix[rows[part]])
        norms = np.linalg.norm(values, axis=1, keepdims=True)
        sample[part] = values / np.where(norms > 0.0, norms, 1.0)
        release_pages(matrix)
    basis = np.linalg.qr(np.random.default_rng(0).normal(size=(m, count)))[0]
    for _ in range(POWER_ROUNDS):
        image = sample.T @ (sample @ basis.astype(np.float32))
        # a little of the old basis keeps its rank where the rows span less
        basis = np.linalg.qr(image.astype(np.float64) + 1e-9 * basis)[0]
    seen = (sample @ basis.astype(np.float32)).astype(np.float64)
    _, turn = np.linalg.eigh(seen.T @ seen)
    # twice orthonormalised: the bounds rest on it
    return np.ascontiguousarray(np.linalg.qr(basis @ turn[:, ::-1])[0].T)


def keep_projection(references: ReferenceSet, key: str, projection: Projection | None = None) -> ReferenceSet:
    """Return a library that keeps the projection of one of its search matrices, to be written with it.

    Parameters
    ----------
    references
        Has an index under `key`.
    key
        The index's.
    projection
        Of that matrix, with coordinates on both levels; made here if not given.

    Raises
    ------
    ParameterError
        When the library has no such index, or the projection has none on a level.
    """
    if key not in references.indexes:
        raise ParameterError(f"the library keeps no search matrix {key!r}", remedy="make it first")
    matrix = references.indexes[key]
    if projection is None:
        dimensions = min(DIMENSIONS, matrix.shape[1] // 8 * 8)
        projection = project(matrix, dimensions, dimensions // 2)
    made = projection
    if 0 in (made.first.shape[1], made.second.shape[1]):
        raise ParameterError("a projection is kept with coordinates on both levels")
    projections = {**references.derived.projections, key: made}
    return replace(references, derived=replace(references.derived, projections=projections))


def kept_projection(references: ReferenceSet, key: str) -> Projection | None:
    """Return the projection that a library keeps of one of its search matrices; None when it keeps none.

    Raises
    ------
    LibraryError
        When its arrays do not fit the matrix or each other, or do not bound a sample of its rows.
    """
    kept = references.derived.projections.get(key)
    if kept is None or key not in references.indexes:
        return None
    arrays = {name: getattr(kept, name) for name in _STORED}
    plain = all(arrays[name].dtype.str == kind and arrays[name].ndim == 2 for name, kind in _STORED.items())
    if not plain or not _fits(kept, references.indexes[key]):
        raise LibraryError(
            f"the projection of the search matrix {key!r} does not fit it", remedy="build the library again"
        )
    return kept


def _fits(made: Projection, matrix: Float32Array) -> bool:
    """Whether shapes agree, and a sample of rows is what it is coded as, to rounding and tail."""
    n, m = matrix.shape
    d = made.first.shape[1] + made.second.shape[1]
    if (
        made.basis.shape != (d, m)
        or {len(made.first), len(made.second), made.scales.shape[1], made.tails.shape[1]} != {n}
        or {len(made.scales), len(made.tails)} != {2}
    ):
        return False
    if np.abs(made.basis @ made.basis.T - np.eye(d)).max() > 1e-9:
        return False
    return not unlike_rows(made, matrix, np.unique(np.linspace(0, n - 1, 32).astype(np.intp))).size


def unlike_rows(made: Projection, matrix: Float32Array, rows: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return those of some rows that are not what a projection codes them as, to rounding and tail."""
    values = _finite_rows(matrix[rows])
    f = made.first.shape[1]
    seen = values @ made.basis.T
    coded = np.hstack(
        [made.first[rows] * made.scales[0, rows, None], made.second[rows] * made.scales[1, rows, None]]
    )
    off = np.abs(seen - coded)
    steps = np.repeat(made.scales[:, rows].T, [f, made.second.shape[1]], axis=1)
    norms = np.linalg.norm(values, axis=1)
    rest = np.linalg.norm(values - seen @ made.basis, axis=1)
    coded_right = (off <= 0.501 * steps + made.tails[1, rows, None] + 1e-6 * norms[:, None]).all(axis=1)
    bad: NDArray[np.bool_] = ~(coded_right & (rest <= made.tails[1, rows] + 1e-6 * norms))
    return rows[bad]
