"""Who is let in: Host, Origin, token, address."""

import pytest

from spectriage.device.serve import Binding, Guard
from spectriage.spectra.errors import ParameterError

testclient = pytest.importorskip("starlette.testclient")
TOKEN = "a-token-of-enough-letters"


async def behind(scope, receive, send):
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"inside"})


def client(binding=None, port=8385, url="http://127.0.0.1:8385"):
    binding = binding or Binding()
    guard = Guard(behind, binding.hosts(port), binding.origins(port), binding.token)
    return testclient.TestClient(guard, base_url=url, follow_redirects=False)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "unit.example", "127.0.0.1.example"])
def test_an_address_that_others_reach_needs_token_and_tls(host, tmp_path):
    files = {"certificate": tmp_path / "c.pem", "private_key": tmp_path / "k.pem"}
    for given in ({}, {"token": TOKEN}, files):
        with pytest.raises(ParameterError, match="reached by others"):
            Binding(host, **given)
    assert Binding(host, token=TOKEN, **files).tls


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.8.8.8"])
def test_loopback_needs_neither(host):
    assert not Binding(host).tls


def test_short_tokens_and_half_of_tls_are_refused(tmp_path):
    with pytest.raises(ParameterError, match="shorter"):
        Binding(token="short")
    with pytest.raises(ParameterError, match="certificate and its key"):
        Binding(certificate=tmp_path / "c.pem")


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8385", "127.0.0.1:80", "localhost", ""])
def test_a_foreign_host_is_refused(host):
    assert client().get("/", headers={"host": host}).status_code == 403


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "null", "http://127.0.0.1:9999", "https://127.0.0.1:8385", "http://localhost"],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_foreign_origin_is_refused(origin, method):
    assert client().request(method, "/", headers={"origin": origin}).status_code == 403


def test_a_foreign_page_opens_no_websocket():
    for headers in (
        {"origin": "http://evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"host": "evil.example"},
    ):
        with pytest.raises(testclient.WebSocketDisconnect), client().websocket_connect("/", headers=headers):
            pass
    with client().websocket_connect(
        "/", headers={"origin": "http://localhost:8385", "host": "localhost:8385"}
    ):
        pass


def test_another_site_may_look_at_nothing_but_the_front_page():
    assert client().post("/", headers={"sec-fetch-site": "cross-site"}).status_code == 403
    link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    for other in ("iframe", "image", "script"):
        assert client().get("/", headers={**link, "sec-fetch-dest": other}).status_code == 403
    assert client().get("/api/events", headers=link).status_code == 403
    assert client().get("/", headers={"sec-fetch-site": "same-site"}).status_code == 403
    answer = client().get("/", headers=link)
    assert answer.status_code == 200
    assert answer.headers["x-frame-options"] == "DENY"
    assert "access-control-allow-origin" not in answer.headers


def test_the_token_is_asked_of_everybody():
    guarded = client(Binding(token=TOKEN))
    assert guarded.get("/").status_code == 401
    assert guarded.get("/", headers={"authorization": "Bearer wrong"}).status_code == 401
    assert guarded.post(f"/?token={TOKEN}").status_code == 401
    assert guarded.get("/", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200
    welcome = guarded.get(f"/?token={TOKEN}")
    assert (welcome.status_code, welcome.headers["location"]) == (303, "/")
    assert "HttpOnly" in welcome.headers["set-cookie"]
    assert guarded.get("/").status_code == 200
    stranger = client(Binding(token=TOKEN))
    host = {"host": "127.0.0.1:8385"}
    with pytest.raises(testclient.WebSocketDisconnect), stranger.websocket_connect("/", headers=host):
        pass


def test_a_long_body_is_refused():
    assert client().post("/", headers={"content-length": "99999999"}).status_code == 403
