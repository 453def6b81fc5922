"""How soon a page is painted, and a result shown after the last photon."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from spectriage.bench.screen.service import Done, Page, Service, chromium, ignore
from spectriage.device.testing.emulation.unit import UnitProcess
from spectriage.spectra.arrays import FloatArray

SAMPLE, BRIGHTNESS = "heroin hcl:0.4+caffeine", 200.0
"""Scanned in a few seconds by the emulated WP-785."""

_FIRST_PAINT = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"
_WATCH = """() => {
  window.shownAt = null;
  new MutationObserver((_, watcher) => {
    if (!document.querySelector('[data-verdict]')) return;
    watcher.disconnect();
    // two frames later it is on the glass
    requestAnimationFrame(() => requestAnimationFrame(() => {
      window.shownAt = performance.timeOrigin + performance.now();
    }));
  }).observe(document.body, {childList: true, subtree: true});
}"""


def first_paints_ms(times: int, folder: Path, done: Done = ignore) -> FloatArray:
    """Open a page again and again and return how long its first paint with content took, shape (times,)."""
    found: list[float] = []
    with Service("sim:caffeine?seed=1", folder) as service, chromium() as browser:
        page = Page(browser, service.url)
        while len(found) < times:
            page.page.goto(service.url)
            page.page.wait_for_selector("[data-key=continue]")
            page.page.wait_for_function(f"({_FIRST_PAINT})() !== null")
            found.append(float(page.page.evaluate(_FIRST_PAINT)))
            done(len(found))
    return np.array(found)


def results_ms(times: int, folder: Path, done: Done = ignore) -> FloatArray:
    """Scan again and again and return how long after the last light a result was shown, shape (times,).

    The emulated WP-785 says when its light went out; the page, when its second frame with the result began.
    Both clocks are this machine's. The first is the first of its service and of its page.
    """
    found: list[float] = []
    folder.mkdir(parents=True, exist_ok=True)
    with UnitProcess("wasatch-wp785", folder / "light", scene=SAMPLE, brightness=BRIGHTNESS) as unit:
        uri = f"emulated:wasatch-wp785?bus={unit.bus_file(folder / 'bus.json')}"
        with Service(uri, folder / "home") as service, chromium() as browser:
            page = Page(browser, service.url)
            for _ in range(times):
                page.page.evaluate(_WATCH)
                page.fire()
                page.verdict()
                page.page.wait_for_function("window.shownAt !== null")
                shown_s = float(page.page.evaluate("window.shownAt")) * 1e-3
                since_s = time.time() - time.monotonic()
                dark_s = max(at for at, commanded, emitting in unit.changes() if not (commanded or emitting))
                found.append((shown_s - since_s - dark_s) * 1e3)
                page.press("next")
                done(len(found))
    return np.array(found)
