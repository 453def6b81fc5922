"""The contrast of a spectrum: its second derivative, compressed where it is strong.

A second derivative leaves no background, and is linear: mixtures stay sums. What differs between two
instruments that see one material is proportional to the signal (15–20 % of a band's height), what differs by
chance is the noise. The inverse hyperbolic sine of (derivative / threshold), linear below the threshold and
logarithmic above, gives both the same size everywhere, so that ten weak bands out of place count for more
than one strong band in place. It is the variance-stabilising transform of additive plus proportional error
(Durbin et al. 2002, Bioinformatics 18, S105).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np

from spectriage.spectra.arrays import BoolArray, Float32Array, FloatArray
from spectriage.spectra.compile.jit import packed, packed_as
from spectriage.spectra.contrast._kernels_arguments import Queries, Query
from spectriage.spectra.contrast._kernels_compress import compress
from spectriage.spectra.contrast._kernels_contrast import into_contrast
from spectriage.spectra.contrast.block import Block, row_by_row, together
from spectriage.spectra.signal._kernels_grid import move
from spectriage.spectra.signal.derivative import DERIVATIVE_WINDOW_CM, savgol_weights, window_points
from spectriage.spectra.signal.grid import Resampled
from spectriage.spectra.signal.noise import noise_level

NOISE_MULTIPLE = 20.0
"""The threshold in units of the derivative's noise: interpolated spectra hide most of theirs."""
THRESHOLD_FLOOR = 5e-4
"""The least threshold, as a share of the derivative's norm: what no reference is known better than."""
ROUNDING = 1e-12
"""A derivative below this share of the intensity, taken through the same filter, is rounding: no signal."""


class QueryRows(NamedTuple):
    """Several queries: as `Contrast`, with one dimension more, shape (s, m) and (s,)."""

    derivative: Float32Array
    compressed: Float32Array
    valid: BoolArray
    threshold: FloatArray
    noise: FloatArray

    @property
    def queries(self) -> Queries:
        """What kernels take of them, packed."""
        return packed_as(Queries, self[:4])


# not frozen: one is made for every scan and every axis, and that would take thrice as long
@dataclass(eq=False)
class Contrast:
    """A query in the contrast domain.

    Parameters
    ----------
    derivative
        Second derivative, float32, shape (m,), of unit norm; zero where not valid.
    valid
        Where it holds, shape (m,).
    threshold
        Where the compression sets in.
    compressed
        asinh(derivative / threshold), float32, shape (m,).
    norm
        What the derivative was divided by, in intensity per (cm⁻¹)².
    noise
        Standard deviation of the derivative's noise, as a share of the norm.
    block, place
        Where it stands together with others.
    """

    derivative: Float32Array
    valid: BoolArray
    threshold: float
    compressed: Float32Array
    norm: float
    noise: float
    block: Block[QueryRows] | None = None
    place: int = 0

    @cached_property
    def packed(self) -> Query:
        """What kernels take of it, see `packed`."""
        return packed(Query(self.derivative, self.compressed, self.valid, self.threshold))

    def corrected(self, shift: FloatArray, offset_cm: float, stretch: float) -> Contrast:
        """Return it with the query's axis corrected by ``offset_cm + stretch · (shift − 1200)``."""
        derivative, compressed = np.empty_like(self.derivative), np.empty_like(self.derivative)
        valid = np.empty_like(self.valid)
        grid = np.array([shift[0], shift[1] - shift[0]])
        move(self.derivative, self.valid, grid, np.array([offset_cm, stretch]), derivative, valid)
        compress(derivative, self.threshold, compressed)
        return Contrast(derivative, valid, self.threshold, compressed, self.norm, self.noise)

    def without_noise(self) -> Contrast:
        """Return it as it would be if the spectrum had no noise: its threshold is the floor."""
        if self.norm == 0.0:
            return self
        compressed = np.empty_like(self.derivative)
        compress(self.derivative, THRESHOLD_FLOOR, compressed)
        return Contrast(self.derivative, self.valid, THRESHOLD_FLOOR, compressed, self.norm, 0.0)


def queries_together(queries: Sequence[Contrast]) -> QueryRows:
    """Return several queries as rows."""
    return together(queries, queries_stacked)


def queries_stacked(queries: Sequence[Contrast]) -> QueryRows:
    """Return several queries as rows, wherever they stand."""
    return QueryRows(
        row_by_row([query.derivative for query in queries]),
        row_by_row([query.compressed for query in queries]),
        row_by_row([query.valid for query in queries]),
        np.array([query.threshold for query in queries]),
        np.array([query.noise for query in queries]),
    )


def contrast(query: Resampled, shift: FloatArray, *, noise: float | None = None) -> Contrast:
    """Bring a spectrum on the library's grid into the contrast domain.

    Parameters
    ----------
    query
        On the grid, shape (m,).
    shift
        The grid in cm⁻¹, shape (m,).
    noise
        Standard deviation of one grid point's noise, where it is known; else `noise_level` takes it.
    """
    weights, gain = derivative_filter(float(shift[1] - shift[0]))
    noise = (noise_level(query) if noise is None else noise) * gain
    values = np.empty(shift.size)
    derivative, compressed = np.empty(shift.size, np.float32), np.empty(shift.size, np.float32)
    valid = np.empty(shift.size, np.bool_)
    norm, threshold = into_contrast(
        query.intensity,
        query.measured,
        weights,
        (NOISE_MULTIPLE * noise, THRESHOLD_FLOOR, ROUNDING * gain),
        values,
        derivative,
        compressed,
        valid,
    )
    share = noise / norm if norm > 0.0 else 1.0
    return Contrast(derivative, valid, threshold, compressed, norm, share)


@lru_cache(maxsize=16)
def derivative_filter(step_cm: float) -> tuple[FloatArray, float]:
    """Return the weights of the derivative, and what it makes of the standard deviation of noise."""
    weights = savgol_weights(window_points(DERIVATIVE_WINDOW_CM, step_cm), 3, 2)
    return weights / step_cm**2, float(np.linalg.norm(weights)) / step_cm**2
