"""What a baseline fit takes, and the errors that say what it does not."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.baseline import _kernels_baseline as kernels
from spectriage.spectra.errors import ParameterError

MIN_POINTS = 4
"""The fewest points with a second difference at both ends."""
SMALLEST = 1e-300
"""A spectrum whose values differ by less is flat."""
LARGEST = 1e300
"""Greater intensities leave no room for a baseline that reaches above them."""
MOST_ITERATIONS = 10_000


def as_finite(values: ArrayLike, *, ndim: int = 1, name: str = "intensity") -> FloatArray:
    """Return values as a contiguous float64 array; refuse what is not finite, naming the place."""
    try:
        array = np.ascontiguousarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ParameterError(f"{name} is not an array of numbers: {error}") from None
    if array.ndim != ndim:
        raise ParameterError(f"{name} has {array.ndim} dimensions, not {ndim}")
    if math.isnan(kernels.extremes(array.reshape(-1))[0]):
        raise _not_finite(array, name)
    return array


def as_finite_between(intensity: ArrayLike) -> tuple[FloatArray, float, float]:
    """Return what `as_finite` does of an intensity, shape (n,), and its least and greatest value."""
    if type(intensity) is np.ndarray and intensity.dtype == np.float64 and intensity.ndim == 1:
        array = np.ascontiguousarray(intensity)
        low, high = kernels.extremes(array)
        if math.isnan(low):
            raise _not_finite(array, "intensity")
        return array, low, high
    return as_finite_between(as_finite(intensity))


def _not_finite(array: FloatArray, name: str) -> ParameterError:
    place = np.unravel_index(kernels.first_not_finite(array.reshape(-1)), array.shape)
    where = ", ".join(str(int(i)) for i in place)
    return ParameterError(
        f"{name} is not finite at index {where} ({array[place]})", remedy="mask or remove such values"
    )


def as_weights(weights: ArrayLike | None, n: int) -> FloatArray:
    """Return first weights as an array of their own; ones when None."""
    if weights is None:
        ones = np.empty(n)
        ones.fill(1.0)
        return ones
    array = as_finite(weights, name="weights")
    if array.size != n:
        raise ParameterError(f"weights has {array.size} points, intensity {n}")
    if array.min() < 0.0:
        raise ParameterError(f"weights is negative at index {int(array.argmin())}")
    if np.count_nonzero(array) < 2:
        raise ParameterError("fewer than two weights are positive", remedy="no line passes through less")
    return array.copy()


def check_settings(n: int, lam: float, tol: float, max_iter: int) -> None:
    """Refuse settings outside what the kernels take."""
    if n < MIN_POINTS:
        raise ParameterError(f"intensity has {n} points, fewer than {MIN_POINTS}")
    if not 1e-100 <= lam <= 1e100:
        raise ParameterError(f"lam is {lam}, not a positive number from 1e-100 to 1e100")
    if not tol >= 0.0:
        raise ParameterError(f"tol is {tol}, not zero or a positive number")
    if not 0 <= max_iter <= MOST_ITERATIONS:
        raise ParameterError(f"max_iter is {max_iter}, not 0 to {MOST_ITERATIONS}")


def check_asymmetry(p: float) -> None:
    """Refuse a weight that is not between 0 and 1."""
    if not 0.0 < p < 1.0:
        raise ParameterError(f"p is {p}, not between 0 and 1")


def check_extremes(low: float, high: float) -> None:
    """Refuse intensities beyond `LARGEST`."""
    if max(-low, high) > LARGEST:
        raise ParameterError(f"intensity reaches {max(-low, high):g}, beyond {LARGEST:g}")


def singular(points: int, lam: float, where: str = "") -> ParameterError:
    """Return the error of a system that cannot be solved."""
    return ParameterError(
        f"the system of {points} points with lam {lam:g} is singular in double precision",
        where=where,
        remedy="use a smaller lam, or weights that are positive at more points",
    )
