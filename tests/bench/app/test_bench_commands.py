import json

import pytest
from typer.testing import CliRunner

from spectriage.bench.app.commands_bench import app
from spectriage.bench.evidence.benign import benign, is_benign
from spectriage.bench.evidence.packaging import packaging, split_packaging
from spectriage.bench.report.tables import Report
from spectriage.bench.sets.sets import read_set
from spectriage.spectra.errors import CatalogueError, ParameterError
from spectriage.spectra.origin import Origin


@pytest.fixture(scope="module")
def folders(world, tmp_path_factory):
    base = tmp_path_factory.mktemp("sets")
    for labelled in (world.first, world.second):
        (base / labelled.name).mkdir()
        for item in labelled.items:
            values = zip(item.spectrum.shift, item.spectrum.intensity, strict=True)
            text = "\n".join(f"{x:.1f},{y:.4f}" for x, y in values)
            (base / labelled.name / f"{item.substance}.csv").write_text(f"wavenumber,intensity\n{text}\n")
    return base


@pytest.mark.parametrize(
    ("command", "options"),
    [("transfer", []), ("openset", ["--splits", "1"]), ("mixtures", ["--cases", "2"])],
)
def test_commands_write_measured_tables(folders, tmp_path, command, options):
    out = tmp_path / "out.json"
    common = ["--no-catalogue", "--one-way", "-m", "pearson", "--out", str(out)]
    words = [command, "-q", str(folders / "first"), "-l", str(folders / "second"), *common, *options]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    assert "first by second" in result.output
    found = json.loads(out.read_text())
    assert found["command"] == f"bench {command}"
    assert found["settings"]["pairings"][0]["queries"] == 10
    assert found["measured"]["tables"]
    assert "simulated" not in found


def test_a_missing_folder_is_said_before_the_work(folders):
    words = ["transfer", "-q", str(folders / "first"), "--out", str(folders / "nowhere" / "out.json")]
    result = CliRunner().invoke(app, words)
    assert isinstance(result.exception, ParameterError)


def test_packaging_needs_packaging(world):
    with pytest.raises(CatalogueError, match="no packaging"):
        packaging(world.first, Report("packaging", {}))


def test_harmless_is_what_no_entry_calls_hazardous():
    assert is_benign("caffeine")
    assert is_benign("something never heard of")
    assert not is_benign("AN")
    assert not is_benign("fentanyl")


def test_wrapped_powders_and_harmless_materials(measured):
    whole = read_set(measured / "wasatch-785xs-2026")
    _, wrappings = split_packaging(whole)
    assert {item.substance for item in wrappings} >= {"Polyethylene", "Polypropylene", "PTFE"}
    names = {"Polyethylene", "caffeine", "sucrose"}
    few = read_set(measured / "wasatch-785xs-2026")
    items = tuple(item for item in few.items if item.substance in names)
    report = Report("packaging", {})
    small = type(few)(few.name, items, few.names)
    packaging(small, report, contents=("caffeine",), seeds=1)
    benign([small], report)
    rows = report.tables[0].rows
    assert [row[3] for row in rows] == ["300", "100", "30"]
    assert all(row[2] is True for row in rows)
    assert rows[0][4] == "1.00"
    assert len(report.tables[1].rows) == 1
    details = report.details[Origin.MEASURED]
    assert len(details["benign: as shipped"]) == 3
