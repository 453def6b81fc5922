"""Searching a library as it is done today, and a measured library to search."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spectriage.spectra.arrays import Float32Array, FloatArray


def float32_product(matrix: Float32Array, queries: Float32Array, top: int) -> NDArray[np.intp]:
    """Return the best rows by one BLAS product over unit rows and a partial sort; (q, top), best first."""
    scores = queries @ matrix.T
    best = np.argpartition(-scores, min(top, scores.shape[1] - 1), axis=1)[:, :top]
    order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1)
    return np.take_along_axis(best, order, axis=1)


def correlation(spectra: FloatArray, query: FloatArray, top: int) -> NDArray[np.intp]:
    """Return the best rows by Pearson correlation, computed anew for every query, as OpenSpecy does.

    Nothing is prepared beforehand: the library is centred and scaled in each call.
    """
    centred = spectra - spectra.mean(axis=1, keepdims=True)
    wanted = query - query.mean()
    scale = np.sqrt(np.einsum("ij,ij->i", centred, centred) * float(wanted @ wanted))
    return np.argsort(-(centred @ wanted) / np.where(scale > 0.0, scale, 1.0))[:top]


def openspecy_spectra(shift: FloatArray) -> Float32Array:
    """Return the measured spectra that the package pyopenspecy carries, on an axis; float32 (n, m).

    Raises
    ------
    ImportError
        When it is not installed.
    """
    import csv
    from importlib.resources import files

    groups: dict[str, list[tuple[float, float]]] = {}
    source = files("pyopenspecy") / "data" / "raman_library.csv"
    with source.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            groups.setdefault(row["sample_name"], []).append(
                (float(row["wavenumber"]), float(row["intensity"]))
            )
    rows = []
    for points in groups.values():
        axis, values = np.array(sorted(points)).T
        if np.isfinite(values).all() and axis[0] <= shift[-1] and axis[-1] >= shift[0]:
            rows.append(np.interp(shift, axis, values).astype(np.float32))
    return np.array(rows)
