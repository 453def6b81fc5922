import json

import pytest
from typer.testing import CliRunner

from spectriage.bench.app.commands_bench import app
from spectriage.bench.evidence.decide import FIELD, PARTS, SETS, WRAPPING
from spectriage.spectra.errors import FormatError, ParameterError


def _write(folder, items):
    folder.mkdir(parents=True)
    for item in items:
        values = zip(item.spectrum.shift, item.spectrum.intensity, strict=True)
        rows = "\n".join(f"{x:.1f},{y:.4f}" for x, y in values)
        (folder / f"{item.substance}.csv").write_text(f"wavenumber,intensity\n{rows}\n")


@pytest.fixture(scope="module")
def folder(world, tmp_path_factory):
    """Sets as `bench decide` wants them, of ten materials that the catalogue does not know."""
    base = tmp_path_factory.mktemp("all") / "sets"
    _write(base / FIELD / "powders", world.first.items[:3])
    _write(base / SETS[0], world.first.items)
    _write(base / SETS[1], world.second.items)
    _write(base / WRAPPING, world.second.items[:1])
    return base


def _run(*words):
    result = CliRunner().invoke(app, list(map(str, words)))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def test_field_writes_measured_tables_and_figures(folder, tmp_path):
    out = tmp_path / "field.json"
    text = _run("field", folder / FIELD, "--out", out)
    assert "falsely raised" in text
    found = json.loads(out.read_text())
    assert found["measured"]["figures"]["field: materials falsely raised"] == 0
    assert found["settings"]["rules"] == "field-allowed.toml"
    assert "simulated" not in found


def test_field_takes_rules_of_ones_own(folder, tmp_path):
    rules = tmp_path / "rules.toml"
    rules.write_text('[[spectra]]\nfiles = "powders/*a.csv"\nskip = "not this one"\n')
    text = _run("field", folder / FIELD, "--allowed", rules)
    assert "Left out: powders/substance a.csv: not this one" in text


def test_limits_states_both_directions_and_intervals(folder, tmp_path):
    out = tmp_path / "limits.json"
    _run("limits", "-q", folder / SETS[0], "-l", folder / SETS[1], "--quick", "--out", out)
    found = json.loads(out.read_text())["measured"]
    directions = {trial["direction"] for trial in found["details"]["limits"]}
    assert directions == {f"{SETS[0]} by {SETS[1]}", f"{SETS[1]} by {SETS[0]}"}
    assert found["figures"]["limits: stated, all"] > 0


def test_hazards_need_hazards(folder):
    with pytest.raises(ParameterError, match="no pair"):
        _run("hazards", "--hazards", folder / SETS[0], "--mains", folder / SETS[1])


def test_one_command_runs_the_parts_and_compares_them(folder, tmp_path):
    old, new, plot = tmp_path / "old.json", tmp_path / "new.json", tmp_path / "trade.png"
    parts = ("--part", "field", "--part", "answers", "--part", "limits", "--part", "speed")
    _run("decide", folder, *parts, "--out", old)
    text = _run("decide", folder, *parts[:2], "--compare", old, "--out", new, "--plot", plot)
    assert "field spectra: falsely raised" in text
    assert "same" in text
    assert plot.read_bytes().startswith(b"\x89PNG")
    settings = json.loads(old.read_text())["settings"]
    assert set(settings["seconds"]) == {"field", "answers", "limits", "speed"}
    text = _run("compare", old, new)
    assert "before" in text
    assert "floor met" in text
    assert "What changed: verdicts" in text
    assert " 0 changed" in text


def test_a_missing_set_and_an_unknown_part_are_said(folder, tmp_path):
    with pytest.raises(FormatError, match="no folder field"):
        _run("decide", tmp_path)
    with pytest.raises(ParameterError, match="no part"):
        _run("decide", folder, "--part", "everything")
    assert set(PARTS) >= {"field", "limits", "hazards", "answers", "garbage", "trigger", "pod"}


def test_garbage_and_trigger_are_simulated(tmp_path):
    out = tmp_path / "garbage.json"
    _run("garbage", "-n", "30", "--out", out)
    found = json.loads(out.read_text())
    assert found["simulated"]["figures"]["garbage: spectra"] == 30
    assert "measured" not in found


def test_every_trigger_ends_within_its_time(tmp_path):
    out = tmp_path / "trigger.json"
    _run("trigger", "--out", out)
    waits = json.loads(out.read_text())["simulated"]["details"]["trigger"]
    assert len(waits) == 40
    assert sum(wait["hazardous"] for wait in waits) == 20
    # the device's clock, not the machine's: the scan may not outlast what was asked for
    assert all(0.0 < wait["seconds"] <= 60.0 for wait in waits)
    raised = [wait["hazardous"] for wait in waits if wait["verdict"] in ("ALARM", "WARNING")]
    assert all(raised)
    assert len(raised) >= 18


def test_measured_hazards_are_raised_and_aligned(measured, tmp_path):
    out = tmp_path / "hazards.json"
    sets = (measured / SETS[0], measured / SETS[1])
    _run("hazards", "--hazards", sets[0], "--mains", sets[1], "--quick", "--out", out)
    found = json.loads(out.read_text())["measured"]
    neat = next(t for t in found["tables"] if t["name"] == "hazards: neat")["rows"]
    assert {row["hazard"]: row["rightly reported"] for row in neat} == {
        "ammonium nitrate.csv": True,
        "hydrogen peroxide.csv": True,
    }
    assert found["figures"]["hazards: sums"] > 100
