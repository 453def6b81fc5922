import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectriage.bench.report.reliability import (
    calibration_error,
    calibration_error_interval,
    reliability,
    worst_bin,
)
from spectriage.spectra.errors import ParameterError


def test_every_answer_is_in_one_bin():
    stated = np.array([0.0, 0.05, 0.1, 0.95, 0.99, 1.0])
    right = np.array([False, False, True, True, True, True])
    bins = reliability(stated, right, edges=(0.0, 0.1, 0.95, 0.99, 1.0))
    assert [item.right.trials for item in bins] == [2, 1, 1, 2]
    assert sum(item.right.successes for item in bins) == 4
    assert bins[-1].high == 1.0
    expected = (abs(0.025 - 0) * 2 + abs(0.1 - 1) + abs(0.95 - 1) + abs(0.995 - 1) * 2) / 6
    assert calibration_error(bins) == pytest.approx(expected)


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60))
def test_bins_hold_what_they_say(pairs):
    stated, right = zip(*pairs, strict=True)
    bins = reliability(stated, right)
    assert sum(b.right.trials for b in bins) == len(pairs)
    assert sum(b.right.successes for b in bins) == sum(right)
    assert all(b.low - 1e-12 <= b.stated <= b.high + 1e-12 for b in bins)
    # an oracle: the error is never less than the distance of the two overall means
    assert calibration_error(bins) >= abs(np.mean(stated) - np.mean(right)) - 1e-9


def test_honest_probabilities_have_a_small_error_and_proud_ones_a_large_one():
    rng = np.random.default_rng(5)
    stated = rng.uniform(size=40_000)
    honest = calibration_error(reliability(stated, rng.uniform(size=stated.size) < stated))
    proud = calibration_error(reliability(stated, rng.uniform(size=stated.size) < stated**2))
    assert honest < 0.01 < 0.1 < proud


def test_the_worst_bin_is_the_one_furthest_off_that_says_enough():
    bins = reliability(
        [0.04] * 50 + [0.97] * 50 + [0.3], [True] * 31 + [False] * 19 + [True] * 49 + [False] * 2
    )
    worst = worst_bin(bins, 20)
    assert worst is not None
    assert (worst.low, worst.right.successes, worst.right.trials) == (0.0, 31, 50)
    assert worst.gap == pytest.approx(0.58)
    assert worst_bin(bins, 51) is None


def test_intervals_are_over_clusters():
    stated, right = [0.9] * 60, ([True] * 9 + [False]) * 6
    alone = calibration_error_interval(stated, right, resamplings=200)
    one = calibration_error_interval(stated, right, ["same"] * 60, resamplings=200)
    assert one.low == one.high == one.value == pytest.approx(alone.value)
    assert alone.high > alone.low


def test_what_fits_neither_bins_nor_outcomes_is_refused():
    with pytest.raises(ParameterError):
        reliability([1.2], [True])
    with pytest.raises(ParameterError):
        reliability([0.5, 0.5], [True])
    assert np.isnan(calibration_error(()))
