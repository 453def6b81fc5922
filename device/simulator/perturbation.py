"""How one unit, and one sample, differ from the reference: the mismatch measured between real instruments.

What is found in its own rendering proves nothing. Every simulated scan is therefore taken by an instrument
with an axis error, a resolution and a response of its own, on a sample whose bands stand a little elsewhere,
with other intensities and widths than the reference's. The sizes below were tuned until the residual of a
simulated scan against the reference (after best scale, baseline and shift) had the distribution measured
between spectra of the same materials on different instruments: see `MEASURED_RESIDUALS`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spectriage.device.simulator.lines import Lines
from spectriage.spectra.arrays import FloatArray

MEASURED_RESIDUALS = (
    *(0.073, 0.110, 0.160, 0.161, 0.161, 0.169, 0.179, 0.206, 0.207, 0.215),
    *(0.221, 0.229, 0.230, 0.232, 0.331, 0.352, 0.369, 0.387),
)
"""Relative residual norms of 18 materials measured on two 785 nm instruments of one maker: arPLS baseline
(λ 1e5 on a 2 cm⁻¹ grid), 410-1800 cm⁻¹, best scale and best shift. Fructose (another solid form) and linseed
oil (fluorescent) are left out. Tuned to, not evidence for anything."""

MEASURED_OFFSETS_CM = (
    2.0,
    3.0,
    3.0,
    -1.0,
    2.0,
    1.5,
    -1.0,
    3.0,
    -0.5,
    1.0,
    -0.5,
    3.0,
    1.5,
    2.0,
    3.0,
    -0.5,
    -1.0,
    1.5,
)
"""The best shifts found with them: the axis error between two instruments."""


@dataclass(frozen=True)
class PerturbationSizes:
    """Standard deviations of what differs between units and between samples.

    Parameters
    ----------
    offset_cm, stretch_cm, bend_cm
        Of the axis error: constant, linear (at the ends of the range) and quadratic.
    resolution
        Logarithm of a unit's resolution over the nominal one.
    response
        Logarithm of a unit's smooth relative response.
    position_cm, intensity, width
        Of each band: position, logarithm of its area, logarithm of its width.
    severity
        Logarithm of one factor a sample that scales the last three: some samples (another crystal habit,
        texture, water) differ more than others.
    """

    offset_cm: float
    stretch_cm: float
    bend_cm: float
    resolution: float
    response: float
    position_cm: float
    intensity: float
    width: float
    severity: float


MEASURED = PerturbationSizes(
    offset_cm=1.5,
    stretch_cm=0.7,
    bend_cm=0.3,
    resolution=0.20,
    response=0.24,
    position_cm=0.8,
    intensity=0.24,
    width=0.12,
    severity=0.30,
)
"""The sizes behind ``perturbation=measured``, the default."""

PERTURBATIONS: dict[str, PerturbationSizes | None] = {"measured": MEASURED, "none": None}

MAX_SEVERITY = 3.0


@dataclass(frozen=True)
class UnitTraits:
    """What makes one instrument differ from its type.

    Parameters
    ----------
    axis_error_cm
        Claimed shift minus true shift at x = -1…1 over the range: polynomial coefficients, low order first.
    resolution_factor
        Its resolution over the nominal one.
    response_terms
        Logarithm of its relative response, as cosine amplitudes.
    """

    axis_error_cm: tuple[float, float, float]
    resolution_factor: float
    response_terms: tuple[float, ...]

    def axis_error(self, x: FloatArray) -> FloatArray:
        """Claimed minus true shift, cm⁻¹, at the positions x in -1…1."""
        a, b, c = self.axis_error_cm
        return np.asarray(a + b * x + c * (1.5 * x * x - 0.5), dtype=np.float64)

    def response(self, x: FloatArray) -> FloatArray:
        """Relative response at the positions x in -1…1."""
        log = np.zeros(x.size)
        for order, amplitude in enumerate(self.response_terms, start=1):
            log += amplitude * np.cos(0.5 * np.pi * order * (x + 1.0))
        return np.asarray(np.exp(log), dtype=np.float64)


NOMINAL_UNIT = UnitTraits((0.0, 0.0, 0.0), 1.0, ())
"""A unit without any difference, for ``perturbation=none``."""


def draw_unit(sizes: PerturbationSizes | None, rng: np.random.Generator) -> UnitTraits:
    """Draw the traits of one instrument."""
    if sizes is None:
        return NOMINAL_UNIT
    offset, stretch, bend = rng.normal(size=3) * (sizes.offset_cm, sizes.stretch_cm, sizes.bend_cm)
    resolution = float(np.exp(sizes.resolution * rng.normal()))
    # Falling amplitudes keep the response smooth: a coating or a grating, not a comb.
    terms = rng.normal(size=4) * sizes.response / np.arange(1, 5) ** 0.5
    return UnitTraits((float(offset), float(stretch), float(bend)), resolution, tuple(map(float, terms)))


def perturb_lines(lines: Lines, sizes: PerturbationSizes | None, rng: np.random.Generator) -> Lines:
    """Return the lines as one particular sample shows them; their summed area is kept."""
    k = lines.shift_cm.size
    if sizes is None or k == 0:
        return lines
    severity = min(float(np.exp(sizes.severity * rng.normal())), MAX_SEVERITY)
    position, intensity, width = rng.normal(size=(3, k)) * severity
    area = lines.area * np.exp(sizes.intensity * intensity)
    fwhm = lines.fwhm_cm * np.exp(sizes.width * width)
    return Lines(
        shift_cm=lines.shift_cm + sizes.position_cm * position,
        area=area * (lines.total / float(np.sum(area))),
        fwhm_cm=fwhm,
        lorentz_fraction=lines.lorentz_fraction,
        contained_cm=lines.contained_cm,
    )
