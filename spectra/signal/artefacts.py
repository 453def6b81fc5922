"""What disturbed a scan that nothing explains: a ripple, doubled bands, a lamp, or bands too broad to tell.

Asked where an answer fails, so that the operator is told the cause and what helps. Nothing is taken out of
the scan, and no answer rests on it. The thresholds were set on made-up disturbances and on 480 measured
spectra of materials; with each stands how often these reach it.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spectriage.spectra.arrays import BoolArray, Float32Array, FloatArray
from spectriage.spectra.signal.wavelength import air_to_vacuum_nm

LEAST_PERIOD_CM, MOST_PERIOD_CM = 12.0, 250.0
PERIODIC = 0.5
"""Of the autocorrelation at one period and at two; measured materials reach 0.38."""
LEAST_SPLIT_CM, MOST_SPLIT_CM = 20.0, 60.0
DOUBLED, DOUBLED_BANDS = 0.37, 6
"""Of the mean autocorrelation of the derivative and of that compressed, and from how many bands on. One
in a hundred of 336 measured spectra of so many bands reaches it; of the same, doubled, three quarters do."""
BROAD_CM = 40.0
"""Typical width (FWHM) of what stands over the background; 19 of 20 materials' is less."""
LAMPS = {
    "argon, as in fluorescent lamps": (
        800.62, 801.48, 810.37, 811.53, 826.45, 840.82, 842.46, 852.14, 866.79, 912.30, 922.45, 965.78,
    ),
    "neon": (
        813.64, 830.03, 837.76, 849.54, 859.13, 863.46, 865.44, 878.38, 885.39, 914.87, 920.18, 930.09,
        966.54,
    ),
    "xenon": (820.63, 823.16, 828.01, 834.68, 840.92, 881.94, 895.22, 904.54, 916.27, 979.97, 992.32),
}  # fmt: skip
"""Strong lines near the infrared of lamps that rooms and streets are lit with, air wavelength in nm (NIST
Atomic Spectra Database; xenon and argon recalled)."""
LAMP_TOPS, LEAST_TOP = 12, 0.08
LAMP_LINES, LAMP_SHARE = 4, 0.8
LAMP_REACH_CM = 5.0
LAMP_OFFSETS = np.arange(-8.0, 9.0)
"""By how much an axis may be off, in cm⁻¹."""


class Artefact(NamedTuple):
    """A disturbance: its code, a sentence, and what to do."""

    reason: str
    text: str
    step: str


def find_artefact(
    derivative: Float32Array,
    compressed: Float32Array,
    valid: BoolArray,
    above: FloatArray,
    shift: FloatArray,
    excitation_nm: float | None,
) -> Artefact | None:
    """Return what disturbed a scan that nothing explains, or None where nothing is seen.

    Parameters
    ----------
    derivative, compressed
        Second derivative, and that compressed, shape (m,), zero where not valid.
    valid
        Where they hold, shape (m,).
    above
        Intensity over the background, shape (m,), zero where not measured.
    shift
        The axis, evenly spaced, shape (m,), in cm⁻¹.
    excitation_nm
        Where known: without it a lamp cannot be told.
    """
    step_cm = float(shift[1] - shift[0])
    period_cm = ripple_period(derivative, valid, step_cm)
    if period_cm:
        return Artefact(
            "interference",
            f"A ripple of {period_cm:.0f} cm⁻¹ lies over the whole scan: interference.",
            "Tilt the sample or the bag a little, clean the window, and scan again.",
        )
    lamp = lamp_seen(derivative, shift, excitation_nm) if excitation_nm else ""
    if lamp:
        return Artefact(
            "room-light",
            f"The lines of a lamp are in the scan ({lamp}).",
            "Shade the sample and the probe from lamps, take a new dark, and scan again.",
        )
    width_cm = typical_width(above, step_cm)
    if width_cm > BROAD_CM:
        return Artefact(
            "broad",
            f"What is seen is some {width_cm:.0f} cm⁻¹ broad: carbon, glass, dye, fibre, or the resolution.",
            "Check the resolution on a standard; try another spot, or 1064 nm excitation.",
        )
    split_cm = doubling(derivative, compressed, step_cm)
    if split_cm:
        return Artefact(
            "doubled",
            f"Bands stand there twice, about {split_cm:.0f} cm⁻¹ apart.",
            "Check the resolution and the laser on a standard: it may run on two lines.",
        )
    return None


def ripple_period(derivative: Float32Array, valid: BoolArray, step_cm: float) -> float:
    """Return the period of a ripple, in cm⁻¹; 0 where there is none.

    A ripple is like itself a period further on, and two: bands of a material are not.
    """
    low, most = round(LEAST_PERIOD_CM / step_cm), round(MOST_PERIOD_CM / step_cm)
    most = min(most, (derivative.size - 1) // 2)
    auto = _autocorrelation(derivative, most, valid)
    # where a broad band is still like itself is no period
    negative = np.flatnonzero(auto < 0.0)
    first = max(low, 1, int(negative[0])) if negative.size else auto.size
    if first > most or auto[first:].max() < PERIODIC:
        return 0.0
    lags = np.arange(first, most + 1)
    both = np.minimum(auto[lags], _autocorrelation(derivative, 2 * most, valid)[2 * lags])
    best = int(both.argmax())
    return float(lags[best] * step_cm) if both[best] >= PERIODIC else 0.0


def doubling(derivative: Float32Array, compressed: Float32Array, step_cm: float) -> float:
    """Return by how much every band stands beside itself, in cm⁻¹; 0 where it does not.

    Up to 6 cm⁻¹ too much where two stand within the derivative's window, which drives them apart.
    """
    if _tops(derivative, 0.05).size < DOUBLED_BANDS:
        return 0.0
    low, high = round(LEAST_SPLIT_CM / step_cm), round(MOST_SPLIT_CM / step_cm)
    high = min(high, derivative.size - 2)
    if high < low:
        return 0.0
    auto = 0.5 * (_autocorrelation(derivative, high + 1) + _autocorrelation(compressed, high + 1))
    best = low + int(auto[low : high + 1].argmax())
    # a summit, not the flank of a broad one
    summit = auto[best - 1] < auto[best] > auto[best + 1]
    return best * step_cm if summit and auto[best] >= DOUBLED else 0.0


def typical_width(above: FloatArray, step_cm: float) -> float:
    """Return the width at half height of a Gaussian with the same ratio of height to slope, in cm⁻¹."""
    smooth = _smoothed(above)
    slope = (smooth[2:] - smooth[:-2]) / (2.0 * step_cm)
    ends = (smooth[1] - smooth[0]) / step_cm, (smooth[-1] - smooth[-2]) / step_cm
    steep = math.sqrt(float(slope @ slope) + ends[0] ** 2 + ends[1] ** 2)
    # of a Gaussian, ‖f‖ / ‖f′‖ = √2 σ
    return 2.3548 / math.sqrt(2.0) * math.sqrt(float(above @ above)) / steep if steep > 0.0 else 0.0


def lamp_seen(derivative: Float32Array, shift: FloatArray, excitation_nm: float) -> str:
    """Return the lamp whose lines make the highest tops of a scan, or nothing."""
    tops = _tops(derivative, LEAST_TOP)
    order = np.argsort(derivative[tops])[:LAMP_TOPS]
    places, heights = shift[tops[order]], -derivative[tops[order]]
    if places.size < LAMP_LINES:
        return ""
    share = LAMP_SHARE * float(heights.sum())
    for name, lines in _lamp_lines(excitation_nm):
        apart = places[:, None] - lines
        # most scans have too little there at any offset of the axis
        if heights[(np.abs(apart) <= LAMP_REACH_CM + LAMP_OFFSETS[-1]).any(axis=1)].sum() < share:
            continue
        near = (np.abs(apart[:, :, None] - LAMP_OFFSETS) <= LAMP_REACH_CM).any(axis=1)
        if ((near.sum(axis=0) >= LAMP_LINES) & (heights @ near >= share)).any():
            return name
    return ""


@lru_cache(maxsize=16)
def _lamp_lines(excitation_nm: float) -> tuple[tuple[str, FloatArray], ...]:
    """Return where a spectrometer with this laser sees the lines of each lamp, in cm⁻¹."""
    return tuple((name, 1e7 / excitation_nm - 1e7 / air_to_vacuum_nm(nm)) for name, nm in LAMPS.items())


def _tops(derivative: Float32Array, least: float) -> NDArray[np.intp]:
    inner = derivative[1:-1]
    high = inner <= -least * float(np.abs(derivative).max())
    return np.flatnonzero(high & (inner <= derivative[:-2]) & (inner < derivative[2:])) + 1


def _autocorrelation(values: Float32Array, most: int, valid: BoolArray | None = None) -> FloatArray:
    """Return the autocorrelation at lags 0 to `most`, one at 0, by how much of the axis is there at each."""
    own = _lagged(values.astype(np.float64), most)
    if own[0] <= 0.0:
        return np.zeros(most + 1)
    there = values.size - np.arange(most + 1.0) if valid is None else _overlap(valid, most)
    return np.asarray(own * (there[0] / own[0]) / np.maximum(there, 1.0))


def _overlap(valid: BoolArray, most: int) -> FloatArray:
    """Return how many points hold that hold again 0 to `most` points further on."""
    places = np.flatnonzero(valid)
    if places.size and places[-1] - places[0] + 1 == places.size:
        return np.asarray(np.maximum(places.size - np.arange(most + 1.0), 0.0))
    return _lagged(valid.astype(np.float64), most)


def _lagged(values: FloatArray, most: int) -> FloatArray:
    """Return the products of values with themselves, moved by 0 to `most` points, summed."""
    # for a few lags the plain sums take a tenth of the time of the Fourier transforms of all
    return np.asarray(np.correlate(np.concatenate([values, np.zeros(most)]), values, "valid"))


def _smoothed(values: FloatArray) -> FloatArray:
    return np.asarray(np.convolve(values, np.ones(5) / 5.0, mode="same"))
