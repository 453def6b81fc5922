"""Shares of the signal and of the mass: against the formula written out, and what an assumption costs."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spectriage.spectra import Reference
from spectriage.spectra.evidence import mass as module
from spectriage.spectra.evidence._kernels_mass import mass_between, matrix_of
from spectriage.spectra.evidence.mass import NO_MASS, NO_MATRIX, Response, mass_range

DRUG, SUGAR, CUT = (Reference(name, name) for name in ("drug", "sugar", "cut"))
shares = st.floats(0.001, 0.999)
responses = st.floats(0.05, 5.0)


@given(shares, shares, responses, responses, responses)
def test_the_middle_is_the_formula(share, first, drug, sugar, cut):
    known = {"drug": drug, "sugar": sugar, "cut": cut}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "response_of", lambda reference: Response(known[reference.id], 1.4, True))
        found = mass_range(share, DRUG, [(SUGAR, first), (CUT, 1.0 - first)])
    parts = [share / drug, (1.0 - share) * first / sugar, (1.0 - share) * (1.0 - first) / cut]
    assert found.middle == pytest.approx(parts[0] / sum(parts), rel=1e-6)
    assert found.low <= found.middle <= found.high
    assert not found.assumed


def test_a_weak_scatterer_around_it_makes_a_share_less_mass(monkeypatch):
    monkeypatch.setattr(
        module, "response_of", lambda reference: Response(0.2 if reference is SUGAR else 1.0, 1.4, True)
    )
    in_sugar = mass_range(0.1, DRUG, [(SUGAR, 1.0)])
    assert in_sugar.middle == pytest.approx(0.1 / (0.1 + 0.9 / 0.2), rel=1e-9)
    assert in_sugar.middle < mass_range(0.1, DRUG, [(CUT, 1.0)]).middle


def test_what_is_assumed_is_said_and_widens_the_range():
    found = mass_range(0.1, DRUG, [(SUGAR, 1.0)])
    assert found.assumed
    factor = math.exp(math.hypot(math.log(2.5), math.log(2.5)))
    odds = found.middle / (1.0 - found.middle)
    assert found.high / (1.0 - found.high) == pytest.approx(odds * factor)
    assert found.low / (1.0 - found.low) == pytest.approx(odds / factor)


@pytest.mark.parametrize("share", [math.inf, math.nan, 1.5])
def test_no_amount_has_no_mass(share):
    assert mass_range(share, DRUG, []) == NO_MASS
    assert NO_MASS.to_json() is None


part = st.floats(0.0, 5.0).map(lambda value: 0.0 if value < 1e-3 else value)
response = st.tuples(st.floats(0.05, 5.0), st.floats(1.0, 3.0).map(math.log), st.sampled_from([0.0, 1.0]))


@given(st.lists(st.tuples(part, response), max_size=5))
@settings(deadline=None)
def test_the_matrix_is_the_mean_by_signal_and_its_spread_that_by_mass(others):
    parts = np.array([each for each, _ in others])
    responses = np.array([row for _, row in others]).reshape(-1, 3)
    mass, spread, measured = matrix_of(parts, responses, NO_MATRIX)
    if parts.sum() == 0.0:
        assert (mass, spread, measured) == (1.0, math.log(2.5), 0.0)
        return
    masses = parts / parts.sum() / responses[:, 0]
    assert mass == pytest.approx(masses.sum())
    assert spread == pytest.approx(masses @ responses[:, 1] / masses.sum(), abs=1e-12)
    assert measured == responses[parts > 0.0, 2].min()


@given(st.floats(0.0, 1.0), response, st.tuples(st.floats(0.2, 20.0), st.floats(0.0, 1.0), st.just(1.0)))
@settings(deadline=None)
def test_the_mass_is_by_odds_and_its_ends_a_factor_apart(share, own, matrix):
    ends = mass_between(share, np.array(own), matrix)
    odds = share / max(1.0 - share, 1e-12) / own[0] / matrix[0]
    factor = math.exp(math.sqrt(own[1] ** 2 + matrix[1] ** 2))
    expected = [each / (1.0 + each) for each in (odds / factor, odds, odds * factor)]
    assert ends == pytest.approx(expected)
    for none in (math.inf, math.nan, 1.0 + 1e-9):
        assert mass_between(none, np.array(own), matrix) == (math.inf,) * 3
