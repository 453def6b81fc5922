"""The compression's kernels against NumPy's asinh and cosines in double precision."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spectriage.spectra.contrast._kernels_compress import agreement, compress, weighted_cosine


@given(st.integers(0, 2**32 - 1), st.floats(1e-4, 1.0), st.sampled_from([1e-6, 1e-2, 1.0, 1e6]))
@settings(max_examples=60, deadline=None)
def test_compression_is_asinh(seed, threshold, scale):
    values = (scale * np.random.default_rng(seed).normal(size=257)).astype(np.float32)
    out = np.empty_like(values)
    compress(values, threshold, out)
    expected = np.arcsinh(values.astype(np.float64) / threshold)
    np.testing.assert_allclose(out, expected, rtol=2e-5, atol=2e-7)


def test_compression_is_odd_and_keeps_nothing_nothing():
    values = np.array([-3.0, -1e-5, 0.0, 1e-5, 3.0], np.float32)
    out = np.empty_like(values)
    compress(values, 0.01, out)
    np.testing.assert_array_equal(out, -out[::-1])
    assert out[2] == 0.0


def cosine(first, second, weights):
    return (weights * first) @ second / np.sqrt(((weights * first) @ first) * ((weights * second) @ second))


@given(st.integers(0, 2**32 - 1), st.integers(1, 300))
@settings(max_examples=60, deadline=None)
def test_cosines_are_those_of_numpy(seed, m):
    rng = np.random.default_rng(seed)
    first, second = rng.normal(size=(2, m)).astype(np.float32)
    weights = rng.choice([0.0, 0.5, 1.0], m).astype(np.float32)
    weights[0] = 1.0
    plain = [a.astype(np.float64) for a in (first, second, weights)]
    assert weighted_cosine(first, second, weights) == pytest.approx(cosine(*plain), abs=1e-4)
    compressed = np.arcsinh(plain[1] / 0.05)
    assert agreement(first, second, weights, 0.05) == pytest.approx(
        cosine(plain[0], compressed, plain[2]), abs=1e-4
    )


def test_nothing_agrees_with_nothing_and_no_curve_more_than_wholly_with_itself():
    empty, curve = np.zeros(64, np.float32), np.linspace(-1, 1, 64, dtype=np.float32) ** 3
    ones = np.ones(64, np.float32)
    assert weighted_cosine(empty, curve, ones) == 0.0
    assert agreement(curve, empty, ones, 0.1) == 0.0
    for scale in (1e-3, 1.0, 1e3):
        assert 0.99999 < weighted_cosine(curve, curve * np.float32(scale), ones) <= 1.0
