"""Which bands a component is needed for, and how they count as evidence."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spectriage.spectra.fitting._kernels_bands import BandRules, count_bands
from spectriage.spectra.fitting.band_list import CROWD_SHARE, BandSupport
from spectriage.spectra.fitting.band_support import band_support, independent_supports
from spectriage.spectra.fitting.fit import Axis
from spectriage.spectra.fitting.fitter import Fitter

CAFFEINE = "caffeine-anhydrous-wasatch"


def band(shift: float, remaining: float, *, height: float = 1.0, phenyl: bool = False) -> BandSupport:
    return BandSupport(shift, height, remaining, phenyl)


@pytest.mark.parametrize(
    ("bands", "count"),
    [
        ((), 0),
        ((band(500, 0.1), band(700, 0.1)), 2),
        ((band(500, 0.99), band(700, 1.4)), 0),
        ((band(1003, 0.1, phenyl=True), band(1030, 0.1, phenyl=True), band(620, 0.0, phenyl=True)), 1),
        ((band(1003, 0.1, phenyl=True), band(1030, 0.99, phenyl=True), band(740, 0.2)), 2),
        ((band(1003, 0.99, phenyl=True), band(740, 0.2)), 1),
    ],
)
def test_the_shared_phenyl_lines_are_one_piece_of_evidence(bands, count):
    assert independent_supports(bands) == count


def supported_share(bands) -> float:
    """The share of a component's bands, by height, that need it; 0 for no bands."""
    total = sum(band.height for band in bands)
    return sum(band.height for band in bands if band.supports) / total if total > 0.0 else 0.0


def test_every_band_of_a_pure_material_needs_it(engine, sample, row_of):
    fitter = Fitter(engine.index, sample({CAFFEINE: 1.0}, seed=2))
    bands = band_support(fitter, fitter.refine((row_of[CAFFEINE],), Axis()), 0)
    assert bands[0].height == pytest.approx(1.0)
    heights = [item.height for item in bands]
    assert heights == sorted(heights, reverse=True)
    assert supported_share(bands) > 0.8


def test_bands_lie_where_the_reference_has_them(engine, sample, library, row_of):
    spectrum = sample({CAFFEINE: 1.0}, seed=2)
    fitter = Fitter(engine.index, spectrum)
    strongest = band_support(fitter, fitter.fit((row_of[CAFFEINE],), Axis()), 0)[0]
    window = (library.shift > 250.0) & (library.shift < 1950.0)
    values = np.where(window, np.nan_to_num(library.spectra[row_of[CAFFEINE]]), 0.0)
    near = np.abs(library.shift - strongest.shift_cm) <= 4.0
    assert values[near].max() > 0.5 * values.max()


def test_a_component_that_is_not_there_has_little_support(engine, sample, row_of):
    fitter = Fitter(engine.index, sample({CAFFEINE: 1.0}, seed=2))
    whole = fitter.fit((row_of[CAFFEINE], row_of["cocaine-hcl"]), Axis())
    assert supported_share(band_support(fitter, whole, 1)) < 0.25
    assert supported_share(band_support(fitter, whole, 0)) > 0.7


@pytest.mark.parametrize(
    ("shift", "shared"), [(620.0, True), (1003.0, True), (1030.0, True), (1602.0, True), (740.0, False)]
)
def test_where_the_phenyl_lines_are(engine, sample, row_of, shift, shared):
    """Polystyrene has all of them; its other lines are its own."""
    name = "polystyrene-wasatch"
    fitter = Fitter(engine.index, sample({name: 1.0}, seed=4, times=0.2))
    bands = band_support(fitter, fitter.fit((row_of[name],), Axis()), 0)
    near = [item for item in bands if abs(item.shift_cm - shift) <= 6.0]
    assert all(item.shared_phenyl is shared for item in near)
    assert near or not shared


def test_bands_outside_the_measured_range_are_not_judged(engine, sample, row_of):
    fitter = Fitter(engine.index, sample({CAFFEINE: 1.0}, seed=2, low_cm=400.0, high_cm=1000.0))
    bands = band_support(fitter, fitter.fit((row_of[CAFFEINE],), Axis()), 0)
    assert bands
    assert all(400.0 < item.shift_cm < 1000.0 for item in bands)


def test_what_remains_around_a_band_is_that_of_the_formulas(engine, sample, row_of):
    fitter = Fitter(engine.index, sample({CAFFEINE: 0.6, "mannitol-beta": 0.4}, seed=3))
    whole = fitter.refine((row_of[CAFFEINE], row_of["mannitol-beta"]), Axis())
    rest = fitter.fit(whole.rows[:1], whole.axis)
    query, index = whole.query, engine.index

    def disagreements(fitted):
        own = np.arcsinh(fitted.astype(float) / query.threshold)
        scale = own @ query.compressed / (own @ own)
        both = (query.compressed - scale * own, query.derivative - fitted)
        return [np.where(query.valid, part, 0.0) ** 2 for part in both]

    after, before = disagreements(whole.fitted), disagreements(rest.fitted)
    row = index.rows.row(whole.rows[1], whole.axis.broadening_cm)
    own = -whole.amplitudes[1] * row
    others = -(whole.fitted + own)
    expected = {}
    for centre in index.rows.bands(whole.rows[1], whole.axis.broadening_cm).centres:
        near = slice(max(0, centre - 6), centre + 7)
        if query.valid[near].all() and centre + 7 <= query.valid.size:
            left = min(a[near].sum() / b[near].sum() for a, b in zip(after, before, strict=True))
            crowded = CROWD_SHARE * others[max(0, centre - 7) : centre + 8].max() > own[centre]
            expected[float(index.references.shift[centre])] = (left, bool(crowded))
    found = {band.shift_cm: (band.remaining, band.crowded) for band in band_support(fitter, whole, 1)}
    assert found.keys() == expected.keys()
    for at_cm, (left, crowded) in expected.items():
        assert found[at_cm][0] == pytest.approx(left, rel=1e-3)
        assert found[at_cm][1] is crowded


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_usable_bands_are_counted_once_each_and_shared_ones_together(seed):
    rng = np.random.default_rng(seed)
    shift = 200.0 + 2.0 * np.arange(300)
    valid = np.ones(300, bool)
    valid[rng.integers(0, 300, 3)] = False
    centres = np.sort(rng.choice(300, 12, replace=False))
    shared = (shift >= 250.0) & (shift <= 300.0)
    shared |= (shift >= 500.0) & (shift <= 520.0)
    ends = np.array([5, 5, 12])
    counts = np.empty(3, np.intp)
    count_bands(centres, ends, valid, BandRules(6, 7, 0.6, 0.3, 0.08, shared), counts)
    for count, own in zip(counts, np.split(centres, ends[:-1]), strict=True):
        whole = [c for c in own if valid[max(0, c - 6) : c + 7].all()]
        inside = [bool(shared[c]) for c in whole]
        assert count == inside.count(False) + any(inside)
