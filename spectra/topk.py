"""`TopK`: the exact best matches among 10⁵ to 10⁶ references, without reading most of their bytes.

Every row is also kept as its leading principal coordinates in 8-bit codes, on two levels. By Cauchy and
Schwarz, what the codes leave out adds at most ``tail of the row · tail of the query`` to a score, and what
rounding to codes lost at most half a step a coordinate. So a first pass over the short codes, one matrix
product a tile, bounds every score from above; the few rows whose bound reaches the best found so far are
bounded again with more coordinates, and those still in question are scored in full, in float64. The answer
is that of scoring everything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spectriage.spectra._kernels_topk import absorb_tile, coarse_products, decode, score_all
from spectriage.spectra.errors import LibraryError, ParameterError, SpectrumError
from spectriage.spectra.reference import Float32Array, ReferenceSet
from spectriage.spectra.scores import score_by_name
from spectriage.spectra.search import index_matrix
from spectriage.spectra.spectrum import FloatArray

Int8Array = NDArray[np.int8]
IntArray = NDArray[np.int64]

FIRST, DIMENSIONS = 128, 256
"""Coordinates on the first level, and in all."""
SAMPLE_ROWS = 16_384
POWER_ROUNDS = 3
CHUNK_ROWS = 8192
TILE_ROWS = 1024
"""Decoded, they fill a part of the second-level cache."""
FEW_QUERIES = 9
"""Up to so many, the codes are multiplied as they are; more are worth a matrix product."""
WORTH_CODING = 512
"""Rows from which codes are made."""
WORTH_KEEPING = 20_000
"""Rows from which a library keeps them."""
ROUNDING = 1e-4
"""What float32 sums of 256 products can be off, as a share of both norms, with room to spare."""
TINY = 1e-30
KEY_PREFIX = "topk "


@dataclass(frozen=True, eq=False)
class Projection:
    """The rows of an (n, m) matrix in d principal coordinates, coded on two levels.

    Parameters
    ----------
    basis
        Orthonormal directions, leading ones first, float64, shape (d, m).
    first, second
        Codes of the first f and of the further coordinates, int8, shapes (n, f) and (n, d − f).
    scales
        What one code step of each level is worth, float32, shape (2, n).
    tails
        Norm of what the coordinates up to each level leave out, float32, shape (2, n).
    """

    basis: FloatArray
    first: Int8Array
    second: Int8Array
    scales: Float32Array
    tails: Float32Array

    def __len__(self) -> int:
        return len(self.first)

    @property
    def first_bytes(self) -> int:
        """What a first pass reads."""
        return int(self.first.nbytes + self.scales[0].nbytes + self.tails[0].nbytes)


@dataclass(frozen=True, eq=False)
class Ranking:
    """The best matches of q queries.

    Parameters
    ----------
    rows, scores
        Best first, shape (q, k); ties (scores that agree to 1e-9) by id.
    bounded, rescored
        Rows that the first pass did not exclude, and rows scored in full, summed over the queries.
    """

    rows: IntArray
    scores: FloatArray
    bounded: int
    rescored: int


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
    matrix = _checked(matrix)
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
    return Projection(
        basis,
        np.ascontiguousarray(codes[:, :first]),
        np.ascontiguousarray(codes[:, first:]),
        scales,
        tails,
    )


def _checked(matrix: Float32Array) -> Float32Array:
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
    sample = _finite_rows(matrix[rows])
    norms = np.linalg.norm(sample, axis=1, keepdims=True)
    sample = (sample / np.where(norms > 0.0, norms, 1.0)).astype(np.float32)
    basis = np.linalg.qr(np.random.default_rng(0).normal(size=(m, count)))[0]
    for _ in range(POWER_ROUNDS):
        image = sample.T @ (sample @ basis.astype(np.float32))
        # a little of the old basis keeps its rank where the rows span less
        basis = np.linalg.qr(image.astype(np.float64) + 1e-9 * basis)[0]
    seen = (sample @ basis.astype(np.float32)).astype(np.float64)
    _, turn = np.linalg.eigh(seen.T @ seen)
    # twice orthonormalised: the bounds rest on it
    return np.ascontiguousarray(np.linalg.qr(basis @ turn[:, ::-1])[0].T)


class TopK:
    """A matrix of references that answers with its exact best rows.

    The score of a row is its dot product with the query, both as given, summed in float64.

    Parameters
    ----------
    matrix
        float32, shape (n, m), usually of unit rows; may be a memory map. A row that holds NaN or infinity
        scores 0.
    ids
        n ids, by which ties are broken; None breaks them by row.
    projection
        Of this very matrix; made here when it is not given and the matrix is large.

    Raises
    ------
    ParameterError
        When the parts do not fit each other.
    """

    def __init__(
        self,
        matrix: Float32Array,
        ids: Sequence[str] | NDArray[np.bytes_] | None = None,
        projection: Projection | None = None,
    ) -> None:
        self.matrix = _checked(matrix)
        n, m = self.matrix.shape
        if projection is None and n >= WORTH_CODING:
            projection = project(self.matrix)
        if projection is not None and (len(projection), projection.basis.shape[1]) != (n, m):
            raise ParameterError(f"the projection of {len(projection)} rows is not one of {n} rows")
        if ids is not None and len(ids) != n:
            raise ParameterError(f"{len(ids)} ids do not name {n} rows")
        self.projection = projection
        self._ids = _id_bytes(ids, n)

    @classmethod
    def of(cls, references: ReferenceSet, score: str = "deriv2") -> TopK:
        """Return the search of a library for one score, with the matrix and projection that it keeps.

        Queries are prepared by `SearchIndex.prepare` and of unit norm; their scores are then cosines.

        Raises
        ------
        ParameterError
            For an unknown score.
        LibraryError
            When what the library keeps does not fit it.
        """
        key = score_by_name(score).key(float(references.shift[1] - references.shift[0]))
        kept = references.indexes.get(key)
        matrix = index_matrix(references, score)[1] if kept is None else kept
        return cls(matrix, references.ids, kept_projection(references, key))

    def __len__(self) -> int:
        return len(self.matrix)

    def search(self, queries: FloatArray, top: int = 10) -> Ranking:
        """Return the best rows for each query.

        Parameters
        ----------
        queries
            Prepared as the rows were: shape (m,), (q, m), or (q, v, m) for v variants of each query (its
            axis moved, say), of which the best counts for each row.
        top
            How many; all of them when there are fewer.

        Raises
        ------
        ParameterError
            When the queries do not fit the matrix.
        SpectrumError
            When a query holds NaN or infinity.
        """
        wanted = np.asarray(queries, dtype=np.float64)
        if wanted.ndim not in (1, 2, 3) or wanted.shape[-1] != self.matrix.shape[1] or 0 in wanted.shape:
            raise ParameterError(
                f"queries of shape {wanted.shape} do not fit rows of {self.matrix.shape[1]} points"
            )
        if not np.isfinite(wanted).all():
            raise SpectrumError("a query holds values that are not finite")
        if wanted.ndim < 3:
            wanted = np.atleast_2d(wanted)[:, None, :]
        wanted = np.ascontiguousarray(wanted)
        size = (len(wanted), min(max(top, 0), len(self)))
        lists = _Lists(
            np.full(size, -np.inf), np.zeros(size), np.full(size, -1, np.int64), np.zeros(2, np.int64)
        )
        if size[1] > 0:
            if self.projection is None:
                for query, *best in zip(wanted, lists.keys, lists.scores, lists.rows, strict=True):
                    score_all(self.matrix, query, self._ids, *best)
                lists.counts[:] = self.matrix.shape[0] * len(wanted)
            else:
                self._scan(self.projection, wanted, lists)
        return Ranking(lists.rows, lists.scores, int(lists.counts[0]), int(lists.counts[1]))

    def _scan(self, projection: Projection, wanted: FloatArray, lists: _Lists) -> None:
        """Take all rows into the lists, tile by tile: no more than one tile of products exists at a time."""
        flat = wanted.reshape(-1, wanted.shape[-1])
        coordinates = flat @ projection.basis.T
        steps, rests = _allowances(flat, coordinates, projection.first.shape[1])
        f = projection.first.shape[1]
        near = np.ascontiguousarray(coordinates[:, :f], dtype=np.float32)
        far = np.ascontiguousarray(coordinates[:, f:], dtype=np.float32)
        few = len(flat) <= FEW_QUERIES
        tile = 4 * TILE_ROWS if few else max(TILE_ROWS * 128 // max(len(flat), 128), 64)
        products = np.empty(len(flat) * tile, np.float32)
        decoded = np.empty((0 if few else tile, f), np.float32)
        for start in range(0, len(self), tile):
            codes = projection.first[start : start + tile]
            out = products[: len(flat) * len(codes)].reshape(len(flat), len(codes))
            if few:
                coarse_products(codes, near, out)
            else:
                decode(codes, decoded)
                np.matmul(near, decoded[: len(codes)].T, out=out)
            absorb_tile(
                out,
                start,
                self.matrix,
                projection.second,
                projection.scales,
                projection.tails,
                wanted,
                far,
                steps,
                rests,
                self._ids,
                lists.keys,
                lists.scores,
                lists.rows,
                lists.counts,
            )


@dataclass(frozen=True, eq=False)
class _Lists:
    keys: FloatArray
    scores: FloatArray
    rows: IntArray
    counts: IntArray


def _id_bytes(ids: Sequence[str] | NDArray[np.bytes_] | None, n: int) -> NDArray[np.uint8]:
    """Return ids as bytes of one width, shape (n, w): the order of UTF-8 is that of its characters."""
    if ids is None or n == 0:
        return np.zeros((n, 0), np.uint8)
    if isinstance(ids, np.ndarray):
        raw = np.ascontiguousarray(ids)
    else:
        raw = np.array([text.encode("utf-8") for text in ids])
    return raw.view(np.uint8).reshape(n, raw.dtype.itemsize)


def _allowances(queries: FloatArray, coordinates: FloatArray, f: int) -> tuple[Float32Array, Float32Array]:
    """Return what rounding and what is left out may add at each level; both shape (2, q), see `survivors`.

    A row is ``scale·codes·basis + rounding + rest``, the rounding at most half a step in each coordinate,
    the rest as long as the tail and at right angles to the basis. The norm of the row is at most
    ``127·√f·scale + tail``, of which float32 sums lose the share `ROUNDING`.
    """
    squares = np.einsum("ij,ij->i", queries, queries)
    norms = np.sqrt(squares)
    sizes = np.array([f, coordinates.shape[1] - f])
    held = np.square(coordinates)
    left = np.stack([squares - held[:, :f].sum(axis=1), squares - held.sum(axis=1)])
    steps = np.sqrt(sizes)[:, None] * (0.5 + 127.0 * ROUNDING) * norms
    rests = np.sqrt(np.maximum(left, 0.0)) + ROUNDING * norms
    return steps.astype(np.float32), rests.astype(np.float32)


def keep_projection(references: ReferenceSet, key: str, projection: Projection | None = None) -> ReferenceSet:
    """Return a library that keeps the projection of one of its search matrices, to be written with it.

    Parameters
    ----------
    references
        Has an index under `key`.
    key
        The index's.
    projection
        Of that matrix, with a multiple of four coordinates on each level; made here if not given.

    Raises
    ------
    ParameterError
        When the library has no such index, or the projection has other numbers of coordinates.
    """
    if key not in references.indexes:
        raise ParameterError(f"the library keeps no search matrix {key!r}", remedy="make it first")
    matrix = references.indexes[key]
    if projection is None:
        dimensions = min(DIMENSIONS, matrix.shape[1] // 8 * 8)
        projection = project(matrix, dimensions, dimensions // 2)
    made = projection
    if any(codes.shape[1] % 4 or codes.shape[1] == 0 for codes in (made.first, made.second)):
        raise ParameterError("a projection is kept with a multiple of four coordinates on each level")
    nulls = dict(references.attributes.get("null", {}))
    nulls[KEY_PREFIX + key] = {
        # the file keeps plain numbers of 4 or 8 bytes: four codes in each
        "arrays": {
            "basis": made.basis,
            "first": made.first.view("<i4"),
            "second": made.second.view("<i4"),
            "scales": made.scales,
            "tails": made.tails,
        },
        "attributes": {"codes": "int8"},
    }
    return replace(references, attributes={**references.attributes, "null": nulls})


def kept_projection(references: ReferenceSet, key: str) -> Projection | None:
    """Return the projection that a library keeps of one of its search matrices; None when it keeps none.

    Raises
    ------
    LibraryError
        When its arrays do not fit the matrix or each other, or do not bound a sample of its rows.
    """
    kept: dict[str, Any] | None = references.attributes.get("null", {}).get(KEY_PREFIX + key)
    if kept is None or key not in references.indexes:
        return None
    problem = LibraryError(
        f"the projection of the search matrix {key!r} does not fit it", remedy="build the library again"
    )
    try:
        arrays = {name: kept["arrays"][name] for name in ("basis", "first", "second", "scales", "tails")}
    except KeyError:
        raise problem from None
    if any(arrays[name].dtype.str != kind for name, kind in _STORED.items()) or any(
        array.ndim != 2 for array in arrays.values()
    ):
        raise problem
    made = Projection(
        arrays["basis"],
        arrays["first"].view(np.int8),
        arrays["second"].view(np.int8),
        arrays["scales"],
        arrays["tails"],
    )
    if not _fits(made, references.indexes[key]):
        raise problem
    return made


_STORED = {"basis": "<f8", "first": "<i4", "second": "<i4", "scales": "<f4", "tails": "<f4"}


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
    rows = np.unique(np.linspace(0, n - 1, 32).astype(np.intp))
    values = _finite_rows(matrix[rows])
    f = made.first.shape[1]
    seen = values @ made.basis.T
    coded = np.hstack(
        [made.first[rows] * made.scales[0, rows, None], made.second[rows] * made.scales[1, rows, None]]
    )
    off = np.abs(seen - coded)
    steps = np.repeat(made.scales[:, rows].T, [f, d - f], axis=1)
    norms = np.linalg.norm(values, axis=1)
    rest = np.linalg.norm(values - seen @ made.basis, axis=1)
    return bool(
        (off <= 0.501 * steps + made.tails[1, rows, None] + 1e-6 * norms[:, None]).all()
        and (rest <= made.tails[1, rows] + 1e-6 * norms).all()
    )
