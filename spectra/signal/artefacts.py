"""What disturbed a scan that nothing explains: a ripple, doubled bands, a lamp, or bands too broad to tell.

Asked where an answer fails, so that the operator is told the cause and what helps. Nothing is taken out of
the scan, and no answer rests on it. The thresholds were set on made-up disturbances and on 480 measured
spectra of materials; with each stands how often these reach it.
"""

from __future__ import annotations

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
LAMP_REACH_CM, LAMP_OFFSET_CM = 5.0, 8


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
    auto = _autocorrelation(derivative, valid)
    low, high = round(LEAST_PERIOD_CM / step_cm), round(MOST_PERIOD_CM / step_cm)
    # where a broad band is still like itself is no period
    apart = int(np.argmax(auto < 0.0)) if (auto < 0.0).any() else auto.size
    lags = np.arange(max(low, apart, 1), min(high, (auto.size - 1) // 2) + 1)
    if lags.size == 0:
        return 0.0
    both = np.minimum(auto[lags], auto[2 * lags])
    best = int(both.argmax())
    return float(lags[best] * step_cm) if both[best] >= PERIODIC else 0.0


def doubling(derivative: Float32Array, compressed: Float32Array, step_cm: float) -> float:
    """Return by how much every band stands beside itself, in cm⁻¹; 0 where it does not.

    Up to 6 cm⁻¹ too much where two stand within the derivative's window, which drives them apart.
    """
    if _tops(derivative, 0.05).size < DOUBLED_BANDS:
        return 0.0
    whole = np.ones(derivative.size, dtype=bool)
    auto = 0.5 * (_autocorrelation(derivative, whole) + _autocorrelation(compressed, whole))
    lags = np.arange(round(LEAST_SPLIT_CM / step_cm), round(MOST_SPLIT_CM / step_cm) + 1)
    lags = lags[lags < auto.size - 1]
    if lags.size == 0:
        return 0.0
    best = int(lags[int(auto[lags].argmax())])
    # a summit, not the flank of a broad one
    summit = auto[best - 1] < auto[best] > auto[best + 1]
    return best * step_cm if summit and auto[best] >= DOUBLED else 0.0


def typical_width(above: FloatArray, step_cm: float) -> float:
    """Return the width at half height of a Gaussian with the same ratio of height to slope, in cm⁻¹."""
    slope = np.gradient(_smoothed(above), step_cm)
    steep = float(np.sqrt(np.mean(slope**2)))
    # of a Gaussian, ‖f‖ / ‖f′‖ = √2 σ
    return 2.3548 / np.sqrt(2.0) * float(np.sqrt(np.mean(above**2))) / steep if steep > 0.0 else 0.0


def lamp_seen(derivative: Float32Array, shift: FloatArray, excitation_nm: float) -> str:
    """Return the lamp whose lines make the highest tops of a scan, or nothing."""
    tops = _tops(derivative, LEAST_TOP)
    order = np.argsort(derivative[tops])[:LAMP_TOPS]
    places, heights = shift[tops[order]], -derivative[tops[order]]
    if places.size < LAMP_LINES:
        return ""
    for name, air_nm in LAMPS.items():
        lines = 1e7 / excitation_nm - 1e7 / air_to_vacuum_nm(air_nm)
        for offset in range(-LAMP_OFFSET_CM, LAMP_OFFSET_CM + 1):
            near = np.abs(places[:, None] - lines - offset).min(axis=1) <= LAMP_REACH_CM
            if near.sum() >= LAMP_LINES and heights[near].sum() >= LAMP_SHARE * heights.sum():
                return name
    return ""


def _tops(derivative: Float32Array, least: float) -> NDArray[np.intp]:
    inner = derivative[1:-1]
    high = inner <= -least * float(np.abs(derivative).max())
    return np.flatnonzero(high & (inner <= derivative[:-2]) & (inner < derivative[2:])) + 1


def _autocorrelation(values: Float32Array, valid: BoolArray) -> FloatArray:
    """Return the autocorrelation, one at lag 0, by how much of the axis is there at each lag."""
    size = 2 * values.size
    own = np.fft.irfft(np.abs(np.fft.rfft(values, size)) ** 2)[: values.size]
    there = np.fft.irfft(np.abs(np.fft.rfft(valid.astype(np.float64), size)) ** 2)[: values.size]
    if own[0] <= 0.0:
        return np.zeros(values.size)
    return np.asarray(own / own[0] * there[0] / np.maximum(there, 1.0))


def _smoothed(values: FloatArray) -> FloatArray:
    return np.asarray(np.convolve(values, np.ones(5) / 5.0, mode="same"))
