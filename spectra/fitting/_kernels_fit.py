"""Kernels of the non-negative fit in the contrast domain.

Spectra are in single precision, as the references are kept; the few amplitudes are solved for in double.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from spectriage.spectra.arrays import Float32Array, FloatArray
from spectriage.spectra.compile._kernels_vectors import widest
from spectriage.spectra.compile.jit import kernel
from spectriage.spectra.fitting._kernels_memory import Workspace
from spectriage.spectra.fitting._kernels_moments import (
    TWO_VECTORS,
    combine,
    of_many,
    of_one,
    of_three,
    of_two,
    of_two_at_first,
)
from spectriage.spectra.fitting._kernels_nonnegative import (
    minimise,
    solve_four,
    solve_one,
    solve_three,
    solve_two,
)


class FitSettings(NamedTuple):
    """How a fit weighs its points.

    Parameters
    ----------
    relative_error
        Proportional error of a derivative between instruments.
    iterations
        So many times the fit is made, each weighted by the one before.
    unmeasured_weight
        The most that a point outside a reference's range counts.
    least
        A disagreement counts as this at least.
    """

    relative_error: float
    iterations: int
    unmeasured_weight: float
    least: float


@kernel(bare=True)
def _error_of(threshold: float, settings: FitSettings) -> tuple[np.float32, np.float32]:
    """Return the variance of a point without signal, and by how much of the signal's square it rises."""
    return np.float32(threshold * threshold), np.float32(settings.relative_error * settings.relative_error)


@kernel(bare=True, fastmath=True)
def write_errors(query: Float32Array, threshold: float, settings: FitSettings, errors: Float32Array) -> None:
    """Write the variance of each point while nothing is fitted: threshold² + (relative_error·query)²."""
    widest()
    least, rise = _error_of(threshold, settings)
    for p in range(query.size):
        signal = abs(query[p])
        errors[p] = least + rise * signal * signal


@kernel(bare=True, fastmath=True)
def fit_rows(
    rows: Float32Array,
    query: Float32Array,
    weights: Float32Array,
    errors: Float32Array,
    threshold: float,
    settings: FitSettings,
    amplitudes: FloatArray,
    fitted: Float32Array,
    space: Workspace,
) -> None:
    """Fit `query` (m,) by a non-negative combination of `rows` (k, m), reweighted by the fit's own error.

    The error of a point is taken as √(threshold² + (relative_error·signal)²): noise where there is little
    signal, mismatch between instruments where there is much. Its square while nothing is fitted is the
    same in all fits of one query: `errors`, as `write_errors` has them. The `space` is for k references at
    least.
    """
    widest()
    k, room = rows.shape[0], space.free.size
    gram, target = space.work[:room], space.work[2 * room, :k]
    least, rise = _error_of(threshold, settings)
    # the fit that the first weights are taken from is none
    for i in range(k):
        amplitudes[i] = 0.0
    for iteration in range(settings.iterations):
        solved, first = False, iteration == 0
        if k == 1:
            one = of_one(rows, query, weights, errors, first, amplitudes, least, rise, gram, target)
            solved = solve_one(*one, amplitudes)
        elif k == 2 and first and query.size % TWO_VECTORS == 0:
            two = of_two_at_first(rows, query, weights, errors, gram, target)
            solved = solve_two(*two, amplitudes)
        elif k == 2:
            two = of_two(rows, query, weights, amplitudes, least, rise, gram, target)
            solved = solve_two(*two, amplitudes)
        elif k == 3:
            three = of_three(rows, query, weights, errors, first, amplitudes, least, rise, gram, target)
            solved = solve_three(*three, amplitudes)
        else:
            of_many(rows, query, weights, first, amplitudes, least, rise, gram, target, space.weighted)
            if k == 4:
                solved = solve_four(gram, target, amplitudes)
        if not solved:
            minimise(
                gram, target, amplitudes, space.free, space.work[room : 2 * room], space.work[2 * room + 1]
            )
    combine(rows, amplitudes, fitted)
