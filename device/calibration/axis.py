"""Axis calibration: pixel to wavelength from lamp lines, and the laser's wavelength from shift standards."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from spectriage.device.calibration.peaks import Peaks, find_lines
from spectriage.device.contract.errors import CalibrationError
from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.signal.wavelength import air_to_vacuum_nm

MIN_LINES = 6
"""Fewest lines for a cubic with something left to judge it by."""
MAX_ORDER = 5
SEARCH_NM = 3.0
"""How wrong the axis before calibration may be."""
MATCH_NM = 0.6
"""A line belongs to a peak within this of it, after the best shift and stretch."""
OUTLIER_SIGMA = 3.5
MATCH_CM = 12.0
"""How far a standard's band may stand from its place, with the nominal laser."""


@dataclass(frozen=True)
class WavelengthFit:
    """Wavelength of the pixels as a polynomial, with what it rests on.

    Parameters
    ----------
    coefficients
        Legendre coefficients of the vacuum wavelength in nm over the pixels scaled to -1…1.
    covariance
        Of the coefficients, nm², shape (order + 1, order + 1).
    pixels
        Number of pixels of the detector.
    lines_nm, line_pixels, residuals_nm
        Lines used: vacuum wavelength, where they were found, and fit minus line.
    rejected_nm
        Lines matched to a peak and then rejected as outliers: blends, usually.
    """

    coefficients: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    pixels: int
    lines_nm: tuple[float, ...]
    line_pixels: tuple[float, ...]
    residuals_nm: tuple[float, ...]
    rejected_nm: tuple[float, ...] = ()

    @property
    def order(self) -> int:
        """Of the polynomial."""
        return len(self.coefficients) - 1

    @property
    def rms_nm(self) -> float:
        """Root mean square of the residuals over the degrees of freedom left."""
        free = max(len(self.residuals_nm) - len(self.coefficients), 1)
        return float(np.sqrt(np.sum(np.square(self.residuals_nm)) / free))

    def wavelength_nm(self) -> FloatArray:
        """Vacuum wavelength of each pixel, shape (pixels,)."""
        return self.at(np.arange(self.pixels))

    def at(self, pixel: ArrayLike) -> FloatArray:
        """Vacuum wavelength at fractional pixels."""
        values = np.polynomial.legendre.legval(_scaled(pixel, self.pixels), np.array(self.coefficients))
        return np.asarray(values, dtype=np.float64)

    def uncertainty_nm(self) -> FloatArray:
        """Return the standard uncertainty at each pixel, shape (pixels,): it grows beyond the lines."""
        basis = np.polynomial.legendre.legvander(_scaled(np.arange(self.pixels), self.pixels), self.order)
        variance = np.einsum("ij,jk,ik->i", basis, np.array(self.covariance), basis)
        return np.asarray(np.sqrt(np.maximum(variance, 0.0)), dtype=np.float64)


def _scaled(pixel: ArrayLike, pixels: int) -> FloatArray:
    return np.asarray(2.0 * np.asarray(pixel, dtype=np.float64) / (pixels - 1) - 1.0, dtype=np.float64)


def fit_wavelengths(
    counts: FloatArray,
    rough_nm: FloatArray,
    lines_air_nm: ArrayLike,
    intensities: ArrayLike | None = None,
    *,
    order: int | None = None,
    search_nm: float = SEARCH_NM,
) -> WavelengthFit:
    """Fit the wavelength axis of a lamp spectrum.

    Parameters
    ----------
    counts
        Lamp spectrum, shape (n,).
    rough_nm
        The axis so far, wrong by up to `search_nm`, shape (n,).
    lines_air_nm, intensities
        The lamp's lines in air and their relative intensities, shape (m,).
    order
        Of the polynomial; chosen between 2 and 5 by the corrected Akaike criterion when None.

    Raises
    ------
    CalibrationError
        When fewer than 6 lines can be assigned, or the fit is not monotonic.

    Notes
    -----
    Assignment is robust: first the one shift and stretch of the rough axis under which most lines (weighted
    by the logarithm of their intensity) fall on a peak; then lines and peaks are paired mutually nearest,
    fitted, and pairs beyond 3.5 robust standard deviations dropped, until nothing changes.
    """
    counts, rough = np.asarray(counts, dtype=np.float64), np.asarray(rough_nm, dtype=np.float64)
    if counts.shape != rough.shape or counts.ndim != 1 or counts.size < 32:
        raise CalibrationError(
            f"a lamp spectrum of shape {counts.shape} does not fit its axis of {rough.shape}"
        )
    lines = air_to_vacuum_nm(lines_air_nm)
    weights = (
        np.ones(lines.size) if intensities is None else np.log1p(np.asarray(intensities, dtype=np.float64))
    )
    inside = (lines > rough.min() - search_nm) & (lines < rough.max() + search_nm)
    lines, weights = lines[inside], weights[inside]
    peaks = find_lines(counts)
    if len(peaks) < MIN_LINES or lines.size < MIN_LINES:
        raise CalibrationError(
            f"{len(peaks)} peaks and {lines.size} known lines in range are too few",
            remedy="expose the lamp for longer, without saturating",
        )
    guess = _best_shift(np.interp(peaks.position, np.arange(rough.size), rough), lines, weights, search_nm)
    wavelengths = np.interp(peaks.position, np.arange(rough.size), rough) * guess[1] + guess[0]
    return _refine(peaks, wavelengths, lines, counts.size, order)


def _best_shift(
    peaks_nm: FloatArray, lines: FloatArray, weights: FloatArray, search_nm: float
) -> tuple[float, float]:
    """Return the shift and stretch under which most of the lines' weight falls on peaks."""
    centre = float(np.mean(peaks_nm))
    best = (-1.0, 0.0, 1.0)
    for stretch in np.linspace(0.994, 1.006, 13):
        scaled = (peaks_nm - centre) * stretch + centre
        for shift in np.arange(-search_nm, search_nm + 0.01, 0.05):
            distance = np.min(np.abs(lines[:, None] - (scaled + shift)[None, :]), axis=1)
            score = float(np.sum(weights * np.exp(-((distance / 0.25) ** 2))))
            # Of equal scores, the one nearest to the axis as it was.
            score -= 1e-3 * (abs(shift) + 100.0 * abs(stretch - 1.0))
            if score > best[0]:
                best = (score, shift + centre * (1.0 - stretch), stretch)
    return best[1], best[2]


def _pairs(wavelengths: FloatArray, lines: FloatArray, within: float) -> tuple[list[int], list[int]]:
    """Return peaks and lines that are mutually nearest within `within` nm."""
    distance = np.abs(lines[:, None] - wavelengths[None, :])
    found_peaks, found_lines = [], []
    for i in range(lines.size):
        j = int(np.argmin(distance[i]))
        if distance[i, j] <= within and int(np.argmin(distance[:, j])) == i:
            found_peaks.append(j)
            found_lines.append(i)
    return found_peaks, found_lines


def _refine(
    peaks: Peaks, wavelengths: FloatArray, lines: FloatArray, pixels: int, order: int | None
) -> WavelengthFit:
    within = MATCH_NM
    rejected: set[int] = set()
    fit: WavelengthFit | None = None
    for _ in range(8):
        p, q = _pairs(wavelengths, lines, within)
        keep = [(a, b) for a, b in zip(p, q, strict=True) if b not in rejected]
        if len(keep) < MIN_LINES:
            raise CalibrationError(
                f"only {len(keep)} lines could be assigned, {MIN_LINES} are needed",
                remedy="check that the lamp is the one named and that the axis is roughly right",
            )
        x, y = peaks.position[[a for a, _ in keep]], lines[[b for _, b in keep]]
        fit = _polynomial(x, y, pixels, order)
        residual = np.array(fit.residuals_nm)
        scale = max(1.4826 * float(np.median(np.abs(residual))), 1e-3)
        bad = np.abs(residual) > OUTLIER_SIGMA * scale
        wavelengths = fit.at(peaks.position)
        if not np.any(bad) and within <= 4.0 * scale + 0.05:
            break
        # Drop the worst alone: it bends the fit of the others.
        if np.any(bad):
            rejected.add(keep[int(np.argmax(np.abs(residual)))][1])
        within = max(0.6 * within, 4.0 * scale + 0.05)
    assert fit is not None
    if np.any(np.diff(fit.wavelength_nm()) <= 0.0):
        raise CalibrationError("the fitted wavelengths do not ascend", remedy="use a lower order")
    dropped = tuple(float(lines[i]) for i in sorted(rejected))
    return WavelengthFit(
        fit.coefficients,
        fit.covariance,
        pixels,
        fit.lines_nm,
        fit.line_pixels,
        fit.residuals_nm,
        dropped,
    )


def _polynomial(x: FloatArray, y: FloatArray, pixels: int, order: int | None) -> WavelengthFit:
    """Fit by least squares; choose the order by AICc where it is not given."""
    orders = [order] if order is not None else range(2, min(MAX_ORDER, x.size - 3) + 1)
    best: tuple[float, WavelengthFit] | None = None
    for degree in orders:
        basis = np.polynomial.legendre.legvander(_scaled(x, pixels), degree)
        solution, *_ = np.linalg.lstsq(basis, y, rcond=None)
        residual = basis @ solution - y
        free = max(x.size - degree - 1, 1)
        squares = float(residual @ residual)
        covariance = np.linalg.pinv(basis.T @ basis) * squares / free
        parameters = degree + 2
        penalty = 2.0 * parameters * x.size / max(x.size - parameters - 1, 0.5)
        score = x.size * np.log(max(squares / x.size, 1e-12)) + penalty
        candidate = WavelengthFit(
            tuple(map(float, solution)),
            tuple(tuple(map(float, row)) for row in covariance),
            pixels,
            tuple(map(float, y)),
            tuple(map(float, x)),
            tuple(map(float, residual)),
        )
        if best is None or score < best[0]:
            best = (score, candidate)
    assert best is not None
    return best[1]


@dataclass(frozen=True)
class LaserFit:
    """The laser's wavelength, from the bands of a standard.

    Parameters
    ----------
    laser_nm, uncertainty_nm
        Vacuum wavelength and its standard uncertainty.
    bands_cm
        Shifts of the standard's bands that were used.
    residuals_cm
        Measured minus true shift with this laser.
    """

    laser_nm: float
    uncertainty_nm: float
    bands_cm: tuple[float, ...]
    residuals_cm: tuple[float, ...]

    @property
    def rms_cm(self) -> float:
        """Root mean square of the residuals."""
        return float(np.sqrt(np.mean(np.square(self.residuals_cm))))


def fit_laser(
    counts: FloatArray,
    wavelength_nm: FloatArray,
    bands_cm: ArrayLike,
    nominal_nm: float,
    *,
    within_cm: float = MATCH_CM,
) -> LaserFit:
    """Find the laser's wavelength from a shift standard on a calibrated wavelength axis.

    Parameters
    ----------
    counts
        Spectrum of the standard, shape (n,).
    wavelength_nm
        Calibrated vacuum wavelengths, shape (n,).
    bands_cm
        True shifts of the standard's bands (ASTM E1840).
    nominal_nm
        What the laser is thought to be.

    Raises
    ------
    CalibrationError
        When fewer than 3 bands are found.

    Notes
    -----
    Each band gives the laser's wavenumber as its own plus its shift; their median, and then the mean of those
    within 3.5 robust standard deviations of it.
    """
    shift = 1e7 / nominal_nm - 1e7 / np.asarray(wavelength_nm, dtype=np.float64)
    found, bands = match_bands(counts, shift, bands_cm, within_cm)
    if bands.size < 3:
        raise CalibrationError(
            f"only {bands.size} bands of the standard were found, 3 are needed",
            remedy="measure the standard for longer, and check that it is the one named",
        )
    error = found - bands
    scale = max(1.4826 * float(np.median(np.abs(error - np.median(error)))), 0.2)
    keep = np.abs(error - np.median(error)) <= OUTLIER_SIGMA * scale
    offset = float(np.mean(error[keep]))
    # shift_true = ν₀ - ν; measured with the nominal laser it is larger by ν₀(nominal) - ν₀.
    laser = 1e7 / (1e7 / nominal_nm - offset)
    spread = float(np.std(error[keep], ddof=1)) / np.sqrt(np.count_nonzero(keep)) if keep.sum() > 1 else scale
    return LaserFit(
        laser,
        spread * laser**2 * 1e-7,
        tuple(map(float, bands[keep])),
        tuple(map(float, error[keep] - offset)),
    )


def match_bands(
    counts: FloatArray, shift_cm: FloatArray, bands_cm: ArrayLike, within_cm: float = MATCH_CM
) -> tuple[FloatArray, FloatArray]:
    """Find the bands of a standard: measured and true shifts of those that stand alone, cm⁻¹.

    Bands are paired after the one common offset that brings most of them, by height, onto peaks.
    """
    bands = np.asarray(bands_cm, dtype=np.float64)
    peaks = find_lines(counts, min_snr=5.0)
    if len(peaks) == 0:
        return np.zeros(0), np.zeros(0)
    at = np.interp(peaks.position, np.arange(shift_cm.size), shift_cm)
    weight = np.log1p(peaks.height / float(np.median(peaks.height)))
    best = (-1.0, 0.0)
    for offset in np.arange(-within_cm, within_cm + 0.01, 0.25):
        distance = np.min(np.abs(bands[None, :] + offset - at[:, None]), axis=1)
        score = float(np.sum(weight * np.exp(-((distance / 2.0) ** 2)))) - 1e-3 * abs(offset)
        if score > best[0]:
            best = (score, offset)
    p, q = _pairs(at - best[1], bands, 5.0)
    return at[p], bands[q]
