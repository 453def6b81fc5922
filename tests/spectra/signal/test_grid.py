"""Resampling against exact integrals and SciPy's interpolants, and the variance against what was drawn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import CubicHermiteSpline

from spectriage.spectra import Spectrum
from spectriage.spectra.errors import ParameterError, SpectrumError
from spectriage.spectra.signal._kernels_grid import correct_axis, move
from spectriage.spectra.signal.grid import DEFAULT_GRID, Grid, Resampled, resample

GRID = Grid(300.0, 700.0, 2.0)


def axis(rng: np.random.Generator, low: float, high: float, spacing: float) -> np.ndarray:
    """An uneven axis, as a grating gives, with spacings within a factor of about two."""
    return low + np.cumsum(rng.uniform(0.6, 1.4, round((high - low) / spacing)) * spacing)


def cell_means(x: np.ndarray, y: np.ndarray, centres: np.ndarray, width: float) -> np.ndarray:
    """The trapezoid rule over all knots and edges is exact for a piecewise linear function."""
    means = []
    for centre in centres:
        low, high = centre - width / 2, centre + width / 2
        knots = np.concatenate([[low], x[(x > low) & (x < high)], [high]])
        means.append(np.trapezoid(np.interp(knots, x, y), knots) / width)
    return np.array(means)


def test_the_default_grid():
    assert len(DEFAULT_GRID) == 1024
    assert DEFAULT_GRID.shift[0] == 200.0
    assert DEFAULT_GRID.shift[-1] == 2246.0
    assert np.all(np.diff(DEFAULT_GRID.shift) == 2.0)


@pytest.mark.parametrize(
    "ends",
    [
        (200, 2000, 0),
        (200, 2000, -1),
        (2000, 200, 1),
        (0, 62, 1),
        (0, 65_536, 1),
        (0, np.nan, 1),
        (0, np.inf, 1),
        (0, 2000, 1e-320),
    ],
)
def test_axes_that_are_none_are_refused(ends):
    with pytest.raises(ParameterError):
        Grid(*map(float, ends))


def test_the_smallest_and_largest_axes():
    assert len(Grid(0.0, 63.0, 1.0)) == 64
    assert len(Grid(0.0, 65_535.0, 1.0)) == 65_536


@given(st.integers(0, 2**32 - 1), st.floats(0.2, 1.9))
@settings(max_examples=40, deadline=None)
def test_a_finer_source_is_averaged_over_cells(seed, spacing):
    rng = np.random.default_rng(seed)
    x = axis(rng, 250.0, 760.0, spacing)
    x = x[np.concatenate([[True], np.diff(x) > 0])]
    y = rng.normal(scale=100.0, size=x.size)
    made = resample(Spectrum(x, y), GRID.shift)
    inside = (GRID.shift - 1.0 >= x[0]) & (GRID.shift + 1.0 <= x[-1])
    assert made.measured[inside].all()
    expected = cell_means(x, y, GRID.shift[inside], 2.0)
    np.testing.assert_allclose(made.intensity[inside], expected, rtol=0, atol=1e-9)


@given(st.integers(0, 2**32 - 1), st.floats(3.0, 6.0))
@settings(max_examples=40, deadline=None)
def test_a_coarser_source_is_interpolated_as_by_scipy(seed, spacing):
    rng = np.random.default_rng(seed)
    x = axis(rng, 250.0, 760.0, spacing)
    y = rng.normal(scale=100.0, size=x.size)
    made = resample(Spectrum(x, y), GRID.shift)
    # parabolic slopes: what numpy's gradient gives inside
    spline = CubicHermiteSpline(x, y, np.gradient(y, x))
    inside = (GRID.shift >= x[1]) & (GRID.shift <= x[-2])
    np.testing.assert_allclose(made.intensity[inside], spline(GRID.shift[inside]), rtol=0, atol=1e-9)


@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([0.3, 1.0, 2.5, 4.0, 7.0]),
    st.floats(-1e4, 1e4),
    st.floats(-50.0, 50.0),
    st.floats(290.0, 330.0),
)
@settings(max_examples=60, deadline=None)
def test_straight_lines_are_kept(seed, spacing, level, slope, start):
    x = axis(np.random.default_rng(seed), start, 690.0, spacing)
    made = resample(Spectrum(x, level + slope * (x - 500.0)), GRID.shift)
    inside = made.measured
    np.testing.assert_array_equal(inside, (GRID.shift >= x[0]) & (GRID.shift <= x[-1]))
    expected = level + slope * (GRID.shift[inside] - 500.0)
    np.testing.assert_allclose(made.intensity[inside], expected, rtol=0, atol=1e-7)


@pytest.mark.parametrize("spacing", [0.5, 1.3, 2.0, 3.7, 6.0])
def test_constants_are_kept_to_the_very_ends(spacing):
    x = axis(np.random.default_rng(3), 301.0, 690.0, spacing)
    made = resample(Spectrum(x, np.full(x.size, 7.25)), GRID.shift)
    np.testing.assert_allclose(made.intensity[made.measured], 7.25, rtol=1e-12)
    assert np.all(made.intensity[~made.measured] == 0.0)


@pytest.mark.parametrize("spacing", [0.7, 4.0])
def test_the_variance_is_that_of_the_weights(spacing):
    """Resampling is linear: its weights are read off unit vectors, the variance follows from them exactly."""
    rng = np.random.default_rng(5)
    x = axis(rng, 320.0, 520.0, spacing)
    variance = rng.uniform(0.5, 4.0, x.size)
    weights = np.stack([resample(Spectrum(x, row), GRID.shift).intensity for row in np.eye(x.size)], axis=1)
    made = resample(Spectrum(x, np.zeros(x.size), variance), GRID.shift)
    assert made.variance is not None
    np.testing.assert_allclose(made.variance, np.square(weights) @ variance, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("spacing", [0.4, 5.0])
def test_the_variance_is_that_of_repeated_measurements(spacing):
    rng = np.random.default_rng(6)
    x = axis(rng, 320.0, 520.0, spacing)
    true = 1000.0 * np.exp(-(((x - 400.0) / 8.0) ** 2))
    variance = true + 25.0
    draws = np.stack(
        [
            resample(Spectrum(x, true + rng.normal(scale=np.sqrt(variance))), GRID.shift).intensity
            for _ in range(3000)
        ]
    )
    made = resample(Spectrum(x, true, variance), GRID.shift)
    assert made.variance is not None
    seen = draws.var(axis=0)[made.measured]
    # the sample variance of 3,000 draws has a standard error of 2.6 %; 5 of them, for 100 points
    np.testing.assert_allclose(seen, made.variance[made.measured], rtol=0.13)


def test_averaging_averages_the_noise():
    x = np.arange(250.0, 760.0, 0.1)
    made = resample(Spectrum(x, np.zeros(x.size), np.ones(x.size)), GRID.shift)
    assert made.variance is not None
    # a mean of 20 points, each half-shared at the edges: between 1/20 and 1/21
    assert np.all((made.variance > 1 / 21) & (made.variance < 1 / 20))
    assert resample(Spectrum(x, np.zeros(x.size)), GRID.shift).variance is None


@pytest.mark.parametrize("spacing", [0.5, 4.0])
def test_what_was_not_measured_is_marked(spacing):
    x = np.concatenate([np.arange(350.0, 450.0, spacing), np.arange(520.0, 650.0, spacing)])
    made = resample(Spectrum(x, np.full(x.size, 3.0), np.ones(x.size)), GRID.shift)
    assert made.variance is not None
    shift = GRID.shift
    assert not made.measured[shift < 349.0].any()
    assert not made.measured[shift > 651.0].any()
    assert not made.measured[(shift > 451.0) & (shift < 519.0)].any()
    assert made.measured[(shift > 352.0) & (shift < 444.0)].all()
    assert made.measured[(shift > 522.0) & (shift < 644.0)].all()
    assert np.all(made.intensity[~made.measured] == 0.0)
    assert np.all(made.variance[~made.measured] == 0.0)


@pytest.mark.parametrize("spacing", [0.5, 4.0])
@pytest.mark.parametrize("offset", [-7.3, 0.4, 8.0])
def test_an_offset_moves_the_axis(spacing, offset):
    rng = np.random.default_rng(8)
    x = axis(rng, 320.0, 680.0, spacing)
    y = rng.normal(size=x.size)
    one = resample(Spectrum(x, y), GRID.shift, offset_cm=offset)
    other = resample(Spectrum(x + offset, y), GRID.shift)
    np.testing.assert_array_equal(one.measured, other.measured)
    np.testing.assert_allclose(one.intensity, other.intensity, atol=1e-12)


@pytest.mark.parametrize(("low", "high"), [(900.0, 1200.0), (0.0, 250.0), (600.0, 2000.0), (699.0, 4000.0)])
def test_too_little_in_common_is_an_error(low, high):
    x = np.arange(low, high, 1.0)
    with pytest.raises(SpectrumError, match="shares fewer than 64") as error:
        resample(Spectrum(x, np.zeros(x.size)), GRID.shift)
    assert f"{x[0]:.0f} to {x[-1]:.0f}" in str(error.value)


def sources(size: int, start: float, step: float, offset: float, stretch: float) -> np.ndarray:
    """Where each point of an even axis was before it was corrected, in points."""
    shift = start + step * np.arange(size)
    # corrected = before + offset + stretch · (before − 1200)
    return ((shift - offset + 1200.0 * stretch) / (1.0 + stretch) - start) / step


def hermite(values: np.ndarray, place: float) -> float:
    """The cubic with the values and the central slopes of the two points that `place` lies between."""
    j = int(np.floor(place))
    t = place - j
    slopes = np.gradient(values[j - 1 : j + 3])[1:3]
    whole = (1 + 2 * t) * (1 - t) ** 2 * values[j] + t**2 * (3 - 2 * t) * values[j + 1]
    return whole + t * (1 - t) ** 2 * slopes[0] - t**2 * (1 - t) * slopes[1]


@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 400),
    st.sampled_from([(200.0, 2.0), (0.0, 1.0), (1150.0, 0.5), (317.3, 4.1)]),
    st.one_of(st.floats(-12.0, 12.0), st.integers(-12, 12).map(float)),
    st.one_of(st.floats(-0.01, 0.01), st.sampled_from([0.0, -0.003, -0.0015, 0.0015, 0.003])),
    st.sampled_from([0.0, 0.02, 0.3]),
)
@settings(max_examples=200, deadline=None)
def test_an_axis_is_corrected_as_point_by_point(seed, size, grid, offset, stretch, holes):
    rng = np.random.default_rng(seed)
    valid = rng.random(size) >= holes
    values = np.where(valid, rng.normal(size=size), 1e6).astype(np.float32)
    out, out_valid = np.full(size, np.nan, np.float32), np.ones(size, bool)
    correct_axis(values, valid, *grid, offset, stretch, out, out_valid)
    exact = values.astype(np.float64)

    def holds(place: float) -> bool:
        j = int(np.floor(place))
        return 1 <= j <= size - 3 and bool(valid[j - 1 : j + 3].all())

    for p, place in enumerate(sources(size, *grid, offset, stretch)):
        # on a point to within rounding it may be either interval's
        assert out_valid[p] in {holds(place - 1e-9), holds(place), holds(place + 1e-9)}
        if out_valid[p]:
            near = next(at for at in (place, place - 1e-9, place + 1e-9) if holds(at))
            assert out[p] == pytest.approx(hermite(exact, near), rel=0, abs=2e-5)
        else:
            assert out[p] == 0.0


@pytest.mark.parametrize("stretch", [-0.01, -0.003, 0.0, 0.003, 0.01])
@pytest.mark.parametrize("offset", [-12.0, -0.5, 0.0, 3.3, 12.0])
def test_a_corrected_parabola_is_the_parabola_of_the_axis_before(offset, stretch):
    """Central slopes are exact for it: nothing but single precision is lost, on the whole default axis."""
    shift = DEFAULT_GRID.shift

    def parabola(at: np.ndarray) -> np.ndarray:
        return 0.3 - ((at - 1000.0) / 900.0) ** 2

    out, valid = np.empty(shift.size, np.float32), np.empty(shift.size, bool)
    whole = np.ones(shift.size, bool)
    correct_axis(parabola(shift).astype(np.float32), whole, 200.0, 2.0, offset, stretch, out, valid)
    before = (shift - offset + 1200.0 * stretch) / (1.0 + stretch)
    np.testing.assert_allclose(out[valid], parabola(before[valid]), rtol=0, atol=1e-6)
    np.testing.assert_array_equal(valid[(before < 201.9) | (before > 2244.1)], False)
    np.testing.assert_array_equal(valid[(before > 202.1) & (before < 2243.9)], True)


def test_an_axis_that_is_not_corrected_holds_to_its_ends():
    rng = np.random.default_rng(3)
    values, valid = rng.normal(size=90).astype(np.float32), rng.random(90) < 0.8
    out, out_valid = np.empty_like(values), np.empty_like(valid)
    move(values, valid, np.array([200.0, 2.0]), np.array([0.0, 0.0, 2.0]), out, out_valid)
    np.testing.assert_array_equal(out, values)
    np.testing.assert_array_equal(out_valid, valid)
    for offset, stretch in ((0.5, 0.0), (0.0, 0.002), (-3.0, -0.001)):
        move(values, valid, np.array([200.0, 2.0]), np.array([offset, stretch]), out, out_valid)
        expected, expected_valid = np.empty_like(values), np.empty_like(valid)
        correct_axis(values, valid, 200.0, 2.0, offset, stretch, expected, expected_valid)
        np.testing.assert_array_equal(out, expected)
        np.testing.assert_array_equal(out_valid, expected_valid)


@pytest.mark.parametrize("hole", [None, (700.0, 760.0), (0.0, 420.0)])
@pytest.mark.parametrize("spacing", [0.7, 3.1])
def test_what_a_kernel_found_of_the_ends_is_what_the_mask_says(spacing, hole):
    axis = np.arange(301.0, 1500.0, spacing)
    if hole is not None:
        axis = axis[(axis < hole[0]) | (axis > hole[1])]
    resampled = resample(Spectrum(axis, np.sin(axis)), DEFAULT_GRID.shift)
    looked_up = Resampled(resampled.intensity, None, resampled.measured)
    assert resampled.ends == looked_up.ends
    assert isinstance(resampled.covered, slice) == isinstance(looked_up.covered, slice)
    assert (resampled.values == looked_up.values).all()
    assert (resampled.values == resampled.intensity[resampled.measured]).all()
