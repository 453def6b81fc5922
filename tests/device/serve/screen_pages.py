"""Pages of the screen in a real browser: opened, pressed, checked."""

import pytest

HANDHELD, PHONE, DESKTOP = (
    {"width": 800, "height": 480},
    {"width": 390, "height": 844},
    {"width": 1440, "height": 900},
)
WAIT_MS = 240_000
"""The first start of a run compiles."""


def opened(browser, url, size=HANDHELD, query=""):
    context = browser.new_context(viewport=size)
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)
    page.outside = []
    own = (url, f"blob:{url}")
    page.on("request", lambda asked: None if asked.url.startswith(own) else page.outside.append(asked.url))
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
