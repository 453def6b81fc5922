"""Many scans through page and API, and what the service and the page hold of memory meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spectriage.bench.screen.service import Page, Service, chromium
from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.errors import ParameterError

DEVICE = "sim:heroin hcl:0.4+caffeine?packaging=ldpe&seed=1"
"""It does not wait for its exposures."""
BLOCK = 50
WARM_UP_BLOCKS = 5
"""For so long a browser compiles what runs often, and its machine code grows: some 1.5 MB in 250 scans.

What the scripts themselves hold is the same from the hundredth scan on: Chromium's ``--js-flags=--jitless``.
"""
POLL_S = 0.01
GONE = "not heard of"
"""Said by the service of a scan whose page fell silent."""


@dataclass(frozen=True)
class Soaked:
    """Medians over blocks of `BLOCK` scans, shape (blocks,) each.

    Parameters
    ----------
    scans
        How many were taken.
    cancelled
        How many of them had no verdict, because this machine was too busy for the page's heartbeat.
    service_mb
        Memory that the service's process held.
    page_mb
        What the page's scripts held, after their garbage was collected.
    """

    scans: int
    cancelled: int
    service_mb: FloatArray
    page_mb: FloatArray

    @staticmethod
    def _drift(blocks: FloatArray) -> float:
        settled = blocks[WARM_UP_BLOCKS:]
        return float(np.max(np.abs(settled / settled[0] - 1.0)))

    @property
    def service_drift(self) -> float:
        """Largest departure from the first block after the warm-up, as a fraction."""
        return self._drift(self.service_mb)

    @property
    def page_drift(self) -> float:
        """The same of the page."""
        return self._drift(self.page_mb)


def soak(scans: int, folder: Path, done: Callable[[int], None] = lambda count: None) -> Soaked:
    """Scan through the page and through the API in turns.

    Parameters
    ----------
    scans
        How many; at least six blocks are needed.
    folder
        For the journal.
    done
        Called with the number of scans after each.
    """
    service_mb: list[float] = []
    page_mb: list[float] = []
    cancelled = 0
    with Service(DEVICE, folder) as service, chromium() as browser:
        page = Page(browser, service.url)
        heap = page.context.new_cdp_session(page.page)
        heap.send("Performance.enable")
        for count in range(1, scans + 1):
            if count % 2:
                page.fire()
            else:
                _scan_by_api(page)
            cancelled += not _ended(page)
            page.press("next")
            if count % 10 == 0:
                service_mb.append(service.resident_bytes() * 1e-6)
                page_mb.append(_heap_mb(heap))
            done(count)
    per_block = BLOCK // 10
    whole = len(service_mb) // per_block * per_block
    return Soaked(
        scans,
        cancelled,
        np.median(np.reshape(service_mb[:whole], (-1, per_block)), axis=1),
        np.median(np.reshape(page_mb[:whole], (-1, per_block)), axis=1),
    )


def _ended(page: Page) -> bool:
    """Wait for the end of a scan; whether it has a verdict.

    Raises
    ------
    ParameterError
        It ended without one, and not for its page.
    """
    # a handle of an element, as wait_for_selector gives, would keep it in the page's memory
    page.page.locator("[data-key=next]").wait_for()
    if page.page.locator("[data-verdict]").count():
        return True
    problem = page.ask("GET", "state")["problem"] or {}
    if GONE in problem.get("what", ""):
        return False
    raise ParameterError(f"a scan ended without a verdict: {problem}", where=page.url)


def _scan_by_api(page: Page) -> None:
    arming = page.ask("POST", "arm", {"holder": "soak"})["arming"]
    page.ask("POST", "scans", {"arming": arming, "item": "soak"})
    while page.ask("GET", "state")["phase"] == "scanning":
        time.sleep(POLL_S)
    assert page.ask("GET", "result")["result"]["verdict"]


def _heap_mb(heap: Any) -> float:
    heap.send("HeapProfiler.collectGarbage")
    found = {each["name"]: each["value"] for each in heap.send("Performance.getMetrics")["metrics"]}
    return float(found["JSHeapUsedSize"]) * 1e-6
