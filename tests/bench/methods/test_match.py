import json
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from spectriage.bench.app.commands_bench import app
from spectriage.bench.methods.match import UNRANKED, Matched, accepted, area, compare_methods
from spectriage.bench.methods.methods import Decision, Method, Ranked
from spectriage.bench.report.statistics import area_under_curve
from spectriage.bench.sets.public import load_set
from spectriage.bench.sets.references import library_of
from spectriage.spectra.errors import FormatError, ParameterError, SpectrumError
from spectriage.spectra.origin import Origin


class Oracle(Method):
    """Knows nothing of spectra: always ranks the first substance of the library first."""

    name = "alphabet"

    def rank(self, spectrum):
        names = sorted({record.substance for record in self.references.records})
        return [Ranked(name, -float(i)) for i, name in enumerate(names)]

    def decide(self, spectrum):
        return Decision(())


class Failing(Oracle):
    name = "failing"

    def rank(self, spectrum):
        raise SpectrumError("cannot")


def matched(genuine, impostors, material="a"):
    return Matched(material, "unit", "file", 1, "a", genuine, tuple(impostors), 1.0)


def test_accepted_is_the_share_above_what_few_impostors_pass():
    items = [matched(0.9, [0.1, 0.2]), matched(0.5, [0.6, 0.3]), matched(UNRANKED, [0.2, UNRANKED])]
    # impostors in order: .6 .3 .2 .2 .1 -inf; one sixth may pass: only those above 0.3 are accepted
    assert accepted(items, 1 / 6) == pytest.approx(2 / 3)
    assert accepted(items, 0.0) == pytest.approx(1 / 3)
    assert area(items) == area_under_curve([0.9, 0.5, UNRANKED], [0.1, 0.2, 0.6, 0.3, 0.2, UNRANKED])


def test_the_rate_of_accepted_impostors_is_kept():
    rng = np.random.default_rng(3)
    items = [matched(g, rng.normal(size=50)) for g in rng.normal(1.0, size=40)]
    everything = np.concatenate([item.impostors for item in items])
    for rate in (0.1, 0.01):
        share = accepted(items, rate)
        threshold = np.sort(everything)[::-1][int(rate * everything.size)]
        assert np.mean(everything > threshold) <= rate
        assert share == np.mean([item.genuine > threshold for item in items])


def test_methods_and_peers_in_one_table(world):
    queries = world.first
    library = library_of(world.second, companions=False)
    report = compare_methods(queries, library, ["hqi", "deriv2", f"{__name__}:Oracle"], names=queries.names)
    rows = {row[0]: row for row in report.tables[0].rows}
    assert [*rows] == ["hqi", "deriv2", "alphabet"]
    assert rows["hqi"][1].successes == rows["deriv2"][1].successes == 10
    assert rows["hqi"][4].value == pytest.approx(1.0)
    assert (rows["alphabet"][1].successes, rows["alphabet"][2].successes, rows["alphabet"][3].successes) == (
        1,
        3,
        5,
    )
    assert rows["alphabet"][4].low <= 0.5 <= rows["alphabet"][4].high
    details = report.to_json()["measured"]["details"]["alphabet"]
    assert [item["rank"] for item in details] == list(range(1, 11))


def test_a_query_without_an_answer_counts_as_missed(world):
    library = library_of(world.second, companions=False)
    report = compare_methods(world.first, library, [f"{__name__}:Failing"], names=world.first.names)
    row = report.tables[0].rows[0]
    assert row[1].successes == 0
    assert row[-1] == 10
    json.dumps(report.to_json(), allow_nan=False)


def test_unknown_methods_and_empty_questions_are_refused(world):
    library = library_of(world.second, companions=False)
    for name in ("magic", "no.such.module:Peer", f"{__name__}:nothing", f"{__name__}:np", "json:JSONDecoder"):
        with pytest.raises(ParameterError):
            compare_methods(world.first, library, [name])
    others = replace(world.first, items=tuple(replace(i, substance="other") for i in world.first.items))
    with pytest.raises(ParameterError, match="none of the set's materials"):
        compare_methods(others, library, ["hqi"])
    mixed = (replace(world.first.items[0], origin=Origin.SIMULATED), *world.first.items[1:])
    with pytest.raises(ParameterError, match="measured and simulated"):
        compare_methods(replace(world.first, items=mixed), library, ["hqi"])


def write_long(folder, rows):
    folder.mkdir(exist_ok=True)
    head = "wavenumber,intensity,sample_name,group\n"
    body = "".join(f"{x},{y},{name},{name}\n" for name, x, y in rows)
    (folder / "raman_library.csv").write_text(head + body)
    (folder / "raman_metadata.csv").write_text(
        "spectrum_identity,organization,sample_name\nPolyethylene,Lab A,1\n,Lab B,2\nPolystyrene,,3\n"
    )


def test_the_open_specy_library_is_read(tmp_path):
    rows = [(name, 400 + 2 * i, i % 7 + name) for name in (1, 2, 3) for i in range(20)]
    write_long(tmp_path / "data", rows[:40] + rows[:39:-1])
    found = load_set(f"openspecy:{tmp_path / 'data'}")
    assert [(item.substance, item.instrument) for item in found.items] == [
        ("Polyethylene", "Lab A"),
        ("Polystyrene", "not stated"),
    ]
    assert found.left_out == ("openspecy/2: no identity",)
    assert np.array_equal(found.items[1].spectrum.shift, 400 + 2.0 * np.arange(20))
    assert found.items[0].spectrum.intensity[8] == 2.0


@pytest.mark.parametrize("row", [("1", "x", 3), ("1", 400, "")])
def test_a_damaged_table_is_refused_with_its_line(tmp_path, row):
    write_long(tmp_path / "data", [(1, 400, 1), row])
    with pytest.raises(FormatError, match=r"raman_library\.csv:3"):
        load_set(f"openspecy:{tmp_path / 'data'}")


def test_sets_that_are_not_there(tmp_path):
    for name in (f"openspecy:{tmp_path}", f"ramanbiolib:{tmp_path}", str(tmp_path), str(tmp_path / "x.csv")):
        with pytest.raises(FormatError):
            load_set(name)
    with pytest.raises(ParameterError, match="needs a folder"):
        load_set("ramanbiolib")


def test_ramanbiolib_is_read(measured):
    found = load_set(f"ramanbiolib:{measured / 'ramanbiolib'}")
    assert len(found) == 202
    assert {item.instrument for item in found.items} == {"ramanbiolib"}


def test_the_command_prints_and_writes(measured, tmp_path):
    out = tmp_path / "out.json"
    arguments = ["match", str(measured / "wasatch-785-2024"), "--methods", "hqi,spectriage"]
    arguments += ["--library", str(measured / "wasatch-785xs-2026"), "--out", str(out)]
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    assert "TAR at FAR" in result.output
    written = json.loads(out.read_text(encoding="utf-8"))
    rows = {row["method"]: row for row in written["measured"]["tables"][0]["rows"]}
    assert rows["spectriage"]["top-1"]["successes"] >= 17
    assert rows["hqi"]["top-1"]["trials"] == rows["spectriage"]["top-1"]["trials"] >= 18
