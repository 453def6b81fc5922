"""The matrix of the coarse search: references compressed, pooled over four points, in sixteen bits.

Its product with a query, made alike, ranks a library at an eighth of the memory that its derivatives take. Of
each number the upper half of a float32 is kept (seven bits of mantissa; the format is known as bfloat16): a
cosine is then known to some 1e-4, and two of these numbers are read in the time of one.
"""

from __future__ import annotations

import numpy as np

from spectriage.spectra.arrays import Float32Array, HalfArray
from spectriage.spectra.contrast._kernels_coarse import POOL
from spectriage.spectra.derived import Coarse
from spectriage.spectra.reference import ReferenceSet

INDEX_THRESHOLD = 1e-3
"""The threshold of the compression; a query's own is not known when a library is made."""
POOL_ROWS = 1024
METHOD = "coarse-2"


def kept_coarse(references: ReferenceSet, derivatives: Float32Array) -> HalfArray:
    """Return the matrix kept with a library, or make it where that is none of it or made another way."""
    kept = references.derived.coarse
    if kept is not None and kept.method == METHOD:
        shape = (len(references), _pooled_size(derivatives.shape[1]))
        if kept.rows.dtype == np.uint16 and kept.rows.shape == shape:
            return kept.rows
    return make_coarse(derivatives).rows


def make_coarse(derivatives: Float32Array) -> Coarse:
    """Compress unit-norm derivatives (n, m), pool them over four points and give them unit norm again.

    What a library keeps, so that a coarse search reads an eighth of the memory.
    """
    out = np.empty((derivatives.shape[0], _pooled_size(derivatives.shape[1])), dtype=np.uint16)
    for start in range(0, derivatives.shape[0], POOL_ROWS):
        part = slice(start, start + POOL_ROWS)
        pooled = _pool(np.arcsinh(derivatives[part] / np.float32(INDEX_THRESHOLD)))
        norms = np.linalg.norm(pooled, axis=1, keepdims=True)
        out[part] = upper_halves((pooled / np.where(norms > 0, norms, 1.0)).astype(np.float32))
    return Coarse(out, METHOD)


def upper_halves(values: Float32Array) -> HalfArray:
    """Return finite float32 numbers rounded to the upper half of their bits, to even where between two."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


def as_float(halves: HalfArray) -> Float32Array:
    """Return the numbers that upper halves stand for."""
    return (halves.astype(np.uint32) << 16).view(np.float32)


def _pooled_size(points: int) -> int:
    return -(-points // POOL)


def _pool(values: Float32Array) -> Float32Array:
    """Sum over groups of four points along the last axis."""
    missing = -values.shape[-1] % POOL
    if missing:
        values = np.concatenate([values, np.zeros((*values.shape[:-1], missing), np.float32)], axis=-1)
    return np.asarray(sum(values[..., part::POOL] for part in range(POOL)))
