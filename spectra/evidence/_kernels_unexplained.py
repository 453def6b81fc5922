"""Kernels that count the bands of scans that their fits leave."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from spectriage.spectra.arrays import BoolArray, Float32Array, FloatArray
from spectriage.spectra.compile._kernels_vectors import apart
from spectriage.spectra.compile.jit import kernel
from spectriage.spectra.fitting._kernels_tops import depth_of, find_tops


class LeftRules(NamedTuple):
    """What counts as a band that is left.

    One that is higher than the greatest curvature of the fit within `near` points, `noise_multiple` times the
    noise and `least_share` of the scan's highest band, together.
    """

    noise_multiple: float
    least_share: float
    near: int


@kernel()
def count_left(
    derivative: Float32Array,
    valid: BoolArray,
    fitted: Float32Array,
    noise: float,
    rules: LeftRules,
    out: FloatArray,
) -> None:
    """Write how many bands of a scan (m,) its fit leaves, and the highest as a share of the scan's."""
    apart()
    m = derivative.size
    left, measured, tops = np.empty(m), np.empty(m, np.float32), np.empty(m, np.intp)
    for p in range(m):
        left[p] = fitted[p] - derivative[p] if valid[p] else 0.0
        measured[p] = derivative[p] if valid[p] else np.float32(0.0)
    highest = depth_of(measured)
    count, greatest = 0, 0.0
    least = rules.noise_multiple * noise + rules.least_share * highest
    for i in range(find_tops(left, least, tops)):
        top = tops[i]
        around = 0.0
        for p in range(max(0, top - rules.near), min(m, top + rules.near + 1)):
            around = max(around, abs(np.float64(fitted[p])))
        if left[top] > around + rules.noise_multiple * noise + rules.least_share * highest:
            count += 1
            greatest = max(greatest, left[top] - around)
    out[0], out[1] = count, greatest / highest if highest > 0.0 else 0.0


@kernel()
def count_left_each(
    derivative: Float32Array,
    valid: BoolArray,
    fitted: Float32Array,
    noise: FloatArray,
    packed_rules: LeftRules,
    out: FloatArray,
) -> None:
    """Write `count_left` of several scans, (s, m), to (s, 2)."""
    apart()
    rules = LeftRules(*packed_rules)
    for scan in range(noise.size):
        count_left(derivative[scan], valid[scan], fitted[scan], noise[scan], rules, out[scan])
