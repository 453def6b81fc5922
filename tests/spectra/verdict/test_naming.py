"""Names, fractions, alternatives and odds of what a fit holds."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectriage.spectra.evidence.null import probability
from spectriage.spectra.fitting.fitter import Fitter
from spectriage.spectra.fitting.selection import select, selection_rules
from spectriage.spectra.verdict.naming import ALTERNATIVE_GAIN, CANDIDATES, Fitted, Namer, _interval

CAFFEINE, MANNITOL = "caffeine-anhydrous-wasatch", "mannitol-beta"


def everything(index):
    return np.ones(len(index), bool)


def everything_allowed(engine):
    return selection_rules(engine.index, everything(engine.index), engine.policy)


@pytest.fixture(scope="module")
def named(engine, sample):
    """Of a mixture, through the whole engine's own parts: fitter, selection, components, candidates."""
    fitter = Fitter(engine.index, sample({CAFFEINE: 0.6, MANNITOL: 0.4}, seed=3))
    chosen = select(fitter, everything_allowed(engine))
    namer = Namer(engine.index, engine.policy, engine.null, everything(engine.index))
    return fitter, chosen.fit, *namer.name([Fitted(fitter, chosen.fit, chosen.alone, 300.0)])[0][:2]


def test_the_components_are_what_was_mixed_and_their_fractions_are_of_the_contents(named):
    _, fit, components, _ = named
    assert {part.reference.substance for part in components} == {"caffeine", "mannitol"}
    contents = [part for part in components if not part.reference.is_packaging]
    assert sum(part.spectral_fraction for part in contents) == pytest.approx(1.0, abs=0.02)
    assert [part.spectral_fraction for part in components] == sorted(
        (part.spectral_fraction for part in components), reverse=True
    )
    assert len(components) <= len(fit.rows)


def test_a_components_gain_is_what_leaving_it_out_costs(named, row_of):
    fitter, fit, components, _ = named
    for part in components:
        position = fit.rows.index(row_of[part.reference.id])
        rest = fitter.fit(fit.without(position), fit.axis)
        assert part.gain == pytest.approx(math.log(rest.disagreement / fit.disagreement), abs=0.02)
        assert part.score == pytest.approx(1.0 - math.exp(-part.gain))
        assert part.fraction_low < part.spectral_fraction < part.fraction_high


def test_alternatives_fit_nearly_as_well_and_are_other_substances(named, row_of, library):
    fitter, fit, components, _ = named
    substances = {library.records[row].substance for row in fit.rows}
    for part in components:
        position = fit.rows.index(row_of[part.reference.id])
        for name in part.alternatives:
            rest = fitter.fit(fit.without(position), fit.axis)
            own, gain = fitter.gains(rest, [fit.rows[position], row_of[name]])
            assert gain >= own - ALTERNATIVE_GAIN
            assert library.records[row_of[name]].substance not in substances


def test_candidates_are_ranked_and_share_one_probability(named, engine):
    _, _, _, candidates = named
    assert 0 < len(candidates) <= CANDIDATES
    scores = [candidate.score for candidate in candidates]
    assert scores == sorted(scores, reverse=True)
    _, log_ratio = engine.null.first(scores[0], engine.null.level(300.0))
    each = {candidate.reference.substance: candidate.probability for candidate in candidates}
    whole = probability(log_ratio, engine.policy.prior_known)
    assert sum(each.values()) == pytest.approx(whole, rel=1e-6)
    assert all(0.0 <= value <= 1.0 for value in each.values())


def test_without_a_null_there_are_no_odds(engine, sample):
    fitter = Fitter(engine.index, sample({CAFFEINE: 1.0}, seed=4))
    chosen = select(fitter, everything_allowed(engine))
    namer = Namer(engine.index, engine.policy, None, everything(engine.index))
    ((components, candidates, _),) = namer.name([Fitted(fitter, chosen.fit, chosen.alone, 300.0)])
    assert [part.reference.substance for part in components] == ["caffeine"]
    for part in (*components, *candidates):
        assert (part.probability, part.p_value, part.likelihood_ratio) == (None, None, None)


def test_what_may_not_explain_is_no_alternative(engine, sample, row_of):
    fitter = Fitter(engine.index, sample({CAFFEINE: 1.0}, seed=4))
    chosen = select(fitter, everything_allowed(engine))
    only = np.zeros(len(engine.index), bool)
    only[row_of[CAFFEINE]] = True
    namer = Namer(engine.index, engine.policy, None, only)
    ((components, *_),) = namer.name([Fitted(fitter, chosen.fit, chosen.alone, 300.0)])
    assert components[0].alternatives == ()


@given(st.floats(0.0, 1.0), st.floats(0.0, 20.0))
def test_an_interval_holds_its_fraction_and_narrows_with_the_evidence(fraction, gain):
    low, high = _interval(fraction, gain)
    assert 0.0 <= low <= fraction + 1e-9
    assert fraction - 1e-9 <= high <= 1.0
    closer = _interval(fraction, gain + 1.0)
    assert closer[1] - closer[0] <= high - low + 1e-12
