"""The kernel that brings a query into the contrast domain, against NumPy and SciPy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import savgol_coeffs

from spectriage.spectra.contrast._kernels_contrast import into_contrast


@given(st.integers(0, 2**32 - 1), st.integers(30, 300), st.sampled_from([0.0, 1e-3, 1.0]), st.floats(0, 1))
@settings(max_examples=40, deadline=None)
def test_the_way_into_the_contrast_is_that_of_the_definition(seed, size, noise, holes):
    """Step by step with NumPy and SciPy, gaps and all."""
    rng = np.random.default_rng(seed)
    measured = rng.random(size) > 0.03 * holes
    intensity = np.where(measured, rng.normal(size=size).cumsum() + 100.0, 0.0)
    weights = np.ascontiguousarray(savgol_coeffs(9, 3, deriv=2, delta=2.0))
    derivative, compressed = np.empty(size, np.float32), np.empty(size, np.float32)
    values, valid = np.empty(size), np.empty(size, np.bool_)
    settings_ = (noise, 1e-3, 1e-9)
    norm, threshold = into_contrast(
        intensity, measured, weights, settings_, values, derivative, compressed, valid
    )
    holds = np.zeros(size, bool)
    holds[4:-4] = np.lib.stride_tricks.sliding_window_view(measured, 9).all(axis=1)
    expected = np.where(holds, np.convolve(intensity, weights[::-1], "same"), 0.0)
    assert (valid == holds).all()
    if not holds.any():
        assert (norm, threshold) == (0.0, 1.0)
        assert not derivative.any()
        return
    assert norm == pytest.approx(np.linalg.norm(expected), rel=1e-12)
    assert threshold == pytest.approx(noise / norm + 1e-3, rel=1e-12)
    np.testing.assert_allclose(derivative, expected / norm, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(compressed, np.arcsinh(expected / norm / threshold), rtol=1e-5, atol=1e-6)
