"""The contrast domain against SciPy, and what must not change it: scale and straight lines."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Event

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import CubicSpline
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks, savgol_coeffs, savgol_filter

from spectriage.spectra import Reference, ReferenceSet, Spectrum
from spectriage.spectra.contrast._kernels_coarse import pool_moved, products_with_coarse
from spectriage.spectra.contrast._kernels_compress import compress
from spectriage.spectra.contrast.coarse import METHOD, as_float, make_coarse
from spectriage.spectra.contrast.contrast import NOISE_MULTIPLE, THRESHOLD_FLOOR, Contrast, contrast
from spectriage.spectra.contrast.index import ContrastIndex
from spectriage.spectra.contrast.rows import BROADENINGS_CM
from spectriage.spectra.derived import Coarse, Derived
from spectriage.spectra.errors import LibraryError
from spectriage.spectra.fitting.fit import Axis
from spectriage.spectra.fitting.fitter import Fitter
from spectriage.spectra.reference import Hazard
from spectriage.spectra.signal.grid import Grid, resample
from spectriage.spectra.signal.noise import noise_level

GRID = Grid(200.0, 1398.0, 2.0)
SHIFT = GRID.shift


def seen(given_spectrum: Spectrum, offset_cm: float = 0.0) -> Contrast:
    return contrast(resample(given_spectrum, SHIFT, offset_cm=offset_cm), SHIFT)


def spectrum(seed: int = 1, *, noise: float = 2.0, low: float = 260.0, high: float = 1300.0) -> Spectrum:
    rng = np.random.default_rng(seed)
    x = np.arange(low, high, 1.1)
    centres = rng.uniform(low, high, (14, 1))
    bands = (rng.uniform(20, 2000, (14, 1)) / (1.0 + ((x - centres) / 5.0) ** 2)).sum(axis=0)
    return Spectrum(x, bands + 400.0 + rng.normal(scale=noise, size=x.size), np.full(x.size, noise**2))


@given(st.integers(0, 2**32 - 1), st.floats(1e-6, 1e3))
@settings(max_examples=40, deadline=None)
def test_compression_is_the_inverse_hyperbolic_sine(seed, threshold):
    rng = np.random.default_rng(seed)
    values = (threshold * rng.normal(size=203) * 10.0 ** rng.uniform(-18, 8, 203)).astype(np.float32)
    values[:4] = 0.0, -0.0, 1e18 * threshold, -1e18 * threshold
    out = np.empty_like(values)
    compress(values, threshold, out)
    expected = np.arcsinh(values.astype(np.float64) / threshold)
    np.testing.assert_allclose(out, expected, rtol=1e-6, atol=2e-7)


def test_without_noise_a_contrast_is_that_of_a_spectrum_whose_noise_is_none():
    on_grid = resample(spectrum(), SHIFT)
    quiet, expected = contrast(on_grid, SHIFT).without_noise(), contrast(on_grid, SHIFT, noise=0.0)
    assert (quiet.threshold, quiet.noise, quiet.norm) == (expected.threshold, expected.noise, expected.norm)
    assert (quiet.derivative == expected.derivative).all()
    assert (quiet.compressed == expected.compressed).all()
    flat = contrast(resample(Spectrum(SHIFT, np.full(SHIFT.size, 7.0)), SHIFT), SHIFT)
    assert flat.without_noise() is flat


def test_a_contrast_is_the_compressed_second_derivative_of_unit_norm():
    given_spectrum = spectrum()
    made = seen(given_spectrum)
    on_grid = resample(given_spectrum, SHIFT)
    run = np.flatnonzero(on_grid.measured)
    expected = np.zeros(SHIFT.size)
    part = on_grid.intensity[run[0] : run[-1] + 1]
    expected[run[0] + 10 : run[-1] - 9] = savgol_filter(part, 21, 3, deriv=2, delta=2.0)[10:-10]
    norm = np.linalg.norm(expected)
    assert made.norm == pytest.approx(norm, rel=1e-9)
    np.testing.assert_allclose(made.derivative, expected / norm, atol=1e-7)
    np.testing.assert_array_equal(np.flatnonzero(made.valid), np.arange(run[0] + 10, run[-1] - 9))
    gain = np.linalg.norm(savgol_coeffs(21, 3, deriv=2, delta=2.0))
    noise = noise_level(on_grid) * gain / norm
    assert made.noise == pytest.approx(noise, rel=1e-9)
    assert made.threshold == pytest.approx(NOISE_MULTIPLE * noise + THRESHOLD_FLOOR, rel=1e-9)
    np.testing.assert_allclose(made.compressed, np.arcsinh(made.derivative / made.threshold), atol=1e-6)


@given(st.floats(1e-6, 1e6))
@settings(max_examples=30, deadline=None)
def test_the_scale_of_the_intensity_does_not_count(factor):
    plain = spectrum()
    scaled = Spectrum(plain.shift, factor * plain.intensity, factor**2 * plain.variance)
    one, other = seen(plain), seen(scaled)
    np.testing.assert_allclose(other.compressed, one.compressed, rtol=0, atol=2e-6)
    assert other.norm == pytest.approx(factor * one.norm, rel=1e-9)


@given(st.floats(-1e5, 1e5), st.floats(-100.0, 100.0))
@settings(max_examples=30, deadline=None)
def test_straight_backgrounds_do_not_count(level, slope):
    plain = spectrum()
    other = Spectrum(plain.shift, plain.intensity + level + slope * (plain.shift - 700.0), plain.variance)
    np.testing.assert_allclose(seen(other).compressed, seen(plain).compressed, rtol=0, atol=3e-6)


def test_noise_raises_the_threshold():
    thresholds = [seen(spectrum(noise=noise)).threshold for noise in (0.1, 1.0, 10.0, 100.0)]
    assert thresholds == sorted(thresholds)
    assert thresholds[0] < 0.1 * thresholds[-1]


@pytest.mark.parametrize("offset", [-8.0, -2.0, 4.0])
def test_a_move_by_whole_points_is_an_offset(offset):
    given_spectrum = spectrum()
    made = seen(given_spectrum)
    corrected = made.corrected(SHIFT, offset, 0.0)
    steps = round(offset / 2.0)
    expected = np.roll(made.derivative, steps)
    expected[~corrected.valid] = 0.0
    np.testing.assert_array_equal(corrected.derivative, expected)
    # where there are no four neighbours it does not hold
    assert not np.any(corrected.valid & ~np.roll(made.valid, steps))
    assert np.count_nonzero(corrected.valid) >= np.count_nonzero(made.valid) - 4
    resampled = seen(given_spectrum, offset)
    both = corrected.valid & resampled.valid
    assert np.count_nonzero(both) > 400
    np.testing.assert_allclose(corrected.derivative[both], resampled.derivative[both], atol=1e-7)
    assert corrected.threshold == pytest.approx(resampled.threshold, rel=1e-6)
    assert not np.any(corrected.derivative[~corrected.valid])


@pytest.mark.parametrize("slope", [0.0, 3.0, -1e5])
@pytest.mark.parametrize("level", [0.0, 5.0, 1e9])
def test_a_constant_or_a_line_has_no_contrast(level, slope):
    x = np.arange(200.0, 1300.0, 2.0)
    made = seen(Spectrum(x, level + slope * x))
    assert made.norm == 0.0
    assert not np.any(made.compressed)
    assert np.all(np.isfinite([made.threshold, made.noise]))


def test_a_faint_band_on_a_high_background_is_not_rounding():
    x = np.arange(200.0, 1300.0, 2.0)
    made = seen(Spectrum(x, 1e6 + 0.01 * np.exp(-(((x - 700.0) / 9.0) ** 2))))
    assert made.norm > 0.0
    assert SHIFT[np.argmin(made.derivative)] == 700.0


@pytest.fixture(scope="module")
def index() -> ContrastIndex:
    rng = np.random.default_rng(9)
    centres = rng.uniform(250, 1350, (6, 10, 1))
    spectra = (rng.uniform(0.1, 1, (6, 10, 1)) * np.exp(-(((SHIFT - centres) / 7.0) ** 2))).sum(axis=1)
    spectra[3, :200] = np.nan
    spectra[4] = 0.0
    records = tuple(Reference(f"r{i}", f"s{i}") for i in range(6))
    return ContrastIndex(ReferenceSet(records, SHIFT, (1e-6 + 5.0 * spectra).astype(np.float32)))


def test_rows_are_unit_derivatives(index):
    for row in (0, 1, 5):
        values = index.references.spectra[row].astype(float)
        expected = savgol_filter(values, 21, 3, deriv=2, delta=2.0)
        expected[:10] = expected[-10:] = 0.0
        norm = np.linalg.norm(expected)
        np.testing.assert_allclose(index.rows.row(row), expected / norm, atol=1e-6)
        assert index.derivative_norm(row) == pytest.approx(norm, rel=1e-6)


@pytest.mark.parametrize("fwhm", BROADENINGS_CM[1:])
def test_broadened_rows_are_those_of_scipy(index, fwhm):
    sigma = fwhm / (2.0 * np.sqrt(2.0 * np.log(2.0))) / 2.0
    expected = gaussian_filter1d(index.rows.row(0).astype(np.float64), sigma, mode="constant", truncate=4.0)
    np.testing.assert_allclose(index.rows.row(0, fwhm), expected, atol=1e-7)


@pytest.mark.parametrize("fwhm", BROADENINGS_CM)
def test_bands_are_the_peaks_of_scipy_and_the_strongest_first(index, fwhm):
    for row in (0, 1, 2, 3, 5):
        curvature = -index.rows.row(row, fwhm)
        centres, heights, shares = index.rows.bands(row, fwhm)
        # what is no less than 0.08 of the highest; the first and the last point are none
        expected, _ = find_peaks(curvature, height=0.08 * curvature.max())
        assert sorted(centres.tolist()) == expected.tolist()
        assert centres.size > 3
        np.testing.assert_array_equal(heights, curvature[centres])
        assert np.all(np.diff(heights) <= 0.0)
        assert shares == (heights / curvature.max()).tolist()
        assert shares[0] == 1.0


def test_where_a_reference_holds(index):
    first, last, again = index.rows.holds([0, 3, 0])
    assert np.flatnonzero(first).tolist() == list(range(10, SHIFT.size - 10))
    assert np.flatnonzero(last).tolist() == list(range(210, SHIFT.size - 10))
    np.testing.assert_array_equal(first, again)
    assert index.rows.holds([]).shape == (0, SHIFT.size)


def test_areas_are_of_the_bands_that_go_with_a_unit_derivative(index):
    for row in (0, 5):
        area = np.trapezoid(index.references.spectra[row].astype(float), SHIFT)
        assert index.area_per_norm(row) == pytest.approx(area / index.derivative_norm(row), rel=0.15)
    assert index.derivative_norm(4) == pytest.approx(0.0, abs=1e-9)


def pooled(values):
    return values.reshape(*values.shape[:-1], -1, 4).sum(axis=-1)


@pytest.mark.parametrize("reach", [0, 3])
def test_coarse_similarities_are_cosines_of_pooled_compressed_spectra(index, reach):
    query = seen(spectrum(4)).compressed
    rows = pooled(np.arcsinh(index.rows.stack(range(6)).astype(np.float64) / 1e-3))
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    kept = as_float(index.coarse).astype(np.float64)
    # seven bits of the mantissa are kept: numbers are rounded by half of 1/128 at most
    np.testing.assert_allclose(kept, rows / np.where(norms > 0, norms, 1.0), rtol=1.001 / 256, atol=1e-12)
    moves = np.empty((2 * reach + 1, index.coarse.shape[1]), np.float32)
    similar = np.empty((6, 2 * reach + 1), np.float32)
    pool_moved(query, reach, moves)
    products_with_coarse(index.coarse, moves, similar)
    for place, steps in enumerate(range(-reach, reach + 1)):
        moved = np.zeros(query.size)
        start, stop = max(0, steps), query.size + min(0, steps)
        moved[start:stop] = query[start - steps : stop - steps]
        other = pooled(moved)
        np.testing.assert_allclose(similar[:, place], kept @ other / np.linalg.norm(other), atol=1e-5)
        whole = norms[:, 0] * np.linalg.norm(other)
        cosines = rows @ other / np.where(whole > 0, whole, 1.0)
        np.testing.assert_allclose(similar[:, place], cosines, atol=5e-4)


def test_imitators_are_harmless_of_other_families_and_the_likest_first(index):
    hazards = [Hazard.NONE, Hazard.NONE, Hazard.CONTROLLED, Hazard.NONE, Hazard.NONE, Hazard.NONE]
    families = ["a", "a", "b", "c", "d", "e"]
    records = tuple(
        Reference(f"r{i}", f"s{i}", family=family, hazard=hazard)
        for i, (family, hazard) in enumerate(zip(families, hazards, strict=True))
    )
    other = ContrastIndex(replace(index.references, records=records))
    similar = as_float(other.coarse)
    cosines = similar @ similar[0]
    expected = [row for row in np.argsort(-cosines) if row in (3, 4, 5) and cosines[row] > 0]
    probes = other.probes((0, 5))
    families = probes.imitator_families[0]
    assert families.tolist() == [other.families[row] for row in expected] + [-1] * (6 - len(expected))
    for place, row in enumerate(expected):
        np.testing.assert_array_equal(probes.imitators[0, place], other.rows.row(row)[:: probes.thin])


def test_what_is_made_once_is_the_same_for_all_threads(index):
    """The slower thread has begun before the faster one kept its own, and ends after that."""
    slower_began, faster_is_done = Event(), Event()

    def make_last() -> object:
        slower_began.set()
        assert faster_is_done.wait(10.0)
        return object()

    def make_first() -> object:
        assert slower_began.wait(10.0)
        return object()

    with ThreadPoolExecutor(1) as pool:
        slower = pool.submit(index.once, "of two threads", make_last)
        faster = index.once("of two threads", make_first)
        faster_is_done.set()
        assert slower.result() is faster is index.once("of two threads", object)


def test_families_are_numbered(index):
    families = ["a", "b", "a", "", "c", "a"]
    records = tuple(Reference(f"r{i}", f"s{i}", family=family) for i, family in enumerate(families))
    other = ContrastIndex(replace(index.references, records=records))
    names = other.references.column("family").tolist()
    numbers = other.families.tolist()
    assert [[mine == its for its in numbers] for mine in numbers] == [
        [mine == its for its in names] for mine in names
    ]
    assert np.flatnonzero(other.families == other.families[2]).tolist() == [0, 2, 5]
    assert not other.outside_families_of([0, 1])[[0, 1, 2, 5]].any()


def test_ids_have_their_place_in_the_order(index):
    ids = ["b", "é", "a2", "a10", "z", "a"]
    records = tuple(Reference(name, "s") for name in ids)
    ranks = ContrastIndex(replace(index.references, records=records)).id_ranks
    assert ranks.tolist() == [sorted(ids).index(name) for name in ids]


def test_probes_of_nothing_are_as_those_of_something_but_for_their_number(index):
    none, some = index.probes(()), index.probes((1, 3))
    assert none.thin == some.thin
    for mine, its in zip(none, some, strict=True):
        if isinstance(its, np.ndarray):
            assert (mine.dtype, mine.shape[1:], len(mine)) == (its.dtype, its.shape[1:], 0)


def test_probes_are_references_thinned(index):
    probes = index.probes((1, 3), 8.0)
    assert probes.thin == 2
    assert probes.areas.tolist() == [index.area_per_norm(1), index.area_per_norm(3)]
    np.testing.assert_array_equal(probes.derivatives, index.rows.stack([1, 3], 8.0)[:, ::2])
    np.testing.assert_array_equal(probes.holds, index.rows.holds([1, 3])[:, ::2])
    np.testing.assert_array_equal(probes.perturbed[1], index.perturbed(3, 8.0)[::2])
    first, second = np.split(probes.bands, probes.band_ends[:-1])
    np.testing.assert_array_equal(first, index.rows.bands(1, 8.0).centres)
    np.testing.assert_array_equal(second, index.rows.bands(3, 8.0).centres)


def test_coarse_rows_have_unit_rows_and_keep_empty_ones(index):
    matrix = make_coarse(index.rows.stack(range(6)) * (np.arange(6)[:, None] != 2)).rows
    norms = np.linalg.norm(as_float(matrix), axis=1)
    assert norms[2] == 0.0
    np.testing.assert_allclose(np.delete(norms, 2), 1.0, atol=1.0 / 256)


def test_coarse_rows_of_an_axis_that_four_does_not_divide():
    rows = np.eye(3, 10, dtype=np.float32)
    assert make_coarse(rows).rows.shape == (3, 3)


def test_a_subset_makes_its_own_coarse_rows(index):
    whole = index.references
    kept = Derived(coarse=Coarse(index.coarse, METHOD))
    half = replace(whole, derived=kept).subset(np.arange(6) % 2 == 1)
    assert half.derived.coarse is None
    assert replace(whole, derived=kept).subset(np.ones(6, bool)).derived is kept
    np.testing.assert_array_equal(ContrastIndex(half).coarse, index.coarse[1::2])


@pytest.mark.parametrize("kept_as", ["fitting", "floats", "too few", "made another way"])
def test_kept_coarse_rows_are_used_where_they_fit(index, kept_as):
    other = index.coarse[::-1].copy()
    rows = {"floats": as_float(other), "too few": other[:, :-1]}.get(kept_as, other)
    method = "coarse-1" if kept_as == "made another way" else METHOD
    whole = replace(index.references, derived=Derived(coarse=Coarse(rows, method)))
    expected = other if kept_as == "fitting" else index.coarse
    np.testing.assert_array_equal(ContrastIndex(whole).coarse, expected)


def test_a_stretch_turns_about_1200(index):
    """A query's axis is corrected by offset + stretch · (shift − 1200)."""
    x = np.arange(210.0, 1398.0, 1.0)
    peaks = (300.0, 600.0, 1200.0)
    fitter = Fitter(index, Spectrum(x, sum(np.exp(-(((x - p) / 6.0) ** 2)) for p in peaks)))
    made = fitter.query_at(Axis(offset_cm=1.0, stretch=0.01))
    for peak, expected in zip(peaks, (292.0, 595.0, 1201.0), strict=True):
        near = np.abs(SHIFT - peak) < 20.0
        assert SHIFT[near][np.argmin(made.derivative[near])] == pytest.approx(expected, abs=1.1)


@pytest.mark.parametrize(("offset", "stretch"), [(0.7, 0.0), (-3.0, 0.0), (0.0, 0.003), (2.5, -0.003)])
def test_a_corrected_axis_is_that_of_an_interpolating_spline(offset, stretch):
    made = seen(spectrum(3, noise=0.0))
    corrected = made.corrected(SHIFT, offset, stretch)
    spline = CubicSpline(SHIFT, made.derivative)
    source = (SHIFT - offset + 1200.0 * stretch) / (1.0 + stretch)
    ends = SHIFT[np.flatnonzero(made.valid)[[0, -1]]]
    inside = (source > ends[0] + 8.0) & (source < ends[1] - 8.0)
    assert corrected.valid[inside].all()
    assert not corrected.valid[(source < ends[0] - 2.0) | (source > ends[1] + 2.0)].any()
    top = np.abs(made.derivative).max()
    np.testing.assert_allclose(corrected.derivative[inside], spline(source[inside]), rtol=0, atol=0.02 * top)
    assert not corrected.derivative[~corrected.valid].any()
    expected = np.arcsinh(corrected.derivative / made.threshold)
    np.testing.assert_allclose(corrected.compressed, expected, atol=1e-6)


@pytest.mark.parametrize(("points", "step"), [(5, 7.0), (9, 2.0), (63, 2.0), (12, 40.0)])
def test_an_axis_too_short_to_compare_is_refused(points, step):
    shift = 200.0 + step * np.arange(points)
    spectra = np.random.default_rng(0).random((3, points)).astype(np.float32)
    references = ReferenceSet(tuple(Reference(f"r{i}", "s") for i in range(3)), shift, spectra)
    with pytest.raises(LibraryError, match="build it on a longer"):
        ContrastIndex(references)
