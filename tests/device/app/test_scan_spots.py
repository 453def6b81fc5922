"""`spectriage scan --spots` through typer, with the simulator's stage and with an operator."""

import json

import pytest
import typer
from typer.testing import CliRunner

from spectriage.device.app import commands_scan as commands
from spectriage.device.contract import registry
from spectriage.device.session import Item
from spectriage.device.simulator.simulator import SimulatedSpectrometer
from spectriage.library.service.answers import Answer
from spectriage.spectra.errors import SpectriageError
from spectriage.spectra.formats import read_spectrum
from spectriage.spectra.verdict.verdict import Verdict

UNEVEN = "sim:cocaine hcl:0.3+lactose?seed=2&uneven=1.5"


@pytest.fixture
def run(monkeypatch):
    entries = [
        registry.EntryPoint("sim", "spectriage.device.simulator.simulator:DRIVER", registry.GROUP),
        registry.EntryPoint("replay", "spectriage.device.drivers.replay:DRIVER", registry.GROUP),
    ]
    monkeypatch.setattr(registry, "entry_points", lambda group: entries)
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(commands.scan)
    app.command()(commands.devices)
    return lambda *words, **more: CliRunner().invoke(app, ["scan", *words], **more)


def lines(result):
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_each_spot_has_its_object_and_the_item_the_most_serious_verdict(run):
    result = run("-d", UNEVEN, "--spots", "3", "--json")
    *spots, item = lines(result)
    assert [record["spot"] for record in spots] == [1, 2, 3]
    assert [spot["verdict"] for spot in item["spots"]] == [record["verdict"] for record in spots]
    order = [str(verdict) for verdict in Verdict]
    assert item["verdict"] == min((record["verdict"] for record in spots), key=order.index)
    assert spots[item["decided_by_spot"] - 1]["verdict"] == item["verdict"]
    assert result.exit_code == Verdict(item["verdict"]).exit_code
    # Uneven: the spots are not one scan printed three times.
    scores = [record["candidates"][0]["score"] for record in spots]
    assert len(set(scores)) == 3


def test_the_stage_goes_from_spot_to_spot_with_the_laser_off(run, monkeypatch):
    seen = []
    move = SimulatedSpectrometer.move_to_spot

    def watched(self, spot):
        seen.append((spot, self._laser))
        move(self, spot)

    monkeypatch.setattr(SimulatedSpectrometer, "move_to_spot", watched)
    run("-d", UNEVEN, "--spots", "3", "--json", "--seconds", "5")
    assert seen == [(1, False), (2, False)]


def test_a_person_reads_a_line_a_spot_and_then_the_item(run):
    out = run("-d", "sim:acetaminophen?seed=2", "--spots", "2").stdout
    first, second, item, *rest = out.splitlines()
    assert first.startswith("spot 1 of 2: ")
    assert second.startswith("spot 2 of 2: ")
    assert item.startswith("item: ")
    assert "acetaminophen" in "".join(rest)


@pytest.mark.parametrize("words", [["--auto"], ["--careful"]])
def test_spots_go_with_the_other_ways_to_scan(run, words):
    *spots, item = lines(run("-d", "sim:caffeine?seed=1", "--spots", "2", "--json", *words))
    assert len(spots) == len(item["spots"]) == 2
    assert all("caffeine" in spot["candidates"][0]["substance"] for spot in spots)


def test_each_spot_is_written_to_its_own_file(run, tmp_path):
    run("-d", UNEVEN, "--spots", "2", "--json", "-o", str(tmp_path / "scan.csv"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scan-1.csv", "scan-2.csv"]
    first, second = (read_spectrum(tmp_path / f"scan-{n}.csv") for n in (1, 2))
    assert not (first.intensity == second.intensity).all()


def test_a_spot_that_fails_loses_no_spot_before_it(run):
    # The first spot and its dark take four frames; then the cable comes out while the laser is on.
    result = run("-d", "sim:cocaine hcl?seed=2&fault=unplug-mid@5", "--spots", "3", "--json")
    first, second, item = lines(result)
    assert first["verdict"] == item["spots"][0]["verdict"]
    assert "laser state unknown" in second["error"]["what"]
    assert item["spots"][1]["error"]["type"] == "DeviceUnsafeError"
    assert item["spots_asked"] == 3
    assert result.exit_code == Verdict(item["verdict"]).exit_code != 0


def test_no_spot_at_all_is_exit_code_2(run):
    result = run("-d", "sim:caffeine?fault=interlock-open", "--spots", "2", "--json")
    error, item = lines(result)
    assert error["error"]["type"] == "DeviceUnsafeError"
    assert item["verdict"] is None
    assert result.exit_code == 2


def test_without_a_stage_the_operator_is_asked(run, tmp_path):
    out = tmp_path / "scan.csv"
    run("-d", "sim:caffeine?seed=5", "--json", "-o", str(out))
    answered = run("-d", f"replay:{out}", "--spots", "2", "--json", input="\n")
    assert "spot 2 of 2" in answered.stderr
    assert len(lines(answered)) == 3
    alone = run("-d", f"replay:{out}", "--spots", "2", "--json", input="")
    assert "nobody" in lines(alone)[1]["error"]["what"]


class Result:
    def __init__(self, verdict):
        self.verdict, self.reason, self.summary = verdict, "", ""


@pytest.mark.parametrize(
    ("verdicts", "expected", "item", "decisive"),
    [
        (["NO_ALARM", "NO_ALARM"], 2, "NO_ALARM", 0),
        (["NO_ALARM", "ALARM", "WARNING"], 3, "ALARM", 1),
        (["INCONCLUSIVE", "NO_ALARM"], 2, "INCONCLUSIVE", 0),
        (["NO_ALARM"], 2, "INCONCLUSIVE", None),
        (["NO_ALARM", "error"], 2, "INCONCLUSIVE", None),
        (["WARNING", "error"], 2, "WARNING", 0),
    ],
)
def test_the_items_verdict(verdicts, expected, item, decisive):
    answers = [
        Answer("x", error=SpectriageError("gone")) if v == "error" else Answer("x", Result(Verdict(v)))
        for v in verdicts
    ]
    made = Item("x", expected, answers)
    assert (made.verdict, made.decisive, made.exit_code) == (item, decisive, Verdict(item).exit_code)
