import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spectriage.spectra.errors import ParameterError
from spectriage.spectra.signal.despike import combine, find_smeared, find_spikes, remove_spikes
from spectriage.spectra.spectrum import Spectrum

SHIFT = np.arange(200.0, 2200.0, 2.0)


def powder(rng: np.random.Generator, narrowest_cm: float = 6.0) -> np.ndarray:
    y = 500.0 + 300.0 * np.exp(-(SHIFT - 200.0) / 700.0)
    for centre, height in ((620.0, 900.0), (1001.0, 5000.0), (1031.0, 1500.0), (1600.0, 1800.0)):
        y += height / (1.0 + ((SHIFT - centre) / (narrowest_cm / 2)) ** 2)
    return rng.normal(y, np.sqrt(y))


@given(
    seed=st.integers(0, 10_000),
    points=st.lists(st.integers(10, 989), min_size=1, max_size=5, unique=True),
    height=st.floats(3_000.0, 40_000.0),
)
@settings(max_examples=60, deadline=None)
def test_what_was_put_in_is_found_and_taken_out(seed, points, height):
    clean = powder(np.random.default_rng(seed))
    # on the flank of a band a spike has no level ground to stand out of; elsewhere it must be found
    points = [
        p
        for p in points
        if np.ptp(clean[p - 4 : p + 5]) < height / 5 and all(abs(p - q) > 8 for q in points if q != p)
    ]
    hit = clean.copy()
    hit[points] += height
    assert set(np.flatnonzero(find_spikes(hit))) >= set(points)
    mended = remove_spikes(Spectrum(SHIFT, hit)).intensity
    assert np.all(np.abs(mended[points] - clean[points]) < height / 4)


@pytest.mark.parametrize("narrowest_cm", [5.0, 8.0, 14.0])
def test_bands_are_no_spikes(narrowest_cm):
    for seed in range(30):
        assert not find_spikes(powder(np.random.default_rng(seed), narrowest_cm)).any()


def test_measured_bands_are_no_spikes(measured):
    from spectriage.spectra.formats import read_spectrum

    for path in sorted((measured / "wasatch-785xs-2026").glob("*.csv"))[::8]:
        assert not find_spikes(read_spectrum(path).intensity).any(), path.name


def test_the_history_and_variance_tell():
    clean = powder(np.random.default_rng(1))
    hit = clean.copy()
    hit[300] += 20_000.0
    mended = remove_spikes(Spectrum(SHIFT, hit, variance=np.arange(1.0, 1001.0)))
    assert mended.history[-1] == "remove_spikes(1)"
    assert mended.variance is not None
    assert mended.variance[300] == pytest.approx(301.0)
    untouched = Spectrum(SHIFT, clean)
    assert remove_spikes(untouched) is untouched


def test_several_exposures_leave_single_hits_out():
    rng = np.random.default_rng(2)
    truth = 1000.0 + 4000.0 * np.exp(-0.5 * ((SHIFT - 1000.0) / 5.0) ** 2)
    exposures = rng.poisson(truth, size=(5, SHIFT.size)).astype(float)
    exposures[2, 400] += 9_000.0
    exposures[4, 410] += 9_000.0
    mean, used = combine(exposures)
    assert used[400] == used[410] == 4
    assert np.count_nonzero(used < 5) <= 4
    assert np.abs(mean - truth).max() < 5.0 * np.sqrt(truth.max() / 4)


@pytest.mark.parametrize("exposures", [np.ones((2, 50)), np.ones(50)])
def test_two_exposures_cannot_judge_each_other(exposures):
    with pytest.raises(ParameterError):
        combine(exposures)


def test_a_threshold_must_be_positive():
    with pytest.raises(ParameterError):
        find_spikes(np.ones(50), threshold=0.0)


def test_a_spike_is_found_where_most_differences_are_zero():
    """A spectrum clipped at zero: the median of its differences says nothing."""
    y = np.zeros(1000)
    for centre, height in ((500, 900), (1000, 2000), (1600, 1500)):
        y += np.round(height * np.exp(-(((SHIFT - centre) / 5.0) ** 2)))
    assert not find_spikes(y).any()
    y[123] = 90_000.0
    assert np.flatnonzero(find_spikes(y)).tolist() == [123]


@pytest.mark.parametrize("place", [450.0, 801.0, 1300.0])
@pytest.mark.parametrize("height", [3000.0, 60_000.0])
def test_a_hot_pixel_smeared_by_interpolation_is_taken_out(place, height):
    """One detector element of 1.2 cm⁻¹, read out by a cubic spline at twice as many points."""
    from scipy.interpolate import CubicSpline

    pixels = np.arange(200.0, 2200.0, 1.2)
    rng = np.random.default_rng(7)
    clean = np.interp(pixels, SHIFT, powder(rng, narrowest_cm=12.0))
    hot = clean.copy()
    hot[int(np.argmin(np.abs(pixels - place)))] += height
    fine = np.arange(pixels[0], pixels[-1], 0.6)
    smeared = Spectrum(fine, CubicSpline(pixels, hot)(fine))
    without = Spectrum(fine, CubicSpline(pixels, clean)(fine))
    assert not find_smeared(without).any()
    left = remove_spikes(smeared).intensity - without.intensity
    assert np.abs(left).max() < 0.1 * height


def test_a_narrow_line_of_a_handheld_is_no_spike():
    """A nitrate's line, as narrow as a handheld shows one, beside broad bands of something else."""
    shift = np.arange(200.0, 2200.0, 1.0)
    y = sum(
        height * np.exp(-4.0 * np.log(2.0) * ((shift - centre) / width) ** 2)
        for centre, height, width in (
            *((500.0, 900.0, 22.0), (850.0, 1500.0, 20.0), (1300.0, 1200.0, 24.0), (1450.0, 1400.0, 25.0)),
            (1049.0, 9000.0, 6.0),
        )
    )
    spectrum = Spectrum(shift, y + 100.0)
    assert not find_smeared(spectrum).any()
    assert remove_spikes(spectrum) is spectrum
