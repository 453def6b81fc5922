import json

import pytest
from typer.testing import CliRunner

from spectriage.bench.app.commands_validate import app
from spectriage.bench.validation.plan_file import shipped_plans
from spectriage.spectra.errors import FormatError, ParameterError

PLAN = """
schema = 1
name = "tiny"
title = "Tiny"
seed = 2
[[panel]]
name = "a"
targets = ["heroin hcl"]
levels = [0.5]
matrices = ["lactose"]
replicates = 2
[[criterion]]
name = "found"
kind = "pod"
panel = "a"
at_least = LIMIT
confidence = 0.9
"""


def invoke(*arguments):
    result = CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)
    return result.exit_code, result.output


def test_plan_size():
    code, text = invoke("plan-size", "--pod", "0.95", "--confidence", "0.95")
    assert code == 0
    # the number, what may happen among so many, and what is shown by it
    assert text.startswith("59 trials: with no failure among them")
    assert "at least 0.95 with 0.95 confidence" in text
    _, text = invoke("plan-size", "--pod", "0.95", "--confidence", "0.95", "--failures", "1", "--json")
    assert json.loads(text)["trials"] == 93
    with pytest.raises(ParameterError):
        invoke("plan-size", "--pod", "1")


def test_shipped_plans_are_listed_and_shown():
    listed = [json.loads(line) for line in invoke("list", "--json")[1].splitlines()]
    assert [entry["name"] for entry in listed] == list(shipped_plans())
    assert all(entry["trials"] > 100 and entry["criteria"] for entry in listed)
    assert invoke("list")[0] == 0
    assert invoke("show", "packaging")[1] == shipped_plans()["packaging"].read_text(encoding="utf-8")


def test_run_report_and_compare(tmp_path):
    plan = tmp_path / "plan.toml"
    plan.write_text(PLAN.replace("LIMIT", "0.3"))
    code, text = invoke("run", plan, "-o", tmp_path / "out")
    assert code == 0
    assert "run 1 of tiny: PASS" in text
    assert (tmp_path / "out" / "run-1" / "report.html").is_file()
    assert invoke("report", tmp_path / "out")[0] == 0
    assert invoke("run", plan, "-o", tmp_path / "out", "--no-report", "--keep-spectra")[0] == 0
    assert len(list((tmp_path / "out" / "run-2" / "failures").iterdir())) == 2
    code, text = invoke("compare", tmp_path / "out", tmp_path / "out", "--first-run", 1, "--json")
    assert json.loads(text.splitlines()[0])["both"] == 2
    tally = json.loads(text.splitlines()[-1])
    assert (tally["rows"], tally["changed"]) == (2, 0)
    text = invoke("compare", tmp_path / "out", tmp_path / "out")[1]
    assert "both correct" in text
    assert "2 trials of both runs, 0 changed" in text


def test_a_failed_criterion_is_the_exit_code(tmp_path):
    plan = tmp_path / "plan.toml"
    # nothing that is to be found can be found through a spectrum of nothing
    plan.write_text(
        PLAN.replace("LIMIT", "0.3").replace("replicates", "options = { brightness = 0 }\nreplicates")
    )
    code, text = invoke("run", plan, "-o", tmp_path / "out")
    assert code == 1
    assert "FAIL" in text


def test_bad_arguments_are_refused(tmp_path):
    plan = tmp_path / "plan.toml"
    plan.write_text(PLAN.replace("LIMIT", "0.9"))
    with pytest.raises(ParameterError, match="22 trials"):
        invoke("run", plan, "-o", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    with pytest.raises(ParameterError, match="NAME=PATH"):
        invoke("run", plan, "-o", tmp_path / "out", "--set", "x")
    with pytest.raises(FormatError, match="no run is in it"):
        invoke("report", tmp_path)


def test_a_report_that_cannot_be_written_is_said_before_the_run(tmp_path, monkeypatch):
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "jinja2" else object())
    plan = tmp_path / "plan.toml"
    plan.write_text(PLAN.replace("LIMIT", "0.3"))
    with pytest.raises(ParameterError, match="reports need jinja2"):
        invoke("run", plan, "-o", tmp_path / "out")
    assert not (tmp_path / "out").exists()
