"""The touch screen in a real browser, on the simulator as it runs in time."""

import http.server
import json
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from screen_pages import DESKTOP, HANDHELD, PHONE, inside, opened, press, scanned, violations

from spectriage.device.calibration.calibration import Calibration, save_calibration

SAMPLE = "sim:heroin hcl:0.4+caffeine?packaging=ldpe&brightness=3&seed=1&realtime=1"


@pytest.fixture(scope="module")
def url(serving, tmp_path_factory, library_cache, library):
    with serving(tmp_path_factory.mktemp("screen"), library_cache, "--device", SAMPLE) as found:
        yield found


@pytest.fixture
def page(browser, url):
    yield from opened(browser, url)


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


def test_the_spectrum_grows_while_firing_and_cancel_says_that_the_laser_is_off(page):
    ask = "path => fetch(path).then(answer => answer.json())"
    press(page, "continue", "scan", "arm", "fire")
    page.wait_for_selector("[data-laser].on")
    # the chart is drawn before the scan has ended, of what the service has collected
    page.wait_for_selector(".sp-live:not([data-live='0']) canvas")
    live, state = page.evaluate(ask, "/api/live"), page.evaluate(ask, "/api/state")
    assert state["phase"] == "scanning"
    assert state["progress"]["left_s"] > 0
    assert len(live["shift_cm"]) == len(live["counts"]) > 100
    assert live["shift_cm"] == sorted(live["shift_cm"])
    assert max(live["counts"]) > 0
    for said in ("s left", " × ", "Hold still"):
        assert said in page.inner_text("main")
    assert inside(page, ".sp-live")
    assert violations(page) == []
    press(page, "cancel")
    page.wait_for_selector("text=read back from the device")
    assert page.inner_text("[data-laser]") == "LASER OFF"
    assert page.locator("[data-verdict]").count() == 0
    assert page.evaluate(ask, "/api/live") is None
    assert violations(page) == []


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
        # what one browser does takes no key away from under a finger on another
        second.eval_on_selector("[data-key=next]", "key => { key.marked = true; }")
        press(page, "next", "scan", "arm")
        page.wait_for_selector("[data-key=fire]")
        second.wait_for_function("fetch('/api/state').then(a => a.json()).then(s => s.phase == 'armed')")
        second.wait_for_timeout(300)
        assert second.eval_on_selector("[data-key=next]", "key => key.marked === true")
        press(second, "next", "scan")
        second.wait_for_selector("text=Another screen has armed")
        press(second, "cancel")
        page.wait_for_selector("[data-key=arm]")


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
        # one scan is enough for all sizes
        if page.evaluate("fetch('/api/records').then(answer => answer.json())"):
            press(page, "continue", "history")
            page.locator(".sp-line").first.click()
            page.wait_for_selector("[data-verdict]")
        else:
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


def test_a_page_forgets_the_names_of_what_it_no_longer_shows(page):
    refs = "Object.values(document.getElementById('app')._vnode.component.refs)"
    press(page, "continue")
    page.wait_for_function(f"{refs}.every(each => each !== null)")
    known = page.evaluate(f"{refs}.length")
    assert known > 10
    for _ in range(6):
        press(page, "settings", "back")
    page.wait_for_selector("[data-key=scan]")
    page.wait_for_function(f"{refs}.every(each => each !== null) && {refs}.length <= {known} + 5")


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
    arguments = ("--device", SAMPLE.removesuffix("&realtime=1"), "--calibration", str(tmp_path / "old.json"))
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
