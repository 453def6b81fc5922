"""The coarse search: sums over groups of points, kept in sixteen bits, and their products, against NumPy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spectriage.spectra.contrast._kernels_arguments import Query
from spectriage.spectra.contrast._kernels_coarse import (
    POOL,
    greatest_moved,
    pool,
    pool_moved,
    pool_rest,
    products_with_coarse,
)
from spectriage.spectra.contrast.coarse import as_float, make_coarse, upper_halves

SEEDS = st.integers(0, 2**32 - 1)


def pooled(values: np.ndarray, moved: int = 0) -> np.ndarray:
    """The definition: moved up, what moves in being zero, summed in fours, of unit norm."""
    whole = np.zeros(-(-values.size // 4) * 4)
    for p, value in enumerate(values):
        if 0 <= p + moved < values.size:
            whole[p + moved] = value
    sums = whole.reshape(-1, 4).sum(axis=1)
    norm = np.linalg.norm(sums)
    return sums / norm if norm > 0.0 else sums


def test_four_points_are_one_of_a_look():
    assert POOL == 4


@given(SEEDS, st.integers(1, 70), st.integers(-9, 9))
@settings(max_examples=300, deadline=None)
def test_pooling_is_that_of_numpy(seed, size, moved):
    # all positive: no sum is small beside what it is made of
    values = np.random.default_rng(seed).uniform(0.1, 3.0, size).astype(np.float32)
    out = np.full(-(-size // 4), np.nan, np.float32)
    pool(values, moved, out)
    np.testing.assert_allclose(out, pooled(values.astype(np.float64), moved), rtol=1e-5, atol=0.0)


@given(SEEDS, st.integers(1, 50), st.integers(0, 9))
@settings(max_examples=60, deadline=None)
def test_moves_are_pooled_as_one_at_a_time(seed, size, reach):
    values = np.random.default_rng(seed).uniform(0.1, 3.0, size).astype(np.float32)
    out = np.full((2 * reach + 1, -(-size // 4)), np.nan, np.float32)
    pool_moved(values, reach, out)
    for own, moved in zip(out, range(-reach, reach + 1), strict=True):
        np.testing.assert_allclose(own, pooled(values.astype(np.float64), moved), rtol=1e-5, atol=0.0)


@pytest.mark.parametrize("moved", [-8, -1, 0, 3, 12])
def test_nothing_pools_to_nothing(moved):
    out = np.full(3, np.nan, np.float32)
    pool(np.zeros(10, np.float32), moved, out)
    assert not out.any()


@given(SEEDS, st.integers(8, 70), st.sampled_from([1e-3, 0.05, 1.0]))
@settings(max_examples=60, deadline=None)
def test_what_a_fit_leaves_is_compressed_and_pooled(seed, size, threshold):
    rng = np.random.default_rng(seed)
    # what is left is positive, as above
    fitted = rng.normal(size=size).astype(np.float32)
    derivative = (fitted + rng.uniform(0.1, 2.0, size)).astype(np.float32)
    valid = rng.random(size) < 0.8
    out = np.full(-(-size // 4), np.nan, np.float32)
    pool_rest(Query(derivative, derivative, valid, threshold), fitted, out)
    left = np.where(valid, derivative.astype(np.float64) - fitted.astype(np.float64), 0.0)
    np.testing.assert_allclose(out, pooled(np.arcsinh(left / threshold)), rtol=1e-4, atol=0.0)


FLOATS = st.floats(-(2.0**126), 2.0**126, width=32)


@given(st.lists(FLOATS, min_size=1, max_size=30).map(lambda values: np.array(values, np.float32)))
@settings(max_examples=200, deadline=None)
def test_numbers_are_rounded_to_eight_binary_digits_and_to_even(values):
    kept = upper_halves(values)
    assert kept.dtype == np.uint16
    # what is told apart, from 2⁻¹³³ on: half of a number's last place is the most that is lost
    exact = values.astype(np.float64)
    places = np.ldexp(1.0, np.maximum(np.frexp(exact)[1], -125) - 8)
    np.testing.assert_array_equal(as_float(kept), np.rint(exact / places) * places)
    # once more changes nothing
    np.testing.assert_array_equal(upper_halves(as_float(kept)), kept)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.0, 0.0),
        (-0.0, -0.0),
        (1.0, 1.0),
        (1.0 + 1 / 256, 1.0),
        (1.0 + 3 / 256, 1.0 + 4 / 256),
        (-1.0 - 3 / 256, -1.0 - 4 / 256),
        (1.0 + 1.001 / 256, 1.0 + 2 / 256),
        (1.999, 2.0),
    ],
)
def test_halves_are_rounded_to_even(value, expected):
    found = as_float(upper_halves(np.array([value], np.float32)))
    assert found.tolist() == [expected]
    assert np.signbit(found[0]) == np.signbit(expected)


@given(SEEDS, st.integers(1, 12), st.integers(1, 9), st.integers(1, 50))
@settings(max_examples=150, deadline=None)
def test_products_with_coarse_rows_are_those_of_numpy(seed, count, queries, points):
    rng = np.random.default_rng(seed)
    coarse = upper_halves(rng.normal(size=(count, points)).astype(np.float32))
    asked = rng.normal(size=(queries, points)).astype(np.float32)
    out = np.full((count, queries), np.nan, np.float32)
    products_with_coarse(coarse, asked, out)
    # the numbers that the halves stand for, by way of their bytes
    bits = np.zeros((count, points, 2), "<u2")
    bits[..., 1] = coarse
    expected = bits.view("<f4")[..., 0].astype(np.float64) @ asked.astype(np.float64).T
    np.testing.assert_allclose(out, expected, rtol=0.0, atol=1e-5 * points)


@given(SEEDS, st.integers(1, 40))
@settings(max_examples=60, deadline=None)
def test_a_coarse_matrix_is_that_of_the_definition(seed, size):
    rng = np.random.default_rng(seed)
    rows = np.abs(rng.normal(size=(5, size)) * 10.0 ** rng.uniform(-5, 0, (5, 1))).astype(np.float32)
    rows[2] = 0.0
    found = as_float(make_coarse(rows).rows)
    expected = np.stack([pooled(np.arcsinh(row.astype(np.float64) / 1e-3)) for row in rows])
    np.testing.assert_allclose(found, expected, rtol=1.001 / 256, atol=0.0)
    assert not found[2].any()


@given(SEEDS, st.integers(1, 12), st.integers(0, 3), st.integers(1, 6))
@settings(max_examples=80, deadline=None)
def test_the_coarse_best_are_those_of_a_sort_over_all_moves(seed, count, reach, room):
    rng = np.random.default_rng(seed)
    curves, places = rng.normal(size=(5, 40)).astype(np.float32), rng.choice(5, 3, replace=False)
    coarse = upper_halves(rng.normal(size=(count, 10)).astype(np.float32))
    near, found = reach // 2, np.empty((3, 4))
    greatest_moved(curves, places, reach, near, coarse, found)
    for curve, (move, row, best, best_near) in zip(curves[places], found, strict=True):
        moved = np.empty((2 * reach + 1, 10), np.float32)
        pool_moved(curve, reach, moved)
        products = moved.astype(float) @ as_float(coarse).astype(float).T
        assert (move + reach, row) == np.unravel_index(products.argmax(), products.shape)
        assert best == pytest.approx(products.max(), abs=1e-5)
        assert best_near == pytest.approx(products[reach - near : reach + near + 1].max(), abs=1e-5)
