"""The headless service: arming, one scan at a time, recorded before it is shown, cancelled, watched."""

import time
from pathlib import Path

import pytest

from spectriage.device.contract.errors import DeviceUnsafeError
from spectriage.device.serve import Scans, Setup, service_app
from spectriage.device.serve.models import Start
from spectriage.device.session import ScanPlan
from spectriage.library.journal import Journal, verify
from spectriage.spectra.contrast.rows import BROADENINGS_CM
from spectriage.spectra.identify import Identifier

testclient = pytest.importorskip("fastapi.testclient")

QUICK = ScanPlan(integration_ms=200.0)
SAMPLE = "sim:fentanyl hcl:0.3+caffeine?packaging=ldpe&seed=3"


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("SPECTRIAGE_CONFIG", str(tmp_path / "settings.toml"))
    return tmp_path


def service(home: Path, engine, device: str = SAMPLE, **setup) -> Scans:
    scans = Scans(Setup(device, home / "journal.db", plan=QUICK, **setup), engine)
    scans.open().result(timeout=600)
    return scans


@pytest.fixture
def scans(home, engine):
    made = service(home, engine)
    yield made
    made.close()


@pytest.fixture
def client(scans):
    return testclient.TestClient(service_app(scans))


def armed(client, holder="me"):
    return client.post("/api/arm", json={"holder": holder}).json()["arming"]


def ended(client):
    limit = time.monotonic() + 60.0
    while (state := client.get("/api/state").json())["phase"] == "scanning":
        assert time.monotonic() < limit
        time.sleep(0.02)
    return state


def test_from_arming_to_a_report(client, scans):
    answer = client.post("/api/scans", json={"arming": armed(client), "item": "A-17", "operator": "me"})
    assert answer.status_code == 202
    state = ended(client)
    assert state["problem"] is None
    assert state["laser"] == "off"
    result = client.get("/api/result").json()
    assert result == state["result"]
    assert result["result"]["verdict"] == "ALARM"
    assert result["training"]
    assert result["item"] == "A-17"
    (line,) = client.get("/api/records", params={"search": "alarm fentanyl"}).json()
    assert (line["number"], line["hash"]) == (result["record"], result["hash"])
    assert client.get("/api/records", params={"search": "cocaine"}).json() == []
    assert client.get(f"/api/records/{line['number']}").json() == result
    page = client.get(f"/api/records/{line['number']}/report.pdf")
    assert page.content.startswith(b"%PDF")
    curves = client.get(f"/api/records/{line['number']}/curves").json()
    assert len(curves["measured"]) == len(curves["shift_cm"]) == len(curves["residual"])
    assert curves["parts"]


def test_training_is_recorded_apart_and_verifies(client, scans, home):
    client.post("/api/scans", json={"arming": armed(client)})
    ended(client)
    assert not (home / "journal.db").exists()
    with Journal(home / "training-journal.db", readonly=True) as journal:
        assert len(journal) == 1
    assert verify(home / "training-journal.db").intact


def test_a_result_that_cannot_be_recorded_is_not_shown(client, scans, home, monkeypatch):
    from spectriage.library.journal import JournalFullError

    def full(self, entry, committed=None):
        raise JournalFullError("no room", where="journal")

    monkeypatch.setattr(Journal, "append", full)
    client.post("/api/scans", json={"arming": armed(client)})
    state = ended(client)
    assert state["result"] is None
    assert state["problem"]["type"] == "JournalFullError"
    assert state["laser"] == "off"
    assert client.get("/api/result").status_code == 404


def test_a_result_is_shown_once_it_is_recorded_and_waits_for_nothing_else(client, scans, home, monkeypatch):
    kept, seen = Journal._keep_head, []

    def keep(self, record):
        # what is left to do after the record is on the disk takes place behind the result
        seen.append((scans.state().result.record, scans.state().phase, scans.state().laser))
        kept(self, record)
        raise OSError("the head cannot be written, and more")

    monkeypatch.setattr(Journal, "_keep_head", keep)
    scans.start(Start(arming=scans.arm("me").arming)).result(timeout=60.0)
    assert seen == [(1, "idle", "off")]
    # what fails there is said, and takes no result away
    state = client.get("/api/state").json()
    assert state["result"]["record"] == 1
    assert "the head cannot be written" in state["problem"]["what"]
    assert verify(home / "training-journal.db").intact


def test_a_journal_that_cannot_be_written_is_found_before_anything_is_lit(client, scans, home):
    (home / "training-journal.db").unlink()
    (home / "training-journal.db").write_bytes(b"no database " * 400)
    client.post("/api/scans", json={"arming": armed(client)})
    state = ended(client)
    assert state["problem"]["type"] == "JournalError"
    assert state["laser"] == "off"
    assert scans.live.shown() is None
    assert scans.live._number == 0


def test_nothing_is_worked_out_for_the_first_scan_that_could_have_been_before(home, engine):
    own = Identifier(engine.references, engine.policy)
    # a unit that sees coarser than the library, on an axis of its own
    scans = service(home, own, "emulated:wasatch-wp785?scene=heroin hcl:0.4+caffeine")
    try:
        worked_out = len(own.index._probes)
        assert worked_out == len(BROADENINGS_CM)
        scans.start(Start(arming=scans.arm("me").arming)).result(timeout=60.0)
        assert scans.state().problem is None
        assert len(own.index._probes) == worked_out
    finally:
        scans.close()


def test_an_arming_is_for_one_scan_of_one_holder_and_expires(client, scans):
    first = armed(client, "first")
    assert client.post("/api/arm", json={"holder": "second"}).status_code == 409
    assert client.post("/api/scans", json={"arming": "guessed"}).status_code == 409
    assert client.post("/api/scans", json={"arming": first}).status_code == 202
    ended(client)
    assert client.post("/api/scans", json={"arming": first}).status_code == 409
    scans.control.valid_s = 0.05
    late = armed(client)
    time.sleep(0.1)
    assert client.get("/api/state").json()["phase"] == "idle"
    answer = client.post("/api/scans", json={"arming": late})
    assert (answer.status_code, answer.json()["type"]) == (409, "RefusedError")


def test_one_scan_at_a_time_and_cancel_while_firing_proves_the_laser_off(home, engine):
    scans = service(home, engine, "sim:caffeine?seed=1&realtime=1")
    client = testclient.TestClient(service_app(scans))
    try:
        scans.unit.setup = Setup(
            scans.unit.setup.device, scans.unit.setup.journal, plan=ScanPlan(integration_ms=4000.0)
        )
        client.post("/api/scans", json={"arming": armed(client)})
        limit = time.monotonic() + 30.0
        while scans.state().laser != "on":
            assert time.monotonic() < limit
            time.sleep(0.02)
        time.sleep(0.2)
        assert client.post("/api/arm", json={"holder": "second"}).status_code == 409
        state = client.post("/api/cancel").json()
        assert state["phase"] == "idle"
        assert state["laser"] == "off"
        assert str(scans.unit.device.laser_readback()) == "off"
        assert state["problem"]["type"] == "DeviceAbortedError"
        assert state["result"] is None
    finally:
        scans.close()


def test_a_scan_whose_starter_is_gone_is_cancelled(home, engine):
    scans = service(home, engine, "sim:caffeine?seed=1&realtime=1")
    try:
        scans.unit.setup = Setup(
            scans.unit.setup.device, scans.unit.setup.journal, plan=ScanPlan(integration_ms=8000.0)
        )
        running = scans.start(Start(arming=scans.arm("gone").arming, hold_s=1.0))
        running.result(timeout=12.0)
        assert scans.state().problem.type == "DeviceAbortedError"
        assert "not heard of for 1 s" in scans.state().problem.what
        assert scans.state().laser == "off"
    finally:
        scans.close()


def test_an_open_interlock_is_said_before_anything_fires(home, engine):
    scans = service(home, engine, "sim:caffeine?fault=interlock-open")
    client = testclient.TestClient(service_app(scans))
    try:
        checks = {check["code"]: check for check in client.get("/api/health").json()["checks"]}
        assert checks["interlock"]["state"] == "failed"
        answer = client.post("/api/arm", json={"holder": "me"})
        assert (answer.status_code, answer.json()["what"]) == (409, "the interlock is open")
    finally:
        scans.close()


def test_a_device_that_is_not_there_is_a_problem_and_not_the_end(home, engine):
    scans = service(home, engine, "sim:no such material")
    client = testclient.TestClient(service_app(scans))
    try:
        state = client.get("/api/state").json()
        assert state["phase"] == "failed"
        assert state["problem"]["remedy"]
        scans.use(SAMPLE).result(timeout=600)
        assert client.get("/api/state").json()["phase"] == "idle"
    finally:
        scans.close()


def test_unplugged_while_firing_is_said_and_the_laser_is_not_called_off(home, engine):
    scans = service(home, engine, "sim:caffeine?seed=1")
    client = testclient.TestClient(service_app(scans))
    try:
        arming = armed(client)
        scans.unit.device.inject("unplug-mid")
        client.post("/api/scans", json={"arming": arming})
        state = ended(client)
        assert state["result"] is None
        assert state["problem"]["type"] == "DeviceLostError"
        # what is gone cannot be read back: whoever says "off" here guesses
        assert (state["phase"], state["laser"]) == ("failed", "unknown")
        # plugged in again, it is opened without being asked: that switches its laser off
        limit = time.monotonic() + 60.0
        while client.get("/api/state").json()["laser"] != "off":
            assert time.monotonic() < limit
            time.sleep(0.02)
        assert client.get("/api/state").json()["phase"] == "idle"
    finally:
        scans.close()


def test_a_laser_that_stays_on_is_shown_and_not_armed_again(home, engine):
    scans = service(home, engine, "sim:caffeine?seed=1")
    client = testclient.TestClient(service_app(scans))
    try:
        arming = armed(client)
        scans.unit.device.inject("laser-stuck")
        client.post("/api/scans", json={"arming": arming})
        state = ended(client)
        assert state["laser"] in ("on", "unknown")
        assert state["result"] is None
        assert client.post("/api/arm", json={"holder": "me"}).status_code in (409, 500)
    finally:
        with pytest.raises(DeviceUnsafeError):
            scans.close()


def test_the_document_names_every_path_and_bad_requests_are_refused(client):
    document = client.get("/api/openapi.json").json()
    assert document["openapi"].startswith("3.")
    assert {"/api/state", "/api/scans", "/api/cancel", "/api/records/{number}/report.{kind}"} <= set(
        document["paths"]
    )
    for body in ({}, {"arming": ""}, {"arming": "x", "more": 1}, {"arming": "x", "delay_s": -1}):
        answer = client.post("/api/scans", json=body)
        assert answer.status_code == 422
        assert {"type", "what", "where", "remedy"} <= set(answer.json())
    assert "delay_s" in answer.json()["where"]
    assert client.get("/api/records/99").status_code == 404
    assert client.get("/api/records/0").status_code == 422
