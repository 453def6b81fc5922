"""The tables that judge decisions, on a world whose truth is known."""

import json
from dataclasses import replace

import numpy as np
import pytest

from spectriage.bench.evidence.answers import Sample, answers
from spectriage.bench.evidence.field import FieldAnswer, false_share, field
from spectriage.bench.evidence.garbage import garbage
from spectriage.bench.evidence.hazards import Hazardous, HazardSum, hazards
from spectriage.bench.evidence.limits import FACTORS, Held, LimitTrial, by_library, limits, outcomes, watching
from spectriage.bench.evidence.limits_tables import limits_tables, worst_target
from spectriage.bench.evidence.raised import is_guarded, raised_names, stated_limit
from spectriage.bench.report.tables import Report
from spectriage.bench.sets.garbage import KINDS, make
from spectriage.bench.sets.rules import FieldSpectrum
from spectriage.bench.sets.sums import make_part
from spectriage.spectra.errors import ParameterError
from spectriage.spectra.identify import Identifier
from spectriage.spectra.origin import Origin
from spectriage.spectra.policy import Policy
from spectriage.spectra.reference import Hazard


def table(report, name):
    return next(t for t in report.tables if t.name == name)


@pytest.fixture(scope="module")
def pairing(world):
    return world.pairing()


@pytest.fixture(scope="module")
def guarded(pairing):
    """The library with substance a as the one hazard, its policy, and an engine of both."""
    references, policy = watching(pairing.references, pairing.names, "substance a")
    return Identifier(references, policy)


def test_one_material_is_the_only_hazard_and_the_only_target(pairing):
    references, policy = watching(pairing.references, pairing.names, "substance c")
    hazardous = [r.substance for r in references.records if r.hazard is not Hazard.NONE]
    assert hazardous == ["substance c"]
    assert [target.families for target in policy.targets] == [("watched",)]
    assert [r.id for r in references.records] == [r.id for r in pairing.references.records]


def test_what_is_raised_is_read_from_the_answer(guarded, world):
    result = guarded.identify(world.first.items[0].spectrum)
    assert str(result.verdict) == "ALARM"
    assert {"watched", "substance a"} <= raised_names(result, guarded.policy)
    harmless = guarded.identify(world.first.items[1].spectrum)
    assert raised_names(harmless, guarded.policy) == frozenset()
    lod = harmless.targets[0].lod
    assert stated_limit(harmless, guarded.policy, ["Watched"]) == pytest.approx(lod)
    assert stated_limit(harmless, guarded.policy, ["unguarded"]) is None
    assert is_guarded(harmless, guarded.policy, ["watched"])
    assert not is_guarded(harmless, guarded.policy, ["unguarded"])


def test_field_counts_what_may_not_be_raised(guarded, world):
    spectra = [
        FieldSpectrum(item.spectrum, item.name, item.substance, "kind", item.substance)
        for item in world.first.items
    ]
    allowed = [replace(spectra[0], path="allowed", may_raise=("watched",))]
    report = Report("field", {})
    found = field([*spectra, *allowed], guarded, report, left_out=["x: unreadable"])
    assert [a.path for a in found if a.false] == ["substance a.csv"]
    assert [a.path for a in found if a.raised and a.right] == ["allowed"]
    assert sum(bool(a.rightly_named) for a in found) >= 9
    counts = table(report, "field")
    assert counts.rows[0][:3] == ["all", 11, 1]
    assert "Left out: x: unreadable" in counts.notes
    assert [row[0] for row in table(report, "field: falsely raised").rows] == ["substance a.csv"]
    assert report.figures[Origin.MEASURED]["field: materials falsely raised"] == 1


def test_false_alarms_are_counted_by_material():
    def answer(material, false):
        return FieldAnswer(
            "p", "k", material, "ALARM" if false else "NO_ALARM", "", "", (), false, False, False, None
        )

    many = [answer("one", True)] * 50 + [answer(str(i), False) for i in range(50)]
    spread = [answer(str(i), i < 50) for i in range(100)]
    assert false_share(many).value == false_share(spread).value == 0.5
    wide, narrow = false_share(many), false_share(spread)
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)


def test_limits_are_stated_and_tried_at_every_multiple(pairing):
    trials = limits([pairing], noise=(None, 50.0))
    assert len({trial.target for trial in trials}) == 10
    assert all(trial.target != trial.main for trial in trials)
    stated = [trial for trial in trials if trial.limit is not None]
    assert stated
    for trial in stated:
        assert {held.factor for held in trial.held} <= set(FACTORS)
        for held in trial.held:
            assert held.share == pytest.approx(held.factor * trial.limit)
            assert held.share < 1.0
    at_half, at_twice = (
        np.mean([held.found for _, held in outcomes(trials, factor)]) for factor in (0.5, 2.0)
    )
    assert at_twice > at_half
    plain, noisy = ([t.limit for t in stated if t.noise is level] for level in (None, stated[-1].noise))
    assert np.median(plain) < np.median(noisy)
    assert limits([pairing], noise=(None, 50.0))[:7] == trials[:7]


def _trial(target, main, found, *, solid=True, verdict="ALARM"):
    held = (Held(1.0, 0.1, found, verdict if found else "NO_ALARM", 0.1),)
    return LimitTrial("d", target, main, solid, 9, None, 200.0, 0.1, "NO_ALARM", False, held)


def test_the_tables_of_limits_say_what_was_found_and_cleared():
    trials = [_trial("good", str(i), True) for i in range(10)]
    trials += [_trial("bad", str(i), i < 3, solid=False) for i in range(10)]
    trials.append(replace(trials[0], main="unstated", limit=None, held=()))
    report = Report("limits", {})
    limits_tables(trials, report)
    rows = {row[0]: row for row in table(report, "limits").rows}
    assert rows["solids"][2] == "10 of 11"
    assert rows["solids"][5].value == 1.0
    assert rows["others"][5].value == pytest.approx(0.3)
    assert rows["others"][8].value == pytest.approx(0.7)
    assert rows["all"][9].startswith("bad 0.30 (10)")
    assert worst_target(trials) == ("bad", 0.3, 10)
    figures = report.figures[Origin.MEASURED]
    assert figures["limits: stated, solids"] == 10
    assert figures["limits: NO_ALARM at the limit, others"].value == pytest.approx(0.7)
    json.dumps(report.to_json())


def test_two_sets_without_common_materials_state_no_limits(pairing, world):
    nothing = replace(world.first, items=world.first.items[:1])
    with pytest.raises(ParameterError, match="fewer than two"):
        limits([replace(pairing, queries=nothing)])
    assert list(by_library([pairing])) == ["limits"]


def test_hazards_are_added_to_materials_of_other_instruments_only(guarded, world):
    def part(item, unit):
        return make_part(item.spectrum, item.substance, unit, "area", name=item.substance)

    hazard = Hazardous(part(world.first.items[0], "first"), frozenset({"watched"}), "watched")
    mains = [part(item, "second") for item in world.second.items[:4]]
    same = [part(item, "first") for item in world.first.items[1:3]]
    report = Report("hazards", {})
    sums = hazards([hazard], mains + same, guarded, report, shares=(0.3, 0.6))
    # not with itself, and not with its own instrument
    assert {each.main for each in sums} == {"substance b", "substance c", "substance d"}
    assert len(sums) == 6
    assert sum(each.right for each in sums) >= 5
    assert table(report, "hazards").rows[0][2] == 6
    assert table(report, "hazards: neat").rows[0][-1] is True
    with pytest.raises(ParameterError, match="no pair"):
        hazards([hazard], same, guarded, Report("hazards", {}))


@pytest.mark.parametrize(
    ("verdict", "share", "limit", "wrong"),
    [
        ("NO_ALARM", 0.2, 0.1, True),
        ("NO_ALARM", 0.2, None, True),
        ("NO_ALARM", 0.2, 0.3, False),
        ("INCONCLUSIVE", 0.2, 0.1, False),
        ("ALARM", 0.2, 0.1, False),
    ],
)
def test_a_hazard_is_wrongly_cleared_at_or_above_the_limit_or_without_one(verdict, share, limit, wrong):
    one = HazardSum("h", "c", True, "m", share, verdict, "", verdict == "ALARM", False, limit)
    assert one.wrongly_cleared is wrong
    assert one.against_its_limit is (wrong and limit is not None)
    assert replace(one, guarded=False).in_silence is (verdict == "NO_ALARM")


def test_answers_count_no_alarm_among_the_rightly_named(guarded, world):
    samples = [Sample("neat", i.name, i.substance, i.spectrum) for i in world.first.items[1:]]
    samples.append(Sample("neat", "mislabelled", "substance b", world.first.items[2].spectrum))
    report = Report("answers", {})
    found = answers(samples, guarded, report)
    right = [each for each in found if each.right]
    assert "mislabelled" not in {each.name for each in right}
    row = table(report, "answers").rows[0]
    assert row[3] == len(right) >= 8
    assert row[4] == sum(each.verdict == "NO_ALARM" for each in right)
    share = report.figures[Origin.MEASURED]["answers: NO_ALARM, all"]
    assert (share.successes, share.trials) == (row[4], row[3])


@pytest.mark.parametrize("kind", KINDS)
def test_garbage_is_finite_and_the_same_each_time(pairing, kind):
    first, again = (make(kind, 3, pairing.references) for _ in range(2))
    assert np.isfinite(first.intensity).all()
    assert np.array_equal(first.intensity, again.intensity)
    assert np.array_equal(first.shift, again.shift)
    assert not np.array_equal(first.intensity[:50], make(kind, 4, pairing.references).intensity[:50])


def test_garbage_goes_round_the_kinds(guarded):
    report = Report("garbage", {})
    found = garbage(guarded, report, count=2 * len(KINDS) + 1)
    assert len(found) == 2 * len(KINDS) + 1
    assert [a.kind for a in found[: len(KINDS)]] == list(KINDS)
    rows = {row[0]: row for row in table(report, "garbage").rows}
    assert rows["all"][1] == len(found)
    assert rows[next(iter(KINDS))][1] == 3
    assert report.tables[0].origin is Origin.SIMULATED
    assert isinstance(guarded.policy, Policy)
