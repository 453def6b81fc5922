"""The laser behind a real browser: an emulated WP-785 under its real driver and its supervisor.

The unit is a process of its own, asked for the truth whatever happens to service, page or network.
"""

import signal
import subprocess
import time

import pytest

from spectriage.device.testing.emulation.unit import UnitProcess

from .conftest import inside

pytest.importorskip("wasatch")
HANDHELD = {"width": 800, "height": 480}
SAMPLE = "heroin hcl:0.4+caffeine"
DIM, BRIGHT = 1.0, 200.0
"""Of the sample: half a minute of light, and two seconds."""
PATIENCE_S = 60.0


class Handheld:
    """A unit in its process, a service in another."""

    def __init__(self, unit, url, process):
        self.unit, self.url, self.process = unit, url, process

    def until_lit(self):
        self._until(lambda: self.unit.lit, "no light came")

    def until_dark(self):
        """Wait for darkness, far less than the scan would take, and see that it lasts."""
        self._until(lambda: not self.unit.lit, "the light stayed on")
        time.sleep(0.5)
        assert not self.unit.lit

    def _until(self, there, otherwise):
        limit = time.monotonic() + PATIENCE_S
        while not there():
            assert time.monotonic() < limit, otherwise
            time.sleep(0.005)


@pytest.fixture(scope="module")
def handheld(starting, tmp_path_factory, library_cache, library):
    home = tmp_path_factory.mktemp("handheld")
    with UnitProcess("wasatch-wp785", home / "light", scene=SAMPLE, brightness=DIM) as unit:
        uri = f"emulated:wasatch-wp785?bus={unit.bus_file(home / 'bus.json')}"
        with starting(home, library_cache, "--device", uri) as (url, process):
            yield Handheld(unit, url.replace("localhost", "127.0.0.1"), process)


@pytest.fixture
def page(browser, handheld):
    context = browser.new_context(viewport=HANDHELD)
    yield at_start(context, handheld.url)
    context.close()


def at_start(context, url):
    page = context.new_page()
    page.set_default_timeout(PATIENCE_S * 1e3)
    page.goto(url)
    page.wait_for_selector("[data-key=continue]")
    return page


def press(page, *names):
    for name in names:
        page.click(f"[data-key={name}]")


def fire(page, handheld):
    press(page, "continue", "scan", "arm", "fire")
    page.wait_for_selector("[data-laser].on")
    handheld.until_lit()


def state_of(page):
    return page.evaluate("fetch('/api/state').then(answer => answer.json())")


def ended(page):
    limit = time.monotonic() + PATIENCE_S
    while (state := state_of(page))["phase"] == "scanning":
        assert time.monotonic() < limit
        time.sleep(0.05)
    return state


def test_from_start_to_report(page, handheld):
    handheld.unit.tell(brightness=BRIGHT)
    try:
        fire(page, handheld)
        page.wait_for_selector("[data-verdict=ALARM]")
        assert not handheld.unit.lit
        text = page.inner_text("body")
        for said in ("ALARM", "heroin", "caffeine", "LASER OFF", "TRAINING"):
            assert said in text
        with page.expect_download() as download:
            press(page, "report")
        assert download.value.path().read_bytes().startswith(b"%PDF")
    finally:
        handheld.unit.tell(brightness=DIM)


def test_cancel_while_firing(page, handheld):
    fire(page, handheld)
    press(page, "cancel")
    page.wait_for_selector("text=read back from the device")
    assert page.inner_text("[data-laser]") == "LASER OFF"
    handheld.until_dark()


def test_a_second_browser_watches_and_may_stop(page, browser, handheld):
    context = browser.new_context(viewport=HANDHELD)
    second = at_start(context, handheld.url)
    press(second, "continue", "scan")
    second.wait_for_selector("[data-key=arm]")
    press(page, "continue", "scan", "arm")
    second.wait_for_selector("text=Another screen has armed")
    assert second.locator("[data-key=arm], [data-key=fire]").count() == 0
    press(page, "fire")
    second.wait_for_selector("text=Another screen started this scan")
    handheld.until_lit()
    press(second, "cancel")
    for each in (page, second):
        each.wait_for_selector("text=read back from the device")
    handheld.until_dark()
    context.close()


def test_a_page_that_is_closed_leaves_the_laser_off(browser, page, handheld):
    context = browser.new_context(viewport=HANDHELD)
    fire(at_start(context, handheld.url), handheld)
    context.close()
    handheld.until_dark()
    state = ended(page)
    assert "not heard of" in state["problem"]["what"]
    assert (state["laser"], state["result"]) == ("off", None)


def test_a_page_without_network_leaves_the_laser_off(browser, page, handheld):
    context = browser.new_context(viewport=HANDHELD)
    fire(at_start(context, handheld.url), handheld)
    context.set_offline(True)
    handheld.until_dark()
    assert "not heard of" in ended(page)["problem"]["what"]
    context.close()


@pytest.mark.full
def test_a_page_in_the_background_goes_on_firing(browser, page, handheld):
    context = browser.new_context(viewport=HANDHELD)
    firing = at_start(context, handheld.url)
    fire(firing, handheld)
    context.new_page().bring_to_front()
    # a page that is busy, or behind another, is not a page that is gone
    firing.evaluate("() => { const until = Date.now() + 2000; while (Date.now() < until); }")
    assert state_of(page)["phase"] == "scanning"
    assert handheld.unit.lit
    press(firing, "cancel")
    handheld.until_dark()
    context.close()


def test_unplugged_while_firing(page, handheld):
    fire(page, handheld)
    handheld.unit.tell(unplug=True)
    page.wait_for_selector("[data-laser].unknown")
    # the emulated unit keeps its laser as it was without its cable: nobody may call that off
    assert handheld.unit.lit
    assert page.inner_text("[data-laser]") != "LASER OFF"
    assert ended(page)["problem"]["type"] == "DeviceLostError"
    handheld.unit.tell(replug=True)
    handheld.until_dark()
    page.wait_for_selector("[data-laser].off")
    assert state_of(page)["phase"] == "idle"


@pytest.mark.parametrize("number", [signal.SIGKILL, pytest.param(signal.SIGTERM, marks=pytest.mark.full)])
def test_the_service_ended_while_firing(page, starting, tmp_path, library_cache, number):
    with UnitProcess("wasatch-wp785", tmp_path / "light", scene=SAMPLE, brightness=DIM) as unit:
        uri = f"emulated:wasatch-wp785?bus={unit.bus_file(tmp_path / 'bus.json')}"
        with starting(tmp_path, library_cache, "--device", uri) as (url, process):
            other = Handheld(unit, url.replace("localhost", "127.0.0.1"), process)
            page.goto(other.url)
            fire(page, other)
            process.send_signal(number)
            other.until_dark()
            assert process.wait(PATIENCE_S) == -number


@pytest.mark.full
def test_a_network_that_falls_silent_leaves_the_laser_off(
    browser, starting, own_network, tmp_path, library_cache, library
):
    """Nobody hangs up: no packet of the connection arrives any more."""
    with UnitProcess("wasatch-wp785", tmp_path / "light", scene=SAMPLE, brightness=DIM) as unit:
        uri = f"emulated:wasatch-wp785?bus={unit.bus_file(tmp_path / 'bus.json')}"
        with starting(tmp_path, library_cache, "--device", uri, prefix=own_network) as (url, process):
            other = Handheld(unit, url.replace("localhost", "127.0.0.1"), process)
            with inside(browser, process, tmp_path) as (within, enter):
                fire(at_start(within.new_context(), other.url), other)
                subprocess.run([*enter, "ip", "link", "set", "lo", "down"], check=True)
                other.until_dark()
                assert process.poll() is None
