"""Kernels that take several spectra all the way to the contrast domain, with the lock let go of once.

They say in which order the kernels of the single steps are called, and nothing else: what each step does and
why stands beside it, in `signal`, `baseline` and `contrast`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from spectriage.spectra.arrays import BoolArray, Float32Array, FloatArray, IndexArray
from spectriage.spectra.baseline._kernels_baseline_arpls import fit
from spectriage.spectra.compile._kernels_vectors import apart
from spectriage.spectra.compile.jit import kernel
from spectriage.spectra.contrast._kernels_contrast import into_contrast
from spectriage.spectra.signal._kernels_dead import mark_runs
from spectriage.spectra.signal._kernels_despike import SmearedRules, mark_smeared
from spectriage.spectra.signal._kernels_grid import (
    Cells,
    average_cells,
    gather,
    interpolate_cubic,
    measured_points,
    room_for_cells,
    spread_out,
    write_cells,
)
from spectriage.spectra.signal._kernels_quality import PlateauRules, is_cut_off, stand_over
from spectriage.spectra.statistics._kernels_statistics import (
    extremes,
    quantile_of,
    residual_level,
    sharp_steps,
)

# Columns of the two tables that `prepare_scans` writes.
COUNT, FIRST, LAST, STATE, CUT_OFF = range(5)
NOISE, HEIGHT, LEVEL, NORM = range(4)
# What came of a spectrum: it cannot be prepared so, it can, or it must be cleaned first.
UNDONE, DONE, SPOILT = range(3)


class Together(NamedTuple):
    """Several spectra, one after the other.

    Parameters
    ----------
    intensity, shift, variance
        Of all, shape (N,). Where a spectrum has no variance anything may stand.
    ends
        Spectrum i is from ``ends[i]`` to before ``ends[i + 1]``, shape (s + 1,).
    spacings_cm
        The median distance between two points of each, shape (s,); what is no number is written.
    narrowest_cm
        No band of each is narrower, shape (s,).
    stated
        Whether each has a variance, shape (s,).
    places
        Where in a room each is written, shape (s,).
    """

    intensity: FloatArray
    shift: FloatArray
    variance: FloatArray
    ends: IndexArray
    spacings_cm: FloatArray
    narrowest_cm: FloatArray
    stated: BoolArray
    places: IndexArray


class LookRules(NamedTuple):
    """What says that a spectrum has spikes, dead stretches, or a top that is cut off.

    Parameters
    ----------
    step_deviations, widest, sharpness
        Of `sharp_steps`.
    smeared
        Of `mark_smeared`.
    coarsest_cm
        No spike can be told to be smeared where points are so far apart.
    dead_points, dead_cm
        Of `mark_runs`.
    equal_points, plateau
        Of `is_cut_off`.
    """

    step_deviations: float
    widest: int
    sharpness: float
    smeared: SmearedRules
    coarsest_cm: float
    dead_points: int
    dead_cm: float
    equal_points: int
    plateau: PlateauRules


class PreparationRules(NamedTuple):
    """How spectra are prepared.

    Parameters
    ----------
    least_points
        So many points of the grid must be measured.
    rounding, gap
        What an axis may lack at its ends, and how far apart two points are with nothing between, in steps of
        the grid.
    gap_spacings
        The same in distances between two points.
    noise_weights, noise_width, quiet_share, noise_kept
        Of `residual_level`, and what its filter leaves of the noise.
    lam, tolerance, iterations, smallest, largest
        Of the baseline, and what extent and size of the intensity it takes.
    weights, gain
        Of the derivative, and what it makes of the noise.
    multiple, floor, rounding_of_derivative
        Of the threshold of the compression, see `into_contrast`.
    """

    least_points: int
    rounding: float
    gap: float
    gap_spacings: float
    noise_weights: FloatArray
    noise_width: int
    quiet_share: float
    noise_kept: float
    lam: float
    tolerance: float
    iterations: int
    smallest: float
    largest: float
    weights: FloatArray
    gain: float
    multiple: float
    floor: float
    rounding_of_derivative: float


class Room(NamedTuple):
    """What is written of s spectra on m points, shape (s, m) but where it says otherwise.

    Parameters
    ----------
    intensity, variance, measured, baseline
        On the grid, the variance where there is one; the baseline is not a number where nothing was measured.
    values
        To work in, shape (m,).
    derivative, compressed, valid
        In the contrast domain.
    threshold, noise
        Of the compression, and the noise of the derivative as a share of its norm, shape (s,).
    places
        Shape (s, 5): how many points were measured, the first, the last, what came of it, and whether the
        top is cut off.
    numbers
        Shape (s, 4): the noise, the height over the baseline and its median, and the norm.
    """

    intensity: FloatArray
    variance: FloatArray
    measured: BoolArray
    baseline: FloatArray
    values: FloatArray
    derivative: Float32Array
    compressed: Float32Array
    valid: BoolArray
    threshold: FloatArray
    noise: FloatArray
    places: IndexArray
    numbers: FloatArray


@kernel()
def spacing_of(shift: FloatArray) -> float:
    """Return the median distance between two points of an axis (n,)."""
    apart()
    steps = np.empty(shift.size - 1)
    for p in range(steps.size):
        steps[p] = shift[p + 1] - shift[p]
    return float(quantile_of(steps, 0.5))


@kernel()
def has_spikes(
    intensity: FloatArray, shift: FloatArray, spacing_cm: float, narrowest_cm: float, rules: LookRules
) -> bool:
    """Whether a spectrum has spikes, sharp or smeared."""
    apart()
    place = np.empty((1, 2), np.intp)
    if sharp_steps(intensity, rules.step_deviations, rules.widest, rules.sharpness, place) > 0:
        return True
    if spacing_cm >= rules.coarsest_cm:
        return False
    smeared = np.empty(shift.size, np.bool_)
    return bool(mark_smeared(intensity, shift, spacing_cm, narrowest_cm, rules.smeared, smeared) > 0)


@kernel()
def is_spoilt(
    intensity: FloatArray, shift: FloatArray, spacing_cm: float, narrowest_cm: float, rules: LookRules
) -> bool:
    """Whether a spectrum has spikes or dead stretches."""
    apart()
    dead = np.empty(shift.size, np.bool_)
    if mark_runs(intensity, shift, rules.dead_points, rules.dead_cm, dead) > 0:
        return True
    return has_spikes(intensity, shift, spacing_cm, narrowest_cm, rules)


@kernel()
def is_same(axis: FloatArray, other: FloatArray) -> bool:
    """Say whether two axes are the same."""
    if axis.size != other.size:
        return False
    differing = 0
    for p in range(axis.size):
        differing += axis[p] != other[p]
    return differing == 0


@kernel()
def onto_grid(
    shift: FloatArray,
    intensity: FloatArray,
    variance: FloatArray,
    spacing_cm: float,
    grid: FloatArray,
    cells: Cells,
    known: bool,
    rules: PreparationRules,
    spread: FloatArray,
    row: int,
    before: int,
    room: Room,
) -> None:
    """Write a spectrum on a grid (m,), see `resample`, and which points of it were measured.

    Where the one before had the same axis, cells are known, and the same points were measured.
    """
    own, measured, places = room.intensity[row], room.measured[row], room.places[row]
    step = grid[1] - grid[0]
    if spacing_cm <= step:
        if not known:
            write_cells(shift, grid, step, cells)
        average_cells(intensity, variance, cells, own, spread)
    else:
        interpolate_cubic(shift, intensity, variance, grid, own, spread)
    if known:
        alike = room.measured[before]
        for p in range(grid.size):
            measured[p] = alike[p]
            own[p] = own[p] if alike[p] else 0.0
            spread[p] = spread[p] if alike[p] else 0.0
        for column in (COUNT, FIRST, LAST):
            places[column] = room.places[before, column]
        return
    gap = max(rules.gap * step, rules.gap_spacings * spacing_cm)
    rounding = rules.rounding * step
    places[COUNT], places[FIRST], places[LAST] = measured_points(
        shift, grid, rounding, gap, own, spread, measured
    )


@kernel()
def fit_below(values: FloatArray, rules: PreparationRules, below: FloatArray) -> bool:
    """Write the arPLS baseline of values (k,); False where that cannot be done."""
    apart()
    wild = 0
    for p in range(values.size):
        # what is no number is not within either
        wild += not abs(values[p]) <= rules.largest
    if wild > 0:
        return False
    low, high = extremes(values)
    if high - low < rules.smallest:
        for p in range(values.size):
            below[p] = values[p]
        return True
    weights, changes = np.ones(values.size), np.empty(rules.iterations + 1)
    solved = fit(values, low, high - low, rules.lam, rules.tolerance, 0, weights, below, changes)[1]
    return bool(solved > 0)


@kernel()
def noise_of(values: FloatArray, variance: FloatArray, stated: bool, rules: PreparationRules) -> float:
    """Return the standard deviation of one point's noise, see `noise_level`; the variances are lost."""
    apart()
    width = min(rules.noise_width, values.size - rules.noise_weights.size + 1)
    level = residual_level(values, rules.noise_weights, width, rules.quiet_share)
    estimated = np.sqrt(max(level, 0.0) / rules.noise_kept)
    if not stated:
        return float(estimated)
    return float(max(estimated, np.sqrt(quantile_of(variance, rules.quiet_share))))


@kernel()
def finish(
    row: int, count: int, spread: FloatArray, stated: bool, rules: PreparationRules, room: Room
) -> int:
    """Take a spectrum that is on the grid, with so many points measured, on to the contrast domain.

    Return what came of it.
    """
    own, measured, numbers = room.intensity[row], room.measured[row], room.numbers[row]
    values, below, spreads = np.empty(count), np.empty(count), np.empty(count)
    first, last = room.places[row, FIRST], room.places[row, LAST]
    gather(own, measured, first, last, values)
    if stated:
        gather(spread, measured, first, last, spreads)
    if not fit_below(values, rules, below):
        return UNDONE
    spread_out(below, measured, first, last, room.baseline[row])
    numbers[NOISE] = noise_of(values, spreads, stated, rules)
    numbers[HEIGHT], numbers[LEVEL] = stand_over(values, below)
    noise = numbers[NOISE] * rules.gain
    settings = rules.multiple * noise, rules.floor, rules.rounding_of_derivative * rules.gain
    numbers[NORM], room.threshold[row] = into_contrast(
        own,
        measured,
        rules.weights,
        settings,
        room.values,
        room.derivative[row],
        room.compressed[row],
        room.valid[row],
    )
    room.noise[row] = noise / numbers[NORM] if numbers[NORM] > 0.0 else 1.0
    return DONE


@kernel()
def prepare_scans(
    spectra: Together, clean: bool, grid: FloatArray, look: LookRules, rules: PreparationRules, room: Room
) -> None:
    """Bring several spectra to a grid and into the contrast domain.

    Where there are spikes or dead stretches, fewer points of the grid are measured than needed, or there is
    no baseline, what comes after is not written.

    Parameters
    ----------
    clean
        Whether spikes and dead stretches were taken out: then none are looked for.
    grid
        Evenly spaced, shape (m,), cm⁻¹.
    """
    apart()
    spectra, room = Together(*spectra), Room(*room)
    look, rules = LookRules(*look), PreparationRules(*rules)
    longest = 0
    for i in range(spectra.places.size):
        longest = max(longest, spectra.ends[i + 1] - spectra.ends[i])
    cells = room_for_cells(longest, grid.size)
    known, known_spacing_cm, before = spectra.shift[:0], 0.0, spectra.places[0]
    for i in range(spectra.places.size):
        row = spectra.places[i]
        start, end = spectra.ends[i], spectra.ends[i + 1]
        shift = spectra.shift[start:end]
        intensity, variance = spectra.intensity[start:end], spectra.variance[start:end]
        places, spacing_cm = room.places[row], spectra.spacings_cm[i]
        # most are of one instrument, with one axis
        same = is_same(shift, known)
        if not spacing_cm > 0.0:
            spacing_cm = spectra.spacings_cm[i] = known_spacing_cm if same else spacing_of(shift)
        # what a spacing was told to be decides whether the cells were written
        same &= spacing_cm == known_spacing_cm
        places[STATE] = SPOILT
        if not clean and is_spoilt(intensity, shift, spacing_cm, spectra.narrowest_cm[i], look):
            continue
        places[STATE] = UNDONE
        places[CUT_OFF] = is_cut_off(intensity, look.equal_points, look.plateau)
        spread = room.variance[row] if spectra.stated[i] else room.values
        onto_grid(shift, intensity, variance, spacing_cm, grid, cells, same, rules, spread, row, before, room)
        known, known_spacing_cm, before = shift, spacing_cm, row
        count = places[COUNT]
        if count < rules.least_points:
            continue
        places[STATE] = finish(row, count, spread, spectra.stated[i], rules, room)
