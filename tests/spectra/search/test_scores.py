"""The classical scores: their formulas, their keys and their names."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import savgol_filter

from spectriage.spectra.baseline.methods import arpls
from spectriage.spectra.errors import ParameterError
from spectriage.spectra.search.scores import SCORES, score_by_name

STEP = 2.0


def curves(seed: int, rows: int = 3, points: int = 300) -> np.ndarray:
    rng = np.random.default_rng(seed)
    x = np.arange(points)
    centres = rng.uniform(20, points - 20, (rows, 9, 1))
    heights = rng.uniform(50, 800, (rows, 9, 1))
    bands = heights * np.exp(-(((x - centres) / 5.0) ** 2))
    return bands.sum(axis=1) + rng.uniform(100, 900, (rows, 1)) + rng.normal(size=(rows, points))


@pytest.mark.parametrize(("name", "order"), [("deriv1", 1), ("deriv2", 2)])
def test_derivatives_are_over_42_wavenumbers(name, order):
    values = curves(1)
    prepared, valid = SCORES[name].prepare(values, np.ones_like(values, bool), STEP)
    expected = savgol_filter(values, 21, 3, deriv=order, delta=STEP, axis=-1)
    np.testing.assert_allclose(prepared[valid], expected[valid], rtol=0, atol=1e-10)
    assert np.all(valid.sum(axis=1) == 300 - 20)


@pytest.mark.parametrize("name", ["hqi", "pearson"])
def test_hqi_and_pearson_stand_on_the_baseline_of_the_measured_part(name):
    values = curves(2)
    measured = np.ones_like(values, bool)
    measured[0, :40] = measured[1, 250:] = False
    prepared, valid = SCORES[name].prepare(np.where(measured, values, np.nan), measured, STEP)
    np.testing.assert_array_equal(valid, measured)
    for row, mask, made in zip(values, measured, prepared, strict=True):
        part = np.ascontiguousarray(row[mask])
        np.testing.assert_allclose(made[mask], part - arpls(part, 1e5), atol=1e-9)
        assert np.all(made[~mask] == 0.0)


@given(st.integers(0, 2**32 - 1), st.floats(0.0, 1.0))
@settings(max_examples=60)
def test_hqi_is_the_formula(seed, share):
    """100·(s·l)²/((s·s)(l·l)) of mean-centred spectra, written out."""
    rng = np.random.default_rng(seed)
    s, other = rng.normal(size=(2, 200))
    l = share * s + (1.0 - share) * other
    s, l = s - s.mean(), l - l.mean()
    cosine = np.array([s @ l / np.sqrt((s @ s) * (l @ l))])
    expected = 100.0 * (s @ l) ** 2 / ((s @ s) * (l @ l)) if s @ l > 0 else 0.0
    np.testing.assert_allclose(SCORES["hqi"].finish(cosine), expected, rtol=1e-12)
    np.testing.assert_array_equal(SCORES["pearson"].finish(cosine), cosine)


def test_which_scores_are_centred():
    assert {name: score.centred for name, score in SCORES.items()} == {
        "hqi": True,
        "pearson": True,
        "deriv1": False,
        "deriv2": False,
    }


def test_keys_name_the_preparation():
    keys = {name: score.key(STEP) for name, score in SCORES.items()}
    assert keys["hqi"] == keys["pearson"]
    assert len({keys["hqi"], keys["deriv1"], keys["deriv2"]}) == 3
    for score in SCORES.values():
        assert score.key(1.0) != score.key(2.0)
        assert "/" not in score.key(2.0)


def test_an_unknown_score_lists_those_there_are():
    with pytest.raises(ParameterError, match=r"'cosine'.*hqi, pearson, deriv1, deriv2"):
        score_by_name("cosine")
