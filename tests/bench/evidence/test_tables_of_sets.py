"""The tables on a world whose truth is known."""

import json
from dataclasses import replace

import numpy as np
import pytest

from spectriage.bench.evidence.mixtures import (
    MixtureAnswer,
    add_parts,
    make_cases,
    make_parts,
    mixtures,
    precision,
    recall,
)
from spectriage.bench.evidence.openset import openset
from spectriage.bench.evidence.transfer import transfer
from spectriage.bench.report.statistics import Interval, Proportion
from spectriage.bench.report.tables import Report, Table
from spectriage.bench.sets.change import Change, blurred
from spectriage.bench.sets.pairing import Pairing
from spectriage.bench.sets.references import keys_of, without
from spectriage.bench.sets.sums import area
from spectriage.spectra.errors import ParameterError
from spectriage.spectra.origin import Origin
from spectriage.spectra.signal.grid import DEFAULT_GRID


def table(report, start):
    return next(t for t in report.tables if t.name.startswith(start))


def test_transfer_finds_every_material_and_lists_no_miss(world):
    report = Report("transfer", {})
    transfer([world.pairing()], report, robustness=True)
    for row in table(report, "transfer").rows:
        assert (row[1].successes, row[1].trials) == (10, 10)
    assert table(report, "misses").rows == []
    ours = [row for row in table(report, "robustness").rows if row[1] == "spectriage"]
    assert all(row[2].successes == 10 for row in ours)


def test_a_wrong_label_is_a_miss_with_rank_and_winner(world):
    first = world.first
    swapped = {"substance a": "substance b", "substance b": "substance a"}
    items = tuple(replace(i, substance=swapped.get(i.substance, i.substance)) for i in first.items)
    pairing = replace(world.pairing(), queries=replace(first, items=items))
    report = Report("transfer", {})
    transfer([pairing], report, methods=["pearson"])
    assert table(report, "transfer").rows[0][1].successes == 8
    misses = {row[1]: (row[3], row[5]) for row in table(report, "misses").rows}
    assert set(misses) == {"substance a", "substance b"}
    assert misses["substance a"][1] == "substance b"
    assert misses["substance a"][0] > 1


def test_results_do_not_depend_on_the_number_of_processes(world):
    reports = [Report("transfer", {}), Report("transfer", {})]
    for jobs, report in enumerate(reports, 1):
        transfer([world.pairing()], report, methods=["pearson"], jobs=jobs)
    assert reports[0].to_json() == reports[1].to_json()


def test_unknown_materials_score_lower_and_are_not_named(world):
    report = Report("openset", {})
    openset([world.pairing()], report, splits=2)
    ours = table(report, "open set").rows[0]
    assert ours[0] == "spectriage"
    assert ours[1].value == 1.0
    assert ours[3].value == 0.0
    assert ours[6].value == 1.0
    answers = report.details[Origin.MEASURED]["open set: first by second"]
    assert sum(a["known"] for a in answers) == len(answers) // 2


def test_hidden_materials_are_really_gone(world):
    pairing = world.pairing()
    rest = without(pairing.references, pairing.names, {"substance a"})
    assert keys_of(rest, pairing.names) == {f"substance {c}" for c in "bcdefghij"}


def test_mixtures_are_found(world):
    report = Report("mixtures", {})
    mixtures([world.pairing()], report, cases=12)
    rows = {(row[0], row[1]): row for row in table(report, "mixtures").rows}
    assert rows["spectriage", "all mixtures"][3].value >= 0.9
    assert rows["spectriage", "50/50"][4].value >= 0.9


def test_a_sum_has_the_weights_it_was_made_with(world):
    parts = make_parts(world.pairing())
    total = add_parts(parts[:2], (0.7, 0.3))
    inside = parts[0].measured & parts[1].measured
    wanted = 1e4 * (0.7 * parts[0].values + 0.3 * parts[1].values)[inside]
    assert np.array_equal(total.shift, DEFAULT_GRID.shift[inside])
    assert total.intensity == pytest.approx(wanted)
    assert np.linalg.norm(parts[0].values) == pytest.approx(1.0)
    assert area(make_parts(world.pairing(), "area")[0].values) == pytest.approx(1.0)
    with pytest.raises(ParameterError):
        make_parts(world.pairing(), "height")


def test_cases_are_distinct_and_repeat(world):
    parts = make_parts(world.pairing())
    cases = make_cases(parts, (0.5, 0.5), 30)
    assert cases == make_cases(parts, (0.5, 0.5), 30)
    assert len({frozenset(case.parts) for case in cases}) == 30


def test_precision_and_recall_count_substances():
    answers = [
        MixtureAnswer("m", {"a": 0.9, "b": 0.1}, ("a", "x"), False),
        MixtureAnswer("m", {"a": 0.5, "c": 0.5}, ("a", "c"), False),
    ]
    assert precision(answers) == 3 / 4
    assert recall(answers, 0.3, 1.01) == 1.0
    assert recall(answers, 0.0, 0.15) == 0.0


def test_measured_and_simulated_are_never_pooled(world):
    items = (*world.first.items[:5], *(replace(i, origin=Origin.SIMULATED) for i in world.first.items[5:]))
    mixed = replace(world.pairing(), queries=replace(world.first, items=items))
    with pytest.raises(ParameterError, match="measured and simulated"):
        assert mixed.origin
    report = Report("x", {})
    for origin in Origin:
        report.add(Table(f"t {origin}", "t", ("n", "p"), [[1.0, Proportion(1, 2)]], origin))
    written = report.to_json()
    assert [t["name"] for t in written["measured"]["tables"]] == ["t measured"]
    assert [t["name"] for t in written["simulated"]["tables"]] == ["t simulated"]


def test_a_report_is_written_whole(tmp_path):
    report = Report("x", {"seed": 1})
    rows = [["a", Interval(0.5, 0.1, float("nan")), None, float("nan")]]
    report.add(Table("t", "t", ("a", "b", "c", "d"), rows, Origin.MEASURED))
    report.detail(Origin.MEASURED, "raw", [{"score": float("-inf"), "n": np.int64(3), "said": ("a",)}])
    report.write(tmp_path / "out.json")
    found = json.loads((tmp_path / "out.json").read_text())
    assert found["measured"]["tables"][0]["rows"][0]["b"]["interval"] == [0.1, None]
    assert found["measured"]["details"]["raw"] == [{"score": None, "n": 3, "said": ["a"]}]
    assert [p.name for p in tmp_path.iterdir()] == ["out.json"]
    with pytest.raises(ParameterError):
        Table("t", "t", ("a",), [["a", "b"]], Origin.MEASURED)


def test_a_blur_widens_a_band_as_stated(world):
    spectrum = replace(world.first.items[0].spectrum, resolution_cm=8.0)
    shift = spectrum.shift
    width = 8.0
    line = np.exp(-4 * np.log(2) * ((shift - 1000) / width) ** 2)
    seen = blurred(replace(spectrum, intensity=line), 16.0).intensity
    spread = np.sqrt(np.sum(seen * (shift - 1000) ** 2) / seen.sum())
    assert spread * np.sqrt(8 * np.log(2)) == pytest.approx(16.0, rel=0.02)
    assert seen.sum() == pytest.approx(line.sum(), rel=1e-6)
    moved = Change(offset_cm=-8.0).apply(spectrum)
    assert moved.shift == pytest.approx(shift - 8.0)


def test_a_pairing_of_other_names_uses_its_own(world):
    pairing = world.pairing()
    assert isinstance(pairing, Pairing)
    assert pairing.key("Substance_A") == "substance a"
