"""What a fit is: axis corrections that must earn themselves, and models with one component less."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectriage.spectra.fitting.fit import (
    AXIS_PENALTY,
    MIN_DISAGREEMENT,
    NO_CORRECTION,
    STRETCH_TOLERANCE,
    Axis,
    Fit,
    Single,
)
from spectriage.spectra.signal.axis import AXIS_TOLERANCE_CM, corrected_shift


def fit_of(rows, similarity=0.5) -> Fit:
    return Fit(rows, np.ones(len(rows)), similarity, NO_CORRECTION, None, np.zeros(4, np.float32))


def test_a_correction_at_the_tolerance_must_earn_the_penalty():
    assert NO_CORRECTION.penalty == 0.0
    assert Axis(AXIS_TOLERANCE_CM).penalty == pytest.approx(AXIS_PENALTY)
    assert Axis(0.0, -STRETCH_TOLERANCE).penalty == pytest.approx(AXIS_PENALTY)
    assert Axis(AXIS_TOLERANCE_CM, STRETCH_TOLERANCE, 12.0).penalty == pytest.approx(2 * AXIS_PENALTY)


@given(st.floats(-10, 10), st.floats(-0.01, 0.01))
def test_a_penalty_grows_with_the_correction_either_way(offset_cm, stretch):
    axis = Axis(offset_cm, stretch)
    assert axis.penalty == Axis(-offset_cm, -stretch).penalty
    assert Axis(1.1 * offset_cm, 1.1 * stretch).penalty >= axis.penalty >= 0.0
    assert Single(3, 0.7, axis).merit == pytest.approx(0.7 - axis.penalty)


def test_disagreement_is_never_nothing():
    assert fit_of((1,), 0.75).disagreement == 0.25
    assert fit_of((1,), 1.0).disagreement == MIN_DISAGREEMENT


@given(st.lists(st.integers(0, 99), min_size=1, max_size=5, unique=True), st.data())
def test_without_leaves_the_others_in_their_order(rows, data):
    position = data.draw(st.integers(0, len(rows) - 1))
    assert list(fit_of(tuple(rows)).without(position)) == rows[:position] + rows[position + 1 :]


@given(st.floats(-8, 8), st.floats(-0.004, 0.004))
def test_an_axis_is_corrected_about_its_pivot(offset_cm, stretch):
    shift = np.array([200.0, 1200.0, 2200.0])
    moved = corrected_shift(shift, offset_cm, stretch)
    np.testing.assert_allclose(
        moved - shift, offset_cm + stretch * np.array([-1000.0, 0.0, 1000.0]), atol=1e-9
    )
