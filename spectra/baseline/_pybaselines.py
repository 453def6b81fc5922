"""Every method of pybaselines by name, with our errors; import this only where one is used."""

from __future__ import annotations

import inspect
from difflib import get_close_matches
from functools import cache
from typing import Any

import numpy as np
from pybaselines import Baseline

from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.errors import ParameterError

JOINT_METHODS = {"collab_pls"}
"""The methods that fit several spectra together, (k, n)."""


@cache
def methods() -> dict[str, Any]:
    """Return the methods of ``pybaselines.Baseline`` by name, in alphabetical order."""
    return {
        name: member
        for name in sorted(dir(Baseline))
        if not name.startswith("_") and callable(member := getattr(Baseline, name))
    }


def check(name: str, parameters: dict[str, Any]) -> None:
    """Refuse the name of no method, and parameters that the method does not have.

    Raises
    ------
    ParameterError
        Names the closest methods, or the parameters there are.
    """
    if name not in methods():
        close = get_close_matches(name, methods(), n=4)
        raise ParameterError(
            f"no baseline method is called {name!r}",
            remedy=f"the closest are {', '.join(close)}" if close else "baseline_methods() lists them",
        )
    accepted = set(inspect.signature(methods()[name]).parameters) - {"self", "data", "kwargs"}
    unknown = sorted(set(parameters) - accepted)
    if unknown:
        raise ParameterError(
            f"{name} has no parameter {', '.join(unknown)}", remedy=f"it takes {', '.join(sorted(accepted))}"
        )


def fit(intensity: FloatArray, name: str, shift: FloatArray | None, parameters: dict[str, Any]) -> FloatArray:
    """Return the baseline by a method of pybaselines, in the shape of the intensity.

    Raises
    ------
    ParameterError
        When the method does not accept what it is given, in its own words.
    """
    try:
        result, _ = getattr(Baseline(shift), name)(intensity, **parameters)
    except (ValueError, TypeError, IndexError, ZeroDivisionError, np.linalg.LinAlgError) as error:
        raise ParameterError(f"{name} failed: {error}") from error
    return np.asarray(result, dtype=np.float64)
