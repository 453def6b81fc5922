"""One engine used by several threads: what they share is filled in while others use it."""

from concurrent.futures import ThreadPoolExecutor
from threading import Timer

import numpy as np
import pytest

from spectriage.spectra.contrast import rows as contrast_rows
from spectriage.spectra.evidence.scattering import know
from spectriage.spectra.fitting.library import areas_of
from spectriage.spectra.identify import Identifier


@pytest.mark.parametrize("most", [-1, contrast_rows.HELD_BYTES])
def test_several_threads_may_use_one_engine(library, sample, monkeypatch, most):
    names = (
        "caffeine-anhydrous-wasatch",
        "mannitol-beta",
        "talc-rruff",
        "cocaine-hcl",
        "polystyrene-wasatch",
    )
    scans = [sample({name: 1.0}, seed=seed) for name in names for seed in range(4)]
    # whether the library is held whole, or gathered from
    monkeypatch.setattr(contrast_rows, "HELD_BYTES", most)
    expected = [Identifier(library).identify(scan).to_json() for scan in scans]
    engine = Identifier(library)
    with ThreadPoolExecutor(4) as pool:
        found = [result.to_json() for result in pool.map(engine.identify, scans * 2)]
    assert found == expected * 2


def test_an_area_that_another_thread_takes_meanwhile_is_not_thought_to_have_been_known(library, sample):
    """At any moment of an identification another thread takes the areas of which its kernels have none."""
    engine = Identifier(library)
    areas = areas_of(engine.index)
    scan = sample({"caffeine-anhydrous-wasatch": 0.7, "cocaine-hcl": 0.3})
    expected = engine.identify(scan).to_json()
    know(engine.index, range(len(library)))
    known = areas.copy()
    for moment in np.linspace(0.0, 3e-3, 150):
        areas.fill(np.nan)
        other = Timer(moment, areas.__setitem__, (slice(None), known))
        other.start()
        assert engine.identify(scan).to_json() == expected
        other.join()
