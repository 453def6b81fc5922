import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from spectriage.bench.report.changes import read_libraries
from spectriage.bench.report.tables import Report
from spectriage.bench.validation.changed import add_changes
from spectriage.bench.validation.compare import compare_runs
from spectriage.bench.validation.plan_file import load_plan, parse_plan, shipped_plans
from spectriage.bench.validation.report import write_report
from spectriage.bench.validation.run import run_plan
from spectriage.bench.validation.store import latest_run, locked, read_log, runs_of
from spectriage.library import open_library
from spectriage.library.store.file import write_library
from spectriage.spectra.errors import FormatError, ParameterError
from spectriage.spectra.formats import read_spectrum

PLAN = (Path(__file__).parent / "small-plan.toml").read_text(encoding="utf-8")


def everything(run):
    return {
        path.relative_to(run.path).as_posix(): path.read_bytes()
        for path in sorted(run.path.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("records")
    run_plan(parse_plan(PLAN), folder)
    return folder


def test_records_stand_in_the_plans_order(finished):
    records = latest_run(finished).records()
    assert [record.key for record in records] == [*((i, 0) for i in range(7)), (6, 1), (7, 0)]
    assert [r.chapter for r in records][-1] == "unperturbed"
    strong = [r for r in records if r.factors.get("level") == 0.4]
    assert all(r.detected and r.verdict == "ALARM" and "heroin" in r.raised for r in strong)
    weak = [r for r in records if r.factors.get("level") == 0.002]
    assert not any(r.detected for r in weak)
    assert records[6].detected is None
    assert records[6].spectrum_sha256 != records[7].spectrum_sha256
    assert records[6].axis_sha256 == records[7].axis_sha256
    assert records[8].detected
    assert records[8].best == "caffeine"


def test_every_failure_keeps_its_spectrum(finished):
    run = latest_run(finished)
    for record in run.records():
        path = run.failure_path(record)
        assert path.is_file() == (not record.correct)
        if not record.correct:
            assert len(read_spectrum(path, column="intensity")) == 1024


def test_the_same_seed_gives_the_same_bytes_on_any_number_of_processes(finished, tmp_path):
    run = run_plan(parse_plan(PLAN), tmp_path, jobs=2)
    first = everything(latest_run(finished))
    second = everything(run)
    for name in ("header.json", "records.jsonl", "complete.json"):
        assert first[name] == second[name]
    text = b"".join(second.values())
    assert str(tmp_path).encode() not in text


def test_a_second_run_is_recorded_as_such(finished, tmp_path):
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    first = latest_run(tmp_path)
    before = everything(first)
    second = run_plan(parse_plan(PLAN), tmp_path)
    assert (first.number, second.number) == (1, 2)
    assert everything(first) == before
    assert second.records_path.read_bytes() == first.records_path.read_bytes()
    assert [(line["run"], line["event"]) for line in read_log(tmp_path)] == [
        (1, "begun"),
        (1, "finished"),
        (2, "begun"),
        (2, "finished"),
    ]
    html = write_report(tmp_path).read_text(encoding="utf-8")
    assert "This is run 2 of the same plan" in html
    assert json.loads((second.path / "results.json").read_text())["run"] == 2


@pytest.mark.parametrize("cut", [0, 1, 900, -1, -400, None])
def test_a_run_that_was_broken_off_goes_on_to_the_same_bytes(finished, tmp_path, cut):
    plan = parse_plan(PLAN)
    whole = latest_run(finished).records_path.read_bytes()
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    run = latest_run(tmp_path)
    run.complete_path.unlink()
    if cut is None:
        run.records_path.unlink()
    else:
        run.records_path.write_bytes(whole[:cut])
    resumed = run_plan(plan, tmp_path)
    assert resumed.number == 1
    assert resumed.records_path.read_bytes() == whole
    assert len(runs_of(tmp_path)) == 1
    assert any("resumed" in line["event"] for line in read_log(tmp_path))


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_a_killed_run_goes_on(finished, tmp_path):
    (tmp_path / "plan.toml").write_bytes(PLAN.encode())
    arguments = ["validate", "run", str(tmp_path / "plan.toml"), "-o", str(tmp_path / "out"), "--no-report"]
    code = f"from spectriage.bench.app.commands_validate import app; app({arguments[1:]!r})"
    process = subprocess.Popen([sys.executable, "-c", code])
    records = tmp_path / "out" / "run-1" / "records.jsonl"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (records.is_file() and records.stat().st_size):
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    run = run_plan(parse_plan(PLAN), tmp_path / "out")
    assert run.records_path.read_bytes() == latest_run(finished).records_path.read_bytes()


def test_another_plan_is_refused(finished):
    with pytest.raises(ParameterError, match="another plan"):
        run_plan(parse_plan(PLAN.replace("seed = 12", "seed = 13")), finished)


def smaller_library(path: Path) -> Path:
    import numpy as np

    whole = open_library()
    keep = np.array([record.family != "heroin" for record in whole.records])
    write_library(path, whole.subset(keep), {}, (), overwrite=True)
    return path


def test_a_broken_off_run_does_not_go_on_with_another_library(finished, tmp_path):
    shutil.copytree(finished, tmp_path / "records")
    latest_run(tmp_path / "records").complete_path.unlink()
    with pytest.raises(ParameterError, match="another libraries"):
        run_plan(parse_plan(PLAN), tmp_path / "records", library=smaller_library(tmp_path / "smaller.h5"))


def test_two_libraries_are_compared_on_the_same_scans(finished, tmp_path):
    run_plan(parse_plan(PLAN), tmp_path / "b", library=smaller_library(tmp_path / "smaller.h5"))
    compared = {item.panel: item for item in compare_runs(finished, tmp_path / "b")}
    assert (compared["pod"].only_first, compared["pod"].only_second) == (3, 0)
    assert compared["pod"].p_value == pytest.approx(0.25)  # 2 · 0.5³
    assert compared["blanks"].both == 1
    assert compared["own"].chapter == "unperturbed"
    # and what changed, and why
    report = Report("validate compare", {})
    shipped = Path(str(open_library().attributes["path"]))
    libraries = read_libraries(shipped, tmp_path / "smaller.h5")
    add_changes(report, finished, tmp_path / "b", libraries=libraries)
    said = {name: tally for details in report.details.values() for name, tally in details.items()}
    pod, own = said["changes: simulated"], said["changes: unperturbed"]
    assert own["substances"] == {}
    assert (pod["rows"], pod["added"]) == (8, 0)
    assert pod["differs"] == ["library"]
    assert pod["substances"]["heroin"]["lost"] == 3
    lost = [change for change in pod["changes"] if change["alarm"] == "lost"]
    assert len(lost) == 3
    assert all("heroin" in change["missed"] for change in lost)
    assert any("heroin" in cause and "is gone" in cause for cause in lost[0]["causes"])


def test_altered_records_are_refused(finished, tmp_path):
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    run = latest_run(tmp_path)
    content = run.records_path.read_bytes()
    run.records_path.write_bytes(content.replace(b'"detected":false', b'"detected":true ', 1))
    with pytest.raises(FormatError, match="records changed since"):
        write_report(tmp_path)
    run.records_path.write_bytes(content)
    header = run.header_path.read_text()
    run.header_path.write_text(header.replace('"seed": 12', '"seed": 13'))
    with pytest.raises(FormatError, match="header changed since"):
        write_report(tmp_path)
    run.header_path.write_text(header)
    write_report(tmp_path)
    run.complete_path.unlink()
    with pytest.raises(FormatError, match="not finished"):
        write_report(tmp_path)


def test_two_processes_do_not_write_into_one_folder(tmp_path):
    with locked(tmp_path), pytest.raises(ParameterError, match="another process"), locked(tmp_path):
        pass


def test_a_scan_that_fails_is_a_failure_and_not_the_end(tmp_path):
    text = PLAN.replace("repeats = 2", 'repeats = 2\noptions = { fault = "unplug-before" }')
    run = run_plan(parse_plan(text), tmp_path)
    failed = [record for record in run.records() if record.panel == "blanks"]
    assert len(failed) == 1
    assert failed[0].error
    assert not failed[0].correct
    html = write_report(tmp_path).read_text(encoding="utf-8")
    assert "Scans without an answer" in html


MEASURED = """
schema = 1
name = "measured"
title = "Measured"
seed = 1

[[panel]]
name = "found"
source = "measured"
detection = "named"
set = "queries"

[[panel]]
name = "searched"
source = "measured"
detection = "named"
set = "queries"
library_set = "library"
optional = true

[[panel]]
name = "blank"
source = "measured"
purpose = "blank"
set = "queries"

[[criterion]]
name = "named"
kind = "pod"
panel = "found"
where = { in_library = "yes" }
at_least = 0.2
confidence = 0.9

[[criterion]]
name = "not tested"
kind = "pod"
panel = "searched"
at_least = 0.2
confidence = 0.9
"""


def write_scan(path, name, seed):
    from spectriage.bench.validation.trial import spectrum_csv
    from spectriage.device.acquire.acquisition import Acquirer
    from spectriage.device.contract.clock import Deadline
    from spectriage.device.contract.registry import open_device

    with open_device(f"sim:{name}?seed={seed}") as device:
        spectrum = Acquirer(device).scan(Deadline.after(100.0, device.clock)).to_spectrum()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(spectrum_csv(spectrum))


def test_measured_sets_are_a_chapter_of_their_own(tmp_path):
    folder = tmp_path / "unit 7"
    for seed, name in enumerate(("caffeine", "sucrose", "urea")):
        write_scan(folder / f"{name}.csv", name, seed)
    write_scan(folder / "widgetine.csv", "toluene", 9)
    plan = parse_plan(MEASURED)
    with pytest.raises(ParameterError, match="--set queries=PATH"):
        run_plan(plan, tmp_path / "records")
    with pytest.raises(ParameterError, match="no set 'quries'"):
        run_plan(plan, tmp_path / "records", sets={"quries": folder})
    manifest = tmp_path / "set.csv"
    rows = "\n".join(f"unit 7/{p.name},{p.stem},intensity" for p in sorted(folder.iterdir()))
    manifest.write_text(f"path,substance,column\n{rows}\n")
    run = run_plan(plan, tmp_path / "records", sets={"queries": manifest})
    records = run.records()
    assert {record.chapter for record in records} == {"measured"}
    unknown = [r for r in records if r.panel == "found" and r.factors["in_library"] == "no"]
    assert [(r.factors["target"], r.target, r.detected) for r in unknown] == [("widgetine", "", None)]
    assert "toluene" in [part.claim for part in unknown[0].named]
    assert not unknown[0].correct
    assert sum(bool(r.detected) for r in records if r.panel == "found") == 3
    assert run.header()["sets"]["queries"]["spectra"] == 4
    html = write_report(tmp_path / "records").read_text(encoding="utf-8")
    assert "for what the library does not have" in html
    results = json.loads((run.path / "results.json").read_text())
    assert [c["outcome"] for c in results["criteria"]] == ["PASS", "NOT TESTED"]
    assert results["outcome"] == "NOT TESTED"
    assert set(results["chapters"]) == {"measured"}


DEVICE = """
schema = 1
name = "attended"
title = "Attended"
seed = 1
[device]
uri = "sim:heroin hcl:0.4+lactose?seed=3"
[[panel]]
name = "a"
source = "device"
targets = ["heroin hcl"]
levels = [0.4]
matrices = ["lactose"]
packaging = ["ldpe"]
exposures = [[500.0, 2]]
replicates = 2
"""


def test_an_operator_is_asked_for_each_sample(tmp_path):
    plan = parse_plan(DEVICE)
    with pytest.raises(ParameterError, match="give an operator"):
        run_plan(plan, tmp_path)
    asked = []
    run = run_plan(plan, tmp_path, jobs=2, operator=lambda trial: asked.append(trial.label))
    assert asked == [f"heroin hcl 0.4, lactose 0.6, in ldpe (sample {i})" for i in (1, 2)]
    records = run.records()
    # a simulated device does not make measured evidence, whatever the panel says
    assert {record.chapter for record in records} == {"simulated"}
    assert all(record.detected for record in records)
    assert run.header()["device"]["serial"] == records[0].device
    assert "firmware not stated" in write_report(tmp_path).read_text(encoding="utf-8")


def test_an_operator_who_leaves_can_come_back(tmp_path):
    def leave(trial):
        if trial.index == 1:
            raise KeyboardInterrupt

    plan = parse_plan(DEVICE)
    with pytest.raises(KeyboardInterrupt):
        run_plan(plan, tmp_path, operator=leave)
    asked = []
    run = run_plan(plan, tmp_path, operator=lambda trial: asked.append(trial.index))
    assert run.number == 1
    assert len(run.records()) == 2
    assert 1 in asked


def test_a_device_that_replays_is_no_measurement(tmp_path):
    write_scan(tmp_path / "scan.csv", "caffeine", 1)
    with pytest.raises(ParameterError, match="replayed, not measured"):
        run_plan(
            parse_plan(DEVICE),
            tmp_path / "out",
            device=f"replay:{tmp_path / 'scan.csv'}?which=intensity",
            operator=lambda trial: None,
        )
    unnamed = DEVICE.replace('uri = "sim:heroin hcl:0.4+lactose?seed=3"', "")
    with pytest.raises(ParameterError, match="name it"):
        run_plan(parse_plan(unnamed), tmp_path / "out", operator=lambda trial: None)


def test_simulated_spectra_in_a_set_are_not_judged_as_measured(tmp_path):
    for seed, name in enumerate(("caffeine", "urea", "sucrose")):
        write_scan(tmp_path / f"{name}.csv", name, seed)
    manifest = tmp_path / "set.csv"
    manifest.write_text(
        "path,substance,instrument,column,origin\n"
        "caffeine.csv,caffeine,unit 7,intensity,measured\nurea.csv,urea,unit 7,intensity,measured\n"
        "sucrose.csv,sucrose,sim,intensity,simulated\n"
    )
    run = run_plan(parse_plan(MEASURED), tmp_path / "out", sets={"queries": manifest})
    write_report(tmp_path / "out")
    results = json.loads((run.path / "results.json").read_text())
    assert results["criteria"][0]["trials"] == 2
    assert {name: [p["trials"] for p in panels] for name, panels in results["chapters"].items()} == {
        "measured": [2, 2],
        "simulated": [1, 1],
    }


@pytest.mark.full
@pytest.mark.parametrize("name", sorted(shipped_plans()))
def test_a_shipped_plan_runs_to_its_report(tmp_path, name):
    run = run_plan(load_plan(name), tmp_path, jobs=2)
    html = write_report(tmp_path).read_text(encoding="utf-8")
    results = json.loads((run.path / "results.json").read_text(encoding="utf-8"))
    optional = {panel.name for panel in load_plan(name).panels if panel.optional}
    for criterion in results["criteria"]:
        assert (criterion["outcome"] == "NOT TESTED") == (criterion["panel"] in optional)
        assert criterion["name"] in html.replace("&#39;", "'")
    assert not any(record.error for record in run.records())
