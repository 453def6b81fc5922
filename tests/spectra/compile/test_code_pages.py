"""LLVM's code is let go of and comes back when it is needed."""

import subprocess
import sys

import pytest

from spectriage.spectra.compile import code_pages

PROGRAM = """
from pathlib import Path
import numba
from spectriage.spectra.compile.code_pages import _code_ranges, release_llvm_code

def mapped_kb():
    return int(Path("/proc/self/status").read_text().split("RssFile:")[1].split()[0])

before = mapped_kb()
release_llvm_code()
after = mapped_kb()
twice = numba.njit(lambda x: 2.0 * x)
release_llvm_code()
print(before - after, twice(21.0), len(_code_ranges()))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_pages_go_and_compiling_still_works():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    freed_kb, answer, ranges = done.stdout.split()
    assert int(freed_kb) > 5000
    assert float(answer) == 42.0
    assert int(ranges) >= 1


def test_where_there_is_nothing_to_let_go_of(monkeypatch):
    monkeypatch.setattr(code_pages, "_code_ranges", tuple)
    code_pages.release_llvm_code()
    for _ in range(2 * code_pages.LOADS):
        with code_pages.kernel_loading():
            pass


def test_pages_are_let_go_of_after_a_few_kernels_and_those_they_load(monkeypatch):
    released = []
    monkeypatch.setattr(code_pages, "release_llvm_code", lambda: released.append(done))
    monkeypatch.setattr(code_pages._Loads, "done", 0)
    done = 0
    for _ in range(code_pages.LOADS):
        with code_pages.kernel_loading():
            with code_pages.kernel_loading():
                done += 1
            done += 1
    assert released == [code_pages.LOADS, 2 * code_pages.LOADS]
    with pytest.raises(ZeroDivisionError), code_pages.kernel_loading():
        done = 1 // 0
    assert code_pages._Loads.running == 0
