"""Kernels that call one another: each compiled once, called by its name where it is large."""

from __future__ import annotations

import gc
import inspect
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numba.core.codegen import CodeLibrary

from spectriage.spectra.fitting._kernels_moments import combine

LARGE = """
from spectriage.spectra.compile.jit import kernel

@kernel()
def large(x):
    total = 0.0
    for i in range(x.size):
        for j in range(x.size):
            total += abs(x[i] - x[j]) ** 1.5 / (1.0 + x[i] * x[j]) + (x[i] > x[j]) * x[i - 1] ** 3
    for i in range(x.size):
        total = total * 0.5 + max(x[i], total) - min(x[i], 2.0 * total) / (3.0 + x[i])
    return total

@kernel()
def small(x):
    return large(x) + 1.0

@kernel()
def failing(x):
    if x.size > 3:
        raise ValueError("too long")
    return large(x)
"""
CALLERS = """
from spectriage.spectra.compile.jit import kernel
from _kernels_large import failing, large, small

@kernel()
def one(x):
    return 2.0 * small(x)

@kernel()
def two(x):
    return small(x) - large(x)

@kernel()
def three(x):
    return failing(x)
"""
START = """
import sys
import numpy as np
from spectriage.spectra.compile.jit import announce_compilation
names, x = [], np.arange(1.0, 4.0)
with announce_compilation(lambda name: name == "impl" or names.append(name)):
    import _kernels_large, _kernels_callers
"""
ONE = (
    START + "    print(abs(_kernels_callers.one(x) / 2 - _kernels_large.large.py_func(x) - 1) < 1e-9, *names)"
)
TWO = START + "    print(_kernels_callers.two(x) == 1.0, *names)"


by_name = pytest.mark.skipif(
    "_reload_init" not in inspect.getsource(CodeLibrary.__init__), reason="this numba takes all code in"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "_kernels_large.py").write_text(LARGE)
    (tmp_path / "_kernels_callers.py").write_text(CALLERS)
    return tmp_path


def start(folder: Path, program: str, code: str = "code") -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(folder), "NUMBA_CACHE_DIR": str(folder / code)}
    return subprocess.Popen(
        [sys.executable, "-c", program],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def end(started: subprocess.Popen[str]) -> list[str]:
    out, err = started.communicate(timeout=120)
    assert started.returncode == 0, err[-2000:]
    return out.split()


def run(folder: Path, program: str) -> list[str]:
    return end(start(folder, program))


def files(folder: Path, name: str) -> list[Path]:
    return [path for path in (folder / "code").rglob(f"*.{name}-*") if path.suffix in (".nbi", ".nbc")]


def test_what_several_kernels_call_is_compiled_once_and_loaded_before_its_callers(folder: Path) -> None:
    assert run(folder, ONE) == ["True", "one", "small", "large"]
    # `small` comes from the disk into code that was not there, and with it what that calls by its name
    assert run(folder, TWO) == ["True", "two"]
    assert run(folder, TWO) == ["True"]
    assert run(folder, ONE) == ["True"]


@by_name
def test_a_large_kernel_s_code_is_not_in_its_callers(folder: Path) -> None:
    program = START + (
        "    _kernels_callers.one(x)\n"
        "def defined(kernel):\n"
        "    lines = '\\n'.join(kernel.inspect_llvm().values()).splitlines()\n"
        "    return [line for line in lines if line.startswith('define') and 'large' in line]\n"
        "print(len(defined(_kernels_callers.one)), len(defined(_kernels_large.large.inner)))"
    )
    assert run(folder, program) == ["0", "1"]


def test_a_kernel_is_called_from_python_too_with_the_same_result(folder: Path) -> None:
    program = START + (
        "    kernels = _kernels_large\n"
        "    print(_kernels_callers.two(x), kernels.small(x) - kernels.large(x), *names)"
    )
    assert run(folder, program) == ["1.0", "1.0", "two", "small", "large", "small", "large"]
    assert run(folder, program) == ["1.0", "1.0"]


def test_an_error_passes_through(folder: Path) -> None:
    program = START + (
        "    try:\n"
        "        _kernels_callers.three(np.ones(5))\n"
        "    except ValueError as error:\n"
        "        print(error, _kernels_callers.three(x) == _kernels_large.large(x))"
    )
    for _ in range(2):
        assert run(folder, program) == ["too", "long", "True"]


@by_name
@pytest.mark.parametrize("suffix", [".nbi", ".nbc"])
@pytest.mark.parametrize("name", ["large", "small", "one"])
def test_lost_and_damaged_code_is_made_anew(folder: Path, name: str, suffix: str) -> None:
    run(folder, ONE)
    for change in (Path.unlink, lambda path: path.write_bytes(path.read_bytes()[:-7])):
        for path in files(folder, name):
            if path.suffix == suffix:
                change(path)
        # of `small` there is a copy in its caller
        expected = [] if name == "small" else [name]
        assert run(folder, ONE) == ["True", *expected]
        assert run(folder, ONE) == ["True"]


@by_name
def test_code_that_names_what_is_no_longer_there_is_made_anew(folder: Path) -> None:
    run(folder, ONE)
    other = "from spectriage.spectra.compile import separate\nseparate._number = lambda function: 7\n"
    for path in files(folder, "large"):
        path.unlink()
    # in this process the same kernel goes by another name
    assert run(folder, other + ONE) == ["True", "large", "one", "small"]
    assert run(folder, other + ONE) == ["True"]


def test_processes_that_compile_at_once_leave_what_any_can_load(folder: Path) -> None:
    started = [start(folder, program) for program in (ONE, TWO, ONE)]
    assert [end(process)[0] for process in started] == ["True"] * 3
    assert run(folder, ONE) == ["True"]
    assert run(folder, TWO) == ["True"]


def test_threads_that_need_the_same_kernel_at_once(folder: Path) -> None:
    program = START + (
        "    from concurrent.futures import ThreadPoolExecutor\n"
        "    kernels = [_kernels_callers.one, _kernels_callers.two, _kernels_large.small] * 2\n"
        "    with ThreadPoolExecutor(6) as pool:\n"
        "        got = list(pool.map(lambda kernel: kernel(x), kernels))\n"
        "    print(got == [kernel(x) for kernel in kernels], len(set(got)))"
    )
    for _ in range(2):
        assert run(folder, program) == ["True", "3"]


def test_a_caller_s_own_compiled_function_may_call_a_kernel_and_be_kept(folder: Path) -> None:
    (folder / "own.py").write_text(
        "import numba\nfrom _kernels_large import small\n"
        "@numba.njit(cache=True)\ndef own(x):\n    return small(x) - 1.0\n"
    )
    program = (
        START + "    import own\n    print(abs(own.own(x) - _kernels_large.large.py_func(x)) < 1e-9, *names)"
    )
    assert run(folder, program) == ["True", "own", "small", "large"]
    assert run(folder, program) == ["True"]


def test_a_kernel_that_no_process_could_find_by_its_name(folder: Path) -> None:
    (folder / "_kernels_large.py").write_text(
        LARGE.replace("@kernel()\ndef large", "def large")
        + "\nlarge = kernel()(large)\nmade, large = large, None\n"
    )
    (folder / "_kernels_callers.py").write_text(
        "from spectriage.spectra.compile.jit import kernel\nfrom _kernels_large import made\n"
        "@kernel()\ndef one(x):\n    return 2.0 * made(x)\n"
    )
    program = (
        START + "    print(abs(_kernels_callers.one(x) / 2 - _kernels_large.made.py_func(x)) < 1e-9, *names)"
    )
    assert run(folder, program) == ["True", "one", "large"]
    assert run(folder, program) == ["True"]


def test_a_plain_number_is_one_like_any(folder: Path) -> None:
    """Else a kernel would be compiled anew for every one that is written out in its callers."""
    (folder / "_kernels_large.py").write_text(
        "from spectriage.spectra.compile.jit import kernel\n"
        "@kernel()\ndef power(x, number, inverse):\n    return 1.0 / x**number if inverse else x**number\n"
    )
    (folder / "_kernels_callers.py").write_text(
        "from spectriage.spectra.compile.jit import kernel\nfrom _kernels_large import power\n"
        "@kernel()\ndef all_of_them(x, number):\n"
        "    return power(x, 2, False), power(x, 3, True), power(x, inverse=False, number=number)\n"
    )
    program = START + "    print(*_kernels_callers.all_of_them(2.0, 5), *names)"
    assert run(folder, program) == ["4.0", "0.125", "32.0", "all_of_them", "power"]


@by_name
def test_what_python_and_kernels_share_is_compiled_once(folder: Path) -> None:
    shared = LARGE.replace("@kernel()\ndef large", "@kernel(shared=True)\ndef large")
    (folder / "_kernels_large.py").write_text(shared)
    call = "    kernels = _kernels_large\n    print(kernels.large(x) == kernels.small(x) - 1.0, *names)\n"
    divisions = (
        "    for form in (kernels.large, kernels.large.inner):\n"
        "        print('fdiv' in ''.join(form.inspect_llvm().values()))\n"
    )
    program = START + call + divisions
    assert run(folder, program) == ["True", "large", "large", "small", "False", "True"]
    assert run(folder, START + call) == ["True"]


def test_garbage_is_collected_again_after_a_kernel_was_compiled() -> None:
    assert gc.isenabled()
    rows, out = np.ones((2, 8), np.float32), np.empty(8, np.float32)
    combine(rows, np.ones(2), out)
    assert gc.isenabled()
    assert np.array_equal(out, np.full(8, 2.0, np.float32))
    with pytest.raises(Exception, match="Unknown attribute"):
        combine("nothing", 1, 2)
    assert gc.isenabled()
