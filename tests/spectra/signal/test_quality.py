"""Quality of a measurement: signal, noise, background, saturation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spectriage.spectra import Spectrum
from spectriage.spectra.signal._kernels_quality import stand_over
from spectriage.spectra.signal.grid import DEFAULT_GRID, resample
from spectriage.spectra.signal.noise import noise_level
from spectriage.spectra.signal.quality import (
    ABRUPT,
    FLAT_TOP_POINTS,
    PLATEAU_POINTS,
    PLATEAU_SHARE,
    assess,
    background,
    is_saturated,
)

X = np.arange(260.0, 1900.0, 2.0)
BANDS = sum(
    h * np.exp(-(((X - c) / 9.0) ** 2)) for c, h in ((500, 400), (800, 1000), (1200, 600), (1600, 300))
)


def quality(spectrum: Spectrum):
    query = resample(spectrum, DEFAULT_GRID.shift)
    return assess(spectrum, query, DEFAULT_GRID.shift, background(query), noise_level(query))


@pytest.mark.parametrize("sigma", [2.0, 20.0, 100.0])
@pytest.mark.parametrize("stated", [True, False])
def test_the_signal_to_noise_ratio(sigma, stated):
    rng = np.random.default_rng(1)
    values = BANDS + 500.0 + rng.normal(scale=sigma, size=X.size)
    made = quality(Spectrum(X, values, np.full(X.size, sigma**2) if stated else None, resolution_cm=9.0))
    # points of the grid's own spacing are averaged with their neighbours: 1/8, 3/4, 1/8
    snr = 1000.0 / (sigma * np.sqrt(0.75**2 + 2 * 0.125**2))
    if stated:
        assert made.snr == pytest.approx(snr, rel=0.2)
    else:
        # an estimate from correlated noise is documented to be low, not by more than this
        assert 0.8 * snr < made.snr < 1.6 * snr
    assert made.noise_from == ("variance" if stated else "estimate")
    assert made.low_cm == 260.0
    assert made.high_cm == 1898.0
    assert made.resolution_cm == 9.0
    assert not made.saturated


@pytest.mark.parametrize("ratio", [0.5, 5.0, 50.0])
def test_the_fluorescence_ratio(ratio):
    values = BANDS + 1000.0 * ratio + np.random.default_rng(2).normal(scale=3.0, size=X.size)
    assert quality(Spectrum(X, values)).fluorescence_ratio == pytest.approx(ratio, rel=0.15)


def test_a_background_is_smooth_and_only_where_measured():
    slope = 2000.0 - 0.5 * X
    spectrum = Spectrum(X, BANDS + slope + np.random.default_rng(3).normal(scale=3.0, size=X.size))
    query = resample(spectrum, DEFAULT_GRID.shift)
    made = background(query)
    np.testing.assert_array_equal(np.isnan(made), ~query.measured)
    # between the bands it is the slope, within the noise and the tails
    quiet = query.measured & (np.abs(DEFAULT_GRID.shift - 1000.0) < 60.0)
    np.testing.assert_allclose(made[quiet], (2000.0 - 0.5 * DEFAULT_GRID.shift)[quiet], atol=30.0)


@pytest.mark.parametrize("points", [1, 3, 4, 30])
def test_a_flat_top_is_saturation_from_four_points(points):
    values = BANDS + np.random.default_rng(4).normal(scale=1.0, size=X.size)
    values[300 : 300 + points] = values.max() + 10.0
    assert is_saturated(Spectrum(X, values)) is (points >= 4)


def test_equal_tops_apart_are_not_a_flat_top():
    values = BANDS + np.random.default_rng(4).normal(scale=1.0, size=X.size)
    values[[100, 200, 300, 400, 500]] = values.max() + 10.0
    assert not is_saturated(Spectrum(X, values))


def test_an_empty_scan_is_not_saturated():
    assert not is_saturated(Spectrum(X, np.zeros(X.size)))


@pytest.mark.parametrize("stated", [True, False])
def test_what_the_instrument_says_counts(stated):
    values = BANDS.copy()
    values[300:330] = 1e5
    assert is_saturated(Spectrum(X, values, metadata={"saturated": stated})) is stated


def test_a_flat_spectrum_has_no_signal():
    made = quality(Spectrum(X, np.full(X.size, 5.0)))
    assert made.snr < 5.0 or made.snr == 0.0
    assert np.isfinite([made.snr, made.fluorescence_ratio]).all()


def test_json_is_plain():
    rng = np.random.default_rng(5)
    made = quality(Spectrum(X, BANDS + rng.normal(size=X.size))).to_json()
    assert set(made) >= {
        "snr",
        "noise_from",
        "fluorescence_ratio",
        "saturated",
        "low_cm",
        "high_cm",
        "resolution_cm",
    }
    assert type(made["snr"]) is float
    assert type(made["saturated"]) is bool


@pytest.mark.parametrize("share", [0.5, 0.6, 0.7])
def test_a_detector_that_was_driven_to_its_top_is_seen_under_noise(share):
    """After a dark is taken off and a response applied, no two values are equal any more."""
    axis = np.arange(300.0, 1900.0, 1.5)
    rng = np.random.default_rng(2)
    bands = sum(1e4 / (1.0 + ((axis - place) / 9.0) ** 2) for place in (520.0, 1003.0, 1450.0))
    clipped = np.minimum(bands + 500.0, 1e4 * share + 500.0) + rng.normal(0.0, 15.0, axis.size)
    assert is_saturated(Spectrum(axis, clipped))
    assert not is_saturated(Spectrum(axis, bands + 500.0 + rng.normal(0.0, 15.0, axis.size)))


@settings(deadline=None)
@given(st.floats(4.0, 120.0), st.floats(1e-4, 0.3), st.integers(0, 99))
def test_the_round_top_of_a_band_is_no_plateau(width, noise, seed):
    axis = np.arange(300.0, 1900.0, 1.5)
    values = np.exp(-(((axis - 1000.0) / width) ** 2)) + np.random.default_rng(seed).normal(
        0, noise, axis.size
    )
    assert not is_saturated(Spectrum(axis, values))


def runs(mask):
    """Where runs of true start, and end."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]])))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def is_cut_off_by_definition(values):
    top = values.max()
    longest = max(end - start for start, end in runs(values == top))
    if longest >= FLAT_TOP_POINTS and top > np.median(values):
        return True
    height = top - np.quantile(values, 0.1)
    noise = np.median(np.abs(np.diff(values, 2))) / 0.6745 / np.sqrt(6.0)
    depth = 2.0 * max(PLATEAU_SHARE * height, 3.0 * noise)
    for start, end in runs(values >= top - depth):
        beside = [values[place] for place in (start - 2, end + 1) if 0 <= place < values.size]
        steep = beside and values[start:end].mean() - max(beside) >= ABRUPT * depth
        if height > 0.0 and end - start >= PLATEAU_POINTS and steep:
            return True
    return False


@settings(deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(8, 200),
    st.floats(0.3, 1.1),
    st.sampled_from([0.0, 1e-3, 0.01]),
    st.booleans(),
)
def test_saturation_is_that_of_the_definition(seed, size, share, noise, stepped):
    rng = np.random.default_rng(seed)
    axis = np.arange(size) + 300.0
    values = np.exp(-(((axis - rng.uniform(300.0, 300.0 + size)) / rng.uniform(2.0, 20.0)) ** 2))
    values = np.minimum(values, share) + rng.normal(0.0, noise, size) if noise else np.minimum(values, share)
    if stepped:
        values = np.round(values, 2)
    assert is_saturated(Spectrum(axis, values)) == is_cut_off_by_definition(values)


@given(st.integers(0, 2**32 - 1), st.integers(1, 90), st.floats(-50.0, 50.0))
@settings(max_examples=60, deadline=None)
def test_what_stands_over_a_background_is_that_of_numpy(seed, size, level):
    rng = np.random.default_rng(seed)
    values, below = rng.normal(size=size), rng.normal(level, 1.0, size)
    kept = below.copy()
    height, middle = stand_over(values, below)
    assert height == max((values - below).max(), 0.0)
    assert middle == pytest.approx(np.median(below), rel=1e-12, abs=1e-12)
    assert (below == kept).all()
