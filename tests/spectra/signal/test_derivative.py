"""Savitzky–Golay derivatives against SciPy's, and windows that leave the measured range."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import savgol_coeffs, savgol_filter

from spectriage.spectra.signal.derivative import differentiate, savgol_weights, shrink_mask, window_points


@pytest.mark.parametrize("points", [5, 9, 21, 41])
@pytest.mark.parametrize("degree", [3, 4])
@pytest.mark.parametrize("order", [0, 1, 2])
def test_weights_are_those_of_scipy(points, degree, order):
    expected = savgol_coeffs(points, degree, deriv=order, use="dot")
    np.testing.assert_allclose(savgol_weights(points, degree, order), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("width", "step", "points"), [(42, 2, 21), (42, 1, 41), (42, 4, 11), (1, 2, 5), (10, 2, 5), (41, 2, 21)]
)
def test_windows_have_an_odd_number_of_points(width, step, points):
    assert window_points(width, step) == points


@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 2]), st.sampled_from([1.0, 2.0, 3.5]))
@settings(max_examples=40, deadline=None)
def test_values_are_those_of_scipy(seed, order, step):
    values = np.random.default_rng(seed).normal(size=(3, 120))
    points = window_points(42.0, step)
    made, valid = differentiate(values, np.ones_like(values, bool), order=order, step_cm=step, width_cm=42.0)
    expected = savgol_filter(values, points, 3, deriv=order, delta=step, axis=-1, mode="constant")
    half = points // 2
    assert valid[:, half:-half].all()
    assert not valid[:, :half].any()
    assert not valid[:, -half:].any()
    np.testing.assert_allclose(made[valid], expected[valid], rtol=0, atol=1e-12)
    assert np.all(made[~valid] == 0.0)


@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 150),
    st.sampled_from([1, 2]),
    st.sampled_from([(42.0, 2.0), (18.0, 2.0), (10.0, 3.5)]),
    st.floats(0.0, 0.1),
)
@settings(max_examples=150, deadline=None)
def test_each_run_of_what_was_measured_is_differentiated_as_by_scipy(seed, size, order, window, holes):
    rng = np.random.default_rng(seed)
    values, measured = rng.normal(size=size), rng.random(size) >= holes
    values[~measured] = rng.choice([np.nan, np.inf, 1e30], np.count_nonzero(~measured))
    width, step = window
    points = window_points(width, step)
    half = points // 2
    expected, holds = np.zeros(size), np.zeros(size, bool)
    edges = np.flatnonzero(np.diff(np.r_[False, measured, False].astype(int)))
    for start, stop in edges.reshape(-1, 2):
        if stop - start >= points:
            inner = slice(start + half, stop - half)
            run = savgol_filter(values[start:stop], points, 3, deriv=order, delta=step)
            expected[inner], holds[inner] = run[half : run.size - half], True
    made, valid = differentiate(values, measured, order=order, step_cm=step, width_cm=width)
    np.testing.assert_array_equal(valid, holds)
    np.testing.assert_allclose(made, expected, rtol=0, atol=1e-12)
    assert np.all(made[~holds] == 0.0)
    # several at once, in another way
    if size >= points:
        both = np.stack([values, values[::-1]]), np.stack([measured, measured[::-1]])
        several, valid_each = differentiate(*both, order=order, step_cm=step, width_cm=width)
        np.testing.assert_array_equal(valid_each, [holds, holds[::-1]])
        mirrored = (-1.0) ** order * expected[::-1]
        np.testing.assert_allclose(several, [expected, mirrored], rtol=0, atol=1e-12)


@given(st.integers(0, 2**32 - 1), st.sampled_from([5, 9, 21]), st.floats(0.0, 0.1))
@settings(max_examples=60, deadline=None)
def test_a_window_must_be_wholly_measured(seed, points, holes):
    measured = np.random.default_rng(seed).random((2, 90)) >= holes
    half = points // 2
    expected = np.zeros_like(measured)
    for i in range(2):
        for j in range(half, 90 - half):
            expected[i, j] = measured[i, j - half : j + half + 1].all()
    np.testing.assert_array_equal(shrink_mask(measured, points), expected)
    np.testing.assert_array_equal(shrink_mask(measured[0], points), expected[0])


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e30])
def test_what_was_not_measured_is_not_used(bad):
    rng = np.random.default_rng(4)
    values = rng.normal(size=100)
    measured = np.ones(100, bool)
    measured[:20] = measured[60:63] = False
    clean, valid = differentiate(values, measured, order=2, step_cm=2.0, width_cm=18.0)
    spoilt, also = differentiate(
        np.where(measured, values, bad), measured, order=2, step_cm=2.0, width_cm=18.0
    )
    np.testing.assert_array_equal(spoilt, clean)
    np.testing.assert_array_equal(valid, also)
    assert valid.any()


@pytest.mark.parametrize("order", [1, 2])
def test_cubics_have_their_own_derivative(order):
    x = np.arange(0.0, 200.0, 2.0)
    cubic = np.polynomial.Polynomial([3.0, -2.0, 0.5, 0.01])
    made, valid = differentiate(cubic(x), np.ones(100, bool), order=order, step_cm=2.0, width_cm=42.0)
    np.testing.assert_allclose(made[valid], cubic.deriv(order)(x)[valid], rtol=1e-9)


def test_a_window_wider_than_the_spectrum_holds_nowhere():
    made, valid = differentiate(np.ones(10), np.ones(10, bool), order=2, step_cm=2.0, width_cm=42.0)
    assert not valid.any()
    assert np.all(made == 0.0)


@pytest.mark.parametrize("values", range(25))
def test_no_window_fits_on_fewer_values_than_it_has(values):
    measured = np.ones((2, values), bool)
    assert shrink_mask(measured, 21).sum() == 2 * max(0, values - 20)
    derivative, valid = differentiate(np.zeros((2, values)), measured, order=2, step_cm=2.0, width_cm=42.0)
    assert derivative.shape == valid.shape == (2, values)
