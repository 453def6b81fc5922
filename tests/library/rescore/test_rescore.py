"""An archive scored again: real libraries and batches; what changed and why is what was made to change."""

from __future__ import annotations

import json
import shutil
from importlib import metadata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from spectriage.library.journal import Journal, identification_entry, unit_key
from spectriage.library.rescore import Change, RescoreError, Tally, compared
from spectriage.library.rescore.results import inputs_of, result_rows
from spectriage.library.rescore.tally import SHOWN, Moved
from spectriage.library.service.batch import Setup, run_batch
from spectriage.library.store.file import write_library
from spectriage.spectra.cli import build_app
from spectriage.spectra.errors import ParameterError
from spectriage.spectra.reference import Hazard, Reference, ReferenceSet
from spectriage.spectra.spectrum import Spectrum

SHIFT = 200.0 + 2.0 * np.arange(512)


def bands(seed):
    rng = np.random.default_rng(seed)
    centres, heights = rng.uniform(250, 1180, 12), rng.uniform(0.3, 1.0, 12)
    return (heights[:, None] / (1 + ((SHIFT - centres[:, None]) / 6.0) ** 2)).sum(axis=0)


def values(seed, number=0):
    return 1000 * bands(seed) + 50 + np.random.default_rng(seed + 100 * number).normal(0, 2.0, SHIFT.size)


def write_small_library(path, seeds):
    records = tuple(
        Reference(
            f"made-{i}",
            f"substance {i}",
            family="fentanyl" if i == 3 else "",
            hazard=Hazard.CONTROLLED if i == 3 else Hazard.NONE,
        )
        for i in seeds
    )
    write_library(path, ReferenceSet(records, SHIFT, np.array([bands(i) for i in seeds], np.float32)))
    return path


@pytest.fixture(scope="module")
def libraries(tmp_path_factory):
    folder = tmp_path_factory.mktemp("libraries")
    return (
        write_small_library(folder / "old.h5", [0, 1, 2, 5]),
        write_small_library(folder / "new.h5", [0, 2, 3, 5]),
    )


@pytest.fixture(scope="module")
def archive(libraries, tmp_path_factory):
    folder = tmp_path_factory.mktemp("archive") / "in"
    folder.mkdir()
    for i in range(4):
        for number in range(3):
            rows = "\n".join(f"{x},{y:.3f}" for x, y in zip(SHIFT, values(i, number), strict=True))
            (folder / f"of-{i}-{number}.csv").write_text(f"Raman shift (cm-1),Intensity\n{rows}\n")
    (folder / "z-note.txt").write_text("no spectrum")
    old = folder.parent / "old.jsonl"
    run_batch(folder, old, Setup(libraries[0]))
    return folder, old


def invoke(*words):
    (point,) = metadata.entry_points(group="spectriage.commands", name="rescore")
    return CliRunner().invoke(build_app([point]), ["rescore", *map(str, words)], catch_exceptions=False)


def test_what_changed_and_why(libraries, archive, tmp_path):
    folder, old = archive
    words = (old, "--inputs", folder, "-o", tmp_path / "new.jsonl", "-l", libraries[1], "--old-library")
    made = invoke(*words, libraries[0], "--json", "--changes", tmp_path / "changes.jsonl")
    said = json.loads(made.stdout)
    assert made.exit_code == 10
    assert "13 inputs of old results unchanged" in made.stderr
    assert said["references"] == {"new": ["made-3"], "gone": ["made-1"], "changed": []}
    assert said["differs"] == ["library"]
    assert (said["rows"], said["added"]) == (13, 0)
    # the oracle: both files of results, compared by hand
    before = {row["name"]: row for row in map(json.loads, old.read_text().splitlines())}
    after = {row["name"]: row for row in map(json.loads, (tmp_path / "new.jsonl").read_text().splitlines())}
    alarms = [name for name in after if after[name].get("verdict") == "ALARM"]
    assert alarms == [f"of-3-{i}.csv" for i in range(3)]
    expected = {}
    for name, row in before.items():
        pair = row.get("verdict", "error"), after[name].get("verdict", "error")
        expected[pair] = expected.get(pair, 0) + 1
    assert {(v["before"], v["now"]): v["rows"] for v in said["verdicts"]} == expected
    assert said["substances"]["substance 3"] == {"gained": 3, "lost": 0, "kept": 0}
    assert said["substances"]["substance 1"]["lost"] == 3
    first = said["changes"][:3]
    assert [change["alarm"] for change in first] == ["gained"] * 3
    assert all("reference made-3 is new" in change["causes"] for change in first)
    lost = [change for change in said["changes"] if "substance 1" in change["lost"]]
    assert all("reference made-1 is gone" in change["causes"] for change in lost)
    written = [json.loads(line) for line in (tmp_path / "changes.jsonl").read_text().splitlines()]
    assert len(written) == said["changed"]
    assert {change["name"] for change in written} == {change["name"] for change in said["changes"]}
    # the other way round alarms are lost, and come first
    back = invoke(
        tmp_path / "new.jsonl", "--inputs", folder, "-o", tmp_path / "b.jsonl", "-l", libraries[0], "--json"
    )
    changes = json.loads(back.stdout)["changes"]
    assert [change["alarm"] for change in changes[:3]] == ["lost"] * 3
    assert "the library differs" in changes[0]["causes"]
    assert back.exit_code == 10


def test_nothing_changed(libraries, archive, tmp_path):
    folder, old = archive
    made = invoke(old, "--inputs", folder, "-o", tmp_path / "new.jsonl", "-l", libraries[0])
    assert made.exit_code == 0
    assert "13 rows, 0 changed" in made.stdout
    assert (tmp_path / "new.jsonl").read_bytes() == old.read_bytes()


def test_another_policy(libraries, archive, tmp_path):
    folder, old = archive
    made = invoke(
        *(old, "--inputs", folder, "-o", tmp_path / "new.jsonl", "-l", libraries[0], "--lod", 0.5, "--json")
    )
    said = json.loads(made.stdout)
    assert said["differs"] == ["policy"]
    assert made.exit_code in (0, 11, 12)
    if said["changed"]:
        assert set(said["causes"]) == {"the policy differs"}


def test_a_spectrum_gone_or_changed_is_refused_before_any_is_identified(libraries, archive, tmp_path):
    folder, old = archive
    inputs = tmp_path / "in"
    shutil.copytree(folder, inputs)
    words = (old, "--inputs", inputs, "-o", tmp_path / "new.jsonl", "-l", libraries[1])
    text = (inputs / "of-1-1.csv").read_text()
    (inputs / "of-1-1.csv").write_text(text + "1300,5\n")
    with pytest.raises(RescoreError, match=r"'of-1-1\.csv' is not what was identified then"):
        invoke(*words)
    (inputs / "of-1-1.csv").unlink()
    with pytest.raises(RescoreError, match=r"line 5: the spectrum behind this row is not there"):
        invoke(*words)
    assert not (tmp_path / "new.jsonl").exists()
    (inputs / "of-1-1.csv").write_text(text)
    (inputs / "a-later-one.csv").write_text(text)
    made = invoke(*words, "--json")
    assert json.loads(made.stdout)["added"] == 1
    assert "1 other input identified too" in made.stderr


def test_what_are_no_results(libraries, archive, tmp_path):
    folder, old = archive
    rest = ("--inputs", folder, "-o", tmp_path / "new.jsonl", "-l", libraries[0])
    torn = tmp_path / "torn.jsonl"
    for content, message in (
        (b"hello\n", "no row of results"),
        (b"[]\n", "no row of results"),
        (b"{}\n", "has no run"),
        (old.read_bytes()[:-30], "no row of results"),
        (old.read_bytes().replace(b'"last": true', b'"last": false'), "not finished"),
    ):
        torn.write_bytes(content)
        with pytest.raises(RescoreError, match=message):
            invoke(torn, *rest)
    (tmp_path / "empty").mkdir()
    with pytest.raises(RescoreError, match="no place of a cluster's results"):
        invoke(tmp_path / "empty", *rest)
    with pytest.raises(RescoreError, match="cannot be read"):
        invoke(tmp_path / "none.jsonl", *rest)
    with pytest.raises(ParameterError, match="do not hold their spectra"):
        invoke(old, "-l", libraries[0])


def test_a_journal(libraries, archive, tmp_path):
    _, _ = archive
    path = tmp_path / "journal.db"
    engine = Setup(libraries[0]).engine()
    with Journal(path, unit_key(tmp_path / "unit.key")) as journal:
        for i in range(4):
            spectrum = Spectrum(SHIFT, values(i))
            journal.append(
                identification_entry(spectrum, engine.identify(spectrum), engine, input_name=f"scan {i}")
            )
    made = invoke(path, "-l", libraries[1], "--old-library", libraries[0], "--json")
    said = json.loads(made.stdout)
    assert made.exit_code == 10
    assert said["rows"] == 4
    assert said["changes"][0]["name"] == "record 4: scan 3"
    assert "reference made-3 is new" in said["changes"][0]["causes"]
    assert invoke(path, "-l", libraries[0]).exit_code == 0
    with pytest.raises(ParameterError, match="holds its spectra"):
        invoke(path, "--inputs", tmp_path)


def test_on_a_cluster(libraries, archive, tmp_path):
    pytest.importorskip("distributed")
    folder, old = archive
    words = (old, "--inputs", folder, "-l", libraries[1])
    here = invoke(*words, "-o", tmp_path / "new.jsonl", "--json")
    there = invoke(*words, "-o", tmp_path / "out", "--cluster", "local:1", "--shard-inputs", 5, "--json")
    assert json.loads(there.stdout) == json.loads(here.stdout)
    assert there.exit_code == here.exit_code == 10
    # and the shards are old results in their turn
    again = invoke(tmp_path / "out", *words[1:], "-o", tmp_path / "again.jsonl", "--json")
    assert json.loads(again.stdout)["changed"] == 0


def row(verdict, *parts, lods=None, error=None):
    if error:
        return {"name": "x", "error": {"what": error}}
    return {
        "name": "x",
        "verdict": verdict,
        "reason": verdict.lower(),
        "components": [{"substance": part, "reference_id": f"id-{part}"} for part in parts],
        "targets": [{"target": name, "lod": lod, "found": False} for name, lod in (lods or {}).items()],
        "library": {"name": "l", "sha256": "a"},
    }


@pytest.mark.parametrize(
    ("old", "new", "rank"),
    [
        (row("ALARM", "a"), row("NO_ALARM", "a"), 0),
        (row("ALARM", "a"), row("", error="unreadable"), 0),
        (row("WARNING"), row("ALARM"), 1),
        (row("WARNING"), row("INCONCLUSIVE"), 2),
        (row("", error="unreadable"), row("NO_ALARM"), 2),
        (row("NO_ALARM", "a"), row("NO_ALARM", "a", "b"), 3),
        (row("NO_ALARM", lods={"t": 0.1}), row("NO_ALARM", lods={"t": 0.12}), 4),
        (row("NO_ALARM", lods={"t": None}), row("NO_ALARM", lods={"t": 0.12}), 4),
        (row("NO_ALARM", lods={"t": 0.1}), row("NO_ALARM", lods={"t": 0.1005}), 5),
        (row("", error="unreadable"), row("", error="unreadable"), 5),
    ],
)
def test_how_much_a_change_matters(old, new, rank):
    made = compared(old, new)
    assert made.rank == rank
    assert compared(new, new).rank == 5
    tally = Tally()
    tally.add(made)
    assert tally.exit_code == {0: 10, 1: 10, 2: 11, 3: 12, 4: 12, 5: 0}[rank]


def test_the_worst_are_kept_of_many():
    tally = Tally()
    for i in range(SHOWN + 50):
        tally.add(Change(str(i), "", "NO_ALARM", "WARNING"))
    tally.add(Change("last", "", "ALARM", "NO_ALARM"))
    kept = tally.changes()
    assert len(kept) == SHOWN
    assert kept[0].name == "last"
    assert [change.name for change in kept[1:]] == [str(i) for i in range(SHOWN - 1)]
    assert tally.changed == SHOWN + 51


@given(st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=60))
def test_the_median_ratio_of_limits(ratios):
    moved = Moved()
    for ratio in ratios:
        moved.ratios[round(float(np.log(ratio)) / 0.01)] += 1
    low = np.quantile(ratios, 0.5, method="lower")
    assert moved.median_ratio() == pytest.approx(low, rel=0.02)


def test_rows_are_grouped_by_input(archive):
    _, old = archive
    groups = list(inputs_of(result_rows(str(old))))
    assert [len(group) for group in groups] == [1] * 13
