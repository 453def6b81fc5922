"""`Spectrum`: what it refuses and says, and that nothing about it can be changed."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectriage.spectra import Spectrum
from spectriage.spectra.errors import SpectriageError, SpectrumError
from spectriage.spectra.spectrum import MAX_POINTS, MIN_POINTS

finite = st.floats(-1e12, 1e12, allow_nan=False)


def spectrum(**changes) -> Spectrum:
    given_arrays = {
        "shift": np.linspace(200.0, 1800.0, 20),
        "intensity": np.arange(20.0),
        "variance": np.ones(20),
        "excitation_nm": 785.0,
        "resolution_cm": 8.0,
        "metadata": {"operator": "A", "nested": {"x": 1}},
        "history": ("read",),
    }
    return Spectrum(**{**given_arrays, **changes})


@given(st.data())
def test_valid_arrays_are_kept_as_they_are(data):
    steps = data.draw(st.lists(st.floats(1e-3, 50.0), min_size=MIN_POINTS - 1, max_size=60))
    shift = data.draw(st.floats(-500.0, 500.0)) + np.concatenate([[0.0], np.cumsum(steps)])
    intensity = data.draw(st.lists(finite, min_size=shift.size, max_size=shift.size))
    made = Spectrum(shift, intensity)
    np.testing.assert_array_equal(made.shift, shift)
    np.testing.assert_array_equal(made.intensity, intensity)
    assert len(made) == shift.size
    assert made.variance is None


@given(
    st.sampled_from(["shift", "intensity", "variance"]),
    st.integers(0, 19),
    st.sampled_from([np.nan, np.inf, -np.inf]),
)
def test_a_value_that_is_not_finite_is_named_by_array_and_index(name, index, value):
    arrays = {"shift": np.linspace(200.0, 1800.0, 20), "intensity": np.arange(20.0), "variance": np.ones(20)}
    arrays[name][index] = value
    with pytest.raises(SpectrumError, match=rf"^{name} .*\({value}\) at index {index}\b"):
        spectrum(**arrays)


@given(st.integers(1, 19), st.booleans())
def test_an_axis_out_of_order_is_named_by_index_and_values(index, repeat):
    shift = np.linspace(200.0, 1800.0, 20)
    shift[index] = shift[index - 1] if repeat else shift[index - 1] - 1.0
    with pytest.raises(SpectrumError) as error:
        spectrum(shift=shift)
    assert f"shift {'repeats' if repeat else 'descends'} at index {index}:" in str(error.value)
    assert f"{shift[index]:g} cm⁻¹" in str(error.value)
    assert error.value.remedy


@given(st.integers(0, 19))
def test_a_negative_variance_is_named_by_index(index):
    variance = np.ones(20)
    variance[index] = -0.5
    with pytest.raises(SpectrumError, match=rf"variance is negative at index {index}: -0.5"):
        spectrum(variance=variance)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"shift": np.arange(7.0), "intensity": np.arange(7.0), "variance": None}, "8 to 1,000,000"),
        ({"shift": [], "intensity": [], "variance": None}, "this one 0"),
        ({"intensity": np.arange(19.0)}, "20 values but intensity 19"),
        ({"variance": np.ones(21)}, "20 values but variance 21"),
        ({"shift": np.ones((20, 1))}, "shift has 2 dimensions"),
        ({"intensity": 3.0}, "intensity has 0 dimensions"),
        ({"intensity": ["a"] * 20}, "intensity is not an array of numbers"),
        ({"intensity": [[1, 2], [3]]}, "intensity is not an array of numbers"),
        ({"excitation_nm": 0.0}, "excitation of 0.0 nm"),
        ({"excitation_nm": float("nan")}, "excitation of nan nm"),
        ({"resolution_cm": 0.0}, "resolution of 0.0"),
        ({"resolution_cm": -1.0}, "resolution of -1.0"),
        ({"resolution_cm": float("inf")}, "resolution of inf"),
    ],
)
def test_what_is_refused_is_said(changes, said):
    with pytest.raises(SpectrumError) as error:
        spectrum(**changes)
    assert said in str(error.value)
    assert isinstance(error.value, SpectriageError)
    assert isinstance(error.value, ValueError)


def test_too_many_points_are_refused():
    with pytest.raises(SpectrumError, match="1,000,001"):
        Spectrum(np.arange(MAX_POINTS + 1.0), np.zeros(MAX_POINTS + 1))


def test_eight_points_are_enough():
    assert len(Spectrum(np.arange(8.0), np.zeros(8))) == 8


def test_nothing_can_be_changed():
    made = spectrum()
    for name in ("shift", "intensity", "variance", "excitation_nm", "history"):
        with pytest.raises(AttributeError):
            setattr(made, name, None)
    for array in (made.shift, made.intensity, made.variance):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1.0
    with pytest.raises(TypeError):
        made.metadata["operator"] = "B"


def test_it_does_not_share_memory_with_what_it_was_made_of():
    shift, intensity, metadata = np.linspace(200.0, 1800.0, 20), np.arange(20.0), {"a": 1}
    made = spectrum(shift=shift, intensity=intensity, metadata=metadata)
    shift[0], intensity[0], metadata["a"] = -1.0, -1.0, 2
    assert (made.shift[0], made.intensity[0], made.metadata["a"]) == (200.0, 0.0, 1)


@pytest.mark.parametrize("through", [copy.copy, copy.deepcopy, lambda s: pickle.loads(pickle.dumps(s))])
def test_copies_are_equal_and_as_immutable(through):
    made = spectrum()
    other = through(made)
    assert other == made
    for array in (other.shift, other.intensity, other.variance):
        assert not array.flags.writeable
    with pytest.raises(TypeError):
        other.metadata["operator"] = "B"


@pytest.mark.parametrize(
    "changes",
    [
        {"intensity": np.arange(20.0) + 1e-9},
        {"shift": np.linspace(200.0, 1800.1, 20)},
        {"variance": None},
        {"variance": np.full(20, 2.0)},
        {"excitation_nm": 532.0},
        {"resolution_cm": None},
        {"metadata": {}},
        {"history": ()},
    ],
)
def test_equality_sees_every_difference(changes):
    assert spectrum() == spectrum()
    assert spectrum() != spectrum(**changes)
    assert spectrum() != "spectrum"


def test_steps_add_to_the_history_of_a_copy():
    made = spectrum()
    doubled = made.with_step("scale(2)", intensity=2.0 * made.intensity)
    assert doubled.history == ("read", "scale(2)")
    assert made.history == ("read",)
    np.testing.assert_array_equal(doubled.intensity, 2.0 * made.intensity)
    assert doubled.metadata == made.metadata
    with pytest.raises(SpectrumError):
        made.with_step("break", intensity=np.full(20, np.nan))


@given(st.lists(st.floats(1e-3, 50.0), min_size=MIN_POINTS - 1, max_size=60))
def test_the_spacing_is_the_median_step(steps):
    shift = 100.0 + np.concatenate([[0.0], np.cumsum(steps)])
    made = Spectrum(shift, np.zeros(shift.size))
    assert made.spacing_cm == pytest.approx(np.median(np.diff(shift)), rel=1e-12)
    # asked for again it is the same, and of a part it is the part's own
    assert made.spacing_cm == pytest.approx(np.median(np.diff(shift)), rel=1e-12)
    part = made.crop(shift[0], shift[MIN_POINTS - 1])
    assert part.spacing_cm == pytest.approx(np.median(np.diff(shift[:MIN_POINTS])), rel=1e-12)


def test_a_known_spacing_changes_nothing():
    made, other = spectrum(), spectrum()
    assert made.spacing_cm == pytest.approx(1600.0 / 19.0)
    assert made == other
    for copied in (copy.copy(made), pickle.loads(pickle.dumps(made))):
        assert copied == other
        assert copied.spacing_cm == made.spacing_cm
    assert made.with_step("move", shift=2.0 * made.shift).spacing_cm == pytest.approx(3200.0 / 19.0)
    with pytest.raises(AttributeError):
        made.spacing_cm = 1.0


@given(st.integers(0, 12), st.integers(8, 20))
def test_crop_keeps_both_ends(first, count):
    made = spectrum()
    last = min(first + count, 20) - 1
    low, high = float(made.shift[first]), float(made.shift[last])
    if last - first + 1 < MIN_POINTS:
        with pytest.raises(SpectrumError, match="fewer than 8 points"):
            made.crop(low, high)
        return
    part = made.crop(low, high)
    np.testing.assert_array_equal(part.shift, made.shift[first : last + 1])
    np.testing.assert_array_equal(part.intensity, made.intensity[first : last + 1])
    assert part.variance is not None
    assert part.variance.size == part.shift.size
    assert part.history == ("read", f"crop({low:g}, {high:g})")
    assert part.excitation_nm == 785.0


def test_a_crop_that_leaves_nothing_says_what_there_is():
    with pytest.raises(SpectrumError, match="covers 200 to 1800"):
        spectrum().crop(3000.0, 3100.0)
