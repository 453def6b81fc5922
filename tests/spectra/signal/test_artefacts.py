"""What disturbs a scan is told by its kind; what is a material's is not taken for it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spectriage.spectra import Spectrum
from spectriage.spectra.contrast.contrast import contrast
from spectriage.spectra.signal._kernels_artefacts import (
    ArtefactRules,
    LampRules,
    disturbances,
    doubling,
    highest_tops,
    lamp_of,
    product,
    ripple,
    typical_width,
)
from spectriage.spectra.signal.artefacts import (
    LAMP_LINES,
    LAMP_OFFSETS,
    LAMP_REACH_CM,
    LAMP_SHARE,
    LAMP_TOPS,
    LAMPS,
    LEAST_TOP,
    PERIODIC,
    find_artefacts,
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
    scan = query.intensity, background(query), query.measured
    curves = seen.derivative, seen.compressed, seen.valid, *scan
    (found,) = find_artefacts(*[curve[None] for curve in curves], [0], SHIFT, [excitation_nm])
    return found


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
    assert ripple_period(seen.derivative, seen.valid) == 0


@pytest.mark.parametrize("fwhm", [30.0, 50.0, 80.0])
def test_the_width_of_a_gaussian(fwhm):
    values = np.exp(-4.0 * np.log(2.0) * ((SHIFT - 1200.0) / fwhm) ** 2)
    assert typical_width(values, 2.0, np.empty(values.size)) == pytest.approx(fwhm, rel=0.08)


def test_nothing_is_nothing():
    nothing, room = np.zeros(64), np.empty(64)
    assert typical_width(nothing, 2.0, room) == 0.0
    assert ripple(nothing, np.ones(64), 6, 125, PERIODIC, room) == 0
    assert ripple(nothing, nothing, 6, 125, PERIODIC, room) == 0
    rules = ArtefactRules(6, 125, 10, 30, PERIODIC, 0.37, 0.05, 6)
    assert doubling(nothing, nothing, rules, room) == 0


def ripple_period(derivative, valid, low=6, most=125):
    values, holds = derivative.astype(np.float64), valid.astype(np.float64)
    return ripple(values, holds, low, most, PERIODIC, np.empty(values.size))


def autocorrelation(values, holds):
    """By the Fourier transform, at every lag; one at 0, by how many points hold that hold again."""
    size = 2 * values.size
    own, there = (
        np.fft.irfft(np.abs(np.fft.rfft(each, size)) ** 2, size)[: values.size] for each in (values, holds)
    )
    return own / own[0] * there[0] / np.maximum(there, 1.0)


@given(st.integers(0, 2**32 - 1), st.integers(1, 90), st.integers(0, 20))
@settings(max_examples=40, deadline=None)
def test_the_products_at_a_lag_are_those_of_numpy(seed, size, lag):
    values = np.random.default_rng(seed).normal(size=size)
    lag = min(lag, size - 1)
    assert product(values, lag) == pytest.approx(values[lag:] @ values[: size - lag], abs=1e-10)


@given(st.integers(0, 2**32 - 1), st.sampled_from([40, 61, 200]), st.floats(5.0, 25.0), st.floats(0.0, 1.5))
@settings(max_examples=150, deadline=None)
def test_a_ripple_is_that_of_the_definition(seed, size, period, noise):
    rng = np.random.default_rng(seed)
    valid = rng.random(size) > 0.05 * (seed % 3)
    values = np.where(valid, np.sin(2 * np.pi * np.arange(size) / period) + rng.normal(0, noise, size), 0.0)
    low, most = 6, min(60, (size - 1) // 2)
    auto = autocorrelation(values, valid.astype(float))
    negative = np.flatnonzero(auto[: most + 1] < 0.0)
    lags = np.arange(max(low, negative[0]) if negative.size else most + 1, most + 1)
    both = np.minimum(auto[lags], auto[2 * lags])
    found = ripple_period(values, valid, low, 60)
    if not lags.size or both.max() < PERIODIC - 1e-9:
        assert found == 0
    elif both.max() > PERIODIC + 1e-9:
        # of a pure wave all periods are alike
        assert both[found - lags[0]] == pytest.approx(both.max(), abs=1e-9)


@given(st.integers(0, 2**32 - 1), st.integers(70, 300), st.integers(8, 34), st.floats(0.0, 0.3))
@settings(max_examples=150, deadline=None)
def test_a_doubling_is_that_of_the_definition(seed, size, split, noise):
    rng = np.random.default_rng(seed)
    rules = ArtefactRules(6, 125, 10, 30, PERIODIC, 0.37, 0.05, 6)
    lines = np.zeros(size)
    lines[rng.integers(0, size, size // 12)] = -rng.uniform(0.3, 1.0, size // 12)
    derivative = lines + np.roll(lines, split) + rng.normal(0.0, noise, size)
    compressed = np.arcsinh(20.0 * derivative)
    inner = derivative[1:-1]
    tops = (inner <= -0.05 * np.abs(derivative).max()) & (inner <= derivative[:-2]) & (inner < derivative[2:])
    auto = 0.5 * sum(autocorrelation(each, np.ones(size)) for each in (derivative, compressed))
    best = 10 + int(auto[10:31].argmax())
    summit = auto[best - 1] < auto[best] > auto[best + 1] and auto[best] >= 0.37
    expected = best if tops.sum() >= 6 and summit else 0
    assert doubling(derivative, compressed, rules, np.empty(size)) == expected


@given(st.integers(0, 2**32 - 1), st.integers(8, 90), st.sampled_from([1.0, 2.0, 4.0]))
@settings(max_examples=40, deadline=None)
def test_a_width_is_that_of_the_definition(seed, size, step_cm):
    above = np.random.default_rng(seed).normal(size=size).cumsum()
    slope = np.gradient(np.convolve(above, np.ones(5) / 5.0, mode="same"), step_cm)
    expected = 2.3548 / np.sqrt(2.0) * np.linalg.norm(above) / np.linalg.norm(slope)
    assert typical_width(above, step_cm, np.empty(size)) == pytest.approx(expected, rel=1e-9)


def tops_of(derivative, least):
    inner = derivative[1:-1]
    high = inner <= -least * np.abs(derivative).max()
    return np.flatnonzero(high & (inner <= derivative[:-2]) & (inner < derivative[2:])) + 1


@given(st.integers(0, 2**32 - 1), st.integers(3, 90), st.floats(0.0, 0.9), st.integers(1, 20))
@settings(max_examples=80, deadline=None)
def test_the_highest_tops_are_those_of_numpy(seed, size, least, most):
    # of a few values, so that some are alike, and runs of them
    derivative = np.random.default_rng(seed).integers(-9, 5, size).astype(np.float64)
    tops = tops_of(derivative, least)
    expected = tops[np.argsort(derivative[tops], kind="stable")][:most]
    places, heights = np.empty((2, most))
    count = highest_tops(derivative, least, places, heights)
    assert places[:count].tolist() == expected.tolist()
    assert heights[:count].tolist() == (-derivative[expected]).tolist()


def lamp_rules(lamps):
    ends = np.cumsum([lines.size for lines in lamps])
    numbers = LEAST_TOP, LAMP_TOPS, LAMP_LINES, LAMP_SHARE, LAMP_REACH_CM
    return LampRules(np.concatenate(lamps), ends, *numbers, LAMP_OFFSETS)


def lamp_by_numpy(derivative, shift, lamps, laser_nm):
    """All lines of a lamp against all tops, at all offsets at once."""
    tops = tops_of(derivative, LEAST_TOP)
    tops = tops[np.argsort(derivative[tops], kind="stable")][:LAMP_TOPS]
    heights = -derivative[tops]
    for lamp, lines in enumerate(lamps):
        apart = shift[tops][:, None] - (1e7 / laser_nm - lines)
        near = (np.abs(apart[:, :, None] - LAMP_OFFSETS) <= LAMP_REACH_CM).any(axis=1)
        if ((near.sum(axis=0) >= LAMP_LINES) & (heights @ near >= LAMP_SHARE * heights.sum())).any():
            return lamp
    return -1


@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([785.0, 830.0]),
    st.integers(0, 9),
    st.floats(-16.0, 16.0),
    st.floats(0.0, 0.5),
)
@settings(max_examples=200, deadline=None)
def test_a_lamp_is_that_of_the_definition(seed, laser_nm, lines, offset_cm, other):
    """A few lines of a made-up lamp, off by some, among other bands."""
    rng = np.random.default_rng(seed)
    shift, size = 200.0 + 2.0 * np.arange(700), 700
    lamps = [1e7 / laser_nm - np.sort(rng.uniform(250.0, 1550.0, rng.integers(4, 14))) for _ in range(3)]
    derivative = rng.normal(0.0, 0.01, size)
    own = lamps[rng.integers(3)][:lines]
    places = np.concatenate([1e7 / laser_nm - own + offset_cm, rng.uniform(250.0, 1550.0, 5)])
    depths = np.concatenate([rng.uniform(0.4, 1.0, own.size), other * rng.uniform(0.2, 1.0, 5)])
    derivative[np.rint((places - 200.0) / 2.0).astype(int)] -= depths
    grid, room = np.array([200.0, 2.0]), np.empty(size)
    found = lamp_of(derivative, grid, laser_nm, lamp_rules(lamps), room)
    assert found == lamp_by_numpy(derivative, shift, lamps, laser_nm)
    assert lamp_of(derivative, grid, 0.0, lamp_rules(lamps), room) == -1


def test_all_of_them_are_measured_of_several_in_one_call():
    rng = np.random.default_rng(5)
    derivative, valid = rng.normal(size=(3, 200)).astype(np.float32), np.ones((3, 200), bool)
    compressed, measured = np.arcsinh(9.0 * derivative), rng.random((3, 200)) > 0.1
    intensity, baseline = np.abs(rng.normal(size=(3, 200))).cumsum(axis=1), rng.normal(size=(3, 200))
    above = np.where(measured, intensity - baseline, 0.0)
    baseline[~measured] = np.nan
    rules, room = ArtefactRules(6, 60, 10, 30, 0.05, 0.01, 0.05, 6), np.empty(200)
    grid, lasers_nm, found = np.array([200.0, 2.0]), np.array([785.0, 0.0, 785.0]), np.empty((3, 4))
    # lamps of the first scan's lines, and of every other one of the last one's
    tops = [200.0 + 2.0 * tops_of(own.astype(np.float64), LEAST_TOP) for own in derivative]
    lamps = lamp_rules([1e7 / 785.0 - tops[2][::2], 1e7 / 785.0 - tops[0]])
    lamps = lamps._replace(reach_cm=0.5, offsets_cm=np.zeros(1))
    curves, work = (derivative, compressed, valid, intensity, baseline, measured), np.empty((4, 200))
    last = np.array([2])
    disturbances(*curves, last, lasers_nm[2:], grid, tuple(rules), tuple(lamps), work, found[:1])
    alone = found[0].copy()
    disturbances(*curves, np.arange(3), lasers_nm, grid, tuple(rules), tuple(lamps), work, found)
    np.testing.assert_array_equal(alone, found[2])
    for s in range(3):
        own, other = derivative[s].astype(np.float64), compressed[s].astype(np.float64)
        expected = (
            ripple(own, np.ones(200), 6, 60, 0.05, room),
            typical_width(above[s], 2.0, room),
            doubling(own, other, rules, room),
            lamp_of(own, grid, lasers_nm[s], lamps, room),
        )
        assert found[s] == pytest.approx(expected)
    assert found[:, 3].tolist() == [1.0, -1.0, -1.0]
