"""A library held whole and one that rows are gathered from: the same rows, fits and answers."""

import json

import numpy as np
import pytest

from spectriage.spectra.contrast import rows as contrast_rows
from spectriage.spectra.contrast.index import ContrastIndex
from spectriage.spectra.contrast.rows import BROADENINGS_CM, ContrastRows
from spectriage.spectra.fitting.fit import Axis, Fit
from spectriage.spectra.fitting.fitter import Fitter
from spectriage.spectra.identify import Identifier

CAFFEINE, MANNITOL, TALC = "caffeine-anhydrous-wasatch", "mannitol-beta", "talc-rruff"
AXES = [Axis(), Axis(offset_cm=-3.0), Axis(1.5, 0.002, 8.0), Axis(0.0, 0.0, 12.0)]


@pytest.fixture(scope="module")
def gathering(library):
    """The engine as it would be if the library were large."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(contrast_rows, "HELD_BYTES", -1)
        return Identifier(library)


@pytest.fixture(scope="module")
def scans(sample):
    blurring = np.exp(-0.5 * np.square(np.arange(-30, 31) * 2.0 / (12.0 / 2.3548)))
    plain = sample({CAFFEINE: 1.0}, seed=1)
    rng = np.random.default_rng(2)
    coarse = np.convolve(plain.intensity, blurring / blurring.sum(), "same")
    coarse += rng.normal(scale=10.0, size=coarse.size)
    return {
        "single": plain,
        "mixture": sample({"fentanyl-hcl": 0.5, MANNITOL: 0.5}, seed=3),
        "packed": sample({"acetaminophen-form-1-wasatch": 0.6, "polyethylene-hdpe-wasatch": 0.4}, seed=1),
        "moved": sample({"cocaine-hcl": 0.6, MANNITOL: 0.4}, seed=2, offset_cm=5.0),
        "blurred": plain.with_step("blur", intensity=coarse, variance=None),
        "noisy": sample({"toluene-liquid-wasatch": 1.0}, seed=4, snr=8.0),
    }


NAMES = ["single", "mixture", "packed", "moved", "blurred", "noisy"]


def test_one_is_held_and_the_other_gathers(engine, gathering, row_of):
    """Else the other tests would compare nothing."""
    rows = [row_of[TALC], row_of[CAFFEINE], row_of[TALC]]
    held, gathered = engine.index.rows.gather(rows), gathering.index.rows.gather(rows)
    assert len(held.rows) == len(engine.index)
    assert held.places.tolist() == rows
    assert gathered.rows.shape == (3, engine.index.rows.points)
    assert gathered.places.tolist() == [0, 1, 2]


def same_rows(one: ContrastRows, other: ContrastRows, rows: list[int]) -> None:
    assert len(one) == len(other)
    np.testing.assert_array_equal(one.holds(rows), other.holds(rows))
    whole, parts = one.gather_widths(rows), other.gather_widths(rows)
    np.testing.assert_array_equal(whole.rows[:, whole.places], parts.rows[:, parts.places])
    for number, width in enumerate(BROADENINGS_CM):
        stack = one.stack(rows, width)
        assert stack.dtype == np.float32
        assert stack.shape == (len(rows), one.points)
        np.testing.assert_array_equal(stack, other.stack(rows, width))
        np.testing.assert_array_equal(stack, whole.rows[number, whole.places])
        for gathered in (one.gather(rows, width), other.gather(rows, width), whole, parts):
            of_this_width = gathered.rows if gathered.rows.ndim == 2 else gathered.rows[number]
            np.testing.assert_array_equal(of_this_width[gathered.places], stack)
            ranges = gathered.ranges[gathered.numbers[gathered.places]]
            np.testing.assert_array_equal(ranges, one.holds(rows))
        for place, row in enumerate(rows):
            for each in (one, other):
                np.testing.assert_array_equal(each.row(row, width), stack[place])
            for mine, its in zip(one.bands(row, width), other.bands(row, width), strict=True):
                np.testing.assert_array_equal(mine, its)


def test_both_give_the_same_rows(engine, gathering, row_of):
    one, other = engine.index.rows, gathering.index.rows
    same_rows(one, other, [row_of[name] for name in (TALC, CAFFEINE, "cocaine-hcl", TALC)])
    same_rows(one, other, list(range(0, len(one), 7)))
    same_rows(one, other, [])


@pytest.mark.parametrize("most", [0, 2**20])
def test_rows_are_blurred_and_hold_where_their_windows_were_measured(monkeypatch, most):
    monkeypatch.setattr(contrast_rows, "HELD_BYTES", most)
    rng = np.random.default_rng(5)
    spectra = rng.normal(size=(6, 200)).astype(np.float32)
    spectra[1, 40:70] = spectra[4, 40:70] = np.nan
    spectra[2] = np.nan
    derivatives = rng.normal(size=(6, 200)).astype(np.float32)
    derivatives[3] = 0.0
    rows = ContrastRows(derivatives, spectra, 2.0)
    assert (len(rows), rows.points) == (6, 200)
    # 42 cm⁻¹ are 21 points: ten to either side
    whole, holed = np.arange(10, 190), np.r_[10:30, 80:190]
    held = rows.holds([4, 2, 0, 1])
    assert [np.flatnonzero(own).tolist() for own in held] == [
        holed.tolist(),
        [],
        whole.tolist(),
        holed.tolist(),
    ]
    # a range that several hold over is kept once
    gathered = rows.gather([0, 1, 2, 3, 4, 5])
    assert len(gathered.ranges) == 3
    for row in range(6):
        np.testing.assert_array_equal(rows.row(row), derivatives[row])
        np.testing.assert_array_equal(rows.spectrum(row), spectra[row].astype(float))
        for width in BROADENINGS_CM[1:]:
            sigma = width / np.sqrt(8.0 * np.log(2.0)) / 2.0
            kernel = np.exp(-0.5 * (np.arange(-30, 31) / sigma) ** 2)
            expected = np.convolve(derivatives[row].astype(float), kernel / kernel.sum(), "same")
            # tails beyond four standard deviations are left out
            np.testing.assert_allclose(rows.row(row, width), expected, atol=2e-4)
    centres, heights, shares = rows.bands(3)
    assert (centres.size, heights.size, shares) == (0, 0, [])
    with pytest.raises(ValueError, match=r"x not in|not in tuple"):
        rows.gather([0], 7.0)


def test_a_library_of_so_many_bytes_is_held_and_one_of_more_is_not(library, monkeypatch):
    size = 4 * len(BROADENINGS_CM) * len(library) * library.shift.size
    for most, held in ((size, True), (size - 1, False)):
        monkeypatch.setattr(contrast_rows, "HELD_BYTES", most)
        rows = ContrastIndex(library).rows.gather([0, 1]).rows
        assert (len(rows) == len(library)) is held


def same_fits(one: Fit, other: Fit) -> None:
    assert one.rows == other.rows
    assert one.axis == other.axis
    assert one.similarity == other.similarity
    np.testing.assert_array_equal(one.amplitudes, other.amplitudes)
    np.testing.assert_array_equal(one.fitted, other.fitted)


@pytest.mark.parametrize("name", NAMES)
def test_both_give_the_same_fits(engine, gathering, scans, row_of, name):
    first, second = Fitter(engine.index, scans[name]), Fitter(gathering.index, scans[name])
    rows = tuple(row_of[each] for each in (CAFFEINE, MANNITOL, TALC, "cocaine-hcl", "fentanyl-hcl"))
    for axis in AXES:
        for count in range(len(rows) + 1):
            one, other = first.fit(rows[:count], axis), second.fit(rows[:count], axis)
            same_fits(one, other)
            np.testing.assert_array_equal(first.losses(one), second.losses(other))
            for parts in ((0, 0), (0, count + 1)):
                joined = [
                    f.add_each(base, rows[count:], parts) for f, base in ((first, one), (second, other))
                ]
                # what is fitted last is none where nothing is added
                for mine, its in list(zip(*joined, strict=True))[: 5 if count < len(rows) else 4]:
                    np.testing.assert_array_equal(mine, its)
    allowed = np.ones(len(engine.index), bool)
    assert first.first(allowed) == second.first(allowed)
    for count in (1, 2, 4):
        for stretch in (False, True):
            fits = [fitter.fit(rows[:count], Axis(offset_cm=1.0)) for fitter in (first, second)]
            refined = [
                f.refine(fit.rows, fit.axis, stretch=stretch)
                for f, fit in zip((first, second), fits, strict=True)
            ]
            same_fits(*refined)


@pytest.mark.parametrize("name", NAMES)
def test_both_give_the_same_answer(engine, gathering, scans, name):
    whole, parts = (json.dumps(each.identify(scans[name]).to_json()) for each in (engine, gathering))
    assert whole == parts


def test_the_blurred_scan_is_fitted_at_its_own_resolution(engine, scans, row_of):
    """Else the blurred references would be compared in no answer."""
    seen = Fitter(engine.index, scans["blurred"])
    assert seen.refine((row_of[CAFFEINE],), Axis()).axis.broadening_cm > 0.0
