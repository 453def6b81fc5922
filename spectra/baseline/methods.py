"""Baselines: arPLS, airPLS and asLS on our own kernels, every other method of pybaselines by name."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.baseline import _kernels_baseline as kernels
from spectriage.spectra.baseline import _kernels_baseline_batch as batch
from spectriage.spectra.baseline import _kernels_baseline_split as split
from spectriage.spectra.errors import ParameterError

MIN_POINTS = 4
"""The fewest points with a second difference at both ends."""
SMALLEST = 1e-300
"""A spectrum whose values differ by less is flat."""
LARGEST = 1e300
"""Greater intensities leave no room for a baseline that reaches above them."""
MOST_ITERATIONS = 10_000
BASELINE_LAM = 1e5
"""The smoothness of the baselines that the engine and the classical scores take off."""

Stop = Literal["converged", "capped", "all above", "singular"]
_STOPS: tuple[Stop, ...] = ("converged", "capped", "all above", "singular")


_CODES = {"arpls": kernels.ARPLS, "airpls": kernels.AIRPLS, "asls": kernels.ASLS}
# A thread is given so many spectra at a time: lanes stand empty only at the end of a block.
_LEAST_BLOCK, _MOST_BLOCK = 32, 256


@dataclass(frozen=True, eq=False)
class BaselineFit:
    """A baseline and how it was reached.

    Parameters
    ----------
    baseline
        Shape (n,), in the unit of the intensity.
    weights
        The weights that `baseline` was solved with, shape (n,).
    iterations
        How many systems were solved; 0 for a flat spectrum, which is its own baseline.
    stop
        Why the iteration ended: ``"converged"``; ``"capped"`` at the most iterations; ``"all above"``, fewer
        than two points being left below the baseline; ``"singular"``, the next system having been too ill
        conditioned to solve, so that the baseline is that of the iteration before.
    changes
        What was compared with the tolerance in each iteration, shape (k,) with k ≤ `iterations`.
    """

    baseline: FloatArray
    weights: FloatArray
    iterations: int
    stop: Stop
    changes: FloatArray

    @property
    def converged(self) -> bool:
        """Whether the tolerance was reached."""
        return self.stop == "converged"


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
        return tuple(_STOPS[status] for status in self.statuses)


def arpls(
    intensity: ArrayLike,
    lam: float = 1e5,
    *,
    tol: float = 1e-3,
    max_iter: int = 50,
    weights: ArrayLike | None = None,
) -> FloatArray:
    """Return the asymmetrically reweighted penalised least squares baseline.

    Parameters
    ----------
    intensity
        Shape (n,), n ≥ 4, finite, evenly spaced.
    lam
        Smoothness λ > 0; the baseline bends over about 2π λ^¼ points.
    tol
        The iteration ends when the weights change by less than this, ‖Δw‖ / ‖w‖.
    max_iter
        At most ``max_iter + 1`` systems are solved.
    weights
        First weights, shape (n,), not negative, at least two positive; ones when None.

    Returns
    -------
    ndarray
        The baseline, shape (n,), float64, in the unit of the intensity.

    Raises
    ------
    ParameterError
        When an argument is outside the above; says which and where.

    Notes
    -----
    What double precision leaves of the baseline grows worse with λ: against extended precision the greatest
    error is of the order of 1e-11 of the range of the intensity at λ = 1e5, 1e-9 at 1e7.

    References
    ----------
    Baek et al., Analyst 140 (2015) 250–257.
    """
    return arpls_fit(intensity, lam, tol=tol, max_iter=max_iter, weights=weights).baseline


def arpls_fit(
    intensity: ArrayLike,
    lam: float = 1e5,
    *,
    tol: float = 1e-3,
    max_iter: int = 50,
    weights: ArrayLike | None = None,
) -> BaselineFit:
    """Do what `arpls` does, and return how it went as well."""
    return _fit(intensity, kernels.ARPLS, lam, 0.0, tol, max_iter, weights)


def airpls(
    intensity: ArrayLike,
    lam: float = 1e6,
    *,
    tol: float = 1e-3,
    max_iter: int = 50,
    weights: ArrayLike | None = None,
) -> FloatArray:
    """Return the adaptive iteratively reweighted penalised least squares baseline.

    Parameters, result and errors are those of `arpls`, but for `tol`: the iteration ends when the points
    below the baseline hold less than this of the intensity, Σ|y - z| (y < z) / Σ|y|.

    References
    ----------
    Zhang, Chen and Liang, Analyst 135 (2010) 1138–1146.
    """
    return airpls_fit(intensity, lam, tol=tol, max_iter=max_iter, weights=weights).baseline


def airpls_fit(
    intensity: ArrayLike,
    lam: float = 1e6,
    *,
    tol: float = 1e-3,
    max_iter: int = 50,
    weights: ArrayLike | None = None,
) -> BaselineFit:
    """Do what `airpls` does, and return how it went as well."""
    return _fit(intensity, kernels.AIRPLS, lam, 0.0, tol, max_iter, weights)


def asls(
    intensity: ArrayLike,
    lam: float = 1e6,
    p: float = 1e-2,
    *,
    tol: float = 1e-3,
    max_iter: int = 50,
    weights: ArrayLike | None = None,
) -> FloatArray:
    """Return the asymmetric least squares baseline.

    Parameters, result and errors are those of `arpls`, and `p`: the weight of a point above the baseline,
    0 < p < 1; one below weighs 1 - p.

    References
    ----------
    Eilers and Boelens, Baseline correction with asymmetric least squares smoothing, Leiden, 2005.
    """
    return asls_fit(intensity, lam, p, tol=tol, max_iter=max_iter, weights=weights).baseline


def asls_fit(
    intensity: ArrayLike,
    lam: float = 1e6,
    p: float = 1e-2,
    *,
    tol: float = 1e-3,
    max_iter: int = 50,
    weights: ArrayLike | None = None,
) -> BaselineFit:
    """Do what `asls` does, and return how it went as well."""
    _check_asymmetry(p)
    return _fit(intensity, kernels.ASLS, lam, p, tol, max_iter, weights)


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
    values = _as_finite(intensities, ndim=2, name="intensities")
    smoothness = (1e5 if method == "arpls" else 1e6) if lam is None else lam
    _check_settings(values.shape[1], smoothness, tol, max_iter)
    _check_asymmetry(p)
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
    _check_extremes(float(lows.min()), float(highs.max()))
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
        statuses[row], iterations[row] = _kernel_of(points)(
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
            raise _singular(points, lam, where=f"spectrum {rows.start + int(row)}")


def _kernel_of(points: int) -> Callable[..., tuple[int, int]]:
    """Return the fit of one spectrum of so many points."""
    return split.fit if points >= split.FEWEST_POINTS else kernels.fit


def baseline_methods() -> tuple[str, ...]:
    """Return the names that `baseline` knows."""
    from spectriage.spectra.baseline import _pybaselines

    return tuple(_pybaselines.methods())


def baseline(
    intensity: ArrayLike, method: str = "arpls", *, shift: ArrayLike | None = None, **parameters: Any
) -> FloatArray:
    """Return the baseline by the method of a name.

    Parameters
    ----------
    intensity
        Shape (n,); for ``"collab_pls"`` (k, n), spectra of one kind.
    method
        One of `baseline_methods`; capitals do not matter.
    shift
        The axis, shape (n,), for the methods that use one (polynomials, splines, ``"loess"``, …); evenly
        spaced when None.
    parameters
        Passed to the method: what our own `arpls`, `airpls` and `asls` take, or what the method of that name
        of ``pybaselines.Baseline`` takes. With a parameter that only theirs has (``diff_order``), theirs is
        used.

    Returns
    -------
    ndarray
        The baseline, in the shape of the intensity.

    Raises
    ------
    ParameterError
        When there is no such method (naming the closest), or it does not accept what it is given.
    """
    name = method.lower()
    if name in _OURS and set(parameters) <= _OUR_PARAMETERS[name]:
        return _OURS[name](intensity, **parameters)
    from spectriage.spectra.baseline import _pybaselines

    _pybaselines.check(name, parameters)
    values = _as_finite(intensity, ndim=2 if name in _pybaselines.JOINT_METHODS else 1)
    axis = None
    if shift is not None:
        axis = _as_finite(shift, name="shift")
        if axis.size != values.shape[-1]:
            raise ParameterError(f"shift has {axis.size} points, intensity {values.shape[-1]}")
    return _pybaselines.fit(values, name, axis, parameters)


_OURS: dict[str, Callable[..., FloatArray]] = {"arpls": arpls, "airpls": airpls, "asls": asls}
_OUR_PARAMETERS = {
    name: {"lam", "tol", "max_iter", "weights"} | ({"p"} if name == "asls" else set()) for name in _OURS
}


def _as_finite(values: ArrayLike, *, ndim: int = 1, name: str = "intensity") -> FloatArray:
    try:
        array = np.ascontiguousarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ParameterError(f"{name} is not an array of numbers: {error}") from None
    if array.ndim != ndim:
        raise ParameterError(f"{name} has {array.ndim} dimensions, not {ndim}")
    flat = array.reshape(-1)
    if math.isnan(kernels.extremes(flat)[0]):
        place = np.unravel_index(kernels.first_not_finite(flat), array.shape)
        where = ", ".join(str(int(i)) for i in place)
        raise ParameterError(
            f"{name} is not finite at index {where} ({array[place]})", remedy="mask or remove such values"
        )
    return array


def _as_weights(weights: ArrayLike | None, n: int) -> FloatArray:
    if weights is None:
        return np.ones(n)
    array = _as_finite(weights, name="weights")
    if array.size != n:
        raise ParameterError(f"weights has {array.size} points, intensity {n}")
    if array.min() < 0.0:
        raise ParameterError(f"weights is negative at index {int(array.argmin())}")
    if np.count_nonzero(array) < 2:
        raise ParameterError("fewer than two weights are positive", remedy="no line passes through less")
    return array.copy()


def _check_settings(n: int, lam: float, tol: float, max_iter: int) -> None:
    if n < MIN_POINTS:
        raise ParameterError(f"intensity has {n} points, fewer than {MIN_POINTS}")
    if not 1e-100 <= lam <= 1e100:
        raise ParameterError(f"lam is {lam}, not a positive number from 1e-100 to 1e100")
    if not tol >= 0.0:
        raise ParameterError(f"tol is {tol}, not zero or a positive number")
    if not 0 <= max_iter <= MOST_ITERATIONS:
        raise ParameterError(f"max_iter is {max_iter}, not 0 to {MOST_ITERATIONS}")


def _check_asymmetry(p: float) -> None:
    if not 0.0 < p < 1.0:
        raise ParameterError(f"p is {p}, not between 0 and 1")


def _check_extremes(low: float, high: float) -> None:
    if max(-low, high) > LARGEST:
        raise ParameterError(f"intensity reaches {max(-low, high):g}, beyond {LARGEST:g}")


def _singular(points: int, lam: float, where: str = "") -> ParameterError:
    return ParameterError(
        f"the system of {points} points with lam {lam:g} is singular in double precision",
        where=where,
        remedy="use a smaller lam, or weights that are positive at more points",
    )


def _fit(
    intensity: ArrayLike,
    method: int,
    lam: float,
    asymmetry: float,
    tol: float,
    max_iter: int,
    weights: ArrayLike | None,
) -> BaselineFit:
    values = _as_finite(intensity)
    n = values.size
    _check_settings(n, lam, tol, max_iter)
    first = _as_weights(weights, n)
    low, high = kernels.extremes(values)
    _check_extremes(low, high)
    extent = high - low
    if extent < SMALLEST:
        return BaselineFit(values.copy(), first, 0, "converged", np.empty(0))
    fitted = np.empty(n)
    changes = np.empty(max_iter + 1)
    norm = float(np.abs(values / extent).sum()) if method == kernels.AIRPLS else 1.0
    status, solved = _kernel_of(n)(
        values, low, extent, lam, method, asymmetry, norm, tol, 0, first, fitted, changes
    )
    if solved == 0:
        raise _singular(n, lam)
    compared = solved - (status == kernels.ALL_ABOVE)
    return BaselineFit(fitted, first, solved, _STOPS[status], changes[:compared])
