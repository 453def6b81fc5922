"""Plans and tables on a real cluster: the bytes of one machine, also when a worker is killed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path

import pytest
from typer.testing import CliRunner

from spectriage.bench.evidence.openset import openset
from spectriage.bench.evidence.transfer import transfer
from spectriage.bench.report.runner import ROOMS
from spectriage.bench.report.tables import Report
from spectriage.bench.validation.plan_file import parse_plan
from spectriage.bench.validation.run import run_plan
from spectriage.library.cluster.crew import crew_of
from spectriage.spectra.cli import build_app
from spectriage.spectra.errors import ParameterError

pytest.importorskip("distributed")
psutil = pytest.importorskip("psutil")

PLAN = (Path(__file__).parent / "validation" / "small-plan.toml").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def shipped_library(library, library_cache, monkeypatch):
    """The shipped library as other tests have it: built once a run."""
    monkeypatch.setenv("SPECTRIAGE_CACHE", str(library_cache))


@pytest.fixture(scope="module")
def crew():
    with crew_of("local:2", ROOMS) as made:
        yield made


def files(run):
    return {
        path.relative_to(run).as_posix(): path.read_bytes()
        for path in sorted(run.rglob("*"))
        if path.is_file()
    }


def test_a_plan_has_the_records_of_one_machine(crew, tmp_path):
    here = run_plan(parse_plan(PLAN), tmp_path / "here", keep_spectra=True)
    there = run_plan(parse_plan(PLAN), tmp_path / "there", jobs=crew, keep_spectra=True)
    assert files(there.path) == files(here.path)
    # broken off there, and finished here
    (there.path / "complete.json").unlink()
    (there.path / "records.jsonl").write_bytes((here.path / "records.jsonl").read_bytes()[:-300])
    again = run_plan(parse_plan(PLAN), tmp_path / "there", jobs=crew, keep_spectra=True)
    assert files(again.path) == files(here.path)


def test_tables_of_labelled_sets(crew, world):
    reports = [Report("", {}), Report("", {})]
    for jobs, report in zip((1, crew), reports, strict=True):
        transfer([world.pairing()], report, methods=["pearson", "spectriage"], jobs=jobs)
        openset([world.pairing()], report, splits=2, methods=["spectriage"], jobs=jobs)
    here, there = (json.dumps(report.to_json()) for report in reports)
    assert there == here


def test_commands(tmp_path):
    (point,) = metadata.entry_points(group="spectriage.commands", name="bench")
    app = build_app([point])
    words = ["bench", "garbage", "--count", "60", "-o"]
    for name, more in (("here", []), ("there", ["--cluster", "local:1"])):
        made = CliRunner().invoke(app, [*words, str(tmp_path / name), *more], catch_exceptions=False)
        assert made.exit_code == 0
    assert (tmp_path / "there").read_bytes() == (tmp_path / "here").read_bytes()
    with pytest.raises(ParameterError, match="--jobs and --cluster exclude"):
        CliRunner().invoke(
            app, [*words, str(tmp_path / "x"), "--cluster", "local:1", "--jobs", "2"], catch_exceptions=False
        )


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_a_killed_worker_changes_nothing(tmp_path):
    plan = tmp_path / "plan.toml"
    plan.write_text(PLAN.replace("draws = 3", "draws = 24"), encoding="utf-8")
    here = run_plan(parse_plan(plan.read_text(encoding="utf-8")), tmp_path / "here")
    command = [sys.executable, "-m", "spectriage.spectra.cli", "validate", "run", str(plan)]
    command += ["-o", str(tmp_path / "there"), "--cluster", "local:2", "--no-report"]
    running = subprocess.Popen(command, stderr=subprocess.PIPE)
    records = tmp_path / "there" / "run-1" / "records.jsonl"
    try:
        deadline = time.monotonic() + 120
        while not (records.is_file() and records.stat().st_size) and time.monotonic() < deadline:
            time.sleep(0.005)
        workers = [
            process
            for process in psutil.Process(running.pid).children(recursive=True)
            if any("spawn_main" in word for word in process.cmdline())
        ]
        assert len(workers) == 2
        workers[0].send_signal(signal.SIGKILL)
        killed_at = records.read_bytes().count(b"\n")
        said = running.communicate(timeout=180)[1].decode()
    finally:
        running.kill()
    assert running.returncode == 0, said
    assert killed_at < len(here.records())
    assert files(tmp_path / "there" / "run-1") == files(here.path)
