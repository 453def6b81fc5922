"""The memory that fits work in: which points they look at, and that no call sees what another left."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectriage.spectra.fitting._kernels_memory import LINE_POINTS, inside
from spectriage.spectra.fitting.fit import Axis
from spectriage.spectra.fitting.fitter import REFINED_FROM, Fitter
from spectriage.spectra.fitting.memory import memory_of


@given(st.lists(st.booleans(), min_size=1, max_size=90), st.integers(1, 3))
def test_every_measured_point_is_inside_and_no_line_without_one(measured, thin):
    valid = np.array(measured)
    start, end = inside(valid, thin)
    places = np.flatnonzero(valid[::thin])
    size = valid[::thin].size
    assert start % LINE_POINTS == 0
    assert end % LINE_POINTS == 0 or end == size
    assert 0 <= start < end <= size
    if places.size:
        assert start <= places[0] < start + LINE_POINTS
        assert end - LINE_POINTS <= places[-1] < end


@pytest.mark.parametrize(("references", "points"), [(1, 64), (12, 1000), (3, 8192)])
def test_memory_begins_with_a_line_and_has_room(references, points):
    rows, flags, numbers, counts = memory_of(references, points)
    assert rows.ctypes.data % (4 * LINE_POINTS) == 0
    assert rows.size >= (2 * references + 14) * points
    assert flags.size >= points
    assert numbers.size >= (2 * references + 4) * references + references + 5
    assert counts.size >= references + REFINED_FROM


def test_what_a_call_leaves_means_nothing_to_the_next(engine, sample, row_of):
    rows = (row_of["caffeine-anhydrous-wasatch"], row_of["mannitol-beta"], row_of["talc-rruff"])
    fitter = Fitter(engine.index, sample({"caffeine-anhydrous-wasatch": 1.0, "mannitol-beta": 0.5}))
    fit = fitter.fit(rows, Axis())
    for array in memory_of(3, fit.fitted.size):
        array.fill(np.nan if array.dtype.kind == "f" else 1)
    again = Fitter(engine.index, sample({"caffeine-anhydrous-wasatch": 1.0, "mannitol-beta": 0.5})).fit(
        rows, Axis()
    )
    np.testing.assert_array_equal(again.amplitudes, fit.amplitudes)
    np.testing.assert_array_equal(again.fitted, fit.fitted)


def test_every_thread_has_its_own():
    with ThreadPoolExecutor(2) as pool:
        first, second = (pool.submit(lambda: (memory_of(2, 64)[0].ctypes.data, None)) for _ in range(2))
    assert {first.result()[0], second.result()[0]}.isdisjoint({memory_of(2, 64)[0].ctypes.data})
