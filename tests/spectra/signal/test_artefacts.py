"""What disturbs a scan is told by its kind; what is a material's is not taken for it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spectriage.spectra import Spectrum
from spectriage.spectra.contrast.contrast import contrast
from spectriage.spectra.signal.artefacts import (
    LAMPS,
    _autocorrelation,
    find_artefact,
    ripple_period,
    typical_width,
)
from spectriage.spectra.signal.grid import DEFAULT_GRID, resample
from spectriage.spectra.signal.quality import background
from spectriage.spectra.signal.wavelength import air_to_vacuum_nm

SHIFT = DEFAULT_GRID.shift
AXIS = np.arange(200.0, 2300.0, 1.0)


def bands(places, fwhm=9.0, heights=None):
    heights = np.ones(len(places)) if heights is None else heights
    return sum(
        height / (1.0 + 4.0 * ((AXIS - place) / fwhm) ** 2)
        for place, height in zip(places, heights, strict=True)
    )


def find(values, excitation_nm=785.0, noise=0.002):
    values = np.asarray(values) + np.random.default_rng(3).normal(0.0, noise, AXIS.size)
    query = resample(Spectrum(AXIS, values), SHIFT)
    seen = contrast(query, SHIFT)
    above = np.where(query.measured, query.intensity - background(query), 0.0)
    return find_artefact(seen.derivative, seen.compressed, seen.valid, above, SHIFT, excitation_nm)


@pytest.mark.parametrize("period_cm", [20.0, 44.0, 110.0])
def test_a_ripple_is_interference_and_its_period_is_told(period_cm):
    found = find(1.0 + 0.3 * np.sin(2 * np.pi * AXIS / period_cm))
    assert found.reason == "interference"
    assert f"{period_cm:.0f} cm⁻¹" in found.text


@pytest.mark.parametrize("lamp", LAMPS)
def test_the_lines_of_a_lamp_are_named(lamp):
    places = 1e7 / 785.0 - 1e7 / air_to_vacuum_nm(LAMPS[lamp])
    found = find(bands(places + 2.0, 8.0, np.linspace(0.5, 1.0, places.size)))
    assert found.reason == "room-light"
    assert lamp in found.text


def test_without_the_excitation_no_lamp_is_claimed():
    places = 1e7 / 785.0 - 1e7 / air_to_vacuum_nm(LAMPS["neon"])
    found = find(bands(places), excitation_nm=None)
    assert found is None or found.reason != "room-light"


def test_bands_that_stand_twice():
    """Not of every material, since bands of one may stand as far apart as the two of each."""
    seen, split = 0, 32.0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        places, heights = 300.0 + np.cumsum(rng.uniform(60.0, 180.0, 10)), rng.uniform(0.3, 1.0, 10)
        assert find(bands(places, 9.0, heights)) is None
        found = find(bands(places, 9.0, heights) + bands(places + split, 9.0, heights))
        if found is not None and found.reason == "doubled":
            split_cm = float(found.text.split(" cm⁻¹")[0].rsplit(" ")[-1])
            assert split_cm == pytest.approx(split, abs=7.0)
            seen += 1
    assert seen >= 10


def test_broad_bands_are_told_with_their_width():
    found = find(1.0 + np.exp(-(((AXIS - 1350.0) / 90.0) ** 2)) + np.exp(-(((AXIS - 1585.0) / 60.0) ** 2)))
    assert found.reason == "broad"


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(300.0, 1900.0), st.floats(0.1, 1.0), st.floats(6.0, 16.0)),
        min_size=3,
        max_size=12,
        unique_by=lambda band: round(band[0] / 40.0),
    ),
    st.integers(0, 99),
)
def test_a_few_bands_anywhere_are_no_ripple(places, seed):
    values = sum(h / (1.0 + 4.0 * ((AXIS - place) / width) ** 2) for place, h, width in places)
    values = values + np.random.default_rng(seed).normal(0.0, 0.002, AXIS.size)
    seen = contrast(resample(Spectrum(AXIS, values), SHIFT), SHIFT)
    # three equal bands at equal distances are a comb's
    gaps = np.diff(sorted(place for place, *_ in places))
    if gaps.size >= 2 and np.ptp(gaps) < 12.0:
        return
    assert ripple_period(seen.derivative, seen.valid, 2.0) == 0.0


@pytest.mark.parametrize("fwhm", [30.0, 50.0, 80.0])
def test_the_width_of_a_gaussian(fwhm):
    values = np.exp(-4.0 * np.log(2.0) * ((SHIFT - 1200.0) / fwhm) ** 2)
    assert typical_width(values, 2.0) == pytest.approx(fwhm, rel=0.08)


def test_nothing_is_nothing():
    assert typical_width(np.zeros(64), 2.0) == 0.0
    assert ripple_period(np.zeros(64), np.ones(64, dtype=bool), 2.0) == 0.0


@pytest.mark.parametrize("seed", range(5))
def test_the_autocorrelation_is_that_of_the_fourier_transform(seed):
    rng = np.random.default_rng(seed)
    values, valid = rng.normal(size=300).astype(np.float32), rng.random(300) > 0.1
    values[~valid] = 0.0
    own, there = (np.fft.irfft(np.abs(np.fft.rfft(each, 600)) ** 2)[:41] for each in (values, valid))
    expected = own / own[0] * there[0] / there
    assert _autocorrelation(values, 40, valid) == pytest.approx(expected, abs=1e-5)
    whole = _autocorrelation(values, 40)
    assert whole == pytest.approx(own / own[0] * 300.0 / (300.0 - np.arange(41)), abs=1e-5)
