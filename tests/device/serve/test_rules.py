"""Policies chosen on a running service, and what it knows again after a restart; without a browser."""

import json
import threading
from datetime import UTC, datetime, timedelta

import pytest

from spectriage.device.calibration.calibration import VALID_DAYS, Calibration
from spectriage.device.calibration.unit import UnitCalibration
from spectriage.device.record import replay_record
from spectriage.device.serve import Scans, Setup, records, service_app
from spectriage.device.serve import rules as rules_module
from spectriage.device.serve import scans as module
from spectriage.device.serve.control import RefusedError
from spectriage.device.serve.kept import Kept, kept_path
from spectriage.device.serve.models import Checked, Start
from spectriage.device.serve.operators import FIRST_WAIT_S, FREE_TRIES, LONGEST_WAIT_S, Operators
from spectriage.device.serve.rules import Rules
from spectriage.device.serve.standard import KnownAxis
from spectriage.device.session import ScanPlan
from spectriage.library.journal import Journal, verify
from spectriage.library.service import Engines
from spectriage.spectra.errors import ParameterError
from spectriage.spectra.policy import SHIPPED, load_policy
from spectriage.spectra.policy.tables import shipped_text

testclient = pytest.importorskip("fastapi.testclient")

SAMPLE = "sim:fentanyl hcl:0.3+caffeine?packaging=ldpe&seed=3"


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("SPECTRIAGE_CONFIG", str(tmp_path / "settings.toml"))
    return tmp_path


@pytest.fixture
def service(home, engine):
    """Start services one after the other, over one journal."""
    made = []

    def start(**setup):
        made.append(
            Scans(Setup(SAMPLE, home / "journal.db", plan=ScanPlan(integration_ms=200.0), **setup), engine)
        )
        made[-1].open().result(timeout=600)
        return made[-1]

    yield start
    for each in made:
        each.close()


def scanned(scans):
    scans.start(Start(arming=scans.arm("me").arming)).result(timeout=60.0)
    assert scans.state().problem is None
    return scans.state().result


def test_a_policy_is_chosen_recorded_in_journal_and_result_and_kept(service, home):
    scans = service()
    client = testclient.TestClient(service_app(scans))
    assert scanned(scans).result["policy"]["name"] == "border"
    listed = client.get("/api/policies").json()
    assert [each["choice"] for each in listed] == list(SHIPPED)
    assert [each["choice"] for each in listed if each["chosen"]] == ["border"]
    state = client.post("/api/policy", json={"choice": "explosives"}).json()
    assert (state["policy"], state["policy_sha256"]) == ("explosives", load_policy("explosives").sha256)
    result = scanned(scans)
    assert result.result["policy"] == {"name": "explosives", "sha256": state["policy_sha256"]}
    path = scans.journal_path
    with Journal(path, readonly=True) as journal:
        said = [json.loads(record.payload) for record, _ in journal.records()]
        lines = [line.summary for line in journal.lines()]
    assert [each["kind"] for each in said] == ["scan", "policy", "scan"]
    assert said[1]["before"]["name"] == "border"
    assert said[1]["policy_sha256"] == said[2]["policy_sha256"] == state["policy_sha256"]
    assert "explosives" in lines[1]
    assert verify(path).intact
    # the history is of scans
    assert [line.number for line in records.history(path)] == [3, 1]
    # after a restart it is in force, without being chosen or recorded again
    scans.close()
    again = service()
    assert again.state().policy == "explosives"
    assert scanned(again).result["policy"]["name"] == "explosives"
    with Journal(path, readonly=True) as journal:
        assert len(journal) == 4


def test_what_was_decided_by_another_policy_is_shown_as_it_was_decided(service, engine):
    scans = service()
    before = scanned(scans)
    scans.choose("drug-checking").result(timeout=60.0)
    client = testclient.TestClient(service_app(scans))
    curves = client.get(f"/api/records/{before.record}/curves")
    assert curves.status_code == 200
    # the report has its picture, and a replay with the record's own policy gives the same bytes
    page = client.get(f"/api/records/{before.record}/report.html").text
    assert "<svg" in page or "data:image" in page
    own = records.engine_of(scans.journal_path, before.record, Engines(engine))
    with Journal(scans.journal_path, readonly=True) as journal:
        assert replay_record(journal, journal.record(before.record), own).same


def test_only_a_supervisor_chooses_where_people_log_in(service, home):
    operators = Operators(home / "operators.json")
    operators.add("J. Doe", "271828")
    operators.add("M. Ruiz", "314159", supervisor=True)
    scans = service(operators=home / "operators.json")
    client = testclient.TestClient(service_app(scans))

    def choose(login=""):
        return client.post("/api/policy", json={"choice": "explosives", "login": login})

    def login(name, pin):
        return client.post("/api/login", json={"operator": name, "pin": pin}).json()

    assert (choose().status_code, choose().json()["code"]) == (409, "login")
    doe, ruiz = login("J. Doe", "271828"), login("M. Ruiz", "314159")
    assert (doe["supervisor"], ruiz["supervisor"]) == (False, True)
    assert (choose(doe["login"]).status_code, choose(doe["login"]).json()["code"]) == (409, "role")
    assert scans.state().policy == "border"
    assert choose(ruiz["login"]).json()["policy"] == "explosives"
    with Journal(scans.journal_path, readonly=True) as journal:
        assert json.loads(journal.record(1).payload)["operator"] == "M. Ruiz"


def test_a_choice_is_refused_while_scanning_and_takes_back_an_arming(service):
    scans = service()
    key = scans.arm("me").arming
    scans.choose("explosives").result(timeout=60.0)
    # what was armed for was another decision
    with pytest.raises(RefusedError, match="not armed"):
        scans.start(Start(arming=key))
    scans._busy = True
    with pytest.raises(RefusedError, match="a scan is running"):
        scans.choose("border")
    scans._busy = False
    with pytest.raises(RefusedError, match="no such policy"):
        scans.choose("/etc/passwd")


def test_a_scan_started_while_a_policy_is_being_chosen_keeps_its_item(service, monkeypatch):
    """Two screens: one had asked the unit whether it may arm just before the other chose."""
    scans = service()
    started, real = [], module.choose

    def choose(*what):
        policy = real(*what)
        started.append(scans.start(Start(arming=scans.control.arm("me"))))
        return policy

    monkeypatch.setattr(module, "choose", choose)
    scans.choose("explosives").result(timeout=60.0)
    started[0].result(timeout=60.0)
    assert scans.state().result.result["policy"]["name"] == "explosives"
    assert len(scans.state().item.spots) == 1


def test_a_check_takes_back_an_arming(service):
    """Else a scan would be started into it, and the end of the check would say that none runs."""
    scans = service()
    key = scans.arm("me").arming
    checked = scans.check()
    with pytest.raises(RefusedError, match="not armed"):
        scans.start(Start(arming=key))
    checked.result(timeout=60.0)
    assert (scans.state().phase, scans.state().holder) == ("idle", "")
    assert scanned(scans) is not None


def test_a_file_that_two_threads_read_is_one_policy(tmp_path, monkeypatch):
    own = tmp_path / "lab.toml"
    own.write_text(shipped_text("explosives"))
    rules, real = Rules(str(own), Kept(None)), rules_module.load_policy

    def load(choice):
        policy = real(choice)
        if threading.current_thread() is threading.main_thread():
            other.start()
            other.join()
        return policy

    monkeypatch.setattr(rules_module, "load_policy", load)
    found = []
    other = threading.Thread(target=lambda: found.append(rules.of(str(own))))
    found.append(rules.of(str(own)))
    assert found[0] is found[1] is rules.of(str(own))


def test_a_choice_that_cannot_be_recorded_is_not_made(service, monkeypatch):
    from spectriage.library.journal import JournalFullError

    scans = service()

    def full(self, entry, committed=None):
        raise JournalFullError("no room", where="journal")

    monkeypatch.setattr(Journal, "append", full)
    client = testclient.TestClient(service_app(scans))
    answer = client.post("/api/policy", json={"choice": "explosives"})
    assert (answer.status_code, answer.json()["type"]) == (500, "JournalFullError")
    assert scans.state().policy == scans.unit.rules.policy.name == "border"


def test_the_policy_of_the_start_can_be_chosen_and_another_start_begins_anew(tmp_path):
    own = tmp_path / "lab.toml"
    own.write_text(shipped_text("explosives").replace('name = "explosives"', 'name = "lab"'))
    kept = Kept(tmp_path / "kept.json")
    rules = Rules(str(own), kept)
    assert rules.choices == (str(own), *SHIPPED)
    assert rules.policy.name == "lab"
    rules.choose("border")
    assert Rules(str(own), Kept(tmp_path / "kept.json")).policy.name == "border"
    assert Rules("explosives", Kept(tmp_path / "kept.json")).chosen == "explosives"
    # read once: what is written into the file does not change what a running service decides by
    rules.of(str(own))
    own.write_text("nothing")
    assert rules.of(str(own)).name == "lab"
    with pytest.raises(ParameterError):
        Rules(str(own), Kept(None)).policy  # noqa: B018


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": 9, "policy": {}}', '{"schema": 1, "policy": 7}'])
def test_what_is_kept_and_damaged_is_nothing(tmp_path, text):
    path = kept_path(tmp_path / "journal.db")
    path.write_text(text)
    kept = Kept(path)
    assert Rules("border", kept).chosen == "border"
    assert Operators(None, kept=kept)._failures == {}
    assert KnownAxis(kept).checks("1", datetime.now(UTC), UnitCalibration()) == ()


def test_engines_are_shared_bounded_and_made_once(engine):
    engines = Engines(engine)
    assert engines.of(engine.policy) is engine
    explosives = engines.of(load_policy("explosives"), "ldpe")
    assert explosives.references is engine.references
    assert engines.of(load_policy("explosives"), ("ldpe",)) is explosives
    for choice in SHIPPED:
        for packaging in ("auto", "none", "ldpe", "pet"):
            engines.of(load_policy(choice), packaging)
    assert len(engines) <= 8


# -- wrong PINs


class Clock:
    def __init__(self, now=0.0):
        self.now = now

    def __call__(self):
        return self.now


def tried(operators, pin="000000"):
    with pytest.raises(RefusedError) as refused:
        operators.log_in("J. Doe", pin)
    return refused.value.code


def test_wrong_pins_still_close_after_a_restart_for_as_long_as_they_would_have(tmp_path):
    path, day = tmp_path / "operators.json", Clock(1_800_000_000.0)

    def restarted(uptime_s):
        return Operators(path, Clock(uptime_s), kept=Kept(tmp_path / "kept.json"), clock_s=day)

    first = restarted(5.0)
    first.add("J. Doe", "271828")
    assert {tried(first) for _ in range(FREE_TRIES)} == {"pin-wrong"}
    day.now += 1.0
    # the process that comes after has another monotonic clock, and the same day
    again = restarted(9000.0)
    assert tried(again, "271828") == "pin-wait"
    day.now += FIRST_WAIT_S
    later = restarted(0.0)
    # the free tries are used up: one wrong one closes twice as long
    assert tried(later) == "pin-wrong"
    assert tried(restarted(1.0), "271828") == "pin-wait"
    day.now += 2.0 * FIRST_WAIT_S + 1.0
    assert restarted(2.0).log_in("J. Doe", "271828")
    # and a right one forgets them, over a restart too
    assert tried(restarted(3.0)) == "pin-wrong"


def test_a_clock_that_was_set_back_closes_for_no_longer(tmp_path):
    path, day = tmp_path / "operators.json", Clock(1_800_000_000.0)
    first = Operators(path, Clock(), kept=Kept(tmp_path / "kept.json"), clock_s=day)
    first.add("J. Doe", "271828")
    for _ in range(FREE_TRIES + 20):
        tried(first)
        first._now_s.now += LONGEST_WAIT_S + 1.0
    # without a battery, a unit's clock begins in 1970
    now = Clock()
    again = Operators(path, now, kept=Kept(tmp_path / "kept.json"), clock_s=Clock(0.0))
    assert tried(again, "271828") == "pin-wait"
    now.now = LONGEST_WAIT_S + 1.0
    assert again.log_in("J. Doe", "271828")


# -- the axis on a standard

MADE = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
SHOWN = (
    Checked(
        code="axis",
        state="ok",
        said="+0.2 cm⁻¹ on 9 certified lines",
        case="within",
        values={
            "standard": "polystyrene",
            "lines": "9",
            "off": "+0.2",
            "spread": "0.4",
            "date": "2026-05-01",
        },
    ),
    Checked(code="resolution", state="ok", said="sharp", case="sharp", values={"width": "9", "nominal": "8"}),
)


def calibrated(days_before, valid_days=VALID_DAYS):
    return UnitCalibration(Calibration("1", "x", MADE - timedelta(days=days_before), valid_days))


def test_what_a_standard_showed_is_known_after_a_restart_with_its_age(tmp_path):
    KnownAxis(Kept(tmp_path / "kept.json")).measured("1", MADE, SHOWN)
    again = KnownAxis(Kept(tmp_path / "kept.json"))
    axis, resolution = again.checks("1", MADE + timedelta(days=3), UnitCalibration())
    assert (axis.state, axis.case, axis.values["age"]) == ("ok", "within", "3")
    assert "3 days ago" in axis.said
    assert resolution.state == "ok"
    assert again.checks("another unit", MADE, UnitCalibration()) == ()


def test_it_is_good_for_as_long_as_a_calibration_and_for_none_that_came_after(tmp_path):
    known = KnownAxis(Kept(None))
    known.measured("1", MADE, SHOWN)

    def axis(days, unit):
        found = known.checks("1", MADE + timedelta(days=days), unit)
        return (found[0].state, found[0].case) if found else None

    assert axis(VALID_DAYS - 1.0, UnitCalibration()) == ("ok", "within")
    assert axis(VALID_DAYS + 1.0, UnitCalibration()) == ("attention", "old")
    assert axis(6.0, calibrated(1.0, valid_days=7.0)) == ("ok", "within")
    assert axis(8.0, calibrated(1.0, valid_days=7.0)) == ("attention", "old")
    # a clock that was set back says nothing of an age
    assert axis(-2.0, UnitCalibration()) == ("attention", "old")
    # calibrated since: another axis
    assert axis(2.0, calibrated(-1.0)) is None
    # an axis that was off stays so, however old
    off = SHOWN[0].model_copy(update={"state": "failed", "case": "off"})
    known.measured("1", MADE, (off,))
    assert axis(VALID_DAYS + 1.0, UnitCalibration()) == ("failed", "off")
