"""Lines in a spectrum: found, placed between the pixels, with an uncertainty."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spectriage.spectra.arrays import FloatArray

MIN_WIDTH_PIXELS = 1.5
MAX_WIDTH_PIXELS = 60.0
BACKGROUND_PIXELS = 101


@dataclass(frozen=True)
class Peaks:
    """Peaks, ascending in position.

    Parameters
    ----------
    position
        In pixels, fractional, shape (k,).
    uncertainty
        Standard uncertainty of the position from the noise, in pixels, shape (k,).
    height
        Above the background, shape (k,).
    fwhm
        Full width at half maximum in pixels, shape (k,).
    """

    position: FloatArray
    uncertainty: FloatArray
    height: FloatArray
    fwhm: FloatArray

    def __len__(self) -> int:
        return int(self.position.size)


def find_lines(counts: FloatArray, *, min_snr: float = 8.0, max_peaks: int = 200) -> Peaks:
    """Find the lines of a spectrum.

    Parameters
    ----------
    counts
        Shape (n,).
    min_snr
        Least height over the noise between neighbouring pixels.
    max_peaks
        The highest so many are kept.

    Returns
    -------
    Peaks
        Each placed by a Gaussian fitted, with a sloping background, to the pixels within one full width.

    Notes
    -----
    Noise is the median absolute difference of neighbouring pixels. The uncertainty of a position is the
    Cramér-Rao bound of a Gaussian in white noise, 0.69 sqrt(FWHM) / SNR pixels, with 0.02 pixel for what a
    real line shape adds.
    """
    from scipy.ndimage import median_filter
    from scipy.signal import find_peaks

    values = np.asarray(counts, dtype=np.float64)
    background = median_filter(values, size=min(BACKGROUND_PIXELS, values.size // 2 * 2 - 1), mode="nearest")
    above = values - background
    noise = max(1.4826 * float(np.median(np.abs(np.diff(values)))) / np.sqrt(2.0), 1e-12)
    tops, properties = find_peaks(
        above, prominence=min_snr * noise, width=(MIN_WIDTH_PIXELS, MAX_WIDTH_PIXELS), rel_height=0.5
    )
    order = np.sort(np.argsort(properties["prominences"])[::-1][:max_peaks])
    rows = [
        _place(values, int(top), float(width), noise)
        for top, width in zip(tops[order], properties["widths"][order], strict=True)
    ]
    found = [row for row in rows if row is not None]
    if not found:
        empty = np.zeros(0)
        return Peaks(empty, empty, empty, empty)
    position, uncertainty, height, fwhm = (np.array(column) for column in zip(*found, strict=True))
    ascending = np.argsort(position)
    return Peaks(position[ascending], uncertainty[ascending], height[ascending], fwhm[ascending])


def _place(
    values: FloatArray, top: int, width: float, noise: float
) -> tuple[float, float, float, float] | None:
    """Fit a Gaussian on a slope around one top: position, uncertainty, height, width; None if it fails."""
    from scipy.optimize import least_squares

    half = max(3, round(width))
    low, high = max(0, top - half), min(values.size, top + half + 1)
    x, y = np.arange(low, high, dtype=np.float64) - top, values[low:high]
    if x.size < 6:
        return None
    floor = float(y.min())
    start = np.array([0.0, np.log(max(width, 1.0) / 2.355), float(values[top]) - floor, floor, 0.0])

    def residual(p: FloatArray) -> FloatArray:
        model = p[2] * np.exp(-0.5 * ((x - p[0]) / np.exp(p[1])) ** 2) + p[3] + p[4] * x
        return np.asarray((model - y) / noise, dtype=np.float64)

    fit = least_squares(residual, start, method="lm", max_nfev=200)
    offset, height, fwhm = float(fit.x[0]), float(fit.x[2]), 2.355 * float(np.exp(fit.x[1]))
    if not np.all(np.isfinite(fit.x)) or abs(offset) > width or height <= 0.0:
        return None
    if not 0.3 * width < fwhm < 3.0 * width + 2.0:
        return None
    snr = height / noise
    uncertainty = float(np.hypot(0.69 * np.sqrt(fwhm) / snr, 0.02))
    return top + offset, uncertainty, height, fwhm
