"""Arrays that a kernel is lent are not counted; all that it makes, keeps or returns is."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numba import njit
from numba.core import typed_passes
from numba.core.lowering import Lower

from spectriage.spectra.compile import lending

KERNELS = '''
from typing import NamedTuple
import numpy as np
from spectriage.spectra.compile._kernels_vectors import apart
from spectriage.spectra.compile.jit import kernel

class Held(NamedTuple):
    rows: np.ndarray
    weights: np.ndarray

class Pair(NamedTuple):
    held: Held
    more: np.ndarray

@kernel()
def total(held, start):
    """Hands on and takes parts only."""
    apart()
    rows, weights = held
    sum_of = 0.0
    for i in range(start, rows.shape[0]):
        row = rows[i]
        for p in range(row.size):
            sum_of += weights[i] * row[p]
    return sum_of

@kernel()
def handing_on(pair, start):
    apart()
    part = Held(pair.held.rows[1:], pair.held.weights[1:])
    return total(part, start) + total(Held(weights=pair.more, rows=pair.held.rows), 0)

@kernel()
def field(pair):
    return pair.held.weights

@kernel()
def view(pair, i):
    rows = pair.held.rows
    return rows[i]

@kernel()
def fields(pair):
    return Held(pair.held.rows[:2], pair.more)

@kernel()
def chosen(first, second, which):
    taken = first
    if which:
        taken = second
    return taken

@kernel()
def growing(values, times):
    """What is assigned again is an argument first, and then made here."""
    for _ in range(times):
        values = np.concatenate((values, values[:1] + 1.0))
    return values

@kernel()
def last_row(rows, skip):
    row = rows[0]
    for i in range(1, rows.shape[0]):
        if i != skip:
            row = rows[i]
    return row

@kernel()
def picked(rows, places):
    """Indexed by an array: a copy."""
    return rows[places]

@kernel()
def sum_of_picked(rows, places):
    some = rows[places]
    part = some[0]
    return part.sum()

@kernel()
def made(n):
    rows = np.ones((n, n))
    held = Held(rows, rows[0])
    pair = Pair(held, rows[1])
    return handing_on(pair, 0)

@kernel()
def sums(rows):
    out = np.empty(rows.shape[0])
    for i in range(rows.shape[0]):
        row = rows[i]
        doubled = row * 2.0
        row = doubled
        out[i] = row.sum()
    return out

@kernel()
def nested(first, second, deep):
    """Of two tuples one is taken, and a part of that returned."""
    pair = (first, second)
    held = pair[0]
    if deep:
        held = Held(second.rows, first.weights)
    return held.rows[1:], pair[1].weights
'''
USING = """
import gc, sys
import numpy as np
from numba.core.runtime import rtsys
import _kernels_lent as k

rng = np.random.default_rng(1)
def pair():
    held = k.Held(rng.random((3, 4)), rng.random(3))
    return k.Pair(held, rng.random(3))

def once(check):
    own = pair()
    copy = k.Pair(k.Held(*(part.copy() for part in own.held)), own.more.copy())
    results = [
        k.handing_on(own, 0), k.field(own), k.view(own, 1), k.fields(own),
        k.chosen(own.more, own.held.weights, True), k.chosen(own.more, own.held.weights, False),
        k.growing(own.more, 0), k.growing(own.more, 3), k.last_row(own.held.rows, 1),
        k.picked(own.held.rows, np.array([2, 0])), k.sum_of_picked(own.held.rows, np.array([2, 0])),
        k.made(5), k.sums(own.held.rows), k.nested(own.held, copy.held, True),
        k.nested(own.held, copy.held, False),
    ]
    del own
    gc.collect()
    scribble = [np.full((3, 4), -7.0) for _ in range(50)]
    rows, weights = copy.held
    handed = (rows[1:] * weights[1:, None]).sum() + (rows * copy.more[:, None]).sum()
    expected = [
        handed, copy.held.weights, copy.held.rows[1], (copy.held.rows[:2], copy.more),
        copy.held.weights, copy.more, copy.more, k.growing.py_func(copy.more, 3), copy.held.rows[2],
        copy.held.rows[[2, 0]], copy.held.rows[2].sum(), 45.0, 2.0 * copy.held.rows.sum(axis=1),
        (copy.held.rows[1:], copy.held.weights), (copy.held.rows[1:], copy.held.weights),
    ]
    if check:
        for number, (mine, want) in enumerate(zip(results, expected, strict=True)):
            mine, want = (x if isinstance(x, tuple) else (x,) for x in (mine, want))
            assert all(np.allclose(a, b) for a, b in zip(mine, want, strict=True)), number

once(True)
gc.collect()
before = rtsys.get_allocation_stats()
for _ in range(50):
    once(True)
gc.collect()
after = rtsys.get_allocation_stats()
print(after.mi_alloc - before.mi_alloc, after.mi_free - before.mi_free, after.alloc - before.alloc,
      after.free - before.free)
held = np.random.default_rng(0).random((3, 4))
count = sys.getrefcount(held)
for _ in range(20):
    k.last_row(held, 5), k.picked(held, np.array([0])), k.sums(held)
print(sys.getrefcount(held) - count)
"""
COUNTED = """
import numpy as np
import _kernels_lent as k
def of(kernel):
    made = (kernel.inner.overloads or kernel.overloads).values()
    return sum(str(each.library._final_module).count("call void @NRT_") for each in made)
pair = k.Pair(k.Held(np.ones((3, 4)), np.ones(3)), np.ones(3))
k.handing_on(pair, 0)
print(of(k.total))
"""


def run(folder: Path, program: str) -> list[str]:
    (folder / "_kernels_lent.py").write_text(KERNELS)
    everything = {**os.environ, "NUMBA_CACHE_DIR": str(folder / "kept"), "NUMBA_NRT_STATS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=folder, env=everything
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_results_outlive_what_they_were_taken_from_and_all_is_freed(tmp_path):
    for _ in range(2):  # compiled, and loaded from the disk
        made, freed, taken, given, held = map(int, run(tmp_path, USING))
        assert made == freed > 0
        assert taken == given > 0
        assert held == 0


def test_what_is_only_handed_on_is_not_counted(tmp_path):
    assert run(tmp_path, COUNTED) == ["0"]


def test_only_the_very_text_of_numba_is_stood_in_for(monkeypatch):
    step = typed_passes.NativeLowering
    ours = lending._step
    assert ours(step()) is lending._Lending
    monkeypatch.setitem(lending._COUNTING, "delvar", "another text")
    lending._is_known.cache_clear()
    try:
        assert ours(step()) is Lower
    finally:
        lending._is_known.cache_clear()


def test_what_others_compile_counts_as_ever():
    @njit
    def row(rows, i):
        return rows[i]

    rows = np.random.default_rng(0).random((3, 4))
    taken = row(rows, 1)
    want = rows[1].copy()
    del rows
    gc.collect()
    assert np.array_equal(taken, want)
    assert typed_passes.NativeLowering().lowering_class is Lower


@pytest.mark.parametrize(("kind", "plain"), [("int64", True), ("array", False), ("pair", False)])
def test_an_index_by_an_array_makes_a_copy(kind, plain):
    from numba.core import types

    array = types.Array(types.intp, 1, "C")
    index = {"int64": types.int64, "array": array, "pair": types.Tuple((types.int64, array))}[kind]
    assert lending._is_plain(index) is plain
