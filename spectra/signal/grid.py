"""The library's shift axis, and the way onto it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.errors import ParameterError, SpectrumError
from spectriage.spectra.signal._kernels_grid import (
    average_cells,
    interpolate_cubic,
    measured_points,
    room_for_cells,
    write_cells,
)
from spectriage.spectra.spectrum import Spectrum

MIN_COMMON_POINTS = 64
ROUNDING_STEPS = 1e-6
"""So much, in steps of the grid, an axis may lack at its ends."""
GAP_STEPS, GAP_SPACINGS = 3.0, 4.0
"""Between points further apart than so many steps of the grid and so many usual distances nothing is."""


@dataclass(frozen=True)
class Grid:
    """An evenly spaced shift axis, all in cm⁻¹, both ends included.

    Raises
    ------
    ParameterError
        When the step is not positive or the axis has fewer than 64 or more than 65,536 points.
    """

    start_cm: float
    stop_cm: float
    step_cm: float

    def __post_init__(self) -> None:
        if not (self.step_cm > 0 and np.isfinite([self.start_cm, self.stop_cm, self.step_cm]).all()):
            raise ParameterError(f"{self} is not an axis", remedy="give finite ends and a positive step")
        points = (self.stop_cm - self.start_cm) / self.step_cm + 1.0
        if not MIN_COMMON_POINTS - 0.5 < points < 65_536.5:
            raise ParameterError(f"{self} has {points:.0f} points, not {MIN_COMMON_POINTS} to 65,536")

    def __len__(self) -> int:
        return round((self.stop_cm - self.start_cm) / self.step_cm) + 1

    @property
    def shift(self) -> FloatArray:
        """The axis, shape (len(self),)."""
        return self.start_cm + self.step_cm * np.arange(len(self), dtype=np.float64)


DEFAULT_GRID = Grid(200.0, 2246.0, 2.0)
"""1,024 points: what 785 nm and 1064 nm handhelds share, two points on the narrowest band they resolve."""


# not frozen: one is made of every scan, and that would take thrice as long
@dataclass(eq=False)
class Resampled:
    """A spectrum on a grid of m points.

    Parameters
    ----------
    intensity
        Shape (m,); zero where not measured.
    variance
        Shape (m,), or None when the spectrum had none. Neighbouring errors are correlated where the source is
        coarser than the grid; only the diagonal is kept.
    measured
        Shape (m,); false outside the spectrum's range and in its gaps.
    """

    intensity: FloatArray
    variance: FloatArray | None
    measured: NDArray[np.bool_]

    def knows(self, count: int, first: int, last: int) -> None:
        """Take down how many points were measured, the first and the last, as a kernel has found them."""
        vars(self)["extent"] = count, first, last

    @cached_property
    def extent(self) -> tuple[int, int, int]:
        """How many points were measured, the first and the last."""
        last = self.measured.size - 1 - int(self.measured[::-1].argmax())
        return int(np.count_nonzero(self.measured)), int(self.measured.argmax()), last

    @property
    def ends(self) -> tuple[int, int]:
        """The first and the last point that was measured."""
        return self.extent[1:]

    @cached_property
    def covered(self) -> slice | NDArray[np.bool_]:
        """What was measured, as an index: a slice where it has no gaps, which takes no copies."""
        count, first, last = self.extent
        return slice(first, last + 1) if count == last - first + 1 else self.measured

    @cached_property
    def values(self) -> FloatArray:
        """What was measured, without the rest, shape (k,)."""
        return self.intensity[self.covered]


def resample(spectrum: Spectrum, shift: FloatArray, *, offset_cm: float = 0.0) -> Resampled:
    """Bring a spectrum onto an evenly spaced shift axis.

    A source finer than the grid is averaged over the grid's cells, so that noise is averaged too; a coarser
    one is interpolated with a cubic Hermite polynomial.

    Parameters
    ----------
    spectrum
        n points.
    shift
        The grid in cm⁻¹, shape (m,), evenly spaced.
    offset_cm
        Added to the spectrum's own axis first.

    Raises
    ------
    SpectrumError
        When fewer than 64 grid points were measured.
    """
    axis = spectrum.shift + offset_cm if offset_cm else spectrum.shift
    values = spectrum.intensity
    # without a variance anything will do: what comes of it is not kept
    variance = values if spectrum.variance is None else spectrum.variance
    step = float(shift[1] - shift[0])
    typical = spectrum.spacing_cm
    intensity, spread = np.empty(shift.size), np.empty(shift.size)
    if typical <= step:
        cells = room_for_cells(axis.size, shift.size)
        write_cells(axis, shift, step, cells)
        average_cells(values, variance, cells, intensity, spread)
    else:
        interpolate_cubic(axis, values, variance, shift, intensity, spread)
    measured = np.empty(shift.size, np.bool_)
    gap = max(GAP_STEPS * step, GAP_SPACINGS * typical)
    points = measured_points(axis, shift, ROUNDING_STEPS * step, gap, intensity, spread, measured)
    if points[0] < MIN_COMMON_POINTS:
        raise SpectrumError(
            f"the spectrum ({axis[0]:.0f} to {axis[-1]:.0f} cm⁻¹) shares fewer than {MIN_COMMON_POINTS} "
            f"points with the library's axis ({shift[0]:.0f} to {shift[-1]:.0f} cm⁻¹)",
            remedy="check that the axis is a Raman shift in cm⁻¹ and that the range is not cropped",
        )
    resampled = Resampled(intensity, None if spectrum.variance is None else spread, measured)
    resampled.knows(*points)
    return resampled
