"""Several spectra prepared together: what the steps one after the other give, to the last bit."""

import gc
import weakref

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spectriage.spectra.contrast.contrast import queries_together
from spectriage.spectra.contrast.preparation import prepare, prepare_each
from spectriage.spectra.errors import ParameterError, SpectriageError, SpectrumError
from spectriage.spectra.signal.grid import DEFAULT_GRID
from spectriage.spectra.spectrum import Spectrum

SHIFT = DEFAULT_GRID.shift
KINDS = (
    "plain",
    "variance",
    "spikes",
    "smeared",
    "dead",
    "saturated",
    "stated",
    "gap",
    "flat",
    "line",
    "huge",
)


def spectrum_of(kind: str, points: int, start_cm: float, step_cm: float, seed: int) -> Spectrum:
    """Return bands on a background, with what the kind says; the axis is not quite even."""
    rng = np.random.default_rng(seed)
    axis = start_cm + np.cumsum(rng.uniform(0.9, 1.1, points)) * step_cm
    values = 500.0 * np.exp(-axis / 900.0) + rng.normal(0.0, 2.0, points)
    for centre in rng.uniform(axis[0], axis[-1], 12):
        values += rng.uniform(20.0, 400.0) / (1.0 + ((axis - centre) / rng.uniform(4.0, 9.0)) ** 2)
    more = {}
    if kind == "variance":
        more["variance"] = rng.uniform(1.0, 9.0, points)
    elif kind == "spikes":
        values[rng.integers(5, points - 5, 3)] += 5e4
    elif kind == "smeared":
        values += 4e3 * np.exp(-(((axis - axis[points // 2]) / 0.8) ** 2))
        more["resolution_cm"] = 12.0
    elif kind == "dead":
        values[points // 3 : points // 3 + max(10, int(60.0 / step_cm))] = 7.0
    elif kind == "saturated":
        values = np.minimum(values, np.quantile(values, 0.97))
    elif kind == "stated":
        more["metadata"] = {"saturated": bool(seed % 2)}
    elif kind == "gap":
        axis[points // 2 :] += 150.0
    elif kind == "flat":
        values = np.full(points, 3.0)
    elif kind == "line":
        values = 2.0 + 0.01 * axis
    elif kind == "huge":
        values *= 1e300
    return Spectrum(axis, values, **more)


def known(prepared):
    """Return all that was prepared, as arrays and numbers."""
    if isinstance(prepared, SpectriageError):
        return [type(prepared), str(prepared)]
    spectrum, query, baseline, quality, seen, *_ = prepared
    return [
        spectrum.shift, spectrum.intensity, spectrum.variance, spectrum.history, spectrum.spacing_cm,
        query.intensity, query.variance, query.measured, query.ends, query.values, baseline, quality,
        seen.derivative, seen.compressed, seen.valid, seen.threshold, seen.norm, seen.noise,
    ]  # fmt: skip


def one_by_one(spectrum):
    try:
        return prepare(spectrum, SHIFT)
    except SpectriageError as error:
        return error


def assert_same(spectra):
    together = prepare_each(spectra, SHIFT)
    assert len(together) == len(spectra)
    for found, spectrum in zip(together, spectra, strict=True):
        for own, expected in zip(known(found), known(one_by_one(spectrum)), strict=True):
            if isinstance(expected, np.ndarray):
                assert own.dtype == expected.dtype
                assert np.array_equal(own, expected, equal_nan=expected.dtype.kind == "f")
            else:
                assert own == expected
    return together


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([kind for kind in KINDS if kind != "gap"]), st.integers(0, 3), st.booleans()
        ),
        min_size=2,
        max_size=9,
    ),
    st.integers(0, 2**16),
)
def test_spectra_that_share_axes_are_the_same_too(asked, seed):
    """What is known of an axis is taken from the spectrum before, unless that one was not prepared."""
    axes = [
        spectrum_of("plain", 900, start_cm, step_cm, 1).shift
        for start_cm, step_cm in ((180.0, 1.7), (180.1, 1.7), (250.0, 2.6), (3000.0, 1.5))
    ]
    spectra = []
    for place, (kind, which, told) in enumerate(asked):
        made = spectrum_of(kind, 900, 180.0, 1.7, seed + place)
        own = Spectrum(axes[which], made.intensity, made.variance, resolution_cm=made.resolution_cm)
        if told:
            assert own.spacing_cm > 0.0
        spectra.append(own)
    assert_same(spectra)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(KINDS),
            st.integers(40, 2500),
            st.floats(-200.0, 1500.0),
            st.floats(0.3, 13.0),
            st.integers(0, 2**32 - 1),
        ),
        max_size=6,
    )
)
def test_together_they_are_what_they_are_one_by_one(given_spectra):
    assert_same([spectrum_of(*each) for each in given_spectra])


def test_a_spacing_that_was_told_otherwise_is_not_taken_for_the_one_before():
    """One spacing is averaged over cells, the other interpolated, which has none to take."""
    first, other = (spectrum_of("plain", 900, 180.0, 1.7, seed) for seed in (3, 4))
    other = Spectrum(first.shift, other.intensity)
    for told in ((2.6, 1.7), (1.7, 2.6)):
        for spectrum, spacing_cm in zip((first, other), told, strict=True):
            vars(spectrum)["spacing_cm"] = spacing_cm
        assert_same([first, other])


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_among_others(kind):
    plain = [spectrum_of("plain", points, 150.0, 1.5, points) for points in (600, 1400)]
    first, own, last = assert_same([plain[0], spectrum_of(kind, 1200, 180.0, 1.4, 5), plain[1]])
    assert not isinstance(first, SpectriageError)
    assert not isinstance(last, SpectriageError)
    if kind == "huge":
        assert isinstance(own, ParameterError)
    elif kind in {"flat", "line"}:
        assert own.contrast.norm == 0.0
    elif kind in {"spikes", "smeared"}:
        assert own.spectrum.history[0].startswith("remove_spikes")
    elif kind == "dead":
        assert own.spectrum.history[0].startswith("without_dead")
    elif kind == "saturated":
        assert own.quality.saturated
    elif kind == "stated":
        assert own.quality.saturated is True
    elif kind == "gap":
        assert not own.query.measured[own.query.ends[0] : own.query.ends[1]].all()
    elif kind == "variance":
        assert own.quality.noise_from == "variance"


def test_what_was_cleaned_stands_in_one_block_with_the_others():
    """So that kernels are given all of them as they are."""
    spectra = [spectrum_of(kind, 700, 250.0, 2.5, 3) for kind in ("plain", "spikes", "dead", "plain")]
    found = [own.contrast for own in prepare_each(spectra, SHIFT)]
    assert [own.place for own in found] == [0, 1, 2, 3]
    rows = queries_together(found)
    assert rows is found[0].block.rows
    for place, own in enumerate(found):
        np.testing.assert_array_equal(rows.derivative[place], own.derivative)
        assert (rows.threshold[place], rows.noise[place]) == (own.threshold, own.noise)


def test_what_cannot_be_prepared_stands_in_its_place():
    plain = spectrum_of("plain", 900, 200.0, 2.0, 1)
    coarse = spectrum_of("plain", 200, 200.0, 12.5, 2)
    elsewhere = spectrum_of("plain", 400, 2300.0, 2.0, 3)
    found = assert_same([coarse, plain, elsewhere])
    assert isinstance(found[0], SpectrumError)
    assert "too few to see bands" in str(found[0])
    assert isinstance(found[2], SpectrumError)
    assert "shares fewer than 64" in str(found[2])
    assert not isinstance(found[1], SpectriageError)


def test_an_error_that_is_kept_keeps_nothing_that_was_prepared_beside_it():
    spectra = [
        spectrum_of("plain", 900, 200.0, 2.0, 1),
        spectrum_of("plain", 200, 200.0, 12.5, 2),
        spectrum_of("plain", 400, 2300.0, 2.0, 3),
        spectrum_of("huge", 900, 200.0, 2.0, 4),
    ]
    prepared, *kept = prepare_each(spectra, SHIFT)
    assert any(isinstance(error, ParameterError) for error in kept)
    assert all(isinstance(error, SpectriageError) for error in kept)
    beside = weakref.ref(prepared.contrast.derivative.base)
    assert beside() is not None
    del prepared
    gc.collect()
    assert beside() is None


def test_of_no_spectra_none_are_prepared():
    assert prepare_each([], SHIFT) == []
