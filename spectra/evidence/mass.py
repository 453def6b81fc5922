"""From a share of the signal to a share of the mass: how strongly each material scatters.

A share sᵢ of the Raman signal is a mass fraction wᵢ = (sᵢ / rᵢ) / Σ (sⱼ / rⱼ), rᵢ being the signal per mass
relative to acetaminophen powder. For most materials r was never measured: it is then taken as 1, good to a
factor of 2.5, which is said as "assumed" wherever it is used.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from spectriage.spectra.evidence._kernels_mass import mass_between, matrix_of
from spectriage.spectra.reference import Reference

ASSUMED, ASSUMED_FACTOR = 1.0, 2.5
MEASURED_FACTOR = 1.4
"""What a measured response is good to: packing, grain and instrument."""


class Response(NamedTuple):
    """Signal per mass relative to acetaminophen, the factor it is good to, and whether it was measured."""

    value: float
    factor: float
    measured: bool


class MassRange(NamedTuple):
    """A mass fraction: its middle and both ends, and whether a response was assumed; inf for none."""

    low: float
    middle: float
    high: float
    assumed: bool

    def to_json(self) -> dict[str, Any] | None:
        """Return the fields of the JSON; nothing for no amount."""
        if not self.middle < math.inf:
            return None
        ends = {name: round(value, 6) for name, value in zip(self._fields[:3], self[:3], strict=True)}
        return {**ends, "response_assumed": self.assumed}


NO_MASS = MassRange(math.inf, math.inf, math.inf, True)


def response_of(reference: Reference) -> Response:
    """Return how strongly a material scatters."""
    value = getattr(reference, "response", None)
    if value is None or not value > 0.0:
        return Response(ASSUMED, ASSUMED_FACTOR, False)
    factor = getattr(reference, "response_factor", None) or MEASURED_FACTOR
    return Response(float(value), float(factor), True)


def response_row(reference: Reference) -> tuple[float, float, float]:
    """Return a response as kernels take it: signal per mass, ln of the factor, 1 where it was measured."""
    value, factor, measured = response_of(reference)
    return value, math.log(factor), float(measured)


NO_MATRIX = np.array([ASSUMED, math.log(ASSUMED_FACTOR), 0.0])
"""Nothing counts as a material of the assumed response."""


def mass_range(share: float, target: Reference, others: Sequence[tuple[Reference, float]]) -> MassRange:
    """Return the mass fraction of a target that makes a share of the signal, 0…1, beside others.

    Parameters
    ----------
    share
        Of the signal; more than all of it is no amount.
    others
        What it lies in, each with its share of their signal.
    """
    own = np.array(response_row(target))
    parts = np.array([part for _, part in others], np.float64)
    responses = np.array([response_row(reference) for reference, _ in others]).reshape(-1, 3)
    matrix = matrix_of(parts, responses, NO_MATRIX)
    low, middle, high = mass_between(share, own, matrix)
    return MassRange(low, middle, high, not own[2] or not matrix[2]) if middle < math.inf else NO_MASS
