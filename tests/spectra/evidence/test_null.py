"""p-values, likelihood ratios and probabilities against their definitions and SciPy's optimiser."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from spectriage.library.store.file import read_library, write_library
from spectriage.spectra.derived import Derived
from spectriage.spectra.errors import LibraryError
from spectriage.spectra.evidence.null import RIDGE, Null, make_null, probability, read_null

LEVELS = np.array([300.0, 40.0, 10.0])


@pytest.fixture(scope="module")
def null() -> Null:
    rng = np.random.default_rng(1)
    wrong, right = rng.gamma(4.0, 0.2, (3, 60)), 1.0 + rng.gamma(4.0, 0.4, (3, 60))
    right[2] -= 0.8
    return Null(LEVELS, wrong, right, 0.3 * wrong, 0.5 * right)


def regression(wrong: np.ndarray, right: np.ndarray) -> tuple[float, float]:
    """Penalised maximum likelihood, by a general optimiser."""
    x, y = np.concatenate([wrong, right]), np.repeat([0.0, 1.0], [wrong.size, right.size])

    def loss(weights: np.ndarray) -> float:
        score = weights[0] + weights[1] * x
        return np.sum(np.logaddexp(0.0, score) - y * score) + 0.5 * RIDGE * 0.05 * x.size * weights[1] ** 2

    best = minimize(loss, np.zeros(2), method="BFGS", options={"gtol": 1e-8})
    return best.x[0], best.x[1]


@pytest.mark.parametrize(("snr", "level"), [(1e5, 0), (300.0, 0), (60.0, 1), (40.0, 1), (9.0, 2), (0.1, 2)])
def test_likelihood_ratios_are_those_of_the_regression_at_that_noise(null, snr, level):
    intercept, slope = regression(null.wrong[level], null.right[level])
    for similarity in (0.1, 0.6, 0.9):
        value = -np.log(1.0 - similarity)
        _, ratio = null.first(similarity, null.level(snr))
        assert ratio == pytest.approx(intercept + slope * value, rel=1e-3, abs=1e-3)
    intercept, slope = regression(null.added_wrong[level], null.added_right[level])
    _, ratio = null.further(0.4, null.level(snr))
    assert ratio == pytest.approx(intercept + slope * 0.4, rel=1e-3, abs=1e-3)


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_p_values_count_the_wrong_ones(one, other):
    rng = np.random.default_rng(4)
    wrong = rng.gamma(4.0, 0.2, (3, 60))
    null = Null(LEVELS, wrong, wrong + 1.0, wrong, wrong + 1.0)
    value = -np.log(max(1.0 - one, 1e-4))
    p_value, _ = null.first(one, null.level(300.0))
    assert p_value == pytest.approx((1 + sum(w >= value for w in wrong[0])) / 61)
    assert p_value >= 1 / 61
    low, high = sorted([one, other])
    assert null.first(low, null.level(40.0))[0] >= null.first(high, null.level(40.0))[0]
    assert null.first(low, null.level(40.0))[1] <= null.first(high, null.level(40.0))[1]


@given(
    st.one_of(st.floats(0.0, 1.0), st.sampled_from([0.0, 0.5, 1.0])),
    st.sampled_from([1e5, 300.0, 60.0, 9.0, 0.1]),
)
def test_a_p_value_counts_the_wrong_ones_that_are_as_good(similarity, snr):
    rng = np.random.default_rng(4)
    wrong = rng.gamma(4.0, 0.2, (3, 60))
    # one that is met to the last place
    wrong[:, 0] = -np.log(0.5)
    null = Null(LEVELS, wrong, wrong + 1.0, wrong, wrong + 1.0)
    value = -np.log(max(1.0 - similarity, 1e-4))
    level = np.argmin(np.abs(np.log(LEVELS / max(snr, 1.0))))
    assert null.level(snr) == level
    p_value, _ = null.first(similarity, null.level(snr))
    assert p_value == pytest.approx((1 + sum(w >= value for w in wrong[level])) / 61)


@given(st.floats(-30.0, 30.0), st.floats(0.01, 0.99))
def test_probabilities_are_those_of_bayes(log_ratio, prior):
    odds = np.exp(log_ratio) * prior / (1.0 - prior)
    assert probability(log_ratio, prior) == pytest.approx(odds / (1.0 + odds), rel=1e-9)
    assert probability(0.0, prior) == pytest.approx(prior)


@pytest.mark.parametrize("log_ratio", [-1e6, 1e6])
def test_probabilities_stay_probabilities(log_ratio):
    assert 0.0 <= probability(log_ratio, 0.5) <= 1.0


def test_overlapping_distributions_give_no_certainty():
    same = np.random.default_rng(2).gamma(4.0, 0.2, (3, 80))
    null = Null(LEVELS, same, same, same, same)
    for similarity in (0.2, 0.5, 0.8):
        assert abs(null.first(similarity, null.level(300.0))[1]) < 0.5


def test_a_null_survives_its_library(null, library, tmp_path):
    path = tmp_path / "library.h5"
    write_library(path, replace(library, derived=Derived(null=null)))
    read = read_null(read_library(path))
    assert read is not None
    assert read.first(0.9, read.level(40.0)) == null.first(0.9, null.level(40.0))
    assert read_null(replace(library, derived=Derived())) is None
    assert read_null(replace(library, derived=Derived(null=replace(null, method="contrast-0")))) is None


@pytest.mark.parametrize("damage", ["right", "levels"])
def test_a_damaged_null_is_an_error(null, library, damage):
    cut = {"levels": LEVELS[:2]} if damage == "levels" else {"right": null.right[:, :-1]}
    with pytest.raises(LibraryError, match="null"):
        read_null(replace(library, derived=Derived(null=replace(null, **cut))))


@pytest.fixture(scope="module")
def few(library, row_of):
    names = [
        "caffeine-anhydrous-wasatch",
        "mannitol-beta",
        "talc-rruff",
        "sucrose-crystalline-wasatch",
        "cocaine-hcl",
        "urea-crystalline-wasatch",
        "sucrose-crystalline-wiercigroch",
        "toluene-liquid-wasatch",
        "polystyrene-wasatch",
        "glycine-alpha-wasatch",
        "sodium-chloride",
    ]
    keep = np.zeros(len(library), bool)
    keep[[row_of[name] for name in names]] = True
    return library.subset(keep)


def test_every_family_is_left_out_once_and_right_ones_fit_better(few):
    steps = []
    null = make_null(few, lambda *step: steps.append(step))
    assert null is not None
    # eleven references: two are sucrose, one (table salt) has no bands
    assert null.wrong.shape == (3, 9)
    assert steps[-1] == ("null", 9, 9)
    assert np.all(np.median(null.right, axis=1) > np.median(null.wrong, axis=1))
    assert np.all(np.isfinite([null.wrong, null.right, null.added_wrong, null.added_right]))
    # noise makes right references fit less well
    assert np.median(null.right[0]) > np.median(null.right[2])
    again = make_null(few)
    assert again is not None
    np.testing.assert_array_equal(again.wrong, null.wrong)
    np.testing.assert_array_equal(again.added_right, null.added_right)


def test_too_small_a_library_has_no_null(few):
    assert make_null(few.subset(np.arange(len(few)) < 6)) is None


def test_the_shipped_library_keeps_its_null(library):
    null = read_null(library)
    assert null is not None
    assert null.wrong.shape[1] > 60
    assert np.all(np.median(null.right, axis=1) > np.median(null.wrong, axis=1))
    # the best wrong reference at a good signal is beaten by most right ones
    assert np.mean(null.right[0] > np.quantile(null.wrong[0], 0.95)) > 0.6
