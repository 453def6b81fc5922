"""Stretches that were not measured, though the file has numbers there."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spectriage.spectra import Spectrum
from spectriage.spectra.signal.dead import DEAD_CM, DEAD_POINTS, find_dead, without_dead

AXIS = np.arange(200.0, 2000.0, 1.5)


def noisy(seed=0):
    rng = np.random.default_rng(seed)
    return Spectrum(AXIS, 100.0 + rng.normal(0.0, 1.0, AXIS.size), np.ones(AXIS.size))


@settings(deadline=None)
@given(st.floats(200.0, 1900.0), st.floats(60.0, 300.0), st.sampled_from([0.0, 100.0, -5.0]))
def test_a_long_run_of_one_value_is_left_out_with_its_variance(start, width, value):
    whole = noisy()
    inside = (start <= AXIS) & (start + width >= AXIS)
    cut = Spectrum(AXIS, np.where(inside, value, whole.intensity), whole.variance)
    left = without_dead(cut)
    assert np.array_equal(left.shift, AXIS[~inside])
    assert left.variance.size == left.shift.size
    assert left.history[-1] == f"without_dead({inside.sum()})"


def test_short_runs_stay():
    values = noisy().intensity.copy()
    values[300:312] = 0.0  # 17 cm⁻¹: negative values set to zero
    spectrum = Spectrum(AXIS, values)
    assert not find_dead(spectrum).any()
    assert without_dead(spectrum) is spectrum


def test_a_background_without_noise_is_not_dead():
    values = np.full(AXIS.size, 7.0) + np.where(np.abs(AXIS - 1000.0) < 20.0, 5.0 + AXIS / 1e3, 0.0)
    spectrum = Spectrum(AXIS, values)
    assert without_dead(spectrum) is spectrum


@pytest.mark.parametrize("where", [(850.0, 1100.0), (1550.0, 1700.0)])
def test_what_is_zeroed_never_lowers_a_limit(engine, library, where):
    """The limits of a scan are no lower for a stretch in which nothing was measured."""
    row = next(i for i, record in enumerate(library.records) if record.substance == "caffeine")
    shift = library.shift
    rng = np.random.default_rng(5)
    values = 1000.0 * np.nan_to_num(library.spectra[row]) + 200.0 + rng.normal(0.0, 1.0, shift.size)
    whole = engine.identify(Spectrum(shift, values))
    zeroed = np.where((shift >= where[0]) & (shift <= where[1]), 0.0, values)
    cut = engine.identify(Spectrum(shift, zeroed))
    assert any("one value" in note for note in cut.notes)
    limits = {target.name: target.lod for target in whole.targets}
    for target in cut.targets:
        assert target.lod >= 0.8 * limits[target.name], target.name


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 14), st.integers(0, 3)), min_size=8, max_size=40), st.floats(1.0, 9.0)
)
def test_what_is_dead_is_found_as_by_going_through_the_points(runs, spacing_cm):
    values = np.repeat([float(value) for _, value in runs], [length for length, _ in runs])
    axis = 200.0 + spacing_cm * np.arange(values.size)
    expected = np.zeros(values.size, bool)
    start = 0
    for place in range(1, values.size + 1):
        if place == values.size or values[place] != values[start]:
            if place - start >= DEAD_POINTS and axis[place - 1] - axis[start] >= DEAD_CM:
                expected[start:place] = True
            start = place
    assert find_dead(Spectrum(axis, values)).tolist() == expected.tolist()
