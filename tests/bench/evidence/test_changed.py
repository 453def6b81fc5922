"""Two runs of a benchmark side by side: the trials whose answers differ, and why."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from spectriage.bench.evidence.changed import add_changes, answers_of
from spectriage.bench.evidence.garbage import GarbageAnswer
from spectriage.bench.report.changes import SHOWN, answer, change_tables, changes, read_libraries
from spectriage.bench.report.tables import Report
from spectriage.spectra.origin import Origin

M, S = Origin.MEASURED, Origin.SIMULATED


def run(rows, origin=M, library="a", engine="e"):
    report = Report("field", {"library": library}, versions={"engine_and_catalogue": engine, "numpy": "2"})
    for name, some in rows.items():
        report.detail(origin, name, some)
    return report.to_json()


def field(path, verdict, *named, reason="r"):
    return {"path": path, "verdict": verdict, "reason": reason, "components": list(named)}


def tables(before, after, libraries=None):
    report = Report("compare", {})
    add_changes(report, before, after, libraries)
    return {(table.origin, table.name): [list(row) for row in table.rows] for table in report.tables}, report


def test_verdicts_substances_and_why():
    before = {"field": [field("a", "ALARM", "x"), field("b", "NO_ALARM", "y"), field("gone", "WARNING")]}
    after = {
        "field": [field("b", "NO_ALARM", "y", "z"), field("a", "INCONCLUSIVE", "y"), field("new", "ALARM")]
    }
    made, report = tables(run(before), run(after, library="b"))
    assert made[M, "changes"] == [["ALARM → INCONCLUSIVE", 1], ["NO_ALARM", 1]]
    assert made[M, "changes: substances"] == [["x", 0, 1, 0], ["y", 1, 0, 1], ["z", 1, 0, 0]]
    assert [row[0] for row in made[M, "changes: trials"]] == ["field · a", "field · b"]
    assert made[M, "changes: trials"][0][3] == "+ y, − x"
    assert made[M, "changes: why"] == [["the library differs", 2]]
    tally = report.details[M]["changes"]
    assert (tally["rows"], tally["added"], tally["passed_over"]) == (2, 1, 1)
    same, _ = tables(run(before), run(before))
    assert list(same) == [(M, "changes")]


def test_a_run_that_was_just_made_is_as_one_that_was_read():
    rows = {
        "field": [{**field("a", "ALARM"), "components": ("x", "y")}],
        "mixtures": [{"method": "m", "level": "100", "truth": ("x",), "named": ("x",), "raised": False}],
    }
    made, _ = tables(json.loads(json.dumps(run(rows))), run(rows))
    assert made == {(M, "changes"): [["ALARM", 1], ["not raised", 1]]}


def test_the_engine_and_its_numbers_are_a_cause():
    before, after = {"field": [field("a", "ALARM")]}, {"field": [field("a", "WARNING")]}
    made, _ = tables(run(before), run(after, engine="f"))
    assert made[M, "changes: why"] == [["the engine differs", 1]]


def test_garbage_that_was_not_decided_is_known_by_its_absence():
    def raised(*numbers):
        return run({"garbage": [asdict(GarbageAnswer("lamp", n, "WARNING", "")) for n in numbers]}, S)

    made, _ = tables(raised(1, 2), raised(2, 5))
    assert made[S, "changes"] == [["WARNING → not decided", 1], ["not decided → WARNING", 1], ["WARNING", 1]]


def test_limits_and_what_was_found_there():
    def limit(value, found):
        held = [{"factor": 0.5, "found": False}, {"factor": 1.0, "found": found}]
        row = {"direction": "d", "target": "t", "main": "m", "noise": None, "limit": value}
        return run({"limits": [{**row, "blank": "NO_ALARM", "held": held}]})

    made, _ = tables(limit(0.1, True), limit(0.2, False))
    assert made[M, "changes: limits"] == [["t", 0, 1, pytest.approx(2.0, rel=0.02), 0, 1]]
    assert made[M, "changes: trials"][0][3] == "missed t"


def test_trials_that_cannot_be_told_apart_are_numbered():
    found = answers_of(run({"field": [field("a", "ALARM"), field("a", "WARNING")]}), M)
    assert [row["verdict"] for row in found.values()] == ["ALARM", "WARNING"]
    assert answers_of(run({"calibration": [{"key": "x"}]}), M) == {}


def test_a_change_names_references_where_both_libraries_are_at_hand(tmp_path):
    import numpy as np

    from spectriage.library.store.file import write_library
    from spectriage.spectra.reference import Reference, ReferenceSet

    shift = 200.0 + 2.0 * np.arange(256)

    def library(name, *ids):
        rows = np.random.default_rng(0).uniform(size=(len(ids), shift.size)).astype(np.float32)
        records = tuple(Reference(id_, id_.removesuffix("-2")) for id_ in ids)
        write_library(tmp_path / name, ReferenceSet(records, shift, rows))
        return tmp_path / name

    libraries = read_libraries(library("old.h5", "x", "z"), library("new.h5", "x", "y-2"))
    before, after = {"field": [field("a", "ALARM", "z")]}, {"field": [field("a", "ALARM", "y")]}
    made, _ = tables(run(before), run(after, library="b"), libraries)
    causes = {row[0] for row in made[M, "changes: why"]}
    assert {"reference y-2 is new", "reference z is gone"} <= causes
    assert read_libraries(None, tmp_path / "new.h5").difference is None


def test_many_changes_are_cut_in_the_table_alone():
    old = {(i,): answer(str(i), "ALARM") for i in range(SHOWN + 5)}
    new = {(i,): answer(str(i), "WARNING") for i in range(SHOWN + 5)}
    tally = changes(old, new, [{}, {}])
    listed = {table.name: table.rows for table in change_tables(tally, M)}
    assert len(listed["changes: trials"]) == SHOWN
    assert len(tally.to_json()["changes"]) == SHOWN + 5
