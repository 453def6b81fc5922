"""Shares of the signal and of the mass: against the formula written out, and what an assumption costs."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectriage.spectra import Reference
from spectriage.spectra.evidence import mass as module
from spectriage.spectra.evidence.mass import NO_MASS, Response, mass_range

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
