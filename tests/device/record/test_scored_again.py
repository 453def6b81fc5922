"""A journal's device scans, decided again by `spectriage rescore`: from their counts and calibration."""

from __future__ import annotations

import json
from importlib import metadata

import numpy as np
import pytest
from typer.testing import CliRunner

from spectriage.device.contract.registry import open_device
from spectriage.device.record import scan_entry
from spectriage.device.session import ScanPlan, Session
from spectriage.library.journal import Journal, identification_entry, reading, unit_key
from spectriage.library.journal.entry import Entry
from spectriage.library.store.file import write_library
from spectriage.spectra.cli import build_app
from spectriage.spectra.identify import Identifier

SCANS = (
    "sim:fentanyl hcl:0.3+caffeine:0.3+lactose?packaging=ldpe&seed=3&integration_ms=4000",
    "sim:caffeine?seed=1",
)


@pytest.fixture(scope="module")
def journal(engine, tmp_path_factory):
    """Two scans of the simulator, an identification, and a note."""
    folder = tmp_path_factory.mktemp("journal")
    with Journal(folder / "j.db", unit_key(folder / "unit.key")) as made:
        for uri in SCANS:
            with open_device(uri) as device:
                session = Session(device, engine, plan=ScanPlan(delay_s=0.0))
                result = session.run()
            made.append(scan_entry(session, result))
        spectrum = result.spectrum
        made.append(identification_entry(spectrum, engine.identify(spectrum), engine, input_name="a file"))
        made.append(Entry("note", {"text": "the bag was open"}))
    return folder / "j.db"


@pytest.fixture
def without_fentanyl(library, tmp_path):
    keep = np.array([record.material_class != "fentanyl" for record in library.records])
    write_library(tmp_path / "without.h5", library.subset(keep))
    return tmp_path / "without.h5"


def rescore(*words):
    (point,) = metadata.entry_points(group="spectriage.commands", name="rescore")
    return CliRunner().invoke(build_app([point]), ["rescore", *map(str, words)], catch_exceptions=False)


@pytest.fixture(autouse=True)
def shipped_library(library_cache, monkeypatch):
    monkeypatch.setenv("SPECTRIAGE_CACHE", str(library_cache))


def test_the_same_library_says_the_same(journal):
    made = rescore(journal)
    assert made.exit_code == 0, made.stdout
    assert "3 rows, 0 changed" in made.stdout
    assert "1 record passed over: a note holds no answer" in made.stdout


def test_another_library_loses_an_alarm(journal, library, without_fentanyl, tmp_path):
    shipped = library.attributes["path"]
    words = (journal, "-l", without_fentanyl, "--old-library", shipped)
    made = rescore(*words, "--json", "--changes", tmp_path / "changes.jsonl")
    said = json.loads(made.stdout)
    assert made.exit_code == 10
    assert (said["rows"], said["passed_over"]) == (3, 1)
    worst = said["changes"][0]
    assert worst["name"] == f"record 1: {SCANS[0]}"
    assert worst["alarm"] == "lost"
    assert any("fentanyl" in cause and "is gone" in cause for cause in worst["causes"])
    # the very spectrum that the scan was decided on: as the engine says of it now
    from spectriage.device.record import decided_on
    from spectriage.library.store.file import read_library

    with Journal(journal, readonly=True) as opened:
        record = opened.record(1)
        spectrum, health = decided_on(opened, record)
        before = json.loads(record.payload)["result"]["verdict"]
    now = Identifier(read_library(without_fentanyl)).identify(spectrum, health=health)
    assert worst["verdict"] == [before, str(now.verdict)]


def test_what_cannot_be_decided_again_is_said(journal, monkeypatch):
    # the program that records scans is not installed
    monkeypatch.setattr(reading, "GROUP", "spectriage.nothing")
    made = rescore(journal)
    assert "1 row, 0 changed" in made.stdout
    assert "2 records passed over: nothing installed reads what a scan was decided on" in made.stdout


def test_answers_of_another_technique_are_passed_over(engine, journal, tmp_path):
    with Journal(journal, readonly=True) as opened:
        entry = json.loads(opened.record(3).payload)
    entry["result"]["technique"] = "sers"
    kept = {name: entry[name] for name in entry if name not in ("kind", "blobs")}
    with Journal(tmp_path / "j.db", unit_key(tmp_path / "unit.key")) as made:
        made.append(Entry("identification", kept))
    made = rescore(tmp_path / "j.db", "--json")
    said = json.loads(made.stdout)
    assert said["why_passed_over"] == {"the answer is of sers spectra, the engine of normal ones": 1}
    assert said["rows"] == 0
