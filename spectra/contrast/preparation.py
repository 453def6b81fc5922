"""From spectra as they were measured to the contrast domain: what is done once to each, before any search."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from spectriage.spectra.arrays import BoolArray, FloatArray
from spectriage.spectra.baseline._checks import LARGEST, SMALLEST
from spectriage.spectra.baseline.methods import BASELINE_LAM, MAX_ITER, TOLERANCE
from spectriage.spectra.compile.jit import packed, packed_as
from spectriage.spectra.contrast._kernels_preparation import (
    SPOILT,
    STATE,
    UNDONE,
    LookRules,
    PreparationRules,
    Room,
    Together,
    prepare_scans,
)
from spectriage.spectra.contrast.block import Block
from spectriage.spectra.contrast.contrast import (
    NOISE_MULTIPLE,
    ROUNDING,
    THRESHOLD_FLOOR,
    Contrast,
    QueryRows,
    contrast,
    derivative_filter,
)
from spectriage.spectra.errors import SpectriageError, SpectrumError
from spectriage.spectra.signal.dead import DEAD_CM, DEAD_POINTS, without_dead
from spectriage.spectra.signal.despike import (
    NARROWEST_CM,
    SHARPNESS,
    SMEARED_RULES,
    THRESHOLD,
    WIDEST,
    narrowest_band_cm,
    remove_spikes,
)
from spectriage.spectra.signal.grid import (
    GAP_SPACINGS,
    GAP_STEPS,
    MIN_COMMON_POINTS,
    ROUNDING_STEPS,
    Resampled,
    resample,
)
from spectriage.spectra.signal.noise import LOCAL_POINTS, QUIET_SHARE, noise_filter, noise_level
from spectriage.spectra.signal.quality import (
    FLAT_TOP_POINTS,
    PLATEAU_RULES,
    Quality,
    assess,
    background,
    is_saturated,
    quality_of,
)
from spectriage.spectra.spectrum import Spectrum

COARSEST_CM = 12.0
"""Points further apart than a handheld's bands are wide would be read between."""


class Prepared(NamedTuple):
    """A spectrum on its way to a search.

    Parameters
    ----------
    spectrum
        Without spikes and dead stretches.
    query, baseline
        That on the grid, and its background there, shape (m,); NaN where it was not measured.
    quality
        How good it is.
    contrast
        In the contrast domain; of norm 0 when it is flat.
    block, place
        Where what is on the grid stands together with others.
    """

    spectrum: Spectrum
    query: Resampled
    baseline: FloatArray
    quality: Quality
    contrast: Contrast
    block: Block[GridRows] | None = None
    place: int = 0


class GridRows(NamedTuple):
    """Several spectra on the grid: their backgrounds, and where they were measured, shape (s, m) each."""

    intensity: FloatArray
    baseline: FloatArray
    measured: BoolArray


def prepare(spectrum: Spectrum, shift: FloatArray) -> Prepared:
    """Prepare one spectrum step by step: what `prepare_each` does, in words.

    Parameters
    ----------
    spectrum
        As it was measured.
    shift
        The grid in cm⁻¹, evenly spaced, shape (m,).

    Raises
    ------
    SpectrumError
        When its points are too far apart, or fewer than 64 points of the grid were measured.
    ParameterError
        When it has no baseline.
    """
    if spectrum.spacing_cm > COARSEST_CM:
        raise SpectrumError(
            f"the spectrum has a point every {spectrum.spacing_cm:.0f} cm⁻¹, too few to see bands",
            remedy=f"a spectrum needs one every {COARSEST_CM:g} cm⁻¹ or closer",
        )
    despiked = remove_spikes(spectrum)
    spectrum = without_dead(despiked)
    query = resample(spectrum, shift)
    baseline = background(query)
    noise = noise_level(query)
    quality = assess(despiked, query, shift, baseline, noise)
    return Prepared(spectrum, query, baseline, quality, contrast(query, shift, noise=noise))


def prepare_each(spectra: Sequence[Spectrum], shift: FloatArray) -> list[Prepared | SpectriageError]:
    """Prepare several spectra together: the same results as of `prepare`, in a third less time.

    Python has one kernel to call for all of them, and not a dozen for each; one more for those with spikes.

    Parameters
    ----------
    spectra
        As they were measured, s of them.
    shift
        As for `prepare`.

    Returns
    -------
    list
        Of length s; in place of a spectrum that cannot be prepared the error that `prepare` raises.
    """
    if not spectra:
        return []
    ready = [_Ready(spectrum, spectrum, None) for spectrum in spectra]
    room = _room_for(len(ready), shift.size)
    _prepare(ready, range(len(ready)), shift, room, clean=False)
    spoilt = [place for place, state in enumerate(room.places[:, STATE].tolist()) if state == SPOILT]
    for place in spoilt:
        ready[place] = _cleaned(spectra[place])
    _prepare(ready, spoilt, shift, room, clean=True)
    return _prepared(ready, shift, room)


class _Ready(NamedTuple):
    """A spectrum as it was measured, as it is to be prepared, and whether its top is cut off, where known."""

    measured: Spectrum
    spectrum: Spectrum
    saturated: bool | None


def _cleaned(spectrum: Spectrum) -> _Ready:
    """Return a spectrum without spikes and dead stretches."""
    despiked = remove_spikes(spectrum)
    return _Ready(spectrum, without_dead(despiked), is_saturated(despiked))


def _prepare(
    ready: Sequence[_Ready], places: Sequence[int], shift: FloatArray, room: Room, *, clean: bool
) -> None:
    """Prepare those of some spectra that stand at these places, together."""
    if not places:
        return
    spectra = [ready[place].spectrum for place in places]
    together = _together(spectra, places)
    prepare_scans(together, clean, shift, _LOOK, _rules(float(shift[1] - shift[0])), packed(room))
    for spectrum, spacing_cm in zip(spectra, together[4].tolist(), strict=True):
        vars(spectrum)["spacing_cm"] = spacing_cm  # as if it had been asked for


def _prepared(ready: Sequence[_Ready], shift: FloatArray, room: Room) -> list[Prepared | SpectriageError]:
    """Return what came of some spectra."""
    block = Block(QueryRows(room.derivative, room.compressed, room.valid, room.threshold, room.noise))
    grid = Block(GridRows(room.intensity, room.baseline, room.measured))
    on_grid = zip(room.intensity, room.variance, room.measured, room.baseline, strict=True)
    curves = zip(room.derivative, room.valid, room.threshold.tolist(), room.compressed, strict=True)
    numbers = zip(room.places.tolist(), room.numbers.tolist(), room.noise.tolist(), strict=True)
    found: list[Prepared | SpectriageError] = []
    for place, (own, (places, values, share), scan, curve) in enumerate(
        zip(ready, numbers, on_grid, curves, strict=True)
    ):
        measured, spectrum, saturated = own
        count, first, last, state, cut_off = places
        if state == UNDONE or measured.spacing_cm > COARSEST_CM:
            found.append(_by_itself(measured, shift))
            continue
        if saturated is None:
            saturated = is_saturated(spectrum) if "saturated" in spectrum.metadata else bool(cut_off)
        noise, height, level, norm = values
        intensity, variance, holds, baseline = scan
        query = Resampled(intensity, None if spectrum.variance is None else variance, holds)
        query.knows(count, first, last)
        ends_cm = float(shift[first]), float(shift[last])
        quality = quality_of(spectrum, height, level, noise, saturated, ends_cm)
        seen = Contrast(*curve, norm, share, block, place)
        found.append(Prepared(spectrum, query, baseline, quality, seen, grid, place))
    return found


def _by_itself(spectrum: Spectrum, shift: FloatArray) -> Prepared | SpectriageError:
    """Return what `prepare` does, also where that is an error."""
    try:
        return prepare(spectrum, shift)
    except SpectriageError as error:
        # where it was raised holds on to all that is prepared together with it
        return error.with_traceback(None)


def _together(spectra: Sequence[Spectrum], places: Sequence[int]) -> Together:
    """Return several spectra one after the other, packed; spacings that are not known are not numbers."""
    intensities = [spectrum.intensity for spectrum in spectra]
    stated = [spectrum.variance is not None for spectrum in spectra]
    intensity = _joined(intensities)
    variance = intensity
    if any(stated):
        variance = _joined(
            [spectrum.intensity if spectrum.variance is None else spectrum.variance for spectrum in spectra]
        )
    together = (
        intensity,
        _joined([spectrum.shift for spectrum in spectra]),
        variance,
        np.array([0, *accumulate([values.size for values in intensities])], np.intp),
        np.array([vars(spectrum).get("spacing_cm", np.nan) for spectrum in spectra]),
        np.array([narrowest_band_cm(spectrum) for spectrum in spectra]),
        np.array(stated),
        np.array(places, np.intp),
    )
    return packed_as(Together, together)


def _joined(values: Sequence[FloatArray]) -> FloatArray:
    """Return values of spectra one after the other; of one spectrum they are not copied."""
    if len(values) == 1:
        return values[0]
    joined = np.concatenate(values)
    # as those of a spectrum: kernels are compiled once more for what may be written
    joined.flags.writeable = False
    return joined


def _room_for(scans: int, points: int) -> Room:
    """Return room for what a kernel writes of so many scans."""
    shape = (scans, points)
    return Room(
        np.empty(shape),
        np.empty(shape),
        np.empty(shape, np.bool_),
        np.empty(shape),
        np.empty(points),
        np.empty(shape, np.float32),
        np.empty(shape, np.float32),
        np.empty(shape, np.bool_),
        np.empty(scans),
        np.empty(scans),
        np.empty((scans, 5), np.intp),
        np.empty((scans, 4)),
    )


_LOOK = packed(
    LookRules(
        THRESHOLD, WIDEST, SHARPNESS, SMEARED_RULES, NARROWEST_CM, DEAD_POINTS, DEAD_CM, FLAT_TOP_POINTS,
        PLATEAU_RULES,
    )
)  # fmt: skip


@lru_cache(maxsize=16)
def _rules(step_cm: float) -> PreparationRules:
    """Return how spectra are brought to a grid of this step and into the contrast domain, packed."""
    noise_weights, noise_kept = noise_filter()
    weights, gain = derivative_filter(step_cm)
    rules = PreparationRules(
        MIN_COMMON_POINTS,
        ROUNDING_STEPS,
        GAP_STEPS,
        GAP_SPACINGS,
        noise_weights,
        LOCAL_POINTS,
        QUIET_SHARE,
        noise_kept,
        BASELINE_LAM,
        TOLERANCE,
        MAX_ITER,
        SMALLEST,
        LARGEST,
        weights,
        gain,
        NOISE_MULTIPLE,
        THRESHOLD_FLOOR,
        ROUNDING,
    )
    return packed(rules)
