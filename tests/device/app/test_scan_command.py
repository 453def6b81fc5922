"""`spectriage scan` and `spectriage devices` through typer, with the simulator."""

import json

import pytest
import typer
from typer.testing import CliRunner

from spectriage.device.app import commands_scan as commands
from spectriage.device.contract import registry
from spectriage.spectra.formats import read_spectrum


@pytest.fixture
def run(monkeypatch):
    entries = [
        registry.EntryPoint("sim", "spectriage.device.simulator.simulator:DRIVER", registry.GROUP),
        registry.EntryPoint("replay", "spectriage.device.drivers.replay:DRIVER", registry.GROUP),
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
        "import sys, spectriage.device.contract.spectrometer, spectriage.device.contract.uri\n"
        "drivers = {'usb', 'seabreeze', 'wasatch', 'matplotlib', 'socket', 'scipy.optimize', 'tkinter'}\n"
        "bad = drivers & set(sys.modules)\n"
        "print(sorted(bad))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


# -- the calibration gate -------------------------------------------------------------------------


@pytest.fixture
def calibration(tmp_path):
    """A calibration of unit 2 that changes nothing, as a function of its date and serial."""
    from datetime import UTC, datetime

    from spectriage.device.calibration.axis import LaserFit
    from spectriage.device.calibration.calibration import Calibration, save_calibration

    def make(day: int = 1, serial: str = "SIM-785-ccd-0002"):
        date = datetime(2026 if day > 0 else 2020, 1, max(day, 1), tzinfo=UTC)
        path = tmp_path / f"{serial}-{day}.json"
        laser = LaserFit(785.0, 0.01, (1001.4,), (0.0,))
        save_calibration(Calibration(serial, "simulator", date, laser=laser), path)
        return str(path)

    return make


def scan_with(run, *words):
    return json.loads(run("scan", "-d", "sim:acetaminophen?seed=2", "--json", *words).stdout)


def test_a_valid_calibration_changes_no_verdict(run, calibration):
    assert scan_with(run, "--calibration", calibration())["reason"] == scan_with(run)["reason"]


@pytest.mark.parametrize(
    ("arguments", "word"), [((0,), "expired on 2020"), ((1, "another-unit"), "another instrument")]
)
def test_an_expired_or_foreign_calibration_is_inconclusive_unless_forced(run, calibration, arguments, word):
    path = calibration(*arguments)
    record = scan_with(run, "--calibration", path)
    assert record["verdict"] == "INCONCLUSIVE"
    assert word in json.dumps(record, ensure_ascii=False)
    forced = scan_with(run, "--calibration", path, "--force")
    assert forced["reason"] == scan_with(run)["reason"]


def test_a_damaged_calibration_is_inconclusive(run, calibration, tmp_path):
    bad = tmp_path / "bad.json"
    bad.write_text("{}")
    record = scan_with(run, "--calibration", str(bad))
    assert record["verdict"] == "INCONCLUSIVE"
    assert "calibration cannot be used" in json.dumps(record)


def test_a_forced_scan_says_what_was_overridden(calibration):
    from pathlib import Path

    from spectriage.device.acquire.acquisition import Acquirer
    from spectriage.device.calibration.unit import UnitCalibration
    from spectriage.device.contract.clock import Deadline
    from spectriage.device.contract.uri import parse_uri
    from spectriage.device.simulator.simulator import open_simulator

    device = open_simulator(parse_uri("sim:acetaminophen?seed=2"))
    raw = Acquirer(device).scan(Deadline.after(100.0, device.clock))
    known = UnitCalibration.of(raw.info, raw.finished, Path(calibration(0)), force=True)
    spectrum, health = known.apply(raw)
    assert health == ""
    assert "expired" in spectrum.metadata["health_overridden"]
    assert spectrum.history[-1] == "override health"


def test_a_scan_of_an_explosive_alarms_after_the_countdown(run):
    result = run("scan", "-d", "sim:tnt?seed=1&integration_ms=3000", "--json", "--careful", "--delay", "2")
    assert "laser in 2 s" in result.stderr
    assert result.exit_code == 10


def test_an_uncalibrated_unit_says_why_it_stays_at_safe_power(run):
    result = run("scan", "-d", "sim:caffeine?seed=2&brightness=0.05", "--json", "--careful")
    assert "The instrument has no calibration" in result.stderr
    assert json.loads(result.stdout)["verdict"] == "INCONCLUSIVE"
