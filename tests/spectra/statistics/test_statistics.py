"""Kernels of robust statistics against NumPy's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spectriage.spectra.statistics._kernels_statistics import (
    peak_widths,
    quantile,
    residual_level,
    sharp_steps,
)

VALUES = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60).map(np.array)


@given(VALUES, st.floats(0.0, 1.0))
@settings(max_examples=200, deadline=None)
def test_quantiles_are_those_of_numpy(values, share):
    expected = np.quantile(values, share)
    assert quantile(values, share) == pytest.approx(expected, rel=1e-9, abs=1e-6)


# zeros of both signs, what lies next to others, subnormal numbers and the nearly greatest, again and again
ODD = [0.0, -0.0, 5e-324, -5e-324, 1e-310, 2.0**-1022, 1.0, np.nextafter(1.0, 2.0), -1.0, 8e307, -8e307]
MIXED = st.lists(
    st.one_of(st.sampled_from(ODD), st.floats(-8e307, 8e307), st.integers(-2, 2).map(float)),
    min_size=1,
    max_size=200,
).map(np.array)
SHARES = st.one_of(st.floats(0.0, 1.0), st.sampled_from([0.0, 0.25, 0.5, 0.75, 0.95, 1.0]))


@given(MIXED, SHARES)
@settings(max_examples=400, deadline=None)
def test_quantiles_of_any_finite_numbers_are_those_of_numpy(values, share):
    found, expected = quantile(values, share), np.quantile(values, share)
    place = share * (values.size - 1)
    ends = np.sort(values)[[int(np.floor(place)), int(np.ceil(place))]]
    # the last places of the two numbers that it lies between
    assert abs(found - expected) <= 4.0 * np.spacing(np.abs(ends).max())
    if ends[0] == ends[1]:
        assert found == ends[0]


@given(st.integers(0, 2**32 - 1), st.integers(1, 3000), SHARES, st.sampled_from([-300.0, 0.0, 300.0]))
@settings(max_examples=60, deadline=None)
def test_quantiles_of_many_numbers_are_those_of_numpy(seed, size, share, magnitude):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=size) * 10.0 ** (magnitude + rng.uniform(-6, 6, size))
    values[rng.random(size) < 0.3] = values[0]
    assert quantile(values, share) == pytest.approx(np.quantile(values, share), rel=1e-9, abs=0.0)


def test_a_quantile_leaves_the_values_as_they_are():
    values = np.array([3.0, 1.0, 2.0])
    assert quantile(values, 0.5) == 2.0
    assert values.tolist() == [3.0, 1.0, 2.0]


@given(VALUES)
@settings(max_examples=100, deadline=None)
def test_the_half_is_the_median(values):
    assert quantile(values, 0.5) == pytest.approx(np.median(values), rel=1e-12, abs=1e-9)


@given(st.integers(0, 2**32 - 1), st.integers(60, 300), st.floats(0.0, 1.0))
@settings(max_examples=60, deadline=None)
def test_the_residual_level_is_that_of_two_convolutions(seed, size, share):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=size) + 5.0
    weights = np.array([0.1, 0.2, 0.4, 0.2, 0.1])
    left = values[2:-2] - np.convolve(values, weights, "valid")
    local = np.convolve(left**2, np.full(21, 1.0 / 21.0), "valid")
    assert residual_level(values, weights, 21, share) == pytest.approx(np.quantile(local, share), rel=1e-9)


def sharp_places(values, threshold, widest, sharpness):
    """The definition, point by point."""
    steps = np.diff(values)
    steps = steps - np.median(steps)
    spread = np.median(np.abs(steps)) / 0.6745
    found = []
    for width in range(1, widest + 1):
        for p in range(steps.size - width):
            if not (steps[p] > threshold * spread and steps[p + width] < -threshold * spread):
                continue
            around = np.r_[values[max(0, p - 2) : p + 1], values[p + 1 + width : p + 4 + width]]
            height = values[p + 1 : p + 1 + width].min() - np.median(around)
            if around.size >= 4 and height > sharpness * np.ptp(around):
                found.append((p + 1, width))
    return found if spread > 0 else []


@given(st.integers(0, 2**32 - 1), st.lists(st.integers(0, 99), max_size=6))
@settings(max_examples=100, deadline=None)
def test_sharp_steps_are_those_of_the_definition(seed, spikes):
    values = np.random.default_rng(seed).normal(size=100)
    values[spikes] += 60.0
    places = np.empty((20, 2), np.intp)
    found = sharp_steps(values, 8.0, 2, 4.0, places)
    assert [tuple(place) for place in places[:found].tolist()] == sharp_places(values, 8.0, 2, 4.0)
    assert sharp_steps(values, 8.0, 2, 4.0, places[:1]) == min(found, 1)


@given(st.lists(st.integers(0, 30), min_size=4, max_size=40), st.integers(0, 8), st.integers(1, 3))
@settings(max_examples=300, deadline=None)
def test_sharp_steps_among_few_heights_and_near_the_ends(heights, start, widest):
    """Heights that are whole numbers stand out by exactly what is asked for, or hardly, again and again."""
    values = np.array(heights, np.float64)
    values[start : start + 1] += 25.0
    places = np.empty((3 * values.size, 2), np.intp)
    found = sharp_steps(values, 1.0, widest, 4.0, places)
    assert [tuple(place) for place in places[:found].tolist()] == sharp_places(values, 1.0, widest, 4.0)


def test_a_level_curve_has_no_steps():
    assert sharp_steps(np.full(50, 3.0), 8.0, 2, 4.0, np.empty((9, 2), np.intp)) == 0


@given(st.integers(0, 2**32 - 1), st.integers(8, 120), st.floats(0.5, 30.0), st.floats(0.0, 2.0))
@settings(max_examples=100, deadline=None)
def test_peaks_are_the_highest_within_reach_that_stand_over_their_feet(seed, size, reach, least):
    rng = np.random.default_rng(seed)
    axis = np.cumsum(rng.uniform(0.5, 1.5, size))
    values = np.round(rng.normal(size=size) + 3.0 * np.exp(-(((axis - axis.mean()) / 4.0) ** 2)), 1)
    places, heights, widths = np.empty(size, np.intp), np.empty(size), np.empty(size)
    count = peak_widths(values, axis, reach, least, places, heights, widths)
    expected = []
    for p in range(1, size - 1):
        left = values[:p][axis[p] - axis[:p] <= reach]
        right = values[p + 1 :][axis[p + 1 :] - axis[p] <= reach]
        feet = min([*left, values[p]]), min([*right, values[p]])
        top = values[p - 1] <= values[p] > values[p + 1]
        if top and max([*left, *right, values[p]]) == values[p] and values[p] - max(feet) >= least:
            expected.append((p, values[p] - 0.5 * sum(feet)))
    assert places[:count].tolist() == [p for p, _ in expected]
    assert heights[:count] == pytest.approx([height for _, height in expected])
