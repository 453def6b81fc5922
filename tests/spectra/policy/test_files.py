"""Policies as files: the shipped ones, a laboratory's own, and every way in which one can be wrong."""

from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectriage.spectra.errors import ParameterError
from spectriage.spectra.policy import SHIPPED, Policy, Target, load_policy
from spectriage.spectra.policy.files import parse_policy
from spectriage.spectra.reference import Hazard

OWN = """
schema = 1
name = "our lab"
judged = "upper"
raises = ["controlled"]
min_snr = 8
[[targets]]
name = "sugar"
families = ["sucrose"]
mass = 0.2
"""


@pytest.mark.parametrize("name", SHIPPED)
def test_the_shipped_policies_guard_every_hazard(name):
    policy = load_policy(name)
    assert policy.name == name
    assert policy.description
    assert {hazard for target in policy.targets for hazard in target.hazards} == set(Hazard) - {Hazard.NONE}
    assert any(target.required for target in policy.targets)
    assert all(target.why for target in policy.targets)


def test_border_is_what_holds_by_default():
    assert load_policy("border").targets == Policy().targets
    assert load_policy("border").sha256 == Policy().sha256


def test_drug_checking_asks_for_less_fentanyl_at_the_upper_end():
    border, checking = load_policy("border"), load_policy("drug-checking")
    masses = {target.name: target.mass for target in checking.targets}
    assert masses["fentanyl-class"] < next(t.mass for t in border.targets if t.name == "fentanyl-class")
    assert (border.judged, checking.judged) == ("middle", "upper")


def test_a_file_is_read(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text(OWN, encoding="utf-8")
    policy = load_policy(path)
    assert policy.targets == (Target("sugar", ("sucrose",), mass=0.2),)
    assert (policy.judged, policy.raises, policy.min_snr) == ("upper", (Hazard.CONTROLLED,), 8.0)


def test_the_hash_is_of_what_is_asked_for():
    one, same = parse_policy(OWN), parse_policy("# a remark\n" + OWN)
    assert one.sha256 == same.sha256
    assert len(one.sha256) == 64
    assert one.sha256 != replace(one, lod=0.2).sha256
    assert one.sha256 != one.with_signal_limit(0.1).sha256


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("schema = 1\n[[targets]", "not TOML"),
        (OWN.replace("schema = 1", ""), "schema"),
        (OWN.replace("schema = 1", "schema = 2"), "schema"),
        ("schema = 1", "targets"),
        (OWN + "mas = 0.1", "unknown fields: mas"),
        ("colour = 1\n" + OWN, "unknown fields: colour"),
        (OWN.replace('"sugar"', "7"), "wrong type"),
        (OWN.replace("mass = 0.2", "mass = 2.0"), "between 0 and 1"),
        (OWN.replace("mass = 0.2", "mass = true"), "wrong type"),
        (OWN.replace('families = ["sucrose"]', ""), "nothing counts"),
        (OWN.replace('families = ["sucrose"]', 'families = "sucrose"'), "list of names"),
        (OWN.replace('["controlled"]', '["dangerous"]'), "dangerous"),
        (OWN.replace('"upper"', '"top"'), "judged"),
        (OWN.replace("min_snr = 8", "min_snr = -1"), "min_snr"),
        (OWN + OWN[OWN.index("[[") :], "one name"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text, says):
    with pytest.raises(ParameterError, match=says) as caught:
        parse_policy(text, where="own.toml")
    assert str(caught.value).startswith("own.toml")


def test_a_policy_that_there_is_not_is_an_error(tmp_path):
    with pytest.raises(ParameterError, match="drug-checking"):
        load_policy("bordr")
    (tmp_path / "bad.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ParameterError, match="UTF-8"):
        load_policy(tmp_path / "bad.toml")


@given(st.text(max_size=200))
def test_any_text_is_a_policy_or_a_typed_error(text):
    with suppress(ParameterError):
        parse_policy(text)
