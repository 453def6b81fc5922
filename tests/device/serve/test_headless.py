"""The headless service as an integrator's program uses it: over HTTP, following the progress stream."""

import pytest

from spectriage.device.serve.models import State

httpx = pytest.importorskip("httpx")


@pytest.fixture(scope="module")
def url(serving, tmp_path_factory, library_cache, library):
    device = "sim:heroin hcl:0.4+caffeine?packaging=ldpe&seed=1"
    with serving(
        tmp_path_factory.mktemp("headless"), library_cache, "--headless", "--device", device
    ) as found:
        yield found


def states(stream):
    for line in stream.iter_lines():
        if line.startswith("data: "):
            yield State.model_validate_json(line.removeprefix("data: "))


def test_a_scan_is_followed_in_the_stream(url):
    phases, stages, armed = [], [], ""
    with httpx.Client(base_url=url, timeout=60.0) as client, client.stream("GET", "/api/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        for state in states(stream):
            phases.append(state.phase)
            if state.phase == "idle" and not armed:
                armed = client.post("/api/arm", json={"holder": "program"}).json()["arming"]
                assert client.post("/api/scans", json={"arming": armed}).status_code == 202
            if state.progress is not None:
                stages.append(state.progress.stage)
            if state.result is not None:
                break
    assert state.result.result["verdict"] == "ALARM"
    assert state.laser == "off"
    assert "scanning" in phases
    assert stages
    assert httpx.get(f"{url}api/result").json() == state.result.model_dump()


def test_there_is_no_page(url):
    assert httpx.get(url).status_code == 404
    assert httpx.get(f"{url}docs").status_code == 404
