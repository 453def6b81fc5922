"""The touch screen in a real browser, on the simulator as it runs in time."""

import http.server
import json
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from spectriage.device.calibration.calibration import Calibration, save_calibration

HANDHELD, PHONE, DESKTOP = (
    {"width": 800, "height": 480},
    {"width": 390, "height": 844},
    {"width": 1440, "height": 900},
)
SAMPLE = "sim:heroin hcl:0.4+caffeine?packaging=ldpe&realtime=1&seed=1"
WAIT_MS = 90_000


@pytest.fixture(scope="module")
def url(serving, tmp_path_factory, library_cache, library):
    with serving(tmp_path_factory.mktemp("screen"), library_cache, "--device", SAMPLE) as found:
        yield found


@pytest.fixture
def page(browser, url):
    yield from opened(browser, url)


def opened(browser, url, size=HANDHELD, query=""):
    context = browser.new_context(viewport=size)
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)
    page.outside = []
    page.on(
        "request", lambda asked: page.outside.append(asked.url) if not asked.url.startswith(url) else None
    )
    page.goto(url + query)
    page.wait_for_selector("[data-key=continue]")
    yield page
    context.close()


def press(page, *names):
    for name in names:
        page.click(f"[data-key={name}]")


def scanned(page):
    press(page, "continue", "scan", "arm", "fire")
    page.wait_for_selector("[data-verdict]")


def violations(page):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    # the framework's own viewport lets people zoom; what is checked is WCAG 2.2 to level AA
    found = axe.Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]})
    return [(each["id"], each["nodes"][0]["html"]) for each in found.response["violations"]]


def inside(page, selector):
    """Whether an element can be seen whole above the keys, without scrolling."""
    box, keys = page.locator(selector).bounding_box(), page.locator(".sp-keys").bounding_box()
    return box["y"] >= 0 and box["y"] + box["height"] <= keys["y"] + 1


def test_from_start_to_report_without_reading_anything(page):
    assert violations(page) == []
    press(page, "continue")
    page.get_by_label("Item number").fill("A-17")
    assert violations(page) == []
    press(page, "scan")
    assert violations(page) == []
    press(page, "arm")
    page.wait_for_selector("[data-key=fire]")
    assert "s left" in page.inner_text("[role=timer]")
    press(page, "fire")
    page.wait_for_selector("[data-key=cancel]")
    page.wait_for_selector("[data-verdict=ALARM]")
    text = page.inner_text("body")
    for said in (
        "ALARM",
        "heroin",
        "likely",
        "Less than",
        "Not covered",
        "laboratory",
        "LASER OFF",
        "TRAINING",
    ):
        assert said in text
    assert inside(page, ".sp-answers")
    assert violations(page) == []
    with page.expect_download() as download:
        press(page, "report")
    assert download.value.path().read_bytes().startswith(b"%PDF")
    press(page, "details")
    page.wait_for_selector(".sp-chart canvas")
    assert violations(page) == []
    press(page, "back", "next", "history")
    page.get_by_label("Search").fill("heroin")
    page.locator(".sp-line").first.click()
    page.wait_for_selector("[data-verdict=ALARM]")
    assert page.outside == []


def test_cancel_while_firing_says_that_the_laser_is_off(page):
    press(page, "continue", "scan", "arm", "fire")
    page.wait_for_selector("[data-laser].on")
    press(page, "cancel")
    page.wait_for_selector("text=read back from the device")
    assert page.inner_text("[data-laser]") == "LASER OFF"
    assert page.locator("[data-verdict]").count() == 0
    assert violations(page) == []


@pytest.mark.full
def test_a_second_browser_watches_and_may_stop(page, browser, url):
    for second in opened(browser, url, PHONE):
        press(page, "continue", "scan", "arm")
        press(second, "continue", "scan")
        second.wait_for_selector("text=Another screen has armed")
        assert second.locator("[data-key=arm], [data-key=fire]").count() == 0
        press(page, "fire")
        second.wait_for_selector("text=Another screen started this scan")
        second.wait_for_selector("[data-laser].on")
        press(second, "cancel")
        page.wait_for_selector("text=Cancelled")
        second.wait_for_selector("text=Cancelled")


def test_a_page_that_is_closed_has_its_scan_cancelled(serving, browser, tmp_path, library_cache, library):
    # a scan that takes longer than it takes to notice
    device = "sim:caffeine?brightness=0.01&realtime=1&seed=1"
    with serving(tmp_path, library_cache, "--device", device) as url:
        for page in opened(browser, url):
            press(page, "continue", "scan", "arm", "fire")
            page.wait_for_selector("[data-laser].on")
        context = browser.new_context()
        page = context.new_page()
        page.goto(url)
        ask = "fetch('/api/state').then(answer => answer.json())"
        limit = time.monotonic() + 60.0
        while (state := page.evaluate(ask))["phase"] == "scanning":
            assert time.monotonic() < limit
            time.sleep(0.2)
        assert state["laser"] == "off"
        assert state["problem"]["type"] == "DeviceAbortedError"
        assert state["result"] is None
        context.close()


@pytest.mark.parametrize("size", [HANDHELD, PHONE, DESKTOP])
def test_spanish_on_every_size(browser, url, size):
    for page in opened(browser, url, size, "?lang=es"):
        assert "Comprobación del instrumento" in page.inner_text("h1")
        scanned(page)
        text = page.inner_text("body")
        for said in ("ALARMA", "Compatible con", "Menos de", "laboratorio", "LÁSER APAGADO", "PRÁCTICA"):
            assert said in text
        assert violations(page) == []
        widest = page.evaluate("document.documentElement.scrollWidth")
        assert widest <= size["width"]
        for key in page.locator(".sp-key").all():
            box = key.bounding_box()
            assert min(box["width"], box["height"]) >= 64


def test_night_is_readable_too(page):
    press(page, "continue", "settings", "light")
    page.wait_for_selector("body.night")
    assert violations(page) == []


def test_an_expired_calibration_is_said_before_and_with_the_result(
    serving, browser, tmp_path, library_cache, library
):
    made = datetime.now(UTC) - timedelta(days=60)
    expired = Calibration("SIM-785-ccd-0001", "785-ccd", made, 30.0)
    save_calibration(expired, tmp_path / "old.json")
    arguments = ("--device", SAMPLE, "--calibration", str(tmp_path / "old.json"))
    with serving(tmp_path, library_cache, *arguments) as url:
        for page in opened(browser, url):
            assert "FAILED" in page.inner_text(".sp-checks")
            press(page, "continue")
            page.wait_for_selector("[data-key=scan]")
            assert "The instrument check failed" in page.inner_text("main")
            press(page, "scan", "arm", "fire")
            page.wait_for_selector("[data-verdict]")
            assert "calibration" in page.inner_text("main").casefold()


def test_a_hostile_page_cannot_read_arm_or_fire(browser, url):
    class Hostile(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(b"<h1>hostile</h1>")

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hostile)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        tried = page.evaluate(
            """async (url) => {
                const said = [];
                for (const [path, options] of [
                    ['api/state', {}],
                    ['api/arm', {method: 'POST', body: '{"holder": "x"}', mode: 'no-cors'}],
                    ['api/arm', {method: 'POST', body: '{"holder": "x"}',
                        headers: {'content-type': 'application/json'}}],
                    ['api/cancel', {method: 'POST'}],
                ]) {
                    try { const answer = await fetch(url + path, options); said.push(answer.status); }
                    catch (error) { said.push('refused'); }
                }
                said.push(await new Promise((done) => {
                    const socket = new WebSocket(url.replace('http', 'ws') +
                        '_nicegui_ws/socket.io/?EIO=4&transport=websocket');
                    socket.onopen = () => done('open'); socket.onerror = () => done('refused');
                }));
                return said;
            }""",
            url,
        )
        assert tried == ["refused"] * 5
        page.goto(url)
        state = json.loads(page.evaluate("fetch('/api/state').then(answer => answer.text())"))
        assert state["phase"] != "armed"
        page.close()
    finally:
        server.shutdown()
        server.server_close()
