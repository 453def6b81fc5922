import csv
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from spectriage.bench.validation.criteria import FAIL, NOT_TESTED, PASS, judge, overall
from spectriage.bench.validation.plan_file import parse_plan
from spectriage.bench.validation.records import Material, Named, Record, from_line
from spectriage.bench.validation.report import scans_csv, write_report
from spectriage.bench.validation.run import run_plan
from spectriage.spectra.errors import FormatError

PLAN = (Path(__file__).parent / "small-plan.toml").read_text(encoding="utf-8")
VOID = {"meta", "link", "img", "br", "hr", "path"}


class Checked(HTMLParser):
    """Collects tags and everything that would load or run something."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.loads, self.text = [], [], [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        for name, value in attributes:
            if name in ("src", "href", "xlink:href", "data", "action") or name.startswith("on"):
                self.loads.append(value)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("records")
    run = run_plan(parse_plan(PLAN), folder)
    return folder, run, write_report(folder).read_text(encoding="utf-8")


def test_the_report_is_whole_loads_nothing_and_runs_nothing(report):
    parser = Checked()
    parser.feed(report[2])
    assert parser.open == []
    assert not {"script", "link", "iframe", "object", "embed", "base", "form"} & set(parser.tags)
    assert parser.loads
    assert all(value.startswith("data:image/svg+xml;base64,") for value in parser.loads)
    assert "url(" not in report[2]
    assert "@import" not in report[2]


def test_text_from_the_plan_is_escaped(report):
    assert "&lt;script&gt;alert(&#39;title&#39;)&lt;/script&gt; &amp; more" in report[2]
    assert "<b>not</b>" not in report[2]
    assert "&lt;b&gt;not&lt;/b&gt;" in report[2]


def test_a_failed_criterion_is_said_to_have_failed(report):
    _, run, html = report
    results = json.loads((run.path / "results.json").read_text(encoding="utf-8"))
    assert [c["outcome"] for c in results["criteria"]] == [PASS, FAIL, PASS]
    assert results["outcome"] == FAIL
    assert "2 of\n3 criteria passed,\n1 failed" in html
    rows = list(csv.DictReader(io.StringIO((run.path / "criteria.csv").read_text(encoding="utf-8"))))
    assert [row["outcome"] for row in rows] == [PASS, FAIL, PASS]


def test_evidence_is_kept_in_chapters(report):
    results = json.loads((report[1].path / "results.json").read_text(encoding="utf-8"))
    panels = {name: [p["panel"] for p in chapter] for name, chapter in results["chapters"].items()}
    assert panels == {"simulated": ["pod", "blanks"], "unperturbed": ["own"]}
    assert "evidence for nothing" in report[2]
    assert "Nothing measured was tested." in report[2]


def test_every_failure_is_listed_with_its_spectrum(report):
    _, run, html = report
    failures = [record for record in run.records() if not record.correct]
    assert len(failures) == 3
    gallery = html.partition("Every failure")[2]
    for record in failures:
        assert f'aria-label="spectrum of trial {record.index}"' in gallery
    assert gallery.count("<path d=") == 3


def test_the_hashes_are_printed(report):
    _, run, html = report
    header = run.header()
    seal = json.loads(run.complete_path.read_text())
    wanted = [header["plan"]["sha256"], header["trials"]["sha256"], header["engine"]["sha256"]]
    wanted += [seal["records_sha256"], header["libraries"]["pod"]["sha256"]]
    assert all(len(value) == 64 and value in html for value in wanted)


def test_tables_beside_it_are_complete_and_written_alike_again(report):
    folder, run, html = report
    before = {name: (run.path / name).read_bytes() for name in ("results.json", "scans.csv", "criteria.csv")}
    assert write_report(folder).read_text(encoding="utf-8") == html
    assert {name: (run.path / name).read_bytes() for name in before} == before
    rows = list(csv.DictReader(io.StringIO(before["scans.csv"].decode())))
    assert len(rows) == len(run.records()) == 9
    assert not re.search(rb"20\d\d-\d\d-\d\dT", before["results.json"] + before["scans.csv"])


# -- criteria on made-up records -------------------------------------------------------------------

HEAD = """
schema = 1
name = "p"
title = "P"
seed = 1
[[panel]]
name = "a"
targets = ["caffeine"]
levels = [0.1, 0.2, 0.4]
matrices = ["lactose"]
vary = { axis_offset_cm = [0, 8] }
paired = true
[[panel]]
name = "b"
purpose = "blank"
matrices = ["lactose", "urea"]
[[criterion]]
name = "c"
"""


def record(index=0, panel="a", **changes):
    base = Record(
        index=index,
        repeat=0,
        panel=panel,
        chapter="simulated",
        factors={"target": "caffeine", "level": 0.4, "replicate": index},
        source="sim:",
        device="d",
        sample=(Material("caffeine", "caffeine", "cutting-agent", 0.4, True),),
        target="caffeine" if panel == "a" else "",
        verdict="NO_ALARM",
        detected=True if panel == "a" else None,
        correct=True,
    )
    return replace(base, **changes)


def outcome(criterion, records):
    return judge(parse_plan(HEAD + criterion), records)[0]


def test_pod_is_judged_by_its_lower_bound():
    criterion = 'kind = "pod"\npanel = "a"\nat_least = 0.95\nconfidence = 0.95\n'
    hits = [record(i) for i in range(59)]
    assert outcome(criterion, hits).outcome == PASS
    few = outcome(criterion, hits[:58])
    assert few.outcome == FAIL
    assert "58 trials could not show it" in few.note
    assert outcome(criterion, [*hits, record(59, detected=False)]).outcome == FAIL
    assert outcome(criterion, []).outcome == NOT_TESTED
    # repeats of one sample are no further trials
    assert outcome(criterion, [replace(record(0), repeat=i) for i in range(100)]).trials == 1


def test_false_alarms_are_counted_by_trial_or_by_material():
    def blank(i, name, alarm):
        sample = (Material(name, name, "x", 1.0),)
        return record(i, "b", sample=sample, false_alarm=alarm, correct=not alarm)

    blanks = [blank(i, f"m{i % 20}", i % 20 == 0) for i in range(100)]
    by = 'kind = "false-alarms"\npanel = "b"\nby = "{}"\nat_most = 0.3\nconfidence = 0.95\n'
    assert outcome(by.format("trial"), blanks).observed.startswith("5/100")
    assert outcome(by.format("material"), blanks).observed.startswith("1/20")
    events = 'kind = "false-alarms"\npanel = "b"\nevents = {}\n'
    assert outcome(events.format(4), blanks).outcome == FAIL
    assert outcome(events.format(5), blanks).outcome == PASS


def test_precision_and_recall_count_components():
    named = (
        Named("caffeine", "caffeine", "x", "caffeine", 0.5, None, True),
        Named("urea", "urea", "x", "urea", 0.1, None, False),
    )
    sample = (
        Material("caffeine", "caffeine", "x", 0.7, True),
        Material("lactose", "lactose", "x", 0.3, False),
        Material("talc", "talc", "x", 0.05, False),
    )
    records = [record(0, named=named, sample=sample)]
    text = 'kind = "{}"\npanel = "a"\nat_least = 0.5\n'
    assert outcome(text.format("precision"), records).observed.startswith("1/2")
    assert outcome(text.format("recall"), records).observed.startswith("1/3")
    large = outcome(text.format("recall") + "min_fraction = 0.3\n", records)
    assert (large.observed[:3], large.outcome) == ("1/2", PASS)


def test_a_limit_of_detection_needs_a_curve_or_a_level_that_is_always_found():
    criterion = 'kind = "lod"\npanel = "a"\nat_most = {}\nconfidence = 0.95\n'

    def found(shares):
        return [
            record(i, factors={"level": level}, detected=i < share)
            for level, share in shares.items()
            for i in range(100)
        ]

    rising = found({0.1: 20, 0.2: 70, 0.4: 99})
    assert outcome(criterion.format(0.5), rising).outcome == PASS
    assert outcome(criterion.format(0.3), rising).outcome == FAIL
    sharp = outcome(criterion.format(0.2), found({0.1: 0, 0.2: 100, 0.4: 100}))
    assert (sharp.outcome, sharp.observed) == (PASS, "≤ 0.2")
    assert outcome(criterion.format(0.9), found({0.1: 0, 0.2: 0, 0.4: 0})).outcome == FAIL


def test_a_loss_is_taken_over_pairs():
    def scan(i, offset, right):
        return record(i, factors={"replicate": i % 50, "axis_offset_cm": offset}, correct=right)

    records = [scan(i, 0.0, True) for i in range(50)] + [scan(50 + i, 8.0, i >= 5) for i in range(50)]
    where = "where = { axis_offset_cm = 8 }\nagainst = { axis_offset_cm = 0 }\n"
    text = 'kind = "loss"\npanel = "a"\nat_most = {}\n' + where
    assert outcome(text.replace("{}", "0.1"), records).outcome == PASS
    lost = outcome(text.replace("{}", "0.09"), records)
    assert lost.outcome == FAIL
    assert lost.observed.startswith("0.100")
    assert "p = 0.0625" in lost.note  # 2 · 0.5⁵


def test_areas_and_probabilities():
    positives = [record(i, gains={"x": 1.0 + i}, best_probability=0.9, best_right=i < 9) for i in range(10)]
    negatives = [record(20 + i, "b", gains={"x": 0.1 * i}) for i in range(10)]
    auc = 'kind = "auc"\npanel = "a"\nblanks = "b"\ntarget = "x"\nat_least = 0.99\nconfidence = 0.95\n'
    assert outcome(auc, positives + negatives).outcome == PASS
    assert outcome(auc.replace('"x"', '"y"'), positives + negatives).outcome == FAIL
    calibration = 'kind = "calibration"\npanel = "a"\nat_most = 0.01\n'
    assert outcome(calibration, positives).outcome == PASS
    wrong = [replace(r, best_right=False) for r in positives]
    assert outcome(calibration, wrong).outcome == FAIL
    assert outcome(calibration, [replace(positives[0], best_probability=None)]).outcome == FAIL


def test_a_probability_that_is_far_too_low_fails_however_few_it_is_stated_for():
    calibration = 'kind = "calibration"\npanel = "a"\nat_most = 0.10\n'
    sure = [record(i, best_probability=0.97, best_right=i % 33 != 0) for i in range(950)]
    shy = [record(1000 + i, best_probability=0.04, best_right=i < 31) for i in range(50)]
    assert outcome(calibration, sure).outcome == PASS
    judged = outcome(calibration, sure + shy)
    # the average is within the limit: 5 % of the answers are 0.58 off
    assert float(judged.observed.split()[0]) < 0.10
    assert judged.outcome == FAIL
    assert "0.04 stated where 31/50" in judged.note
    # a handful says too little to be held against it
    assert outcome(calibration, sure + shy[:19]).outcome == PASS


def test_spread_and_agreement_need_repeats():
    spread = 'kind = "spread"\npanel = "a"\npart = "repeatability"\nat_most = 0.2\n'
    agreement = 'kind = "agreement"\npanel = "a"\nat_least = 0.9\n'
    records = [
        replace(
            record(unit, factors={"unit": unit}),
            repeat=i,
            amount=0.5 + 0.01 * (i % 2) + 0.1 * unit,
            verdict="ALARM" if i or unit else "WARNING",
        )
        for unit in range(3)
        for i in range(4)
    ]
    assert outcome(spread, records).outcome == PASS
    assert outcome(spread.replace("repeatability", "reproducibility"), records).outcome == PASS
    assert (
        outcome(spread.replace("repeatability", "reproducibility").replace("0.2", "0.1"), records).outcome
        == FAIL
    )
    assert outcome(agreement, records).observed.startswith("11/12")
    assert outcome(spread, records[:1]).outcome == FAIL
    assert outcome(agreement, records[:1]).outcome == FAIL


def test_nothing_untested_passes():
    plan = parse_plan(HEAD + 'kind = "pod"\npanel = "a"\nat_least = 0.5\nconfidence = 0.9\n')
    assert overall(judge(plan, [])) == NOT_TESTED
    assert overall(()) == NOT_TESTED
    assert overall(judge(plan, [record(i) for i in range(9)])) == PASS


def test_a_record_survives_its_line():
    item = record(3, named=(Named("a", "b", "c", "d", 0.25, None, True),), raised=("x",), lods={"t": None})
    assert from_line(item.to_line(), "x") == item
    for line in ("", "{}", "[]", '{"index": 1}', item.to_line()[:-20]):
        with pytest.raises(FormatError):
            from_line(line, "here")


def test_no_cell_of_a_table_is_a_formula():
    text = scans_csv([record(0, summary="x", error="=HYPERLINK(1)", best="@x")])
    assert "'=HYPERLINK(1)" in text
    assert "'@x" in text
