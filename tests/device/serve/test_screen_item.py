"""Spots and strip side by side, the axis on a standard, log-in: in a real browser."""

import json

import numpy as np
import pytest
import typer.testing
from screen_pages import PHONE, inside, opened, press, violations

from spectriage.device.app.commands_operator import app
from spectriage.device.serve.operators import Operators
from spectriage.library.building.build import build_library
from spectriage.spectra.errors import ParameterError

SAMPLE = "sim:heroin hcl:0.4+caffeine?packaging=ldpe&seed=1&uneven=0.3"


@pytest.fixture(scope="module")
def url(serving, tmp_path_factory, library_cache, library):
    with serving(tmp_path_factory.mktemp("item"), library_cache, "--device", SAMPLE) as found:
        yield found


def fired(page):
    press(page, "arm", "fire")


def test_spots_of_one_item_stand_side_by_side_and_are_not_added_up(browser, url):
    for page in opened(browser, url):
        press(page, "continue")
        page.get_by_label("Item number").fill("A-17")
        press(page, "scan")
        fired(page)
        page.wait_for_selector("[data-verdict]")
        assert inside(page, ".sp-answers")
        press(page, "spot")
        page.wait_for_selector("text=another spot of the same item")
        fired(page)
        page.wait_for_selector("[data-item]")
        state = page.evaluate("fetch('/api/state').then(answer => answer.json())")
        spots = state["item"]["spots"]
        assert [spot["number"] for spot in spots] == [1, 2]
        assert page.locator("[data-part]").count() == 2
        order = ["ALARM", "WARNING", "INCONCLUSIVE", "NO_ALARM"]
        most = min((spot["verdict"] for spot in spots), key=order.index)
        assert page.get_attribute("[data-item]", "data-item") == most == state["item"]["verdict"]
        assert violations(page) == []
        press(page, f"open-{spots[0]['record']}")
        page.wait_for_selector("[data-verdict]")
        # one that is opened to be looked at goes back, and is no place to go on scanning from
        assert page.locator("[data-key=spot]").count() == 0
        press(page, "back")
        page.wait_for_selector("[data-item]")
        press(page, "next", "scan")
        fired(page)
        page.wait_for_selector("[data-verdict]")
        # another item: alone again
        assert page.locator("[data-part]").count() == 0
        # found again by its number, which stands in no summary
        press(page, "next", "history")
        page.get_by_label("Search").fill("a-17")
        page.wait_for_selector(".sp-line")
        assert page.locator(".sp-line").count() == 3
        page.get_by_label("Search").fill("a-18")
        page.wait_for_selector("text=No records")


def test_nothing_of_the_engines_english_is_on_the_spanish_pages(browser, url):
    for page in opened(browser, url, PHONE, "?lang=es"):
        press(page, "continue", "scan")
        fired(page)
        page.wait_for_selector("[data-verdict]")
        result = page.evaluate("fetch('/api/result').then(answer => answer.json())")["result"]
        said = page.inner_text("body")
        press(page, "details")
        page.wait_for_selector(".sp-chart canvas")
        said += page.inner_text("body")
        assert violations(page) == []
        for english in (result["summary"], result["next_step"], *result["facts"], *result["notes"]):
            assert english not in said
        assert "heroína" in said
        assert "heroin," not in said
        with page.expect_download() as download:
            press(page, "export")
        assert json.loads(download.value.path().read_text())["result"] == result
        press(page, "back")
        with page.expect_download() as download:
            press(page, "report")
        assert download.value.path().read_bytes().startswith(b"%PDF")


def test_the_axis_is_checked_on_a_standard_and_said_with_the_health(
    serving, browser, tmp_path, library_cache, library
):
    device = "sim:polystyrene?seed=1&accumulations=4"
    with serving(tmp_path, library_cache, "--device", device) as url:
        for page in opened(browser, url):
            assert "Axis" not in page.inner_text(".sp-checks")
            press(page, "axis")
            page.wait_for_selector("text=polystyrene standard under the tip")
            assert violations(page) == []
            fired(page)
            page.wait_for_selector(".sp-checks:has-text('certified lines of polystyrene')")
            assert "strongest line" in page.inner_text(".sp-checks")
            assert violations(page) == []
            health = page.evaluate("fetch('/api/health').then(answer => answer.json())")
            checks = {check["code"]: check for check in health["checks"]}
            assert abs(float(checks["axis"]["values"]["off"])) < 2.0
            assert checks["axis"]["state"] == checks["resolution"]["state"] == "ok"
            # no scan of a sample: nothing is recorded, nothing is answered
            assert page.evaluate("fetch('/api/records').then(answer => answer.json())") == []
            # checked again, what the standard showed stays
            press(page, "check")
            page.wait_for_selector(".sp-checks:has-text('certified lines of polystyrene')")


def both_kinds(folder):
    """A library of two materials, each also on silver."""
    shift = np.arange(250.0, 2000.0, 1.7)
    lines = ["path,substance,technique"]
    for number in range(4):
        centres = np.random.default_rng(number).uniform(350.0, 1900.0, 10)
        values = (1000.0 / (1.0 + np.square((shift[:, None] - centres) / 5.0))).sum(axis=1)
        np.savetxt(folder / f"{number}.csv", np.c_[shift, values], "%.6g", ",")
        lines.append(f"{number}.csv,material {number % 2},{'sers' if number > 1 else 'normal'}")
    (folder / "manifest.csv").write_text("\n".join(lines))
    return folder / "manifest.csv"


def test_behind_a_log_in_a_strip_is_a_second_step_and_stands_beside_the_powder(
    serving, browser, tmp_path, library_cache, library
):
    build_library(tmp_path / "both.h5", both_kinds(tmp_path))
    Operators(tmp_path / "operators.json").add("J. Doe", "271828")
    arguments = ("--device", "sim:caffeine?seed=1", "--library", str(tmp_path / "both.h5"))
    with serving(tmp_path, library_cache, *arguments) as url:
        for page in opened(browser, url):
            assert "by nobody that is trusted" in page.inner_text(".sp-checks")
            refused = page.evaluate(
                """fetch('/api/arm', {method: 'POST', headers: {'content-type': 'application/json'},
                body: '{"holder": "x"}'}).then(answer => answer.json())"""
            )
            assert refused["code"] == "login"
            press(page, "continue", "scan")
            page.wait_for_selector(".sp-pad")
            assert violations(page) == []
            press(page, *(f"digit-{digit}" for digit in "111111"), "enter")
            page.wait_for_selector("text=name or PIN is wrong")
            # digits are not shown, and are gone after a try
            assert page.inner_text(".sp-pin") == ""
            press(page, *(f"digit-{digit}" for digit in "271828"))
            page.wait_for_selector(".sp-pin:has-text('●●●●●●')")
            press(page, "enter")
            fired(page)
            page.wait_for_selector("[data-verdict]")
            press(page, "strip")
            page.wait_for_selector("text=Put the SERS strip")
            fired(page)
            page.wait_for_selector("[data-item]")
            assert page.locator("[data-part]").count() == 2
            state = page.evaluate("fetch('/api/state').then(answer => answer.json())")
            assert state["result"]["result"]["technique"] == "sers"
            assert state["result"]["step"] == "strip"
            assert state["result"]["operator"] == "J. Doe"
            assert state["item"]["strip"]["record"] == 2
            assert violations(page) == []


def test_operators_are_added_and_listed_by_a_command(tmp_path, monkeypatch):
    monkeypatch.setenv("SPECTRIAGE_CONFIG", str(tmp_path / "settings.toml"))
    said = typer.testing.CliRunner()
    assert isinstance(said.invoke(app, ["add", "J. Doe", "--pin", "12"]).exception, ParameterError)
    assert said.invoke(app, ["add", "J. Doe", "--pin", "271828"]).exit_code == 0
    assert said.invoke(app, ["list"]).stdout == "J. Doe\n"
    assert "271828" not in (tmp_path / "operators.json").read_text()
    assert (tmp_path / "operators.json").stat().st_mode & 0o077 == 0
    assert said.invoke(app, ["remove", "J. Doe"]).exit_code == 0
    assert not (tmp_path / "operators.json").exists()


def test_the_policy_is_chosen_on_the_settings_by_who_may_and_kept(
    starting, browser, tmp_path, library_cache, library
):
    settings = {"SPECTRIAGE_CONFIG": str(tmp_path / "settings.toml")}
    operators = Operators(tmp_path / "operators.json")

    def policy_of(page):
        return page.evaluate("fetch('/api/state').then(answer => answer.json())")["policy"]

    with starting(tmp_path, library_cache, "--device", SAMPLE, **settings) as (url, _):
        for page in opened(browser, url):
            press(page, "continue")
            assert "Rules: Border" in page.inner_text("[data-policy]")
            press(page, "settings", "policy-explosives")
            page.wait_for_selector("[data-key=policy-explosives][aria-pressed=true]")
            assert page.locator("[data-key^=policy-][aria-pressed=true]").count() == 1
            assert violations(page) == []
            press(page, "back")
            page.wait_for_selector("[data-policy]:has-text('Rules: Explosives')")
            press(page, "scan")
            fired(page)
            page.wait_for_selector("[data-verdict]")
            result = page.evaluate("fetch('/api/result').then(answer => answer.json())")["result"]
            assert result["policy"]["name"] == "explosives"
            press(page, "details")
            page.wait_for_selector("text=Rules: Explosives")
    operators.add("J. Doe", "271828")
    operators.add("M. Ruiz", "314159", supervisor=True)
    with starting(tmp_path, library_cache, "--device", SAMPLE, **settings) as (url, _):
        for page in opened(browser, url, query="?lang=es"):
            press(page, "continue")
            page.wait_for_selector("[data-policy]:has-text('Reglas: Explosivos')")
            for row, digits in ((0, "271828"), (1, "314159")):
                press(page, "settings", "policy-border")
                page.wait_for_selector(".sp-pad")
                press(page, f"operator-{row}", *(f"digit-{digit}" for digit in digits), "enter")
                # back where it was asked for; what it may is seen when it is tried
                press(page, "policy-border")
                if row == 0:
                    page.wait_for_selector("text=no puede elegir las reglas")
                    assert policy_of(page) == "explosives"
                    press(page, "logout")
            page.wait_for_selector("[data-key=policy-border][aria-pressed=true]")
            assert policy_of(page) == "border"
