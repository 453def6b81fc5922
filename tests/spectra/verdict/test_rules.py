"""Every rule of the decision, their order, and what each tier of evidence may claim."""

import itertools
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectriage.spectra import Hazard, Reference, Tier
from spectriage.spectra.errors import ParameterError
from spectriage.spectra.evidence.mass import mass_range
from spectriage.spectra.evidence.target_evidence import TargetEvidence
from spectriage.spectra.evidence.unexplained import Unexplained
from spectriage.spectra.fitting.band_list import BandSupport
from spectriage.spectra.policy import DEFAULT_TARGETS, Policy, Target
from spectriage.spectra.reference import CARRYING
from spectriage.spectra.signal.quality import Quality
from spectriage.spectra.verdict.component import Candidate, Component
from spectriage.spectra.verdict.rules import Evidence, rule
from spectriage.spectra.verdict.verdict import Verdict, most_serious
from spectriage.spectra.verdict.words import claim, lod_text, wording

POLICY = Policy()
GOOD = Quality(300.0, "variance", 1.0, False, 250.0, 1900.0)
FREE = ("clear", "negative", "safe", "no drugs", "harmless")


def component(
    substance: str = "caffeine",
    hazard: Hazard = Hazard.NONE,
    tier: Tier = Tier.BANDS,
    *,
    material_class: str = "cutting-agent",
    family: str = "",
) -> Component:
    reference = Reference(
        substance.lower().replace(" ", "-"), substance, "", family, material_class, hazard, tier
    )
    bands = (BandSupport(555.0, 1.0, 0.2, False), BandSupport(740.0, 0.5, 0.9, False))
    return Component(reference, claim(reference), 0.6, 0.5, 0.7, 0.9, 2.0, bands=bands)


def target(
    name: str = "fentanyl-class",
    *,
    found: bool = False,
    lod: float = 0.05,
    hazard: Hazard = Hazard.CONTROLLED,
    tier: Tier = Tier.RECALLED,
    best: Tier | None = None,
    gain: float = 1.0,
    carried: bool | None = None,
    mass: float | None = None,
    required: bool = True,
    guessed: bool = False,
    **more,
) -> TargetEvidence:
    """A target as the engine weighs it; `carried` unless its member is a guess."""
    reference = Reference(f"{name}-best", f"{name} best", "", name, "fentanyl", hazard, best or tier)
    return TargetEvidence(
        name,
        found,
        gain,
        gain,
        0.5,
        4,
        lod,
        reference,
        reference.tier,
        reference.hazard,
        tier,
        Target(name, (name,), mass=mass, required=required),
        families=(name,),
        guessed=(name,) if guessed else (),
        mass=mass_range(lod, reference, []),
        carried=found and reference.tier in CARRYING if carried is None else carried,
        **more,
    )


def evidence(**changes) -> Evidence:
    plain = Evidence((component(),), (), (target(), target("cocaine")), 0.95, True, GOOD)
    return replace(plain, **changes)


PE = component("polyethylene", material_class="packaging")
WEAK = replace(GOOD, snr=3.0)
SATURATED = replace(GOOD, saturated=True)
FLUORESCENT = replace(GOOD, fluorescence_ratio=60.0)

RULES = {
    "target found": (evidence(targets=(target(found=True),)), "ALARM", "controlled:fentanyl-class"),
    "explosive target": (
        evidence(targets=(target("explosives", found=True, hazard=Hazard.EXPLOSIVE),)),
        "ALARM",
        "explosive:explosives",
    ),
    "controlled component": (
        evidence(
            components=(component("ketamine", Hazard.CONTROLLED, Tier.RECALLED),),
            targets=(target("ketamine", found=True),),
        ),
        "ALARM",
        "controlled:ketamine",
    ),
    "controlled beside a benign one": (
        evidence(
            components=(component(), component("ketamine", Hazard.CONTROLLED)),
            targets=(target(), target("ketamine", found=True)),
        ),
        "ALARM",
        "controlled:ketamine",
    ),
    "target on an analogue that fentanyl carries": (
        evidence(targets=(target(found=True, best=Tier.ESTIMATED, carried=True),)),
        "ALARM",
        "controlled:fentanyl-class",
    ),
    "target on an analogue that nothing carries": (
        evidence(targets=(target(found=True, best=Tier.ESTIMATED),)),
        "WARNING",
        "controlled:fentanyl-class",
    ),
    "target of estimated members alone": (
        evidence(targets=(target("nitazene-class", found=True, tier=Tier.ESTIMATED),)),
        "WARNING",
        "controlled:nitazene-class",
    ),
    "adulterant target": (
        evidence(targets=(target("xylazine", found=True, hazard=Hazard.ADULTERANT),)),
        "WARNING",
        "adulterant:xylazine",
    ),
    "estimated controlled component": (
        evidence(
            components=(component("methadone", Hazard.CONTROLLED, Tier.ESTIMATED),),
            targets=(target("methadone", found=True, tier=Tier.ESTIMATED),),
        ),
        "WARNING",
        "controlled:methadone",
    ),
    "oxidiser": (
        evidence(
            components=(component("ammonium nitrate", Hazard.OXIDISER, family="inorganic nitrate"),),
            targets=(target("inorganic nitrate", found=True, hazard=Hazard.OXIDISER),),
        ),
        "WARNING",
        "oxidiser:inorganic nitrate",
    ),
    "precursor": (
        evidence(targets=(target("some precursor", found=True, hazard=Hazard.PRECURSOR),)),
        "WARNING",
        "precursor:some precursor",
    ),
    "instrument": (evidence(health="Calibration out of date."), "INCONCLUSIVE", "instrument"),
    "saturated": (evidence(quality=SATURATED), "INCONCLUSIVE", "saturated"),
    "weak": (evidence(quality=WEAK), "INCONCLUSIVE", "weak-signal"),
    "axis": (evidence(axis_offset_cm=-42.0), "INCONCLUSIVE", "axis"),
    "a line or two": (evidence(few_lines=True), "INCONCLUSIVE", "few-lines"),
    "bands that nothing explains": (
        evidence(unexplained=Unexplained(6, 0.01)),
        "INCONCLUSIVE",
        "partly-unknown",
    ),
    "a great band that nothing explains": (
        evidence(unexplained=Unexplained(1, 0.5)),
        "INCONCLUSIVE",
        "partly-unknown",
    ),
    "a few small bands that nothing explains": (
        evidence(unexplained=Unexplained(5, 0.2)),
        "NO_ALARM",
        "identified",
    ),
    "more of a target than its limit, and no finding": (
        evidence(targets=(target(share=0.06),)),
        "INCONCLUSIVE",
        "unresolved",
    ),
    "a target that is likely, and no finding": (
        evidence(targets=(target(probability=0.3),)),
        "INCONCLUSIVE",
        "unresolved",
    ),
    "what only guesses are known of": (
        evidence(targets=(target("nitazene-class", lod=math.inf, guessed=True),)),
        "NO_ALARM",
        "identified",
    ),
    "a limit that is not asked for": (
        evidence(targets=(target("xylazine", lod=0.5, required=False),)),
        "NO_ALARM",
        "identified",
    ),
    "a limit by mass that holds": (evidence(targets=(target(lod=0.2, mass=0.3),)), "NO_ALARM", "identified"),
    "a limit by mass that does not": (
        evidence(targets=(target(lod=0.4, mass=0.3),)),
        "INCONCLUSIVE",
        "limit-of-detection",
    ),
    "packaging": (evidence(components=(), packaging=(PE,)), "INCONCLUSIVE", "packaging-only"),
    "unknown": (evidence(components=(), explained=False, similarity=0.4), "INCONCLUSIVE", "unknown"),
    "unknown in a bag": (
        evidence(components=(), packaging=(PE,), explained=False),
        "INCONCLUSIVE",
        "unknown",
    ),
    "partly unknown": (evidence(explained=False), "INCONCLUSIVE", "partly-unknown"),
    "fluorescent": (
        evidence(components=(), explained=False, quality=FLUORESCENT),
        "INCONCLUSIVE",
        "fluorescent",
    ),
    "blind": (evidence(targets=(target(lod=0.11),)), "INCONCLUSIVE", "limit-of-detection"),
    "identified": (evidence(), "NO_ALARM", "identified"),
    "identified through a bag": (evidence(packaging=(PE,)), "NO_ALARM", "identified"),
    "fluorescent but explained": (evidence(quality=FLUORESCENT), "NO_ALARM", "identified"),
}


@pytest.mark.parametrize("name", RULES)
def test_each_rule(name):
    given_evidence, verdict, reason = RULES[name]
    ruling = rule(given_evidence, POLICY)
    assert (ruling.verdict, ruling.reason) == (Verdict(verdict), reason)
    assert ruling.summary.endswith(".")
    assert 1 <= len(ruling.facts) <= 4
    assert ruling.next_step


@pytest.mark.parametrize("name", RULES)
def test_nothing_is_called_clear(name):
    ruling = rule(RULES[name][0], POLICY)
    words = " ".join((ruling.verdict, ruling.reason, ruling.summary, *ruling.facts, ruling.next_step)).lower()
    assert not any(word in words for word in FREE)


def test_there_is_no_verdict_clear():
    assert [str(verdict) for verdict in Verdict] == ["ALARM", "WARNING", "INCONCLUSIVE", "NO_ALARM"]
    assert [verdict.exit_code for verdict in Verdict] == [10, 11, 12, 0]


ORDER = [
    ("alarm", {"targets": (target(found=True),)}, "ALARM", "controlled:fentanyl-class"),
    (
        "warning",
        {"targets": (target("inorganic nitrate", found=True, hazard=Hazard.OXIDISER),)},
        "WARNING",
        "oxidiser:inorganic nitrate",
    ),
    ("health", {"health": "Lamp off."}, "INCONCLUSIVE", "instrument"),
    ("saturated", {"quality": SATURATED}, "INCONCLUSIVE", "saturated"),
    ("axis", {"axis_offset_cm": 30.0}, "INCONCLUSIVE", "axis"),
    ("blind", {"targets": (target(lod=0.5),)}, "INCONCLUSIVE", "limit-of-detection"),
]


@pytest.mark.parametrize(("first", "second"), list(itertools.combinations(ORDER, 2)))
def test_the_first_rule_that_holds_decides(first, second):
    merged = {**second[1], **first[1]}
    if "targets" in first[1] and "targets" in second[1]:
        merged["targets"] = (*second[1]["targets"], *first[1]["targets"])
    ruling = rule(evidence(**merged), POLICY)
    assert (ruling.verdict, ruling.reason) == (Verdict(first[2]), first[3])


def test_a_signal_to_noise_that_is_not_a_number_decides_nothing():
    ruling = rule(evidence(quality=replace(GOOD, snr=math.nan)), POLICY)
    assert (ruling.verdict, ruling.reason) == (Verdict.INCONCLUSIVE, "weak-signal")


@pytest.mark.parametrize("name", RULES)
def test_below_the_least_signal_nothing_is_decided(name):
    """Noise alone looks a little like something: it raises no alarm and rules nothing out."""
    weak = replace(RULES[name][0], quality=replace(RULES[name][0].quality, snr=POLICY.min_snr * 0.99))
    assert rule(weak, POLICY).verdict is Verdict.INCONCLUSIVE
    enough = replace(weak, quality=replace(weak.quality, snr=POLICY.min_snr))
    assert rule(enough, POLICY).verdict is Verdict(RULES[name][1]) or name == "weak"


tiers = st.sampled_from(list(Tier))
hazards = st.sampled_from(list(Hazard))


@given(st.lists(st.tuples(hazards, tiers), max_size=4), st.booleans(), st.booleans())
def test_no_alarm_without_a_reference_that_may_carry_it(parts, explained, saturated):
    targets = tuple(
        target(f"family {i}", found=hazard is not Hazard.NONE, hazard=hazard, tier=tier)
        for i, (hazard, tier) in enumerate(parts)
    )
    ruling = rule(
        evidence(targets=targets, explained=explained, quality=replace(GOOD, saturated=saturated)), POLICY
    )
    carried = any(hazard.alarms and tier in CARRYING for hazard, tier in parts)
    hinted = any((hazard.alarms or hazard.warns) and tier is not Tier.COMPUTED for hazard, tier in parts)
    assert (ruling.verdict is Verdict.ALARM) == carried
    assert (ruling.verdict is Verdict.WARNING) == (hinted and not carried)
    if ruling.verdict is Verdict.NO_ALARM:
        assert explained
        assert not saturated


def test_estimated_and_computed_references_carry_nothing():
    assert set(Tier) - set(CARRYING) == {Tier.ESTIMATED, Tier.COMPUTED}


@pytest.mark.parametrize("hazard", [Hazard.CONTROLLED, Hazard.OXIDISER, Hazard.NONE])
def test_a_computed_reference_is_a_hint_and_never_a_verdict(hazard):
    """DESIGN: "a candidate hint, never a verdict"."""
    computed = component("something", hazard, Tier.COMPUTED)
    ruling = rule(evidence(components=(computed,)), POLICY)
    assert ruling.verdict is Verdict.INCONCLUSIVE
    found = target("something", found=True, tier=Tier.COMPUTED, hazard=hazard)
    assert rule(evidence(targets=(found,)), POLICY).verdict is not Verdict.ALARM
    assert (
        rule(evidence(components=(), explained=False, targets=(found,)), POLICY).verdict
        is Verdict.INCONCLUSIVE
    )


@pytest.mark.parametrize(("bands", "verdict"), [(13, "ALARM"), (20, "ALARM"), (21, "INCONCLUSIVE")])
def test_among_bands_without_end_nothing_is_raised(bands, verdict):
    ruling = rule(evidence(targets=(target(found=True),), unexplained=Unexplained(bands, 0.9)), POLICY)
    assert ruling.verdict == verdict
    assert "fentanyl-class" in ruling.summary  # raised or not, it is spoken of


@given(st.floats(0.001, 2.0), st.floats(0.001, 2.0), st.floats(0.01, 0.99))
def test_no_alarm_needs_every_limit_within_the_policy(one, other, allowed):
    ruling = rule(evidence(targets=(target(lod=one), target("cocaine", lod=other))), Policy(lod=allowed))
    assert (ruling.verdict is Verdict.NO_ALARM) == (max(one, other) <= allowed)
    assert lod_text(max(one, other)) in " ".join((ruling.summary, *ruling.facts))


def test_a_policy_chooses_the_end_of_the_mass_range():
    """An assumed response is good to a factor: the upper end asks for more."""
    held = target(lod=0.2, mass=0.3)
    assert held.mass.middle < 0.3 < held.mass.high
    assert rule(evidence(targets=(held,)), POLICY).verdict is Verdict.NO_ALARM
    strict = rule(evidence(targets=(held,)), replace(POLICY, judged="upper"))
    assert strict.reason == "limit-of-detection"


def test_a_policy_chooses_what_raises():
    warned = evidence(targets=(target("xylazine", found=True, hazard=Hazard.ADULTERANT),))
    assert rule(warned, POLICY).verdict is Verdict.WARNING
    assert rule(warned, replace(POLICY, raises=(Hazard.EXPLOSIVE,))).verdict is not Verdict.WARNING


def test_nearest_are_named_once_and_controlled_ones_always():
    names = ("calcite", "calcite", "aragonite", "dolomite", "gypsum")
    near = [Candidate(component(name).reference, 0.5) for name in names]
    near.append(Candidate(component("fentanyl", Hazard.CONTROLLED, family="fentanyl-class").reference, 0.4))
    ruling = rule(evidence(components=(), explained=False, nearest=tuple(near)), POLICY)
    assert "nearest: calcite, aragonite, dolomite, fentanyl" in ruling.summary
    assert "not in the library" not in ruling.summary


@pytest.mark.parametrize(("exposure", "said"), [(1.0, "would not change"), (8.0, "8 times longer")])
def test_longer_exposure_is_advised_where_it_helps(exposure, said):
    ruling = rule(evidence(targets=(target(lod=0.5),), exposure=exposure), POLICY)
    assert ruling.reason == "limit-of-detection"
    assert said in ruling.next_step


def test_what_is_not_covered_is_named_in_every_answer():
    ruling = rule(evidence(targets=(target("nitazene-class", lod=math.inf, guessed=True), target())), POLICY)
    assert any("not covered" in fact and "nitazene-class" in fact for fact in ruling.facts)


def test_what_the_library_does_not_know_was_not_watched_for():
    ruling = rule(evidence(unwatched=("cocaine",)), POLICY)
    assert (ruling.verdict, ruling.reason) == (Verdict.INCONCLUSIVE, "limit-of-detection")
    assert "cocaine (not in the library)" in ruling.summary


@pytest.mark.parametrize("lod", [math.inf, math.nan, 1.5])
def test_a_limit_that_is_no_fraction_is_never_within_the_policy(lod):
    ruling = rule(evidence(targets=(target(lod=0.01), target("cocaine", lod=lod))), Policy(lod=0.99))
    assert (ruling.verdict, ruling.reason) == (Verdict.INCONCLUSIVE, "limit-of-detection")
    assert "cocaine (no amount;" in ruling.summary


@pytest.mark.parametrize(
    ("tier", "claimed", "words"),
    [
        (Tier.MEASURED, "fentanyl", "fentanyl"),
        (Tier.BANDS, "fentanyl", "fentanyl (band model)"),
        (Tier.RECALLED, "fentanyl-class", "consistent with fentanyl-class"),
        (Tier.ESTIMATED, "fentanyl-class", "possible fentanyl-class, unverified reference"),
        (Tier.COMPUTED, "fentanyl-class", "possible fentanyl-class, unverified reference"),
    ],
)
def test_what_a_tier_may_claim(tier, claimed, words):
    made = component("fentanyl", Hazard.CONTROLLED, tier, family="fentanyl-class")
    assert claim(made.reference) == claimed
    assert wording(made) == words


@pytest.mark.parametrize("tier", [Tier.MEASURED, Tier.BANDS, Tier.RECALLED])
def test_a_warning_on_a_known_reference_does_not_call_it_unverified(tier):
    ruling = rule(
        evidence(targets=(target("xylazine", found=True, hazard=Hazard.ADULTERANT, tier=tier),)), POLICY
    )
    assert ruling.verdict is Verdict.WARNING
    assert "unverified" not in ruling.summary
    estimated = target("xylazine", found=True, hazard=Hazard.ADULTERANT, tier=Tier.ESTIMATED)
    assert "unverified reference" in rule(evidence(targets=(estimated,)), POLICY).summary


def test_an_alarm_names_what_lies_beside_it_and_how_to_handle_it():
    ruling = rule(evidence(targets=(target(found=True),)), POLICY)
    assert "beside caffeine" in ruling.summary
    assert "Avoid contact" in ruling.next_step
    bomb = rule(evidence(targets=(target("explosives", found=True, hazard=Hazard.EXPLOSIVE),)), POLICY)
    assert "Do not heat" in bomb.next_step


def test_the_gain_is_told_as_a_share():
    ruling = rule(evidence(targets=(target(found=True, gain=math.log(4.0)),)), POLICY)
    assert "75%" in ruling.facts[0]


@given(st.lists(st.sampled_from(list(Verdict)), min_size=1))
def test_the_most_serious_verdict(verdicts):
    order = {"ALARM": 0, "WARNING": 1, "INCONCLUSIVE": 2, "NO_ALARM": 3}
    assert most_serious(verdicts) == sorted(verdicts, key=lambda v: order[v])[0]


@pytest.mark.parametrize(
    ("lod", "text"), [(0.05, "5%"), (1.0, "100%"), (1.01, "no amount"), (math.inf, "no amount")]
)
def test_limits_in_words(lod, text):
    assert lod_text(lod) == text


@pytest.mark.parametrize(
    "changes",
    [
        {"lod": 0.0},
        {"lod": 1.0},
        {"lod": math.nan},
        {"prior_known": 1.0},
        {"gain": -0.1},
        {"margin": -1.0},
        {"raised": 1.0},
        {"judged": "lower"},
        {"targets": ()},
        {"min_snr": -1.0},
        {"min_fraction": -0.1},
    ],
)
def test_policies_that_are_none_are_refused(changes):
    with pytest.raises(ParameterError, match=next(iter(changes))):
        Policy(**changes)


def test_what_a_component_must_bring():
    required = {hazard: POLICY.required_gain(component(hazard=hazard).reference) for hazard in Hazard}
    assert required[Hazard.NONE] == POLICY.gain
    assert all(required[hazard] == POLICY.hazard_gain for hazard in Hazard if hazard is not Hazard.NONE)
    assert POLICY.required_gain(PE.reference) == POLICY.packaging_gain
    assert POLICY.packaging_gain < POLICY.gain <= POLICY.hazard_gain


def test_the_watched_targets():
    names = [item.name for item in DEFAULT_TARGETS]
    assert names == [
        *("fentanyl-class", "heroin", "cocaine", "amphetamine-type", "MDMA", "explosives", "oxidisers"),
        *("other controlled", "opioids", "benzodiazepines", "nitazene-class", "xylazine", "medetomidine"),
        "adulterants and precursors",
    ]
    # NO_ALARM needs the first seven, each at its own mass; every hazard is guarded by one of all
    assert [item.required for item in DEFAULT_TARGETS] == [True] * 7 + [False] * 7
    assert all(item.mass is not None and item.why for item in DEFAULT_TARGETS)
    guarded = {hazard for item in DEFAULT_TARGETS for hazard in item.hazards}
    assert guarded == set(Hazard) - {Hazard.NONE}
    assert POLICY.lod == 0.10


def test_every_watched_family_is_in_the_shipped_library(library):
    families = {record.family for record in library.records}
    for item in DEFAULT_TARGETS:
        assert set(item.families) <= families
