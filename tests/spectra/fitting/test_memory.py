"""The memory that fits work in: which points they look at, and that no call sees what another left."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectriage.spectra.compile.jit import packed
from spectriage.spectra.contrast._kernels_arguments import Query, References
from spectriage.spectra.fitting._kernels_additions import add_each
from spectriage.spectra.fitting._kernels_memory import LINE_POINTS, inside
from spectriage.spectra.fitting.fit import Axis
from spectriage.spectra.fitting.fitter import PACKED_SETTINGS, REFINED_FROM, Fitter
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


def losses_of_twins(seed, k, left):
    """What the parts of a model are worth of which two are hardly to be told apart, with `left` in memory."""
    rng, points = np.random.default_rng(seed), 400
    rows = rng.normal(size=(k + 1, points))
    rows[1] = rows[0] + 3e-4 * rng.normal(size=points)
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    derivative = (rng.uniform(-0.2, 1.0, k + 1) @ rows + 1e-3 * rng.normal(size=points)).astype(np.float32)
    query = Query(derivative, np.arcsinh(derivative / 2e-3).astype(np.float32), np.ones(points, bool), 2e-3)
    places = np.arange(k + 1, dtype=np.intp)
    given = packed(References(rows, np.ones((1, points), bool), np.zeros(k + 1, np.intp), places))
    of_each, of_parts = np.zeros((2, 1)), np.zeros((2, 1, k + 1))
    memory, nothing = memory_of(k + 1, points), np.empty(0, np.float32)
    memory[2].fill(left)
    add_each(
        given, k, packed(query), nothing, PACKED_SETTINGS, 0, k + 1, False, memory, of_each, of_parts, nothing
    )
    return of_parts[1].tolist()


@pytest.mark.parametrize("k", [2, 3, 4, 5])
def test_what_a_call_leaves_means_nothing_where_two_references_are_hardly_to_be_told_apart(k):
    """Then the solution is sought step by step, and where it begins shows."""
    for seed in range(40):
        assert losses_of_twins(seed, k, 0.0) == losses_of_twins(seed, k, 5.0)


def test_every_thread_has_its_own():
    with ThreadPoolExecutor(2) as pool:
        first, second = (pool.submit(lambda: (memory_of(2, 64)[0].ctypes.data, None)) for _ in range(2))
    assert {first.result()[0], second.result()[0]}.isdisjoint({memory_of(2, 64)[0].ctypes.data})
