"""Relative intensity from luminescent glass standards, and resolution from a calcite band."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from spectriage.device.calibration.peaks import find_lines
from spectriage.device.contract.errors import CalibrationError
from spectriage.spectra.arrays import FloatArray

CALCITE_CM = 1085.91
CALCITE_NATURAL_CM = 1.2
"""Natural width of calcite's band at room temperature, taken as Lorentzian. Recalled, not read: below a
resolution of 4 cm⁻¹ its uncertainty matters."""


@dataclass(frozen=True)
class GlassStandard:
    """A luminescent glass whose emission is certified.

    Parameters
    ----------
    name
        NIST's.
    excitation_nm
        Laser that it is certified for.
    low_cm, high_cm
        Certified range.
    coefficients
        Of the certificate's polynomial in the shift, low order first; or, for `skewed`, of its asymmetric
        Gaussian H, w, ρ, x₀, m, b.
    skewed
        Whether it is that Gaussian: H exp(-ln 2 (ln((x - x₀)(ρ² - 1)/(wρ) + 1) / ln ρ)²) + m x + b.
    """

    name: str
    excitation_nm: float
    low_cm: float
    high_cm: float
    coefficients: tuple[float, ...]
    skewed: bool = False

    def emission(self, shift_cm: ArrayLike) -> FloatArray:
        """Relative emission in photons per cm⁻¹, NaN outside the certified range, shape of the argument."""
        x = np.asarray(shift_cm, dtype=np.float64)
        values = self._skewed(x) if self.skewed else np.polynomial.polynomial.polyval(x, self.coefficients)
        outside = (x < self.low_cm) | (x > self.high_cm)
        return np.asarray(np.where(outside, np.nan, values), dtype=np.float64)

    def _skewed(self, x: FloatArray) -> FloatArray:
        height, width, rho, centre, slope, base = self.coefficients
        inner = np.maximum((x - centre) * (rho * rho - 1.0) / (width * rho) + 1.0, 1e-12)
        shape = np.exp(-np.log(2.0) * (np.log(inner) / np.log(rho)) ** 2)
        return np.asarray(height * shape + slope * x + base, dtype=np.float64)


SRM_2241 = GlassStandard(
    "SRM 2241",
    785.0,
    200.0,
    3500.0,
    (9.71937e-02, 2.28325e-04, -5.86762e-08, 2.16023e-10, -9.77171e-14, 1.15596e-17),
)
SRM_2242 = GlassStandard(
    "SRM 2242", 532.0, 150.0, 4000.0, (0.99747, 3100.6, 1.1573, 2972.1, -3.7168e-6, 0.012864), skewed=True
)
SRM_2244 = GlassStandard(
    "SRM 2244",
    1064.0,
    100.0,
    3500.0,
    (0.405953, 5.20345e-4, 5.3039e-7, -6.84463e-10, 2.10286e-13, -2.05741e-17),
)
GLASS_STANDARDS = {standard.name: standard for standard in (SRM_2241, SRM_2242, SRM_2244)}
"""Glasses by name. Coefficients as public projects (ramanchada2 for SRM 2241, Wasatch Photonics' tools for
all) transcribe them from NIST's certificates, which were not opened; those of one's own certificate go into
a `GlassStandard`."""

MIN_POINTS = 50


@dataclass(frozen=True)
class Response:
    """A relative response as a smooth curve: its logarithm is a Legendre series in the shift.

    Parameters
    ----------
    coefficients
        Of the series over low_cm…high_cm scaled to -1…1.
    low_cm, high_cm
        Range in which it is known; outside it is held at its end.
    residual
        Relative standard deviation of the glass's spectrum about the curve.
    standard
        What it was measured on.
    """

    coefficients: tuple[float, ...]
    low_cm: float
    high_cm: float
    residual: float
    standard: str

    def at(self, shift_cm: ArrayLike) -> FloatArray:
        """Relative response at shifts, 1 at its highest, shape of the argument."""
        x = np.clip(np.asarray(shift_cm, dtype=np.float64), self.low_cm, self.high_cm)
        log = np.polynomial.legendre.legval(self._scaled(x), np.array(self.coefficients))
        grid = np.linspace(-1.0, 1.0, 257)
        top = float(np.max(np.polynomial.legendre.legval(grid, np.array(self.coefficients))))
        return np.asarray(np.exp(log - top), dtype=np.float64)

    def _scaled(self, x: FloatArray) -> FloatArray:
        return np.asarray(2.0 * (x - self.low_cm) / (self.high_cm - self.low_cm) - 1.0, dtype=np.float64)


def fit_response(
    counts: FloatArray, shift_cm: FloatArray, standard: GlassStandard, *, order: int = 7
) -> Response:
    """Fit the relative response of an instrument from its spectrum of a glass.

    Parameters
    ----------
    counts
        Dark-corrected spectrum of the glass, shape (n,).
    shift_cm
        Calibrated axis, ascending, shape (n,).
    standard
        The glass.
    order
        Of the series for the logarithm of the response.

    Raises
    ------
    CalibrationError
        When too little of the certified range was measured, or the spectrum is not positive there.
    """
    counts, shift = np.asarray(counts, dtype=np.float64), np.asarray(shift_cm, dtype=np.float64)
    emission = standard.emission(shift)
    inside = np.isfinite(emission) & (emission > 0.0)
    top = float(np.max(counts[inside], initial=0.0))
    # Where the filter or the detector lets nothing through, there is nothing to correct.
    inside &= counts > 0.005 * top
    if np.count_nonzero(inside) < MIN_POINTS:
        raise CalibrationError(
            f"only {np.count_nonzero(inside)} points of {standard.name}'s certified range carry signal",
            remedy="measure the glass for longer, with its dark",
        )
    low, high = float(shift[inside].min()), float(shift[inside].max())
    x = 2.0 * (shift[inside] - low) / (high - low) - 1.0
    log = np.log(counts[inside] / emission[inside])
    basis = np.polynomial.legendre.legvander(x, order)
    keep = np.ones(x.size, dtype=np.bool_)
    solution: FloatArray = np.zeros(order + 1)
    for _ in range(5):
        solution = np.asarray(np.linalg.lstsq(basis[keep], log[keep], rcond=None)[0], dtype=np.float64)
        residual = log - basis @ solution
        scale = max(1.4826 * float(np.median(np.abs(residual[keep]))), 1e-6)
        keep = np.abs(residual) < 4.0 * scale
    spread = float(np.std(residual[keep]))
    return Response(tuple(map(float, solution)), low, high, spread, standard.name)


def calcite_resolution_cm(counts: FloatArray, shift_cm: FloatArray) -> float:
    """Return the resolution (full width at half maximum) from calcite's band at 1085.9 cm⁻¹.

    The band is taken for a Voigt profile whose Lorentzian part is its natural width; the Gaussian part is the
    instrument's: f_V = 0.5346 f_L + sqrt(0.2166 f_L² + f_G²) (Olivero & Longbothum 1977). After the idea of
    ASTM E2529, not its table.

    Raises
    ------
    CalibrationError
        When the band is not there.
    """
    shift = np.asarray(shift_cm, dtype=np.float64)
    peaks = find_lines(counts, min_snr=5.0)
    at = np.interp(peaks.position, np.arange(shift.size), shift)
    near = np.flatnonzero(np.abs(at - CALCITE_CM) < 12.0)
    if near.size == 0:
        raise CalibrationError(
            f"calcite's band at {CALCITE_CM:g} cm⁻¹ was not found", remedy="measure calcite for longer"
        )
    best = near[np.argmax(peaks.height[near])]
    step = float(np.interp(peaks.position[best], np.arange(shift.size), np.gradient(shift)))
    measured = float(peaks.fwhm[best]) * abs(step)
    gauss2 = (measured - 0.5346 * CALCITE_NATURAL_CM) ** 2 - 0.2166 * CALCITE_NATURAL_CM**2
    return float(np.sqrt(max(gauss2, 0.0)))
