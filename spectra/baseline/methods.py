"""Baselines: arPLS, airPLS and asLS on our own kernels, every other method of pybaselines by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numpy.typing import ArrayLike

from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.baseline import _kernels_baseline as kernels
from spectriage.spectra.baseline._checks import as_finite, check_asymmetry
from spectriage.spectra.baseline.one import BaselineFit, fit_one
from spectriage.spectra.errors import ParameterError

BASELINE_LAM = 1e5
"""The smoothness of the baselines that the engine and the classical scores take off."""
TOLERANCE, MAX_ITER = 1e-3, 50
"""When iterations end, unless it is said otherwise."""


def arpls(
    intensity: ArrayLike,
    lam: float = 1e5,
    *,
    tol: float = TOLERANCE,
    max_iter: int = MAX_ITER,
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
    tol: float = TOLERANCE,
    max_iter: int = MAX_ITER,
    weights: ArrayLike | None = None,
) -> BaselineFit:
    """Do what `arpls` does, and return how it went as well."""
    return fit_one(intensity, kernels.ARPLS, lam, 0.0, tol, max_iter, weights)


def airpls(
    intensity: ArrayLike,
    lam: float = 1e6,
    *,
    tol: float = TOLERANCE,
    max_iter: int = MAX_ITER,
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
    tol: float = TOLERANCE,
    max_iter: int = MAX_ITER,
    weights: ArrayLike | None = None,
) -> BaselineFit:
    """Do what `airpls` does, and return how it went as well."""
    return fit_one(intensity, kernels.AIRPLS, lam, 0.0, tol, max_iter, weights)


def asls(
    intensity: ArrayLike,
    lam: float = 1e6,
    p: float = 1e-2,
    *,
    tol: float = TOLERANCE,
    max_iter: int = MAX_ITER,
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
    tol: float = TOLERANCE,
    max_iter: int = MAX_ITER,
    weights: ArrayLike | None = None,
) -> BaselineFit:
    """Do what `asls` does, and return how it went as well."""
    check_asymmetry(p)
    return fit_one(intensity, kernels.ASLS, lam, p, tol, max_iter, weights)


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
    values = as_finite(intensity, ndim=2 if name in _pybaselines.JOINT_METHODS else 1)
    axis = None
    if shift is not None:
        axis = as_finite(shift, name="shift")
        if axis.size != values.shape[-1]:
            raise ParameterError(f"shift has {axis.size} points, intensity {values.shape[-1]}")
    return _pybaselines.fit(values, name, axis, parameters)


_OURS: dict[str, Callable[..., FloatArray]] = {"arpls": arpls, "airpls": airpls, "asls": asls}
_OUR_PARAMETERS = {
    name: {"lam", "tol", "max_iter", "weights"} | ({"p"} if name == "asls" else set()) for name in _OURS
}
