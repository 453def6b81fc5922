"""Sums of measured spectra: the axis aligned, the background off, weighed by Raman area, with noise added.

"Area" is that of the signal over an arPLS baseline between 400 and 1800 cm⁻¹. A share of it is what a limit
of detection is compared with; it is not a share of mass.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from spectriage.bench.sets.names import Names
from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.baseline import BASELINE_LAM, arpls
from spectriage.spectra.errors import ParameterError, SpectriageError
from spectriage.spectra.reference import ReferenceSet
from spectriage.spectra.search import SearchIndex
from spectriage.spectra.signal import DEFAULT_GRID, resample
from spectriage.spectra.spectrum import Spectrum

Normalisation = Literal["norm", "area"]

AREA_LOW_CM, AREA_HIGH_CM = 400.0, 1800.0
SCALE = 1e4
ALIGNED_WITHIN_CM = 12.0
ALIGNED_COSINE = 0.3
"""A spectrum that resembles its own material's reference less than this is left on its axis."""
FINE_CM = np.arange(-1.5, 1.75, 0.25)
BAND_HEIGHT = 0.05


@dataclass(frozen=True, eq=False)
class Part:
    """One spectrum ready to be added: on the common grid, its baseline off, scaled to one."""

    key: str
    instrument: str
    values: FloatArray
    measured: NDArray[np.bool_]
    name: str = ""
    offset_cm: float = 0.0


def make_part(
    spectrum: Spectrum,
    key: str,
    instrument: str,
    normalisation: Normalisation = "norm",
    *,
    name: str = "",
    offset_cm: float = 0.0,
) -> Part | None:
    """Take off the baseline of a spectrum and scale it to one; None when nothing is left.

    Parameters
    ----------
    spectrum
        As measured.
    key, instrument, name
        What it is of, what measured it, and which file it is.
    normalisation
        ``norm``: unit Euclidean norm. ``area``: unit area between 400 and 1800 cm⁻¹.
    offset_cm
        By how much its axis is moved first.

    Raises
    ------
    ParameterError
        For an unknown normalisation.
    """
    if normalisation not in ("norm", "area"):
        raise ParameterError(f"there is no normalisation {normalisation!r}", remedy="use norm or area")
    if offset_cm:
        spectrum = spectrum.with_step(f"moved {offset_cm:+g} cm-1", shift=spectrum.shift + offset_cm)
    query = resample(spectrum, DEFAULT_GRID.shift)
    values = np.zeros_like(query.intensity)
    inside = np.ascontiguousarray(query.intensity[query.measured])
    values[query.measured] = inside - arpls(inside, BASELINE_LAM)
    size = float(np.linalg.norm(values)) if normalisation == "norm" else area(values)
    if not size > 0.0:
        return None
    return Part(key, instrument, values / size, query.measured, name, offset_cm)


def area(values: FloatArray) -> float:
    """Return the area of a spectrum without background on the common grid, between 400 and 1800 cm⁻¹."""
    shift = DEFAULT_GRID.shift
    inside = (shift >= AREA_LOW_CM) & (shift <= AREA_HIGH_CM)
    return float(np.maximum(values[inside], 0.0).sum() * DEFAULT_GRID.step_cm)


def add_parts(
    parts: Sequence[Part], weights: Sequence[float], *, noise: float = 0.0, seed: Sequence[int] = ()
) -> Spectrum:
    """Return the weighted sum over the range that all parts were measured in.

    Parameters
    ----------
    parts, weights
        What is added, and how much of each.
    noise
        Standard deviation of the white noise that is added, in units of a part.
    seed
        Of the noise.

    Raises
    ------
    SpectrumError
        When they share too little range.
    """
    inside = np.logical_and.reduce([part.measured for part in parts])
    total = np.sum([weight * part.values for weight, part in zip(weights, parts, strict=True)], axis=0)
    if noise > 0.0:
        total = total + np.random.default_rng(list(seed)).normal(0.0, noise, total.size)
    return Spectrum(DEFAULT_GRID.shift[inside], SCALE * total[inside])


def highest(part: Part) -> float:
    """Return the height of a part's highest point between 400 and 1800 cm⁻¹, for signal-to-noise ratios."""
    shift = DEFAULT_GRID.shift
    return float(part.values[(shift >= AREA_LOW_CM) & (shift <= AREA_HIGH_CM)].max(initial=0.0))


def band_count(part: Part) -> int:
    """Return how many bands between 400 and 1800 cm⁻¹ exceed 5 % of the highest."""
    from scipy.signal import find_peaks

    shift = DEFAULT_GRID.shift
    values = part.values[(shift >= AREA_LOW_CM) & (shift <= AREA_HIGH_CM)]
    level = BAND_HEIGHT * float(values.max(initial=0.0))
    if level <= 0.0:
        return 0
    return len(find_peaks(values, height=level, prominence=0.6 * level)[0])


class Aligner:
    """Moves a spectrum's axis to that of a library's reference of the same material.

    The offset is that with the highest cosine between second derivatives, at most 12 cm⁻¹: a measurement of
    its own, so that an experiment does not change with the engine that it judges.

    Parameters
    ----------
    references
        The library whose axis counts.
    names
        How labels are compared.
    """

    def __init__(self, references: ReferenceSet, names: Names) -> None:
        self._index = SearchIndex(references, "deriv2")
        self._keys = [names.key(record.substance) for record in references.records]
        self._families = [record.family for record in references.records]

    def offset(self, spectrum: Spectrum, key: str, families: Collection[str] = ()) -> float:
        """Return what must be added to a spectrum's axis; 0 where no reference resembles it enough.

        Parameters
        ----------
        spectrum
            As measured.
        key
            Of its material.
        families
            Whose references may stand in where the library has none of the material.
        """
        rows = [row for row, known in enumerate(self._keys) if known == key]
        rows = rows or [row for row, family in enumerate(self._families) if family in families]
        if not rows:
            return 0.0
        try:
            scores, offsets = self._index.scores(spectrum, axis_tolerance_cm=ALIGNED_WITHIN_CM)
        except SpectriageError:
            return 0.0
        best = max(rows, key=lambda row: float(scores[row]))
        if scores[best] < ALIGNED_COSINE:
            return 0.0
        # the index moves by whole points of the grid: look between them
        tried = float(offsets[best]) + FINE_CM
        return float(max(tried, key=lambda offset: self._cosine(spectrum, float(offset), best)))

    def _cosine(self, spectrum: Spectrum, offset_cm: float, row: int) -> float:
        moved = spectrum.with_step("moved", shift=spectrum.shift + offset_cm)
        return float(self._index.scores(moved, axis_tolerance_cm=0.0)[0][row])
