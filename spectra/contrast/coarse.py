"""The matrix of a first look: references compressed, pooled over four points, of unit norm, in sixteen bits.

Its product with a query, made alike, ranks a library at an eighth of the memory that its derivatives take. Of
each number the upper half of a float32 is kept (seven bits of mantissa; the format is known as bfloat16): a
cosine is then known to some 1e-4, and two of these numbers are read in the time of one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spectriage.spectra.arrays import Float32Array
from spectriage.spectra.contrast._kernels_coarse import POOL
from spectriage.spectra.reference import ReferenceSet

Looks = NDArray[np.uint16]

INDEX_THRESHOLD = 1e-3
"""The threshold of the compression; a query's own is not known when a library is made."""
POOL_ROWS = 1024
LOOKS_KEY = "looks-2"


def kept_looks(references: ReferenceSet, rows: Float32Array) -> Looks:
    """Return the looks kept with a library, or make them: a subset has not the rows of its whole."""
    kept = references.attributes.get("null", {}).get(LOOKS_KEY)
    if kept is not None:
        looks = np.asarray(kept["arrays"]["rows"])
        if looks.dtype == np.uint16 and looks.shape == (len(references), _pooled_size(rows.shape[1])):
            return looks
    return look_matrix(rows)


def look_matrix(rows: Float32Array) -> Looks:
    """Compress unit-norm derivative rows (n, m), pool them over four points and give them unit norm again.

    What a library keeps under `LOOKS_KEY`, so that a first look reads an eighth of the memory.
    """
    out = np.empty((rows.shape[0], _pooled_size(rows.shape[1])), dtype=np.uint16)
    for start in range(0, rows.shape[0], POOL_ROWS):
        part = slice(start, start + POOL_ROWS)
        pooled = _pool(np.arcsinh(rows[part] / np.float32(INDEX_THRESHOLD)))
        norms = np.linalg.norm(pooled, axis=1, keepdims=True)
        out[part] = upper_halves((pooled / np.where(norms > 0, norms, 1.0)).astype(np.float32))
    return out


def upper_halves(values: Float32Array) -> Looks:
    """Return finite float32 numbers rounded to the upper half of their bits, to even where between two."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


def as_float(looks: Looks) -> Float32Array:
    """Return the numbers that upper halves stand for."""
    return (looks.astype(np.uint32) << 16).view(np.float32)


def _pooled_size(points: int) -> int:
    return -(-points // POOL)


def _pool(values: Float32Array) -> Float32Array:
    """Sum over groups of four points along the last axis."""
    missing = -values.shape[-1] % POOL
    if missing:
        values = np.concatenate([values, np.zeros((*values.shape[:-1], missing), np.float32)], axis=-1)
    return np.asarray(sum(values[..., part::POOL] for part in range(POOL)))
