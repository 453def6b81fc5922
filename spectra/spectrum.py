"""`Spectrum`: one immutable Raman spectrum with what is known about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.errors import SpectrumError
from spectriage.spectra.technique import Technique

MIN_POINTS = 8
MAX_POINTS = 1_000_000


def _as_readonly(values: ArrayLike | None, name: str) -> FloatArray:
    try:
        array = np.array(values, dtype=np.float64, copy=True)
    except (TypeError, ValueError) as error:
        raise SpectrumError(f"{name} is not an array of numbers: {error}") from None
    if array.ndim != 1:
        raise SpectrumError(f"{name} has {array.ndim} dimensions, not 1")
    array.flags.writeable = False
    return array


def _check_finite(array: FloatArray, name: str) -> None:
    bad = np.flatnonzero(~np.isfinite(array))
    if bad.size:
        raise SpectrumError(
            f"{name} has {bad.size} values that are not finite, "
            f"the first ({array[bad[0]]}) at index {bad[0]}",
            remedy="mask or remove them",
        )


def _check_shift(shift: FloatArray) -> None:
    _check_finite(shift, "shift")
    step = np.diff(shift)
    bad = np.flatnonzero(step <= 0)
    if bad.size:
        i = int(bad[0])
        problem = "repeats" if step[i] == 0 else "descends"
        raise SpectrumError(
            f"shift {problem} at index {i + 1}: {shift[i]:g} then {shift[i + 1]:g} cm⁻¹",
            remedy="sort the axis and merge equal values before building a Spectrum",
        )


def _unmasked(arrays: Mapping[str, ArrayLike | None]) -> tuple[dict[str, ArrayLike | None], int]:
    """Return the arrays without the points that one of them masks, and how many that were."""
    masks = {
        name: np.ma.getmaskarray(array)
        for name, array in arrays.items()
        if np.ma.isMaskedArray(array) and np.ma.getmask(array) is not np.ma.nomask
    }
    masked = [mask for mask in masks.values() if mask.any()]
    if not masked:
        return dict(arrays), 0
    shapes = {np.shape(array) for array in arrays.values() if array is not None}
    if len(shapes) > 1 or any(mask.ndim != 1 for mask in masked):
        raise SpectrumError(
            f"{next(iter(masks))} is masked, and the arrays are not of one length",
            remedy="leave out the masked points",
        )
    kept = ~np.any(masked, axis=0)
    left = {name: None if array is None else np.ma.getdata(array)[kept] for name, array in arrays.items()}
    return left, int(np.count_nonzero(~kept))


@dataclass(frozen=True, eq=False)
class Spectrum:
    """One Raman spectrum; immutable, validated when it is made.

    Points that are masked in one of the arrays (`numpy.ma`) are left out of all, and the history says so.

    Parameters
    ----------
    shift
        Raman shift in cm⁻¹, shape (n,), finite and strictly ascending, 8 ≤ n ≤ 1,000,000.
    intensity
        Intensity in counts (or the file's own unit), shape (n,), finite.
    variance
        Variance of `intensity` in counts², shape (n,), finite and not negative; None when unknown.
    excitation_nm
        Laser wavelength in nm.
    resolution_cm
        Spectral resolution (full width at half maximum) in cm⁻¹.
    metadata
        What the source said of the measurement; read-only.
    history
        What was done to the spectrum, oldest first.
    technique, substrate
        How it was measured; of SERS also on which metal, empty when unknown.

    Raises
    ------
    SpectrumError
        Says which array, which index and why.
    """

    shift: FloatArray
    intensity: FloatArray
    variance: FloatArray | None = None
    excitation_nm: float | None = None
    resolution_cm: float | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    history: tuple[str, ...] = ()
    technique: Technique = Technique.NORMAL
    substrate: str = ""

    def __post_init__(self) -> None:
        arrays, masked = _unmasked(
            {"shift": self.shift, "intensity": self.intensity, "variance": self.variance}
        )
        if masked:
            object.__setattr__(self, "variance", arrays["variance"])
            object.__setattr__(self, "history", (*self.history, f"mask: {masked} masked points left out"))
        shift = _as_readonly(arrays["shift"], "shift")
        intensity = _as_readonly(arrays["intensity"], "intensity")
        if not MIN_POINTS <= shift.size <= MAX_POINTS:
            raise SpectrumError(
                f"a spectrum has {MIN_POINTS} to {MAX_POINTS:,} points, this one {shift.size:,}",
                remedy="check that the file is one whole spectrum",
            )
        if intensity.size != shift.size:
            raise SpectrumError(f"shift has {shift.size} values but intensity {intensity.size}")
        _check_shift(shift)
        _check_finite(intensity, "intensity")
        object.__setattr__(self, "shift", shift)
        object.__setattr__(self, "intensity", intensity)
        if self.variance is not None:
            object.__setattr__(self, "variance", self._checked_variance(shift.size))
        self._check_scalars()
        object.__setattr__(self, "metadata", MappingProxyType(dict(self.metadata)))
        object.__setattr__(self, "history", tuple(self.history))

    def _checked_variance(self, size: int) -> FloatArray:
        variance = _as_readonly(np.asarray(self.variance), "variance")
        if variance.size != size:
            raise SpectrumError(f"shift has {size} values but variance {variance.size}")
        _check_finite(variance, "variance")
        negative = np.flatnonzero(variance < 0)
        if negative.size:
            raise SpectrumError(f"variance is negative at index {negative[0]}: {variance[negative[0]]:g}")
        return variance

    def _check_scalars(self) -> None:
        if self.excitation_nm is not None and not 200.0 <= self.excitation_nm <= 2000.0:
            raise SpectrumError(f"an excitation of {self.excitation_nm} nm is not between 200 and 2000 nm")
        if self.resolution_cm is not None and not 0.0 < self.resolution_cm <= 200.0:
            raise SpectrumError(f"a resolution of {self.resolution_cm} cm⁻¹ is not between 0 and 200 cm⁻¹")

    def __len__(self) -> int:
        return int(self.shift.size)

    @cached_property
    def spacing_cm(self) -> float:
        """The median distance between two points."""
        from spectriage.spectra.statistics._kernels_statistics import quantile

        return quantile(np.diff(self.shift), 0.5)

    def __eq__(self, other: object) -> bool:
        """Equal arrays and equal knowledge."""
        if not isinstance(other, Spectrum):
            return NotImplemented
        if (self.variance is None) != (other.variance is None):
            return False
        same_variance = (
            self.variance is None or other.variance is None or np.array_equal(self.variance, other.variance)
        )
        return (
            np.array_equal(self.shift, other.shift)
            and np.array_equal(self.intensity, other.intensity)
            and same_variance
            and self.excitation_nm == other.excitation_nm
            and self.resolution_cm == other.resolution_cm
            and dict(self.metadata) == dict(other.metadata)
            and self.history == other.history
            and (self.technique, self.substrate) == (other.technique, other.substrate)
        )

    __hash__ = None  # type: ignore[assignment]

    def __getstate__(self) -> dict[str, Any]:
        """Arrays and a plain dict: a mapping proxy cannot be pickled."""
        return {**self.__dict__, "metadata": dict(self.metadata)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for key, value in state.items():
            object.__setattr__(self, key, value)
        for array in (self.shift, self.intensity, self.variance):
            if array is not None:
                array.flags.writeable = False
        object.__setattr__(self, "metadata", MappingProxyType(dict(self.metadata)))

    def with_step(self, step: str, **changes: Any) -> Spectrum:
        """Return a copy with `changes` made and `step` added to the history."""
        return replace(self, history=(*self.history, step), **changes)

    def crop(self, low_cm: float, high_cm: float) -> Spectrum:
        """Return the part between two shifts, in cm⁻¹, both included.

        Raises
        ------
        SpectrumError
            When fewer than 8 points remain.
        """
        keep = (self.shift >= low_cm) & (self.shift <= high_cm)
        if np.count_nonzero(keep) < MIN_POINTS:
            raise SpectrumError(
                f"fewer than {MIN_POINTS} points lie between {low_cm:g} and {high_cm:g} cm⁻¹",
                remedy=f"the spectrum covers {self.shift[0]:g} to {self.shift[-1]:g} cm⁻¹",
            )
        return self.with_step(
            f"crop({low_cm:g}, {high_cm:g})",
            shift=self.shift[keep],
            intensity=self.intensity[keep],
            variance=None if self.variance is None else self.variance[keep],
        )
