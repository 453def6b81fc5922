import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta, binom

from spectriage.bench.report.statistics import Proportion, area_under_curve
from spectriage.bench.validation.statistics import (
    allowed_failures,
    lower_bound,
    roc_curve,
    spread_parts,
    trials_needed,
    upper_bound,
)
from spectriage.spectra.errors import ParameterError


@pytest.mark.parametrize(
    ("pod", "confidence", "failures", "trials"),
    # Textbook values of zero- and one-failure demonstration tests.
    [
        (0.95, 0.95, 0, 59),
        (0.90, 0.95, 0, 29),
        (0.99, 0.95, 0, 299),
        (0.95, 0.95, 1, 93),
        (0.90, 0.90, 0, 22),
    ],
)
def test_known_sample_sizes(pod, confidence, failures, trials):
    assert trials_needed(pod, confidence, failures) == trials


@settings(max_examples=40, deadline=None)
@given(st.floats(0.5, 0.98), st.floats(0.6, 0.99), st.integers(0, 5))
def test_the_sample_size_is_the_smallest_that_shows_it(pod, confidence, failures):
    n = trials_needed(pod, confidence, failures)
    assert lower_bound(n - failures, n, confidence) >= pod - 1e-9
    assert binom.cdf(failures, n - 1, 1 - pod) > 1 - confidence or n == failures + 1
    assert allowed_failures(n, pod, confidence) == failures
    assert allowed_failures(n - 1, pod, confidence) in (None, failures - 1)


def test_impossible_questions():
    for arguments in ((1.0, 0.95), (0.95, 0.0), (0.95, 0.95, -1)):
        with pytest.raises(ParameterError):
            trials_needed(*arguments)


@given(st.integers(1, 400), st.data())
def test_the_lower_bound_is_a_beta_quantile(n, data):
    k = data.draw(st.integers(0, n))
    expected = beta.ppf(0.05, k, n - k + 1) if k else 0.0
    assert lower_bound(k, n, 0.95) == pytest.approx(expected, abs=1e-9)
    assert upper_bound(k, n, 0.95) == pytest.approx(Proportion(k, n).upper_bound, abs=1e-9)


def test_the_rule_of_three():
    assert upper_bound(0, 300, 0.95) == pytest.approx(3 / 300, rel=0.01)
    assert upper_bound(0, 0, 0.95) == 1.0
    assert lower_bound(0, 0, 0.95) == 0.0


@given(
    st.lists(st.integers(0, 8), min_size=1, max_size=30), st.lists(st.integers(0, 8), min_size=1, max_size=30)
)
def test_the_area_under_the_drawn_curve_is_the_stated_area(positives, negatives):
    false, true = roc_curve(positives, negatives)
    assert (false[0], true[0], false[-1], true[-1]) == (0.0, 0.0, 1.0, 1.0)
    assert np.trapezoid(true, false) == pytest.approx(area_under_curve(positives, negatives), abs=1e-9)


@pytest.mark.parametrize("spots", [1, 3])
def test_the_parts_of_a_spread_agree_with_statsmodels(spots):
    import pandas as pd
    from statsmodels.formula.api import ols
    from statsmodels.stats.anova import anova_lm

    rng = np.random.default_rng(2)
    shape = (6, spots, 4)
    values = 10 + 3 * rng.normal(size=(6, 1, 1)) + 2 * rng.normal(size=(6, spots, 1)) + rng.normal(size=shape)
    unit, spot, _ = np.indices(shape)
    table = pd.DataFrame({"y": values.ravel(), "unit": unit.ravel(), "spot": spot.ravel()})
    formula = "y ~ C(unit)" if spots == 1 else "y ~ C(unit) + C(unit):C(spot)"
    squares = anova_lm(ols(formula, table).fit(), typ=1)["mean_sq"]
    found = spread_parts(values)
    within, between_units = squares["Residual"], squares["C(unit)"]
    between_spots = squares["C(unit):C(spot)"] if spots > 1 else within
    assert found.repeat_sd**2 == pytest.approx(within)
    assert found.unit_sd**2 == pytest.approx(max(between_units - between_spots, 0) / (4 * spots))
    assert found.spot_sd**2 == pytest.approx(max(between_spots - within, 0) / 4)
    total = found.repeat_sd**2 + found.spot_sd**2 + found.unit_sd**2
    assert found.reproducibility.value**2 == pytest.approx(total)
    assert found.reproducibility.low < found.reproducibility.value < found.reproducibility.high


def test_the_intervals_of_a_spread_cover_what_was_put_in():
    rng = np.random.default_rng(8)
    inside = np.zeros(2)
    for _ in range(300):
        values = rng.normal(size=(8, 1, 1)) + rng.normal(size=(8, 3, 1)) + rng.normal(size=(8, 3, 4))
        found = spread_parts(values)
        inside += (
            found.repeatability.low < 1.0 < found.repeatability.high,
            found.reproducibility.low < np.sqrt(3.0) < found.reproducibility.high,
        )
    assert np.all(inside / 300 > 0.90)


def test_a_spread_needs_repeats_and_units():
    for shape in ((1, 2, 3), (3, 2, 1), (3, 3)):
        with pytest.raises(ParameterError):
            spread_parts(np.zeros(shape))
    assert spread_parts(np.zeros((2, 1, 2))).reproducibility.value == 0.0
