import json

import pytest

from spectriage.bench.evidence.floors import FLOORS, Floor
from spectriage.bench.report.compare import Figure, draw, figures_of, floors_tables, read_report
from spectriage.bench.report.statistics import Interval, Proportion
from spectriage.bench.report.tables import Report
from spectriage.spectra.errors import FormatError
from spectriage.spectra.origin import Origin

M, S = Origin.MEASURED, Origin.SIMULATED
OWED = (
    Floor("false", "falsely raised", 0.01, 0.003, "less"),
    Floor("found", "found", 0.9, 0.96, "more"),
    Floor("free", "no floor", None, None, "more"),
    Floor("made up", "made-up spectra", 1, 0, "less", S),
)


def test_figures_survive_the_json(tmp_path):
    report = Report("decide", {})
    report.figure(M, "false", Interval(0.02, 0.01, 0.03))
    report.figure(M, "found", Proportion(9, 10))
    report.figure(M, "nothing", None)
    report.figure(S, "made up", 3)
    path = tmp_path / "out.json"
    report.write(path)
    found = figures_of(read_report(path), str(path))
    assert found[M, "false"] == Figure(0.02, 0.01, 0.03)
    assert found[M, "found"].value == pytest.approx(0.9)
    assert found[S, "made up"] == Figure(3.0)
    assert (M, "nothing") not in found


def test_measured_and_simulated_stay_apart_and_floors_are_judged():
    before = {(M, "false"): Figure(0.05), (M, "found"): Figure(0.95), (S, "made up"): Figure(1.0)}
    after = {(M, "false"): Figure(0.01), (M, "found"): Figure(0.85), (M, "free"): Figure(0.5)}
    after[S, "made up"] = Figure(1.0)
    measured, simulated = floors_tables(OWED, before, after)
    assert (measured.origin, simulated.origin) == (M, S)
    rows = {row[0]: dict(zip(measured.columns, row, strict=True)) for row in measured.rows}
    assert rows["falsely raised"]["floor met"] is True
    assert rows["falsely raised"]["change"] == "better"
    assert rows["found"]["floor met"] is False
    assert rows["found"]["change"] == "worse"
    assert rows["no floor"]["floor met"] is None
    assert rows["no floor"]["before"] is None
    assert simulated.rows[0][-1] == "same"
    alone = floors_tables(OWED, None, after)[0]
    assert "before" not in alone.columns


def test_a_floor_may_be_a_multiple_of_the_older_run():
    owed = (Floor("n", "limits stated", None, None, "more", of_before=0.9),)
    rows = {}
    for value in (91.0, 90.0, 89.0):
        (table,) = floors_tables(owed, {(M, "n"): Figure(100.0)}, {(M, "n"): Figure(value)})
        rows[value] = dict(zip(table.columns, table.rows[0], strict=True))
    assert [rows[value]["floor met"] for value in (91.0, 90.0, 89.0)] == [True, True, False]
    assert rows[91.0]["floor"] == "≥ 0.9 × before"
    (alone,) = floors_tables(owed, None, {(M, "n"): Figure(5.0)})
    assert alone.rows[0][-1] is None


def test_what_is_no_run_is_said(tmp_path):
    path = tmp_path / "x.json"
    with pytest.raises(FormatError, match="cannot be read"):
        read_report(path)
    path.write_text("{")
    with pytest.raises(FormatError, match="not JSON"):
        read_report(path)
    path.write_text(json.dumps({"figures": {}}))
    with pytest.raises(FormatError, match="not a benchmark"):
        read_report(path)


def test_the_plot_is_drawn_with_both_runs(tmp_path):
    pytest.importorskip("matplotlib")
    name = "field: false raises"
    runs = [("before", {(M, name): Figure(0.08, 0.03, 0.16), (M, "hazards: reported rightly"): Figure(0.3)})]
    runs.append(("after", {(M, name): Figure(0.0), (M, "limits: found at the limit, solids"): Figure(0.9)}))
    draw(runs, tmp_path / "trade.png")
    assert (tmp_path / "trade.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(FormatError, match="no figure"):
        draw([("empty", figures_of({"command": "bench x"}, "x"))], tmp_path / "no.png")


def test_floors_have_distinct_names():
    assert len({row.figure for row in FLOORS}) == len(FLOORS)
    assert all(row.better in ("less", "more") for row in FLOORS)
