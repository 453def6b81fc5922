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
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spectriage.spectra.arrays import Float32Array, FloatArray, IntArray
from spectriage.spectra.derived import Projection
from spectriage.spectra.errors import ParameterError, SpectrumError
from spectriage.spectra.reference import ReferenceSet
from spectriage.spectra.search._kernels_topk import absorb_tile, coarse_products, decode, score_all
from spectriage.spectra.search.index import index_matrix
from spectriage.spectra.search.projection import checked_matrix, kept_projection, project
from spectriage.spectra.search.scores import score_by_name

TILE_ROWS = 1024
"""Decoded, they fill a part of the second-level cache."""
FEW_QUERIES = 9
"""Up to so many, the codes are multiplied as they are; more are worth a matrix product."""
WORTH_CODING = 512
"""Rows from which codes are made."""
ROUNDING = 1e-4
"""What float32 sums of 256 products can be off, as a share of both norms, with room to spare."""


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
        self.matrix = checked_matrix(matrix)
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
