"""The kernel that ranks candidates: against sorting in Python, and the null's own odds of each."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectriage.spectra.evidence.null import Null
from spectriage.spectra.verdict._kernels_candidates import FirstOdds, rank_candidates

LEVELS = np.array([300.0, 40.0, 10.0])
NULL = Null(LEVELS, *[np.random.default_rng(seed).gamma(4.0, 0.2 + 0.1 * seed, (3, 60)) for seed in range(4)])
NO_ODDS = FirstOdds(np.empty((0, 0)), np.empty((0, 2)), 1e-4)

scores = st.lists(
    st.one_of(st.floats(-0.2, 1.0), st.sampled_from([0.5, 0.5 + 1e-12, 0.5 + 3e-9, 0.0, 1.0])), max_size=30
)


def ranked(values, ids, null, level, room):
    rows, odds = np.full(room, -1, np.intp), np.zeros((room, 4))
    places = np.arange(len(values), dtype=np.intp)
    count = rank_candidates(places, np.array(values), ids, null, level, rows, odds)
    return rows[:count].tolist(), odds[:count].tolist(), rows[count:].tolist()


@given(scores, st.integers(0, 2**32 - 1), st.integers(1, 14))
def test_the_best_come_first_and_equal_ones_by_their_ids(values, seed, room):
    ids = np.random.default_rng(seed).permutation(len(values)).astype(np.int32)
    rows, odds, rest = ranked(values, ids, NO_ODDS, 0, room)
    order = sorted(range(len(values)), key=lambda i: (-np.rint(1e9 * values[i]), ids[i]))
    assert rows == order[:room]
    assert odds == [[max(values[row], 0.0), 0.0, 0.0, 0.0] for row in rows]
    assert set(rest) <= {-1}


@given(scores, st.sampled_from([1e5, 300.0, 60.0, 9.0, 0.1]))
def test_odds_are_those_of_the_null(values, snr):
    null = FirstOdds(*NULL.first_table, 1e-4)
    ids = np.arange(len(values), dtype=np.int32)
    for score, p_value, log_ratio, ratio in ranked(values, ids, null, NULL.level(snr), 12)[1]:
        assert (p_value, log_ratio) == pytest.approx(NULL.first(score, NULL.level(snr)), rel=1e-12)
        assert ratio == pytest.approx(math.exp(log_ratio), rel=1e-12)
