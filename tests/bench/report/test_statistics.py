import numpy as np
import pytest
from scipy.stats import beta
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import proportion_confint

from spectriage.bench.report.statistics import (
    Proportion,
    Scored,
    area_under_curve,
    cluster_bootstrap,
    clustered,
    clustered_area,
    detection_curve,
    paired_difference,
    two_way_bootstrap,
)
from spectriage.spectra.errors import ParameterError


@pytest.mark.parametrize(("method", "oracle"), [("wilson", "wilson"), ("exact", "beta")])
@pytest.mark.parametrize(("successes", "trials"), [(0, 12), (3, 17), (499, 500), (25, 25)])
def test_intervals_are_statsmodels(method, oracle, successes, trials):
    found = Proportion(successes, trials, method).interval
    low, high = proportion_confint(successes, trials, method=oracle)
    assert found.low == pytest.approx(low, abs=1e-9)
    assert found.high == pytest.approx(high, abs=1e-9)


def test_upper_bound_is_one_sided_clopper_pearson():
    assert Proportion(0, 299).upper_bound == pytest.approx(1 - 0.05 ** (1 / 299))
    assert Proportion(2, 40).upper_bound == pytest.approx(beta.ppf(0.95, 3, 38))
    assert Proportion(0, 0).upper_bound == 1.0


def test_counts_that_are_no_proportion_are_refused():
    with pytest.raises(ParameterError):
        Proportion(4, 3)


def test_repeats_of_one_material_are_one_event():
    found = clustered({"a": [True] * 288, "b": [False, False], "c": [False], "empty": []})
    assert (found.successes, found.trials) == (1, 3)


def test_area_counts_pairs_with_ties_one_half():
    rng = np.random.default_rng(3)
    high, low = rng.integers(0, 6, 40) + 1, rng.integers(0, 6, 30)
    pairs = np.mean([(a > b) + 0.5 * (a == b) for a in high for b in low])
    assert area_under_curve(high, low) == pytest.approx(pairs)
    assert np.isnan(area_under_curve([], low))


def test_bootstrap_of_a_mean_agrees_with_its_standard_error_and_repeats():
    values = np.random.default_rng(1).normal(size=400)
    clusters = [float(v) for v in values]
    first = cluster_bootstrap(clusters, lambda drawn: float(np.mean(drawn)))
    second = cluster_bootstrap(clusters, lambda drawn: float(np.mean(drawn)))
    assert first == second
    assert first.high - first.low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.1)
    with pytest.raises(ParameterError):
        cluster_bootstrap([], len)


def test_clustered_area_is_wider_than_if_repeats_were_independent():
    rng = np.random.default_rng(5)
    means = rng.normal(size=(20, 2)) + np.array([0.7, 0.0])
    clusters = [Scored((high,) * 9, (low,) * 9) for high, low in means]
    alone = [Scored((high,), (low,)) for high, low in means for _ in range(9)]
    wide, narrow = clustered_area(clusters, resamplings=300), clustered_area(alone, resamplings=300)
    assert wide.value == pytest.approx(narrow.value)
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)


def test_paired_difference_is_mcnemars():
    first = [True] * 10 + [False] * 2 + [True] * 20
    second = [False] * 10 + [True] * 2 + [True] * 20
    table = [[20, 10], [2, 0]]
    assert paired_difference(first, second) == pytest.approx(mcnemar(table, exact=True).pvalue)
    assert paired_difference([True], [True]) == 1.0


def test_detection_curve_finds_what_made_the_data():
    amounts = np.array([0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4])
    truth = 1 / (1 + np.exp(-(9.0 + 4.0 * np.log(amounts))))
    tried = np.full(7, 4000)
    found = detection_curve(amounts, np.random.default_rng(2).binomial(tried, truth), tried)
    wanted = np.exp((np.log(19) - 9.0) / 4.0)
    assert found is not None
    assert found.amount.low < wanted < found.amount.high
    assert found.probability(amounts) == pytest.approx(truth, abs=0.03)


def test_detections_without_overlap_have_no_curve():
    assert detection_curve([0.1, 0.2, 0.4], [0, 0, 50], [50, 50, 50]) is None


def test_the_two_way_bootstrap_is_as_wide_as_both_kinds_of_clusters_ask():
    rng = np.random.default_rng(4)
    rows, columns = np.repeat(np.arange(20), 15), np.tile(np.arange(15), 20)
    effect = rng.normal(size=20)
    outcomes = effect[rows] + 0.1 * rng.normal(size=rows.size)
    both = two_way_bootstrap(outcomes, rows.tolist(), columns.tolist())
    assert both.value == pytest.approx(outcomes.mean())
    # an oracle: the standard error of the mean of independent row effects
    wide = 2 * 1.96 * effect.std(ddof=1) / np.sqrt(20)
    assert both.high - both.low == pytest.approx(wide, rel=0.25)
    alone = two_way_bootstrap(outcomes, list(range(300)), [0] * 300)
    assert alone.high - alone.low < 0.5 * (both.high - both.low)


def test_the_two_way_bootstrap_asks_for_one_label_each():
    with pytest.raises(ParameterError):
        two_way_bootstrap([1.0, 0.0], ["a"], ["b", "c"])
    with pytest.raises(ParameterError):
        two_way_bootstrap([], [], [])
