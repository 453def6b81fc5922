"""The recalled tables that measurement has replaced are kept, and each has its successor."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from spectriage.library.catalogue import load_catalogue
from spectriage.spectra.reference import Tier

TABLES = Path(str(resources.files("spectriage.bench.evidence"))) / "recalled-tables.toml"


@pytest.fixture(scope="module")
def pairs():
    new = {entry.id: entry for entry in load_catalogue()}
    return [(old, new[old.id]) for old in load_catalogue([TABLES])]


def test_each_was_recalled_or_estimated_and_is_now_measured(pairs):
    assert {old.id for old, _ in pairs} == {
        *("fentanyl-hcl", "oxycodone-hcl", "rdx-alpha", "tnt", "aspirin-form-1", "magnesium-stearate"),
    }
    for old, new in pairs:
        assert old.tier in (Tier.RECALLED, Tier.ESTIMATED)
        assert new.tier is Tier.BANDS
        assert (old.substance, old.hazard) == (new.substance, new.hazard)


def test_they_show_how_wrong_a_recalled_table_is(pairs):
    """The strong bands of the measurement were known; the piperidine ring's line of fentanyl was not."""
    old, new = next(pair for pair in pairs if pair[0].id == "fentanyl-hcl")
    strongest = max(new.bands, key=lambda band: band.height)
    assert min(abs(band.shift_cm - strongest.shift_cm) for band in old.bands) < 3.0
    ring = min(new.bands, key=lambda band: abs(band.shift_cm - 829.0))
    recalled = min(old.bands, key=lambda band: abs(band.shift_cm - ring.shift_cm))
    assert abs(recalled.shift_cm - ring.shift_cm) > 5.0
    assert ring.height > 2.0 * recalled.height
    heights = np.array([band.height for band in old.bands])
    assert heights.max() == 100.0
