"""The baselines of many spectra by our own methods: those of one at a time, in less time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.baseline import _kernels_baseline as kernels
from spectriage.spectra.baseline import _kernels_baseline_batch as batch
from spectriage.spectra.baseline._checks import (
    SMALLEST,
    as_finite,
    check_asymmetry,
    check_extremes,
    check_settings,
    singular,
)
from spectriage.spectra.baseline.one import STOPS, Stop, fit_from
from spectriage.spectra.errors import ParameterError

_CODES = {"arpls": kernels.ARPLS, "airpls": kernels.AIRPLS, "asls": kernels.ASLS}
# A thread is given so many spectra at a time: lanes stand empty only at the end of a block.
_LEAST_BLOCK, _MOST_BLOCK = 32, 256


@dataclass(frozen=True, eq=False)
class BatchFit:
    """The baselines of many spectra and how they were reached.

    Parameters
    ----------
    baselines
        Shape (k, n), in the unit of the intensities.
    statuses
        Index into the reasons of `BaselineFit.stop`, int64, shape (k,).
    iterations
        How many systems were solved for each, int64, shape (k,).
    """

    baselines: FloatArray
    statuses: NDArray[np.int64]
    iterations: NDArray[np.int64]

    @property
    def stops(self) -> tuple[Stop, ...]:
        """Why each iteration ended, as in `BaselineFit`."""
        return tuple(STOPS[status] for status in self.statuses)


def arpls_batch(
    intensities: ArrayLike,
    lam: float = 1e5,
    *,
    tol: float = 1e-3,
    max_iter: int = 50,
    workers: int = 1,
) -> FloatArray:
    """Return the arPLS baselines of many spectra: those of `arpls` to rounding, in less time.

    Parameters
    ----------
    intensities
        Shape (k, n), one spectrum a row.
    lam, tol, max_iter
        As in `arpls`.
    workers
        How many threads share the spectra.

    Returns
    -------
    ndarray
        Shape (k, n).

    Raises
    ------
    ParameterError
        As `arpls`; the index says which spectrum and which point.
    """
    return batch_fit(intensities, "arpls", lam=lam, tol=tol, max_iter=max_iter, workers=workers).baselines


def batch_fit(
    intensities: ArrayLike,
    method: Literal["arpls", "airpls", "asls"] = "arpls",
    *,
    lam: float | None = None,
    p: float = 1e-2,
    tol: float = 1e-3,
    max_iter: int = 50,
    workers: int = 1,
) -> BatchFit:
    """Fit many spectra by one of our own methods, and return how it went as well.

    Parameters are those of `arpls_batch`, and `p` of `asls`; `lam` is the method's own default when None.
    """
    if method not in _CODES:
        raise ParameterError(f"{method!r} has no batch fit", remedy=f"one of {', '.join(_CODES)} has")
    values = as_finite(intensities, ndim=2, name="intensities")
    smoothness = (1e5 if method == "arpls" else 1e6) if lam is None else lam
    check_settings(values.shape[1], smoothness, tol, max_iter)
    check_asymmetry(p)
    if workers < 1:
        raise ParameterError(f"workers is {workers}, fewer than one")
    fits = BatchFit(np.empty_like(values), np.zeros(len(values), np.int64), np.zeros(len(values), np.int64))
    size = min(max(len(values) // (4 * workers), _LEAST_BLOCK), _MOST_BLOCK)
    blocks = [slice(start, start + size) for start in range(0, len(values), size)]

    def fit_block(rows: slice) -> None:
        _fit_rows(values[rows], fits, rows, _CODES[method], smoothness, p, tol, max_iter)

    if workers == 1 or len(blocks) == 1:
        for rows in blocks:
            fit_block(rows)
    else:
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(workers) as pool:
            for _ in pool.map(fit_block, blocks):
                pass
    return fits


def _fit_rows(
    values: FloatArray,
    fits: BatchFit,
    rows: slice,
    method: int,
    lam: float,
    asymmetry: float,
    tol: float,
    max_iter: int,
) -> None:
    """Fit the rows of one block into theirs of `fits`."""
    lows, highs = values.min(axis=1), values.max(axis=1)
    check_extremes(float(lows.min()), float(highs.max()))
    extents = highs - lows
    norms = np.ones(len(values))
    if method == kernels.AIRPLS:
        norms = np.abs(values).sum(axis=1) / np.where(extents > 0.0, extents, 1.0)
    baselines, statuses, iterations = fits.baselines[rows], fits.statuses[rows], fits.iterations[rows]
    flat = extents < SMALLEST
    extents[flat] = 0.0
    baselines[flat] = values[flat]
    settings = (lam, method, asymmetry, tol, max_iter + 1)
    batch.fit(values, lows, extents, settings, norms, (baselines, statuses, iterations))
    points = values.shape[1]
    changes = np.empty(max_iter + 1)
    for row in np.flatnonzero(statuses == batch.UNFINISHED):
        weights, low, extent, norm = baselines[row].copy(), lows[row], extents[row], norms[row]
        done = int(iterations[row])
        statuses[row], iterations[row] = fit_from(
            values[row],
            low,
            extent,
            lam,
            method,
            asymmetry,
            norm,
            tol,
            done,
            weights,
            baselines[row],
            changes,
        )
        if iterations[row] == 0:
            raise singular(points, lam, where=f"spectrum {rows.start + int(row)}")
