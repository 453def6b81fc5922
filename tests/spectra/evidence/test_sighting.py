"""What a scan shows of a reference: seen, contradicted where a band is missing, mute where it is hidden."""

import numpy as np
import pytest

from spectriage.spectra import Hazard, Reference, ReferenceSet, Spectrum, Tier
from spectriage.spectra.contrast._kernels_arguments import Query
from spectriage.spectra.contrast.index import ContrastIndex
from spectriage.spectra.evidence._kernels_sighting import sight_bands
from spectriage.spectra.evidence.presence import presence_log_odds
from spectriage.spectra.evidence.sighting import NOTHING, UNCERTAINTY, Sighting, _rules, sight
from spectriage.spectra.evidence.unexplained import unexplained_bands
from spectriage.spectra.fitting.band_support import is_shared_phenyl
from spectriage.spectra.fitting.far_axis import find_far_axes
from spectriage.spectra.fitting.fit import Axis
from spectriage.spectra.fitting.fitter import Fitter

SHIFT = np.arange(200.0, 2248.0, 2.0)
DRUG = (420.0, 560.0, 730.0, 905.0, 1120.0, 1310.0, 1530.0, 1690.0)
MATRIX = (480.0, 850.0, 1065.0, 1250.0, 1450.0)
HIDING = tuple(place + 4.0 for place in DRUG)


def bands(places, heights=None, width=10.0, offset=0.0):
    heights = np.ones(len(places)) if heights is None else heights
    rows = [
        height * np.exp(-4.0 * np.log(2.0) * ((SHIFT - place - offset) / width) ** 2)
        for place, height in zip(places, heights, strict=True)
    ]
    return np.sum(rows, axis=0)


def index(tier=Tier.MEASURED) -> ContrastIndex:
    records = (
        Reference("drug", "drug", hazard=Hazard.CONTROLLED, tier=tier),
        Reference("hiding", "hiding"),
        Reference("matrix", "matrix"),
        Reference("plastic", "plastic", family="polystyrene", material_class="packaging"),
    )
    plastic = bands((620.0, 795.0, 1001.0, 1031.0, 1155.0, 1450.0, 1583.0, 1602.0), width=12.0)
    spectra = np.stack([bands(DRUG), bands(HIDING, width=14.0), bands(MATRIX), plastic]).astype(np.float32)
    return ContrastIndex(ReferenceSet(records, SHIFT, spectra))


def seen(library, intensity, others=(2,), noise=1e-3) -> Sighting:
    rng = np.random.default_rng(3)
    fitter = Fitter(library, Spectrum(SHIFT, 1e3 * (intensity + rng.normal(0.0, noise, SHIFT.size))))
    whole = fitter.fit((*others, 0), Axis())
    return sight(fitter, whole, len(others))


def test_what_is_there_is_seen():
    sighting = seen(index(), 0.8 * bands(MATRIX) + 0.2 * bands(DRUG))
    assert sighting.log_ratio > 10.0
    assert sighting.supported > 0.95
    assert sighting.contradicted == 0.0
    assert sighting.seen == len(DRUG)


@pytest.mark.parametrize("missing", range(len(DRUG)))
def test_a_band_that_is_missing_counts_against_it(missing):
    heights = np.ones(len(DRUG))
    heights[missing] = 0.0
    whole = seen(index(), 0.8 * bands(MATRIX) + 0.2 * bands(DRUG))
    less = seen(index(), 0.8 * bands(MATRIX) + 0.2 * bands(DRUG, heights))
    assert less.log_ratio < whole.log_ratio - 3.0
    assert less.contradicted == pytest.approx(1.0 / len(DRUG), abs=0.03)


def test_a_guess_is_contradicted_less_than_a_measurement():
    heights = np.ones(len(DRUG))
    heights[:3] = 0.0
    scan = 0.8 * bands(MATRIX) + 0.2 * bands(DRUG, heights)
    lost = {
        tier: seen(index(tier), 0.8 * bands(MATRIX) + 0.2 * bands(DRUG)).log_ratio
        - seen(index(tier), scan).log_ratio
        for tier in (Tier.MEASURED, Tier.RECALLED, Tier.ESTIMATED)
    }
    assert lost[Tier.MEASURED] > lost[Tier.RECALLED] > lost[Tier.ESTIMATED] > 0.0


def test_what_a_neighbour_hides_says_nothing():
    hidden = seen(index(), bands(HIDING, width=14.0) + 0.05 * bands(DRUG), others=(1,))
    assert abs(hidden.log_ratio) < 3.0


def test_one_line_is_not_several():
    """A line of something else, where the reference has one of its eight."""
    sighting = seen(index(), bands(MATRIX) + bands((1120.0,), [0.5]))
    assert sighting.contradicted > 0.4
    assert sighting.log_ratio < 0.0


def test_a_scan_full_of_bands_that_nothing_explains_proves_little():
    crowd = bands(np.arange(260.0, 2200.0, 26.0), 0.2 * np.ones(75), width=8.0)
    clean = seen(index(), bands(MATRIX) + 0.2 * bands(DRUG))
    crowded = seen(index(), bands(MATRIX) + 0.2 * bands(DRUG) + crowd)
    assert crowded.log_ratio < 0.5 * clean.log_ratio


def test_the_odds_follow_the_evidence():
    clear = Sighting(10.0, 1.0, 0.0, 8, 8)
    known = {"similarity": 0.9, "gain": 1.0, "lacking": 0, "axis": Axis(), "tier": Tier.MEASURED}
    best = presence_log_odds(clear, **known)
    assert best > 2.0
    worse = (
        (NOTHING, {}),
        (clear, {"similarity": 0.4}),
        (clear, {"gain": 0.1}),
        (clear, {"lacking": 2}),
        (clear, {"axis": Axis(8.0)}),
        (clear, {"tier": Tier.ESTIMATED}),
    )
    for sighting, changed in worse:
        assert presence_log_odds(sighting, **{**known, **changed}) < best


def test_bands_that_nothing_explains_are_counted():
    library = index()
    for extra, expected in ((0, 0), (4, 4), (8, 8)):
        scan = bands(MATRIX) + 0.15 * bands(DRUG[:extra]) if extra else bands(MATRIX)
        fitter = Fitter(
            library, Spectrum(SHIFT, 1e4 * scan + np.random.default_rng(1).normal(0, 2, SHIFT.size))
        )
        (left,) = unexplained_bands([fitter.fit((2,), Axis())], library.step_cm)
        assert left.bands == expected
        assert left.greatest == pytest.approx(0.15 if extra else 0.0, abs=0.05)


@pytest.mark.parametrize("offset", [-45.0, -24.0, 30.0, 44.0])
def test_a_plastic_shows_that_the_axis_is_far_off(offset):
    library = index()
    plastic = bands(
        (620.0, 795.0, 1001.0, 1031.0, 1155.0, 1450.0, 1583.0, 1602.0), width=12.0, offset=-offset
    )
    (far,) = find_far_axes([Fitter(library, Spectrum(SHIFT, 1e3 * plastic))])
    assert far is not None
    assert far.offset_cm == pytest.approx(offset, abs=2.0)


@pytest.mark.parametrize("scan", [bands(MATRIX), bands(DRUG), bands((620.0, 795.0, 1001.0, 1031.0, 1155.0))])
def test_nothing_is_far_off_where_no_plastic_shows_it(scan):
    assert find_far_axes([Fitter(index(), Spectrum(SHIFT, 1e3 * scan))]) == [None]


@pytest.mark.parametrize("seed", range(6))
def test_what_all_bands_say_is_the_sum_of_what_each_says(seed):
    """The shared lines of benzene rings count once; each band is counted where it would have to show."""
    library = index()
    rng = np.random.default_rng(seed)
    mixed = rng.random(4) @ library.references.spectra + rng.normal(0.0, 2e-3, SHIFT.size)
    fitter = Fitter(library, Spectrum(SHIFT, 1e3 * mixed))
    whole = fitter.fit((2, 0, 3), Axis())
    for place, row in enumerate(whole.rows):
        centres, each = np.empty(SHIFT.size, np.intp), np.empty((SHIFT.size, 4))
        rules = _rules(library, UNCERTAINTY[Tier.MEASURED])
        given = (library.rows.row(row), float(whole.amplitudes[place]), Query(*whole.query.packed))
        count = sight_bands(*given, whole.fitted, whole.query.noise, rules, centres, each)
        shared = np.array([is_shared_phenyl(at_cm) for at_cm in SHIFT[centres[:count]]], bool)
        height, _, uncertainty, ratio = each[:count].T
        once = shared & (ratio > 0.0)
        visible = uncertainty < 0.5
        expected = ratio[~once].sum() + ratio[once].max(initial=0.0)
        found = sight(fitter, whole, place)
        assert found.log_ratio == pytest.approx(expected)
        total = height[visible].sum() or 1.0
        assert found.supported == pytest.approx(height[visible & (ratio > 0.5)].sum() / total)
        assert found.contradicted == pytest.approx(height[visible & (ratio < -0.5)].sum() / total)
        assert (found.expected, found.seen) == (visible.sum(), (ratio > 0.5).sum())
