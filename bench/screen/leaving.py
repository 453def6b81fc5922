"""How long the light stays on after whoever fired is gone: cancelled, closed, without network, killed."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from spectriage.bench.screen.service import Page, Service, chromium
from spectriage.device.testing.emulation.unit import UnitProcess
from spectriage.spectra.arrays import FloatArray

SAMPLE, BRIGHTNESS = "heroin hcl:0.4+caffeine", 1.0
"""Scanned for a minute by the emulated WP-785."""
SEEN_S = 1.5
"""How long after it is looked whether light was on."""

Leaving = Callable[[Service, Page], None]

WAYS: dict[str, Leaving] = {
    "cancel pressed": lambda service, page: page.press("cancel"),
    "page closed": lambda service, page: page.close(),
    "page without network": lambda service, page: page.context.set_offline(True),
    "service ended by SIGTERM": lambda service, page: service.process.terminate(),
    "service killed": lambda service, page: service.kill(),
}


def lit_after_ms(way: str, times: int, folder: Path) -> FloatArray:
    """Fire and leave, again and again; return for how long light was on after that, shape (times,).

    Parameters
    ----------
    way
        Of `WAYS`.
    times
        How often, each with a unit and a service of its own.
    folder
        For the journals and logs.
    """
    found = []
    with chromium() as browser:
        for turn in range(times):
            home = folder / f"{way.replace(' ', '-')}-{turn}"
            home.mkdir(parents=True)
            with UnitProcess("wasatch-wp785", home / "light", scene=SAMPLE, brightness=BRIGHTNESS) as unit:
                uri = f"emulated:wasatch-wp785?bus={unit.bus_file(home / 'bus.json')}"
                with Service(uri, home / "home") as service:
                    page = Page(browser, service.url)
                    page.fire()
                    while not unit.lit:
                        time.sleep(0.005)
                    page.page.wait_for_selector("[data-laser].on")
                    at = time.monotonic()
                    WAYS[way](service, page)
                    time.sleep(SEEN_S)
                    lit = unit.light_ms(at, time.monotonic()).nonzero()[0]
                    found.append(float(lit[-1] + 1) if lit.size else 0.0)
                    page.close()
    return np.array(found)
