"""Damaged machine code on disk: compiled anew, never run, and kept again."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import permutations
from pathlib import Path
from threading import Semaphore

import numba
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spectriage.spectra.compile import sealed_cache
from spectriage.spectra.compile.sealed_cache import is_sound

KERNEL = """
from spectriage.spectra.compile.jit import kernel

@kernel()
def step(x):
    return x * 3 + 1
"""
PROGRAM = """
from spectriage.spectra.compile.jit import announce_compilation
names = []
with announce_compilation(names.append):
    from _kernels_step import step
    print(step(5), step(0.5), len(names))
"""
COMPILED, LOADED = ["16", "2.5", "2"], ["16", "2.5", "0"]


def run(folder, program=PROGRAM, **variables):
    own = {"PYTHONPATH": str(folder), "NUMBA_CACHE_DIR": str(folder / "code")}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **own, **variables},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.split()


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A folder with a kernel whose machine code for two signatures is kept, and the files as they are."""
    folder = tmp_path_factory.mktemp("kept")
    (folder / "_kernels_step.py").write_text(KERNEL)
    assert run(folder) == COMPILED
    assert run(folder) == LOADED
    files = sorted(path for path in (folder / "code").rglob("*") if path.suffix in (".nbi", ".nbc"))
    assert [path.suffix for path in files] == [".nbc", ".nbc", ".nbi"]
    return folder, {path: path.read_bytes() for path in files}


def flipped(content):
    """Turn one bit of the machine code, which unpickles as before."""
    at = content.index(b"\x7fELF") + 0x60 if b"\x7fELF" in content else len(content) // 2
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


DAMAGE = {
    "cut": lambda content: content[: len(content) // 2],
    "cut by a byte": lambda content: content[:-1],
    "without its checksum": lambda content: content[:-32],
    "empty": lambda _: b"",
    "zeroed": lambda content: bytes(len(content)),
    "garbage": lambda content: bytes(range(256)) * (len(content) // 256 + 1),
    "one bit": flipped,
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("suffix", [".nbi", ".nbc"])
def test_a_damaged_file_is_made_anew(kept, suffix, damage):
    folder, files = kept
    for path, content in files.items():
        path.write_bytes(DAMAGE[damage](content) if path.suffix == suffix else content)
    assert run(folder) == COMPILED
    assert run(folder) == LOADED
    assert all(is_sound(path) for path in files)


def test_one_damaged_signature_leaves_the_other(kept):
    folder, files = kept
    for path, content in files.items():
        path.write_bytes(content)
    next(iter(files)).write_bytes(b"\0" * 100)
    assert run(folder) == ["16", "2.5", "1"]
    assert run(folder) == LOADED


def test_a_folder_in_a_file_s_place_costs_only_the_cache(kept):
    folder, files = kept
    index = next(path for path in files if path.suffix == ".nbi")
    index.unlink()
    index.mkdir()
    try:
        assert run(folder) == COMPILED
    finally:
        index.rmdir()
    assert run(folder) == COMPILED
    assert run(folder) == LOADED


def test_numba_s_own_reader_can_still_read_the_files(kept):
    """Unpickling stops before the checksum."""
    folder, files = kept
    for path, content in files.items():
        path.write_bytes(content)
    plain = "import numba.core.caching\nfrom spectriage.spectra.compile import sealed_cache\n"
    plain += "sealed_cache.SealedFiles = numba.core.caching.IndexDataCacheFile\n"
    assert run(folder, plain + PROGRAM) == LOADED


def test_works_without_compilation(kept):
    folder, _ = kept
    assert run(folder, NUMBA_DISABLE_JIT="1") == LOADED


@settings(max_examples=200, deadline=None)
@given(content=st.binary(max_size=300), data=st.data())
def test_only_what_was_sealed_is_sound(tmp_path_factory, content, data):
    path = tmp_path_factory.getbasetemp() / "sealed"
    whole = content + sealed_cache._seal(content)
    path.write_bytes(whole)
    assert is_sound(path)
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    assert not is_sound(path)
    at, bit = data.draw(st.integers(0, len(whole) - 1)), data.draw(st.integers(0, 7))
    path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :])
    assert not is_sound(path)


def files_for(path):
    return sealed_cache.SealedFiles(cache_path=str(path), filename_base="step", source_stamp=1)


STEPS = ("_load_index", "_save_index", "_save_data")


@pytest.mark.parametrize("turns", sorted(set(permutations("AAABBB"))), ids="".join)
def test_of_two_processes_that_keep_code_at_once_each_finds_its_own(tmp_path, monkeypatch, turns):
    """Each takes three steps to keep code for other arguments, whichever comes first."""
    may, done = {"A": Semaphore(0), "B": Semaphore(0)}, Semaphore(0)

    def in_turn(name, step, *values):
        assert may[name].acquire(timeout=10)
        try:
            return step(*values)
        finally:
            done.release()

    def saving(name):
        files = files_for(tmp_path)
        for step in STEPS:
            monkeypatch.setattr(files, step, partial(in_turn, name, getattr(files, step)))
        files.save(name, f"code of {name}")

    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(saving, name) for name in "AB"]
        for name in turns:
            may[name].release()
            assert done.acquire(timeout=10)
        assert [each.result() for each in both] == [None, None]
    found = [files_for(tmp_path).load(name) for name in "AB"]
    # the index may forget one, which is compiled again
    assert found in (["code of A", "code of B"], ["code of A", None], [None, "code of B"])


def test_killed_while_code_is_kept_nothing_is_found_in_its_place(tmp_path, monkeypatch):
    class Killed(BaseException):
        pass

    def killed(*_):
        raise Killed

    files_for(tmp_path).save("of an int", "code of an int")
    files_for(tmp_path).discard()
    for step in ("_save_index", "_save_data"):
        own = files_for(tmp_path)
        monkeypatch.setattr(own, step, killed)
        with pytest.raises(Killed):
            own.save("of a float", "code of a float")
        assert files_for(tmp_path).load("of a float") is None


def test_code_is_kept_in_a_kernel_s_own_folder_which_is_made_when_it_is_needed(tmp_path):
    before = numba.config.CACHE_DIR
    kernels = [numba.njit(lambda value, more=more: value + more) for more in (1, 2)]
    folders = [tmp_path / "one", tmp_path / "two"]
    for made, folder in zip(kernels, folders, strict=True):
        sealed_cache.keep(made, folder)
    assert list(tmp_path.iterdir()) == []
    assert [made(5) for made in kernels] == [6, 7]
    for made, folder in zip(kernels, folders, strict=True):
        assert Path(made._cache.cache_path) == folder
        assert {path.suffix for path in folder.iterdir()} == {".nbi", ".nbc"}
    assert before == numba.config.CACHE_DIR


LARGE = """
import numpy as np
from spectriage.spectra.compile.jit import kernel

TABLE = np.arange(2_000_000.0)

@kernel()
def step(number):
    return TABLE[number]
"""
WITH_TABLE = """
import warnings
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    from _kernels_large import step
    print(step(3), any("cannot cache" in str(one.message).lower() for one in told))
"""


def test_code_that_numba_cannot_keep_is_compiled_each_time(tmp_path):
    (tmp_path / "_kernels_large.py").write_text(LARGE)
    for _ in range(2):
        assert run(tmp_path, WITH_TABLE) == ["3.0", "True"]


def test_a_place_that_numba_cannot_make_costs_only_the_cache(kept):
    folder, _ = kept
    assert run(folder, NUMBA_CACHE_LOCATOR_CLASSES="IPythonCacheLocator")[:2] == LOADED[:2]
