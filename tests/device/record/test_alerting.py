"""The Cursor-on-Target alert: a real socket receives it, and nothing that goes wrong fails a scan."""

import json
import socket
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from datetime import UTC, datetime

import pytest

from spectriage.device.app.scanning import keep
from spectriage.device.contract.registry import open_device
from spectriage.device.record import alerting, scan_entry
from spectriage.device.session import ScanPlan, Session
from spectriage.library.journal import Context, Journal, JournalError, Recorder, unit_key
from spectriage.spectra.verdict import Verdict

WHO = Context("J. Doe", "lane 4", "A1")
ALARM = "sim:fentanyl hcl:0.3+caffeine:0.3+lactose?packaging=ldpe&seed=3&integration_ms=4000"


@pytest.fixture(scope="module")
def scans(engine):
    """An alarm and a harmless scan, each with its session."""
    made = []
    for uri in (ALARM, "sim:caffeine?seed=1"):
        with open_device(uri) as device:
            session = Session(device, engine, plan=ScanPlan(delay_s=0.0))
            made.append((session, session.run()))
    assert made[0][1].identification.verdict in alerting.ALERTED
    assert made[1][1].identification.verdict not in alerting.ALERTED
    return made


@pytest.fixture
def recorder(tmp_path):
    with Journal(tmp_path / "j.db", unit_key(tmp_path / "unit.key")) as journal:
        yield Recorder(journal, WHO)


@pytest.fixture
def settings(tmp_path, monkeypatch):
    path = tmp_path / "settings.toml"
    monkeypatch.setenv("SPECTRIAGE_CONFIG", str(path))
    return path


@pytest.fixture
def receiver():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bound:
        bound.bind(("127.0.0.1", 0))
        bound.settimeout(10.0)
        yield bound


def _url(receiver):
    return f"udp://127.0.0.1:{receiver.getsockname()[1]}"


def _silent(receiver):
    receiver.settimeout(0.3)
    with pytest.raises(TimeoutError):
        receiver.recv(65536)


def test_an_alarm_is_received_and_a_harmless_scan_is_not(scans, recorder, settings, receiver, capsys):
    pytest.importorskip("pytak")
    settings.write_text(f'[alerts]\ncot_url = "{_url(receiver)}"\nlatitude = 48.2\nlongitude = 16\n')
    for session, result in scans:
        keep(session, result, recorder, None)
    event = ElementTree.fromstring(receiver.recv(65536))
    record = recorder.journal.record(1)
    said = json.loads(record.payload)
    assert event.tag == "event"
    assert event.get("uid") == f"spectriage-{record.hash.hex()}"
    assert event.get("start")[:19] == said["time"][:19]
    assert event.get("start") <= event.get("time") < event.get("stale")
    point = event.find("point")
    assert (float(point.get("lat")), float(point.get("lon"))) == (48.2, 16.0)
    detail = event.find("detail/spectriage").attrib
    assert detail["verdict"] == said["result"]["verdict"]
    assert detail["summary"] == said["result"]["summary"]
    assert detail["hash"] == record.hash.hex()
    assert detail["presumptive"] == "true"
    assert "SIMULATED, NOT MEASURED: presumptive" in event.findtext("detail/remarks")
    everything = ElementTree.tostring(event, encoding="unicode")
    assert "Doe" not in everything
    assert "lane 4" not in everything
    assert "no alert" not in capsys.readouterr().err
    assert len(recorder.journal) == 2
    _silent(receiver)


def test_nothing_is_sent_or_loaded_unless_configured(scans, recorder, settings, receiver, capsys):
    keep(*scans[0], recorder, None)
    _silent(receiver)
    assert "alert" not in capsys.readouterr().err
    code = "import spectriage.device.record.alerting, sys; sys.exit('pytak' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_unknown_position_is_stated_as_unknown(scans, recorder):
    session, result = scans[0]
    record = recorder.keep(lambda context: scan_entry(session, result, context=context))
    moment = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
    event = ElementTree.fromstring(alerting.alert_event(record, alerting.AlertSettings(), moment))
    assert event.find("point").attrib == {
        "lat": "0.0",
        "lon": "0.0",
        "hae": "9999999",
        "ce": "9999999",
        "le": "9999999",
    }
    assert event.get("time") == "2030-01-02T03:04:05.000000Z"
    assert event.get("stale") == "2030-01-02T04:04:05.000000Z"


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ('cot_url = "tcp://127.0.0.1:9"', "127.0.0.1:9"),
        ('cot_url = "udp://name.invalid:4242"', "name.invalid"),
        ('cot_url = "udp://127.0.0.1"', "not an address"),
        ('cot_url = "tls://127.0.0.1:8089"', "not an address"),
        ('cot_url = "udp://127.0.0.1:x"', "not an address"),
        ('cot_url = "udp://127.0.0.1:4242"\nlatitude = 91\nlongitude = 0', "no position"),
        ('cot_url = "udp://127.0.0.1:4242"\nlatitude = 9', "no position"),
        ("url = 'x'", "no setting 'url'"),
    ],
)
def test_what_goes_wrong_is_one_line_and_the_scan_stands(scans, recorder, settings, capsys, line, word):
    pytest.importorskip("pytak")
    settings.write_text(f"[alerts]\n{line}\n")
    keep(*scans[0], recorder, None)
    told = [text for text in capsys.readouterr().err.splitlines() if "no alert was sent" in text]
    assert len(told) == 1
    assert word in told[0]
    assert len(recorder.journal) == 1


def test_a_network_that_does_not_answer_withholds_no_result(scans, recorder, settings, monkeypatch, capsys):
    pytak = pytest.importorskip("pytak")

    async def never(config):
        import asyncio

        await asyncio.sleep(30.0)

    monkeypatch.setattr(pytak, "protocol_factory", never)
    monkeypatch.setattr(alerting, "TIMEOUT_S", 0.1)
    settings.write_text('[alerts]\ncot_url = "udp://127.0.0.1:4242"\n')
    keep(*scans[0], recorder, None)
    assert "not within 0.1 s" in capsys.readouterr().err


def test_without_pytak_the_remedy_is_named(scans, recorder, settings, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "pytak", None)
    settings.write_text('[alerts]\ncot_url = "udp://127.0.0.1:4242"\n')
    keep(*scans[0], recorder, None)
    assert "spectriage[cot]" in capsys.readouterr().err


def test_a_scan_that_was_not_recorded_sends_nothing_and_says_so(scans, settings, receiver, capsys):
    settings.write_text(f'[alerts]\ncot_url = "{_url(receiver)}"\n')
    keep(*scans[0], Recorder(None, WHO), None)
    assert "not recorded" in capsys.readouterr().err
    _silent(receiver)
    assert alerting.ALERTED == (Verdict.ALARM, Verdict.WARNING)


def test_settings_without_a_url_are_checked_too():
    with pytest.raises(JournalError, match="no position"):
        alerting.AlertSettings(longitude=16.0).check()
