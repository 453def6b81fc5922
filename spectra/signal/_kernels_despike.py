"""Kernel that finds spikes which interpolation has smeared over several points."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from spectriage.spectra.arrays import BoolArray, FloatArray
from spectriage.spectra.compile.jit import kernel
from spectriage.spectra.statistics._kernels_statistics import extremes, peak_widths, quantile_of

_LEAST_SHARE = 1e-4
"""Of the whole height: lower peaks are rounding."""


class SmearedRules(NamedTuple):
    """What says that a peak is a smeared spike; `signal.despike` has the reasons.

    Parameters
    ----------
    feet_cm
        How far to either side of a top its feet are looked for.
    noise_steps
        Peaks count that are so many times higher than neighbouring points usually differ.
    others, others_share
        So many others must be wide, and it must be narrower than this share of their median.
    height
        Its least height, as a share of that of the highest other.
    reach
        So many widths to either side of it are marked.
    """

    feet_cm: float
    noise_steps: float
    others: int
    others_share: float
    height: float
    reach: float


@kernel(shared=True)
def mark_smeared(
    values: FloatArray,
    axis: FloatArray,
    spacing_cm: float,
    narrowest_cm: float,
    rules: SmearedRules,
    smeared: BoolArray,
) -> int:
    """Mark the points of peaks that are narrower than any band can be; return how many peaks there are.

    Parameters
    ----------
    values, axis
        Shape (n,), n > 1; the axis in cm⁻¹, ascending, its points `spacing_cm` apart.
    narrowest_cm
        No band is narrower.
    smeared
        Marked, shape (n,).
    """
    rules = SmearedRules(*rules)
    n = values.size
    steps = np.empty(n - 1)
    for p in range(n - 1):
        steps[p] = abs(values[p + 1] - values[p])
    low, high = extremes(values)
    least = max(rules.noise_steps * quantile_of(steps, 0.5), _LEAST_SHARE * (high - low))
    if least <= 0.0:
        return 0
    places, heights, widths = np.empty(n, np.intp), np.empty(n), np.empty(n)
    count = peak_widths(values, axis, rules.feet_cm, least, places, heights, widths)
    wide = np.empty(count)
    others, highest = 0, -np.inf
    for i in range(count):
        if not widths[i] < narrowest_cm:
            wide[others] = widths[i]
            others += 1
            highest = max(highest, heights[i])
    if others < rules.others:
        return 0
    most = min(narrowest_cm, rules.others_share * quantile_of(wide[:others], 0.5))
    found = 0
    for i in range(count):
        if widths[i] < most and heights[i] >= rules.height * highest:
            found += 1
            reach = rules.reach * max(widths[i], spacing_cm)
            for p in range(n):
                smeared[p] |= abs(axis[p] - axis[places[i]]) <= reach
    return found
