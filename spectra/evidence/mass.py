"""From a share of the signal to a share of the mass: how strongly each material scatters.

A share sᵢ of the Raman signal is a mass fraction wᵢ = (sᵢ / rᵢ) / Σ (sⱼ / rⱼ), rᵢ being the signal per mass
relative to acetaminophen powder. For most materials r was never measured: it is then taken as 1, good to a
factor of 2.5, which is said as "assumed" wherever it is used.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

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


class Matrix(NamedTuple):
    """What a target lies in.

    Parameters
    ----------
    mass
        Of it, for one unit of its signal.
    spread
        The logarithm of the factor that this is good to.
    measured
        Whether all of its responses were measured.
    """

    mass: float
    spread: float
    measured: bool


NO_MATRIX = Matrix(1.0 / ASSUMED, math.log(ASSUMED_FACTOR), False)


def matrix_of(others: Sequence[tuple[Reference, float]]) -> Matrix:
    """Return what some materials, each with its share of their signal, are to a target that lies in them.

    Nothing counts as a material of the assumed response.
    """
    matrix = [(response_of(reference), part) for reference, part in others if part > 0.0]
    total = sum(part for _, part in matrix)
    if total <= 0.0:
        return NO_MATRIX
    mass = sum(part / total / response.value for response, part in matrix)
    # the logarithm of the matrix' factor, each by its part of the mass
    spread = sum(
        part / total / response.value / mass * math.log(response.factor) for response, part in matrix
    )
    return Matrix(mass, spread, all(response.measured for response, _ in matrix))


def mass_range(share: float, target: Reference, others: Sequence[tuple[Reference, float]]) -> MassRange:
    """Return the mass fraction of a target that makes a share of the signal, 0…1, beside others.

    What it lies in are `others`, each with its share of their signal, as `matrix_of` takes them.
    """
    return mass_in(share, response_of(target), matrix_of(others))


def mass_in(share: float, own: Response, matrix: Matrix) -> MassRange:
    """Return the mass fraction of what makes a share of the signal in a matrix.

    Parameters
    ----------
    share
        Of the signal, 0…1; what is more is no amount.
    own
        How strongly the target scatters.
    matrix
        What it lies in.
    """
    if not share <= 1.0:
        return NO_MASS
    factor = math.exp(math.hypot(math.log(own.factor), matrix.spread))
    odds = share / max(1.0 - share, 1e-12) / (own.value * matrix.mass)
    assumed = not own.measured or not matrix.measured
    low, high = odds / factor, odds * factor
    return MassRange(low / (1.0 + low), odds / (1.0 + odds), high / (1.0 + high), assumed)
