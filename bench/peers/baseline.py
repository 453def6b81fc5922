"""Baselines by pybaselines, as a careful user calls it: the object is made once and kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from spectriage.spectra.arrays import FloatArray

PENTAPY, BANDED = 2, 3
"""The numbers by which pybaselines knows pentapy's PTRANS-II solver and LAPACK's banded Cholesky in SciPy."""


def pybaselines_fit(
    points: int, method: str, lam: float, solver: int
) -> Callable[[FloatArray], tuple[FloatArray, int]]:
    """Return a function from an intensity of so many points to its baseline and the systems solved for it.

    Raises
    ------
    ImportError
        When pentapy is asked for and not installed: pybaselines would quietly use SciPy instead.
    """
    from pybaselines import Baseline

    if solver == PENTAPY:
        import pentapy  # noqa: F401
    fitter = Baseline(np.linspace(-1.0, 1.0, points), assume_sorted=True)
    fitter.banded_solver = solver
    fit: Any = getattr(fitter, method)

    def run(intensity: FloatArray) -> tuple[FloatArray, int]:
        baseline, record = fit(intensity, lam=lam)
        return baseline, len(record["tol_history"])

    return run


def pybaselines_pentapy(
    points: int, method: str, lam: float
) -> Callable[[FloatArray], tuple[FloatArray, int]]:
    """Return `pybaselines_fit` with pentapy: the fastest that pybaselines does."""
    return pybaselines_fit(points, method, lam, PENTAPY)


def pybaselines_scipy(points: int, method: str, lam: float) -> Callable[[FloatArray], tuple[FloatArray, int]]:
    """Return `pybaselines_fit` without pentapy, as pybaselines installs by itself."""
    return pybaselines_fit(points, method, lam, BANDED)
