"""Compiling in a second process: what it compiles is what is needed, it starts when needed, and it ends."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from numba import njit

from spectriage.library.service import ahead

SAME_CODE = """
import numpy as np
from spectriage.library.service.ahead import compile_from_the_end
from spectriage.library.service.warming import warm_engine
from spectriage.spectra.evidence._kernels_weighing import weigh_scans
from spectriage.spectra.fitting._kernels_selection import select_scans
from spectriage.spectra.identify import Identifier
from spectriage.spectra.policy import Policy, Target
from spectriage.spectra.reference import Reference, ReferenceSet
from spectriage.spectra.verdict._kernels_parts import look_at_scans

kernels = (look_at_scans, weigh_scans, select_scans)
compile_from_the_end()
before = [list(kernel.overloads) for kernel in kernels]
shift = 200.0 + 2.0 * np.arange(256)
spectra = np.random.default_rng(0).gamma(1.0, 1.0, (6, 256)).astype(np.float32)
records = tuple(Reference(f"made-{i}", f"made up {i}") for i in range(6))
policy = Policy(targets=(Target("one", ("made up 1",)),))
assert warm_engine(Identifier(ReferenceSet(records, shift, spectra), policy)) is not None
print([len(each) for each in before], before == [list(kernel.overloads) for kernel in kernels])
"""


def test_an_identification_needs_what_was_compiled_and_no_other_form_of_it():
    run = subprocess.run(
        [sys.executable, "-c", SAME_CODE], capture_output=True, text=True, check=False, timeout=300
    )
    assert run.stdout == "[1, 1, 1] True\n", run.stderr[-2000:]


def test_it_ends_with_the_process_that_started_it(tmp_path):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    words = [sys.executable, "-P", "-m", ahead.__name__]
    made = subprocess.Popen(words, stdin=subprocess.PIPE, env=environment)
    assert made.poll() is None
    assert made.stdin is not None
    made.stdin.close()
    assert made.wait(timeout=60) == 0
    # long before it would have done its part: what it compiles last is not there
    assert list(tmp_path.rglob("_kernels_selection.select_scans-*.nbc")) == []


class NotReal:
    """What a process is asked for."""

    def __init__(self, words, **_):
        self.words, self.said = words, []

    def terminate(self):
        self.said.append("terminate")

    def communicate(self):
        self.said.append("wait")


@pytest.fixture
def started(monkeypatch):
    """The processes that were started, none of them a real one."""
    found: list[NotReal] = []

    def start(words, **options):
        found.append(NotReal(words, **options))
        return found[-1]

    monkeypatch.setattr(ahead.subprocess, "Popen", start)
    return found


@pytest.mark.parametrize(("cores", "expected"), [(2, 1), (1, 0)])
def test_it_starts_once_with_the_first_kernel_where_there_is_a_core_for_it(
    started, monkeypatch, cores, expected
):
    monkeypatch.setattr(ahead, "_cores", lambda: cores)
    with ahead.compiling_ahead():
        assert started == []
        for add in (1, 2):
            assert njit(lambda x, add=add: x + add)(1) == 1 + add
        assert [made.said for made in started] == [[]] * expected
    assert njit(lambda x: x + 3)(1) == 4
    assert [made.said for made in started] == [["terminate", "wait"]] * expected
    assert all(made.words[0] == sys.executable and "-P" in made.words for made in started)


def test_it_ends_where_something_went_wrong(started, monkeypatch):
    monkeypatch.setattr(ahead, "_cores", lambda: 2)

    def fail():
        with ahead.compiling_ahead():
            njit(lambda x: x * 2)(1)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert [made.said for made in started] == [["terminate", "wait"]]


def test_a_machine_that_starts_no_process_goes_on(monkeypatch):
    tried = []

    def fail(*_, **__):
        tried.append(1)
        raise OSError("no more processes")

    monkeypatch.setattr(ahead.subprocess, "Popen", fail)
    monkeypatch.setattr(ahead, "_cores", lambda: 2)
    with ahead.compiling_ahead():
        assert njit(lambda x: x - 1)(1) == 0
        assert njit(lambda x: x - 2)(1) == -1
    assert tried == [1]
