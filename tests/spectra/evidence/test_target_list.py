"""What is told of targets by their numbers is what their objects tell."""

import json
import math
import pickle
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spectriage.spectra.evidence import targets as engine_targets
from spectriage.spectra.evidence.mass import MassRange
from spectriage.spectra.evidence.sighting import NOTHING
from spectriage.spectra.evidence.target_evidence import TargetEvidence
from spectriage.spectra.evidence.target_list import NOT_LOOKED_AT, TargetList
from spectriage.spectra.policy import Policy, Target
from spectriage.spectra.reference import Hazard, Reference, Tier

RECORD = Reference("made-1", "made up", "", "made up", "fentanyl", Hazard.CONTROLLED, Tier.RECALLED)
amounts = st.one_of(st.floats(0.0, 1.5), st.sampled_from([math.inf, math.nan, 0.1, 0.3]))


@st.composite
def targets(draw) -> TargetEvidence:
    name = draw(st.sampled_from(["one", "two", "three"]))
    families = tuple(draw(st.lists(st.sampled_from("abc"), unique=True)))
    low, middle, high = (draw(amounts) for _ in range(3))
    return TargetEvidence(
        name,
        draw(st.booleans()),
        draw(st.one_of(st.floats(-1.0, 3.0), st.just(math.nan))),
        draw(st.floats(-1.0, 3.0)),
        draw(st.floats(-2.0, 2.0)),
        draw(st.integers(0, 5)),
        draw(amounts),
        RECORD,
        RECORD.tier,
        RECORD.hazard,
        RECORD.tier,
        Target(name, (name,), mass=draw(st.sampled_from([None, 0.1, 0.3])), required=draw(st.booleans())),
        families,
        tuple(family for family in families if draw(st.booleans())),
        MassRange(low, middle, high, draw(st.booleans())),
        draw(st.booleans()),
        draw(st.floats(0.0, 1.0)),
        draw(st.floats(0.0, 1.0)),
    )


def is_within(target: TargetEvidence, policy: Policy) -> bool:
    """As the rule is said in words: by mass where the policy asks for that, else by the signal."""
    if target.asked.mass is None:
        return target.lod <= policy.lod
    return (target.mass.middle if policy.judged == "middle" else target.mass.high) <= target.asked.mass


@given(st.lists(targets(), max_size=6), st.sampled_from([0.1, 0.5]), st.sampled_from(["middle", "upper"]))
def test_numbers_tell_what_the_objects_tell(made, lod, judged):
    policy, together = Policy(lod=lod, judged=judged), TargetList.of(made)
    required = [each for each in made if each.asked.required and each.covered]
    beyond = [together[place] for place in together.beyond(policy)]
    assert [id(each) for each in beyond] == [id(each) for each in required if not is_within(each, policy)]
    assert together.provisional == tuple(each.name for each in required if each.provisional)
    assert together.guessed == tuple(sorted({family for each in made for family in each.guessed}))
    assert [id(each) for each in together.found] == [id(each) for each in made if each.found]
    near = [each for each in made if not each.found and not each.gain < 0.7]
    assert [id(each) for each in together.near(0.7)] == [id(each) for each in near]
    if not any(math.isnan(each.lod) for each in required):
        worst = max(required, key=lambda each: each.lod, default=None)
        assert together.least_visible() is worst


@given(st.lists(targets(), max_size=4))
@settings(max_examples=50)
def test_made_of_its_numbers_alone_it_is_the_same(made):
    """A mass of no amount says no more than that."""
    together = TargetList.of(made)
    again = TargetList(together._watched, together.told, together.numbers, together.looks)
    assert [repr(_known(each)) for each in again] == [repr(_known(each)) for each in made]


def _known(each: TargetEvidence) -> TargetEvidence:
    return each if each.mass.middle < math.inf else each._replace(mass=None)


@pytest.fixture(scope="module")
def results(engine, many_kinds):
    return list(engine.identify_each(many_kinds.values()))


def test_an_answer_has_the_same_targets_however_it_is_read(engine, results):
    for result in results:
        assert isinstance(result.targets, TargetList)
        text = result.json_text()
        made = TargetList.of(tuple(result.targets))
        assert made is not result.targets
        assert made == result.targets
        assert replace(result, targets=made).json_text() == text
        assert replace(result, targets=tuple(made)).json_text() == text
        assert pickle.loads(pickle.dumps(result.targets)) == result.targets
        for judged in ("middle", "upper"):
            policy = replace(engine.policy, judged=judged)
            assert made.beyond(policy) == result.targets.beyond(policy)
        assert made.least_visible() == result.targets.least_visible()
        assert (made.provisional, made.guessed) == (result.targets.provisional, result.targets.guessed)
        assert (made.found, made.near(1.0)) == (result.targets.found, result.targets.near(1.0))
    assert TargetList.of(results[0].targets) is results[0].targets


def test_most_are_not_looked_at(results):
    looks = [len(result.targets.looks) / len(result.targets) for result in results]
    assert 0.0 < np.mean(looks) < 0.5
    assert any(each.sighting is NOTHING for result in results for each in result.targets)


def test_what_is_found_was_looked_at(engine, results):
    for result in results:
        for place, each in enumerate(result.targets):
            looked_at = place in result.targets.looks
            assert looked_at == (each.gain >= 0.5 * engine.policy.hazard_gain)
            assert looked_at or not each.found
            assert looked_at or each.probability == NOT_LOOKED_AT.probability


def test_an_answer_keeps_no_numbers_of_others(results):
    for result in results:
        assert result.targets.numbers.base is None
        assert result.targets.numbers.shape == (len(result.targets), 9)


def test_a_gain_that_is_no_number_is_neither_found_nor_passed_over(engine, many_kinds, monkeypatch):
    weighed = engine_targets._weighed_by_kernel

    def spoilt(*given):
        weights = weighed(*given)
        weights.numbers[:, 0, 0] = math.nan
        return weights

    monkeypatch.setattr(engine_targets, "_weighed_by_kernel", spoilt)
    for name in ("pure", "hazard", "two"):
        result = engine.identify(many_kinds[name])
        first = result.targets[0]
        assert math.isnan(first.gain)
        assert not first.found
        assert (first.supports, first.sighting) == (0, NOTHING)
        assert first.probability == NOT_LOOKED_AT.probability
        assert result.targets.near(engine.policy.hazard_gain)[0] is first
        assert result.json_text() == json.dumps(result.to_json())
