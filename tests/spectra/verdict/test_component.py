"""Components and candidates as version 1 of the JSON has them, and the order of verdicts."""

import json
from itertools import permutations

import pytest

from spectriage.spectra.fitting.band_list import BandSupport
from spectriage.spectra.reference import Hazard, Reference, Tier
from spectriage.spectra.verdict.component import Candidate, Component
from spectriage.spectra.verdict.verdict import RAISED, Verdict, most_serious

RECORD = Reference(
    "a-1",
    "alpha",
    form="HCl",
    family="alpha-class",
    material_class="opioid",
    hazard=Hazard.CONTROLLED,
    tier=Tier.RECALLED,
)


def component(claim: str) -> Component:
    bands = (BandSupport(1001.26, 1.0, 0.123456, True), BandSupport(700.0, 0.5, 0.1, False, True))
    return Component(RECORD, claim, 1 / 3, 0.2, 0.5, 0.9, 2.3, 0.123456789, 1e-300, 1e300, bands, ("b-1",))


def test_a_family_is_named_without_a_form():
    assert component("alpha").to_json()["form"] == "HCl"
    claimed = component("alpha-class").to_json()
    assert (claimed["substance"], claimed["form"], claimed["family"]) == ("alpha-class", "", "alpha-class")


def test_numbers_are_rounded_to_what_all_platforms_share():
    made = component("alpha").to_json()
    assert made["spectral_fraction"] == 0.333333
    assert made["probability"] == 0.123457
    assert (made["p_value"], made["likelihood_ratio"]) == (1e-300, 1e300)
    assert made["bands"][0] == {"shift": 1001.3, "height": 1.0, "remaining": 0.1235, "supports": True}
    # a band beside a strong one of another component does not support, however little it leaves
    assert made["bands"][1]["supports"] is False
    assert json.loads(json.dumps(made)) == made


def test_a_candidate_without_odds_says_so():
    made = Candidate(RECORD, 0.87654321).to_json()
    assert (made["score"], made["probability"], made["p_value"]) == (0.876543, None, None)
    assert (made["class"], made["tier"]) == ("opioid", "recalled")


@pytest.mark.parametrize("order", list(permutations(Verdict)))
def test_the_most_serious_does_not_depend_on_the_order(order):
    for count in range(1, len(order) + 1):
        expected = min(order[:count], key=list(Verdict).index)
        assert most_serious(order[:count]) is expected


def test_exit_codes_tell_verdicts_apart_and_there_is_no_clear():
    assert {verdict: verdict.exit_code for verdict in Verdict} == {
        Verdict.ALARM: 10,
        Verdict.WARNING: 11,
        Verdict.INCONCLUSIVE: 12,
        Verdict.NO_ALARM: 0,
    }
    assert set(RAISED) == {Verdict.ALARM, Verdict.WARNING}
    assert not {"CLEAR", "NEGATIVE"} & {str(verdict) for verdict in Verdict}
