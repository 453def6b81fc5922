"""What disturbed a scan that nothing explains: a ripple, doubled bands, a lamp, or bands too broad to tell.

Asked where an answer fails, so that the operator is told the cause and what helps. Nothing is taken out of
the scan, and no answer rests on it. The thresholds were set on made-up disturbances and on 480 measured
spectra of materials; with each stands how often these reach it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from spectriage.spectra.arrays import BoolArray, Float32Array, FloatArray
from spectriage.spectra.compile.jit import packed
from spectriage.spectra.signal._kernels_artefacts import ArtefactRules, LampRules, disturbances
from spectriage.spectra.signal.wavelength import air_to_vacuum_nm

LEAST_PERIOD_CM, MOST_PERIOD_CM = 12.0, 250.0
PERIODIC = 0.5
"""Of the autocorrelation at one period and at two; measured materials reach 0.38."""
LEAST_SPLIT_CM, MOST_SPLIT_CM = 20.0, 60.0
DOUBLED, DOUBLED_TOP, DOUBLED_BANDS = 0.37, 0.05, 6
"""Of the mean autocorrelation of the derivative and of that compressed, from how many bands on, and what is
one, as a share of the highest. One in a hundred of 336 measured spectra of so many bands reaches it; of the
same, doubled, three quarters do. The split is up to 6 cm⁻¹ too great where two bands stand within the
derivative's window, which drives them apart."""
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
_LAMP_NAMES = tuple(LAMPS)


class Artefact(NamedTuple):
    """A disturbance: its code, a sentence, and what to do."""

    reason: str
    text: str
    step: str


def find_artefacts(
    derivative: Float32Array,
    compressed: Float32Array,
    valid: BoolArray,
    intensity: FloatArray,
    baseline: FloatArray,
    measured: BoolArray,
    places: Sequence[int],
    shift: FloatArray,
    excitations_nm: Sequence[float | None],
) -> list[Artefact | None]:
    """Return what disturbed each of some scans that nothing explains, None where nothing is seen.

    Parameters
    ----------
    derivative, compressed
        Second derivatives, and those compressed, shape (n, m), zero where not valid.
    valid
        Where they hold, shape (n, m).
    intensity, baseline, measured
        The scans, their backgrounds, and where they were measured, shape (n, m).
    places
        Where among these the scans stand.
    shift
        The axis, evenly spaced, shape (m,), in cm⁻¹.
    excitations_nm
        Of each, where known: without it a lamp cannot be told.
    """
    step_cm = float(shift[1] - shift[0])
    lasers_nm = np.array([excitation_nm or 0.0 for excitation_nm in excitations_nm])
    work, found = np.empty((4, shift.size)), np.empty((len(places), 4))
    grid, rules = np.array([shift[0], step_cm]), _rules(step_cm)
    scans = intensity, baseline, measured, np.array(places, np.intp)
    disturbances(derivative, compressed, valid, *scans, lasers_nm, grid, *rules, work, found)
    return [
        _artefact(int(period) * step_cm, width_cm, int(split) * step_cm, int(lamp))
        for period, width_cm, split, lamp in found.tolist()
    ]


def _artefact(period_cm: float, width_cm: float, split_cm: float, lamp: int) -> Artefact | None:
    """Return what disturbed one scan, by the numbers that a kernel found."""
    if period_cm:
        return Artefact(
            "interference",
            f"A ripple of {period_cm:.0f} cm⁻¹ lies over the whole scan: interference.",
            "Tilt the sample or the bag a little, clean the window, and scan again.",
        )
    if lamp >= 0:
        return Artefact(
            "room-light",
            f"The lines of a lamp are in the scan ({_LAMP_NAMES[lamp]}).",
            "Shade the sample and the probe from lamps, take a new dark, and scan again.",
        )
    if width_cm > BROAD_CM:
        return Artefact(
            "broad",
            f"What is seen is some {width_cm:.0f} cm⁻¹ broad: carbon, glass, dye, fibre, or the resolution.",
            "Check the resolution on a standard; try another spot, or 1064 nm excitation.",
        )
    if split_cm:
        return Artefact(
            "doubled",
            f"Bands stand there twice, about {split_cm:.0f} cm⁻¹ apart.",
            "Check the resolution and the laser on a standard: it may run on two lines.",
        )
    return None


@lru_cache(maxsize=16)
def _rules(step_cm: float) -> tuple[ArtefactRules, LampRules]:
    """Return what says that a scan on a grid of this step is disturbed, packed for kernels."""
    period = round(LEAST_PERIOD_CM / step_cm), round(MOST_PERIOD_CM / step_cm)
    split = round(LEAST_SPLIT_CM / step_cm), round(MOST_SPLIT_CM / step_cm)
    lines_cm = [1e7 / air_to_vacuum_nm(nm) for nm in LAMPS.values()]
    ends = np.cumsum([lines.size for lines in lines_cm])
    lamps = LampRules(
        np.concatenate(lines_cm),
        ends,
        LEAST_TOP,
        LAMP_TOPS,
        LAMP_LINES,
        LAMP_SHARE,
        LAMP_REACH_CM,
        LAMP_OFFSETS,
    )
    rules = ArtefactRules(*period, *split, PERIODIC, DOUBLED, DOUBLED_TOP, DOUBLED_BANDS)
    return packed(rules), packed(lamps)
