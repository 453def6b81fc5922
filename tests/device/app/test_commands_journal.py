"""`spectriage scan --journal` and `spectriage journal …`, as typed."""

import json
import os
import sqlite3
import subprocess
import sys

import pytest


@pytest.fixture
def run(tmp_path, library_cache, library):
    environment = {
        **os.environ,
        "SPECTRIAGE_CACHE": str(library_cache),
        "SPECTRIAGE_DATA": str(tmp_path / "data"),
        "SPECTRIAGE_CONFIG": str(tmp_path / "settings.toml"),
    }

    def call(*words):
        command = [sys.executable, "-m", "spectriage.spectra.cli", *map(str, words)]
        return subprocess.run(
            command, capture_output=True, text=True, cwd=tmp_path, env=environment, check=False
        )

    return call


def test_from_scan_to_report(run, tmp_path):
    scanned = run("scan", "-d", "sim:caffeine", "-j", "j.db", "--item", "A1", "--operator", "me", "--json")
    assert scanned.returncode in (0, 12)
    written = tmp_path / "scan.csv"
    run("scan", "-d", "sim:caffeine?seed=2", "-o", written, "--json")
    assert run("identify", written, "-j", "j.db", "--item", "A2").returncode in (0, 12)
    assert run("journal", "note", "1", "the bag was open", "-j", "j.db").returncode == 0
    listed = [json.loads(line) for line in run("journal", "list", "-j", "j.db", "--json").stdout.splitlines()]
    assert [line["kind"] for line in listed] == ["note", "identification", "scan"]
    checked = run("journal", "verify", "-j", "j.db", "--hash", listed[2]["hash"][:16])
    assert checked.returncode == 0
    assert "3 records, intact" in checked.stdout
    replayed = run("journal", "replay", "-j", "j.db")
    assert replayed.stdout.splitlines() == ["record 1: the same", "record 2: the same"]
    shown = json.loads(run("journal", "show", "1", "-j", "j.db").stdout)
    assert shown["record"]["operator"] == "me"
    rows = run("journal", "export", "-j", "j.db", "--format", "lims").stdout.splitlines()
    assert rows[0].startswith("sample,time,substance")
    assert rows[1].startswith("A1,")
    assert "me" not in run("journal", "export", "-j", "j.db", "--format", "csv", "--no-private").stdout.split(
        ","
    )
    for name in ("r.html", "r.pdf"):
        assert run("journal", "report", "1", "-j", "j.db", "-o", name).returncode == 0
        assert (tmp_path / name).stat().st_size > 10_000


def test_an_altered_journal_is_exit_code_3(run, tmp_path):
    run("scan", "-d", "sim:caffeine", "-j", "j.db", "--json")
    database = sqlite3.connect(tmp_path / "j.db")
    database.execute("UPDATE records SET summary = 'all clear'")
    database.commit()
    database.close()
    checked = run("journal", "verify", "-j", "j.db", "--json")
    assert checked.returncode == 3
    assert json.loads(checked.stdout)["problems"] == ["record 1: its entry in the list is not what it says"]


def test_the_settings_say_where_and_what_is_kept(run, tmp_path):
    settings = tmp_path / "settings.toml"
    settings.write_text(
        '[journal]\npath = "mine.db"\noperator = "badge 17"\nplace = "lane 4"\nkeep_place = false\n'
    )
    run("scan", "-d", "sim:caffeine", "--json")
    record = json.loads(run("journal", "show", "1").stdout)["record"]
    assert (record["operator"], record["place"]) == ("badge 17", "")
    settings.write_text("[journal]\nfile = 'x'\n")
    refused = run("scan", "-d", "sim:caffeine", "--json")
    assert "no setting 'file'" in refused.stdout + refused.stderr
    settings.write_text("[journal]\npath = 3\n")
    assert "wrong kind" in run("journal", "list").stderr


def test_a_journal_that_cannot_be_written_is_said_before_the_laser_fires(run, tmp_path):
    refused = run("scan", "-d", "sim:caffeine", "-j", "no/such/j.db", "--delay", "2", "--json")
    assert refused.returncode == 2
    assert "laser" not in refused.stderr
    assert "no journal" in run("journal", "list", "-j", "none.db").stderr
    assert "none is configured" in run("journal", "list").stderr
