"""The measurements of the screen: each measures what it says, and memory stays over a thousand scans."""

import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from spectriage.bench.screen.latency import first_paints_ms
from spectriage.bench.screen.leaving import WAYS, lit_after_ms
from spectriage.bench.screen.soak import BLOCK, Soaked, soak

pytest.importorskip("playwright")
pytestmark = pytest.mark.skipif(
    not (shutil.which("chromium") or shutil.which("chromium-browser")), reason="no Chromium"
)

SCANS = 1000
FLAT = 0.05


@pytest.fixture
def cached(monkeypatch, library_cache, library):
    monkeypatch.setenv("SPECTRIAGE_CACHE", str(library_cache))


def test_a_page_is_painted(cached, tmp_path):
    # in a thread of its own: other tests of this process keep a browser, and its loop, open
    with ThreadPoolExecutor(1) as pool:
        assert (pool.submit(first_paints_ms, 2, tmp_path).result() > 0.0).all()


@pytest.mark.full
def test_light_is_seen_after_it_was_left_and_ends(cached, tmp_path):
    # a way takes its turns; the service is another after each that ends it
    found = dict(lit_after_ms(WAYS, 2, tmp_path))
    assert list(found) == list(WAYS)
    for lit in found.values():
        assert lit.shape == (2,)
        assert (lit > 0.0).all()


def test_a_drift_is_measured_from_where_the_warm_up_ended():
    before = [50.0, 90.0, 95.0, 99.0, 99.0]
    service_mb = np.array([*before, 100.0, 103.0, 98.0])
    soaked = Soaked(400, 0, service_mb, np.array([1.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.2]))
    assert soaked.service_drift == pytest.approx(0.03)
    assert soaked.page_drift == pytest.approx(0.10)


@pytest.mark.full
def test_memory_stays_over_a_thousand_scans(cached, tmp_path):
    soaked = soak(SCANS, tmp_path)
    assert soaked.service_mb.size == soaked.page_mb.size == SCANS // BLOCK
    assert soaked.cancelled <= SCANS // 100
    assert soaked.service_drift <= FLAT
    assert soaked.page_drift <= FLAT
