"""`spectriage scan` and `spectriage devices` through typer, with the simulator."""

import json

import pytest
import typer
from typer.testing import CliRunner

from spectriage.device import commands, registry
from spectriage.spectra.formats import read_spectrum


@pytest.fixture
def run(monkeypatch):
    entries = [
        registry.EntryPoint("sim", "spectriage.device.simulator:DRIVER", registry.GROUP),
        registry.EntryPoint("replay", "spectriage.device.replay:DRIVER", registry.GROUP),
        registry.EntryPoint("absent", "no_such_driver_module:DRIVER", registry.GROUP),
    ]
    monkeypatch.setattr(registry, "entry_points", lambda group: entries)
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(commands.scan)
    app.command()(commands.devices)
    return lambda *words: CliRunner().invoke(app, list(words))


def test_a_simulated_scan_is_identified_and_written(run, tmp_path):
    out = tmp_path / "scan.csv"
    result = run("scan", "--device", "sim:acetaminophen?seed=2", "--json", "-o", str(out))
    record = json.loads(result.stdout)
    assert record["input"] == "sim:acetaminophen?seed=2"
    assert "acetaminophen" in record["candidates"][0]["substance"]
    assert result.exit_code in (0, 12)
    spectrum = read_spectrum(out)
    assert spectrum.excitation_nm == 785.0
    assert spectrum.variance is not None


def test_a_person_reads_the_verdict(run):
    result = run("scan", "--device", "sim:acetaminophen?seed=2")
    assert "acetaminophen" in result.stdout


def test_a_written_scan_replays_to_the_same_candidates(run, tmp_path):
    out = tmp_path / "scan.csv"
    first = run("scan", "-d", "sim:caffeine?seed=5", "--json", "-o", str(out))
    again = run("scan", "-d", f"replay:{out}", "--json")
    names = [
        [candidate["reference_id"] for candidate in json.loads(result.stdout)["candidates"][:3]]
        for result in (first, again)
    ]
    assert names[0] == names[1]


def test_auto_exposure_and_accumulation_run_from_the_command_line(run):
    result = run("scan", "-d", "sim:caffeine?integration_ms=5", "--auto", "--seconds", "60", "--json")
    assert "caffeine" in json.loads(result.stdout)["candidates"][0]["substance"]


@pytest.mark.parametrize(
    ("uri", "word"),
    [
        ("caffeine", "scheme"),
        ("nosuch:x", "nosuch"),
        ("sim:cafeine", "caffeine"),
        ("sim:caffeine?seed=x", "seed"),
        ("absent:x", "no_such_driver_module"),
        ("replay:/no/such/file.csv", "no such file"),
        ("sim:caffeine?fault=interlock-open", "interlock"),
        ("sim:caffeine?fault=unplug-mid@2", "gone"),
    ],
)
def test_what_fails_is_an_error_object_and_exit_code_2(run, uri, word, tmp_path):
    out = tmp_path / "scan.csv"
    result = run("scan", "--device", uri, "--json", "-o", str(out))
    assert result.exit_code == 2
    assert word in json.dumps(json.loads(result.stdout)["error"])
    assert not out.exists()


def test_a_scan_that_cannot_be_written_is_an_error(run, tmp_path):
    result = run("scan", "-d", "sim:caffeine", "--json", "-o", str(tmp_path / "missing" / "scan.csv"))
    assert result.exit_code == 2
    assert "written" in json.loads(result.stdout)["error"]["what"]


def test_devices_lists_what_there_is_and_what_is_missing(run):
    result = run("devices")
    assert result.exit_code == 0
    assert "sim:acetaminophen" in result.stdout
    assert "no_such_driver_module" in result.stdout
    listed = [json.loads(line) for line in run("devices", "--json").stdout.splitlines()]
    assert [entry["scheme"] for entry in listed] == ["absent", "replay", "sim"]
    assert listed[0]["missing"]
    assert not listed[2]["missing"]


def test_the_package_registers_its_own_schemes():
    assert {"sim", "replay"} <= set(registry.registered())


def test_importing_the_package_loads_no_driver():
    import subprocess
    import sys

    code = (
        "import sys, spectriage.device, spectriage.device.protocol, spectriage.device.uri\n"
        "drivers = {'usb', 'seabreeze', 'wasatch', 'matplotlib', 'socket', 'scipy.optimize', 'tkinter'}\n"
        "bad = drivers & set(sys.modules)\n"
        "print(sorted(bad))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
