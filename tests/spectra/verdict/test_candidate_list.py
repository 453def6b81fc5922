"""What is told of candidates by their numbers is what their objects tell."""

import math
import pickle
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectriage.spectra.evidence.null import probability
from spectriage.spectra.identify import Identifier
from spectriage.spectra.reference import Reference
from spectriage.spectra.verdict.candidate_list import CandidateList
from spectriage.spectra.verdict.component import Candidate

RECORDS = [Reference(f"made-{name}-{form}", name, form) for name in "abc" for form in ("one", "two")]
chances = st.one_of(st.none(), st.floats(0.0, 1.0))
candidates = st.builds(
    Candidate,
    st.sampled_from(RECORDS),
    st.floats(0.0, 1.0),
    chances,
    chances,
    st.one_of(st.none(), st.floats(0.0, 1e9)),
)
odds = st.lists(
    st.tuples(
        st.sampled_from(RECORDS), st.tuples(st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.floats(-9.0, 9.0))
    ),
    max_size=6,
)


@given(st.lists(candidates, max_size=6), st.dictionaries(st.sampled_from("abcd"), st.floats(0.0, 1.0)))
def test_what_is_named_has_the_greater_probability(made, named):
    together = CandidateList.of(made).with_named(named)
    assert len(together) == len(made)
    for own, given_one in zip(together, made, strict=True):
        known = named.get(given_one.reference.substance, 0.0)
        raised = given_one.probability is not None and known > given_one.probability
        assert own == (given_one._replace(probability=known) if raised else given_one)


@given(odds, st.sampled_from([None, 0.3, 0.9]), st.dictionaries(st.sampled_from("ab"), st.floats(0.0, 1.0)))
def test_each_substance_has_its_share_of_the_probability_once(given_odds, prior, named):
    ordered = sorted(given_odds, key=lambda each: -each[1][2])
    rows = [(score, p_value, log_ratio, math.exp(log_ratio)) for _, (score, p_value, log_ratio) in ordered]
    references = [reference for reference, _ in ordered]
    made = CandidateList(references, np.array(rows).reshape(-1, 4), prior)
    assert [each.score for each in made] == [score for score, *_ in rows]
    if prior is None:
        assert all(each[2:] == (None, None, None) for each in made)
        return
    assert [each[3:] for each in made] == [(p_value, ratio) for _, p_value, _, ratio in rows]
    by_substance = {}
    for each in made:
        assert by_substance.setdefault(each.reference.substance, each.probability) == each.probability
    if rows:
        assert sum(by_substance.values()) == pytest.approx(probability(rows[0][2], prior))
    assert made.with_named(named) == CandidateList.of(tuple(made)).with_named(named)


@pytest.fixture(scope="module")
def results(engine, many_kinds):
    return list(engine.identify_each(many_kinds.values()))


def test_an_answer_has_the_same_candidates_however_it_is_read(results):
    for result in results:
        assert isinstance(result.candidates, CandidateList)
        text = result.json_text()
        made = CandidateList.of(tuple(result.candidates))
        assert made is not result.candidates
        assert made == result.candidates
        assert made.references == list(result.candidates.references)
        assert replace(result, candidates=made).json_text() == text
        assert replace(result, candidates=tuple(made)).json_text() == text
        assert pickle.loads(pickle.dumps(result.candidates)) == result.candidates
        assert isinstance(result.candidates._odds, np.ndarray)
        assert result.candidates._odds.base is None
    assert CandidateList.of(results[0].candidates) is results[0].candidates
    # of some mixtures a part is more probable than it would be as the whole
    assert any(
        each.reference.substance == part.reference.substance and each.probability == part.probability
        for result in results
        for part in result.components
        for each in result.candidates
    )


def test_without_a_null_there_are_no_odds(library, many_kinds):
    bare = Identifier(replace(library, derived=replace(library.derived, null=None)))
    result = bare.identify(many_kinds["two"])
    assert result.candidates
    assert all(each[2:] == (None, None, None) for each in result.candidates)
    assert '"probability": null, "p_value": null' in result.json_text()
