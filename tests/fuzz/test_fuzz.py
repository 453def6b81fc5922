"""Hostile files: a short run over the corpus in every test run; a million inputs a reader with `--full`.

HDF5 is decoded by a library that is not watched by the fuzzer, in a process of its own: fewer inputs there.
"""

from __future__ import annotations

import importlib.util
import os
import random
import subprocess
import sys

import pytest

from spectriage.spectra.errors import SpectriageError

spec = importlib.util.spec_from_file_location("fuzz_readers", f"{os.path.dirname(__file__)}/fuzz_readers.py")
fuzz_readers = importlib.util.module_from_spec(spec)
spec.loader.exec_module(fuzz_readers)

PACKAGES = {"wdf": "renishawWiRE", "opus": "brukeropus", "sif": "sif_parser"}
SHORT = 300
# HDF5 is read in a process of its own each time, libraries whole
EXECUTIONS = {"library": 20_000, "nexus": 2_000}
FEW = {"library": 40, "nexus": 8}
TOKENS = (
    b"##",
    b"\n",
    b"\t",
    b";",
    b",",
    b"\0",
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
    b"1e999",
    b"nan",
    b"[",
    b"%",
)


def mutated(seed: bytes, chance: random.Random) -> bytes:
    """A seed with a few bytes changed, cut, repeated or put in."""
    data = bytearray(seed)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(data) + 1)
        kind = chance.randrange(5)
        if kind == 0 and data:
            data[at % len(data)] = chance.randrange(256)
        elif kind == 1:
            data[at:at] = chance.choice(TOKENS)
        elif kind == 2:
            del data[at : at + chance.randint(1, 40)]
        elif kind == 3:
            data[at:at] = data[at : at + chance.randint(1, 200)]
        else:
            del data[at:]
        if not data:
            data = bytearray(b"\n")
    return bytes(data)


@pytest.mark.parametrize("target", fuzz_readers.TARGETS)
def test_mutations_of_the_corpus_are_read_or_refused(target):
    if target in PACKAGES:
        pytest.importorskip(PACKAGES[target])
    one = fuzz_readers.reads_or_refuses(target)
    seeds = fuzz_readers.corpus(target)
    chance = random.Random(5)
    for seed in seeds:
        one(seed)
    for _ in range(FEW.get(target, SHORT)):
        one(mutated(chance.choice(seeds), chance))


@pytest.mark.parametrize("target", [t for t in fuzz_readers.TARGETS if t != "library"])
def test_every_seed_is_a_spectrum_or_a_case_that_was_wrong_once(target):
    if target in PACKAGES:
        pytest.importorskip(PACKAGES[target])
    read = fuzz_readers._reader(target)
    good = 0
    for seed in fuzz_readers.corpus(target):
        try:
            read(seed)
            good += 1
        except SpectriageError:
            pass
    assert good


@pytest.mark.full
@pytest.mark.parametrize("target", fuzz_readers.TARGETS)
def test_a_million_inputs(target, tmp_path):
    pytest.importorskip("atheris")
    if target in PACKAGES:
        pytest.importorskip(PACKAGES[target])
    runs = EXECUTIONS.get(target, 1_000_000)
    command = [
        sys.executable,
        fuzz_readers.__file__,
        target,
        f"-runs={runs}",
        f"-artifact_prefix={tmp_path}/",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3_000:]
    assert f"Done {runs} runs" in done.stderr or "DONE" in done.stderr
