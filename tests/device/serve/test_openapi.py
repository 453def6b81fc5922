"""The API against its own OpenAPI document: schemathesis makes the requests, right and wrong."""

import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from spectriage.device.serve import Scans, Setup, service_app
from spectriage.device.serve.models import Start
from spectriage.device.session import ScanPlan

schemathesis = pytest.importorskip("schemathesis")

STREAM = "/api/events"
"""It never ends by itself: `test_api` reads it."""
POSITIVE, NEGATIVE = schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE


def operations(scans):
    """The document's operations by name."""
    document = schemathesis.openapi.from_asgi("/api/openapi.json", service_app(scans))
    found = (each.ok() for each in document.get_all_operations())
    return {each.label: each for each in found if each.path != STREAM}


OPERATIONS = operations(Scans(Setup("sim:caffeine", Path("unused.db"))))
RIGHT = [(label, POSITIVE) for label in OPERATIONS]
# what takes nothing cannot be asked wrongly
WRONG = [
    (label, NEGATIVE)
    for label, each in OPERATIONS.items()
    if {"parameters", "requestBody"} & set(each.definition.raw)
]


@pytest.fixture(scope="module")
def described(engine, tmp_path_factory):
    """The operations of a service that has one record."""
    home = tmp_path_factory.mktemp("described")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(home / "data"))
        patch.setenv("SPECTRIAGE_CONFIG", str(home / "settings.toml"))
        setup = Setup("sim:caffeine?seed=1", home / "journal.db", plan=ScanPlan(integration_ms=200.0))
        scans = Scans(setup, engine)
        scans.open().result(timeout=600)
        scans.start(Start(arming=scans.arm("me").arming)).result(timeout=600)
        assert scans.state().result is not None
        yield operations(scans)
        scans.close()


def test_the_operations_are_those_of_the_service():
    assert {"POST /api/arm", "POST /api/scans", "GET /api/records/{number}/report.{kind}"} <= set(OPERATIONS)
    assert len(WRONG) >= 7


def ask(operation, mode, examples):
    checked = []

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def asked(case):
        checked.append(case.call_and_validate().status_code)

    asked()
    assert checked


@pytest.mark.parametrize(("label", "mode"), RIGHT + WRONG)
def test_every_answer_is_as_described(described, label, mode):
    ask(described[label], mode, 15)


@pytest.mark.full
@pytest.mark.parametrize(("label", "mode"), RIGHT + WRONG)
def test_every_answer_is_as_described_at_length(described, label, mode):
    ask(described[label], mode, 500)


@pytest.mark.parametrize("label", [label for label in OPERATIONS if "{number}" in label])
@pytest.mark.parametrize("kind", ["pdf", "html"])
def test_a_record_is_as_described(described, label, kind):
    given = {"number": 1, "kind": kind} if "{kind}" in label else {"number": 1}
    assert described[label].Case(path_parameters=given).call_and_validate().status_code == 200


def test_a_scan_is_as_described_at_every_step(described):
    def call(label, **given):
        return described[label].Case(**given).call_and_validate()

    json = {"media_type": "application/json"}
    call("POST /api/disarm")
    key = call("POST /api/arm", body={"holder": "me"}, **json).json()["arming"]
    assert call("GET /api/state").json()["phase"] == "armed"
    assert call("POST /api/scans", body={"arming": key}, **json).status_code == 202
    limit = time.monotonic() + 60.0
    while call("GET /api/state").json()["phase"] == "scanning":
        assert time.monotonic() < limit
    assert call("GET /api/result").json()["result"]["verdict"]
    assert call("POST /api/cancel").json()["laser"] == "off"
