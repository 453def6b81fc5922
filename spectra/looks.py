"""The matrix of a first look: references compressed, pooled over four points, of unit norm.

Its product with a query, made alike, ranks a library at a quarter of the memory that its derivatives take.
"""

from __future__ import annotations

import numpy as np

from spectriage.spectra.reference import Float32Array, ReferenceSet

INDEX_THRESHOLD = 1e-3
"""The threshold of the compression; a query's own is not known when a library is made."""
POOL = 4
POOL_ROWS = 1024
LOOKS_KEY = "looks-1"


def kept_looks(references: ReferenceSet, rows: Float32Array) -> Float32Array:
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
