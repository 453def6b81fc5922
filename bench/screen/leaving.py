"""How long the light stays on after whoever fired is gone: cancelled, closed, without network, killed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
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

STAYS: dict[str, Leaving] = {
    "cancel pressed": lambda service, page: page.press("cancel"),
    "page closed": lambda service, page: page.close(),
    "page without network": lambda service, page: page.context.set_offline(True),
}
"""Ways after which the service goes on."""
ENDS: dict[str, Leaving] = {
    "service ended by SIGTERM": lambda service, page: service.process.terminate(),
    "service killed": lambda service, page: service.kill(),
}
"""Ways after which another is needed."""
WAYS = {**STAYS, **ENDS}


def lit_after_ms(
    ways: Iterable[str], times: int, folder: Path, done: Callable[[str, int], None] = lambda way, count: None
) -> Iterator[tuple[str, FloatArray]]:
    """Fire and leave, again and again; yield each way with how long light was on after it, shape (times,).

    Parameters
    ----------
    ways
        Of `WAYS`, those that end the service last: all before them share one.
    times
        How often each.
    folder
        For the journals and logs.
    done
        Called with the way and the count after each.
    """
    left = [way for way in ways for _ in range(times)]
    found: list[float] = []
    with chromium() as browser:
        while left:
            with _serving(folder / f"{len(left)}") as (unit, service):
                while left and service.process.poll() is None:
                    way = left.pop(0)
                    page = Page(browser, service.url)
                    found.append(_left_ms(unit, service, page, WAYS[way]))
                    page.close()
                    done(way, len(found))
                    if len(found) == times:
                        yield way, np.array(found)
                        found = []


@contextmanager
def _serving(home: Path) -> Iterator[tuple[UnitProcess, Service]]:
    home.mkdir(parents=True)
    with UnitProcess("wasatch-wp785", home / "light", scene=SAMPLE, brightness=BRIGHTNESS) as unit:
        uri = f"emulated:wasatch-wp785?bus={unit.bus_file(home / 'bus.json')}"
        with Service(uri, home / "home") as service:
            yield unit, service


def _left_ms(unit: UnitProcess, service: Service, page: Page, leave: Leaving) -> float:
    page.fire()
    while not unit.lit:
        time.sleep(0.005)
    page.page.wait_for_selector("[data-laser].on")
    at = time.monotonic()
    leave(service, page)
    time.sleep(SEEN_S)
    lit = unit.light_ms(at, time.monotonic()).nonzero()[0]
    return float(lit[-1] + 1) if lit.size else 0.0
