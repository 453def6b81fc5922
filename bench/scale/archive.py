"""An archive to measure speed with: sums of the library's references with noise, in a Parquet table.

Their answers prove nothing, and are not looked at: only their number and size count.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from spectriage.library.building.cache import open_library
from spectriage.library.inputs.table import arrow
from spectriage.spectra.arrays import Float32Array, FloatArray

SHIFT = np.arange(200.0, 2000.0, 2.0)
GROUP_ROWS = 256


def make_archive(path: Path, count: int, seed: int = 0) -> Path:
    """Write so many scans of 900 points into a table.

    Parameters
    ----------
    path
        The file.
    count, seed
        How many; of their random parts.
    """
    pa = arrow(str(path))
    references = open_library()
    rows = np.nan_to_num(references.spectra)
    rng = np.random.default_rng(seed)
    number = pa.list_(pa.float32())
    schema = pa.schema([("id", pa.string()), ("shift_cm", number), ("intensity", number)])
    with pa.parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        for start in range(0, count, GROUP_ROWS):
            ids = range(start, min(count, start + GROUP_ROWS))
            scans = [_scan(rows, references.shift, rng) for _ in ids]
            columns = [[f"scan-{i:07d}" for i in ids], [SHIFT] * len(scans), scans]
            writer.write_table(pa.table(dict(zip(schema.names, columns, strict=True)), schema=schema))
    return path


def _scan(rows: Float32Array, shift: FloatArray, rng: np.random.Generator) -> FloatArray:
    parts = rng.integers(len(rows), size=int(rng.integers(1, 4)))
    weights = rng.uniform(0.2, 1.0, len(parts))
    summed = sum(w * np.interp(SHIFT, shift, rows[i]) for i, w in zip(parts, weights, strict=True))
    clean = np.asarray(summed) / max(float(np.max(summed)), 1e-9)
    slope = rng.uniform(0.0, 0.5) * np.exp(-SHIFT / 1200.0)
    return np.asarray(2000.0 * (clean + slope) + 100.0 + rng.normal(0.0, 5.0, SHIFT.size))
