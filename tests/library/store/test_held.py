"""A library in use is held privately: nothing done to its file crashes or changes what was read."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from spectriage.library.store import held
from spectriage.library.store.file import read_library, read_natives
from spectriage.spectra.compile import MappedFile


def cut_to_nothing(path: Path) -> None:
    os.truncate(path, 0)


def cut_to_half(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def overwrite_in_place(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"\xff" * path.stat().st_size)


def append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def remove(path: Path) -> None:
    path.unlink()


def replace_by_nonsense(path: Path) -> None:
    path.with_name("nonsense").write_bytes(b"nonsense")
    path.with_name("nonsense").replace(path)


HARM = (cut_to_nothing, cut_to_half, overwrite_in_place, append, remove, replace_by_nonsense)


@pytest.mark.parametrize("memory_bytes", [0, 2**30], ids=["mapped", "memory"])
@pytest.mark.parametrize("harm", HARM, ids=lambda harm: harm.__name__)
def test_harm_to_an_open_library(small, small_path, harm, memory_bytes, monkeypatch):
    monkeypatch.setattr(held, "MEMORY_BYTES", memory_bytes)
    opened = read_library(small_path)
    harm(small_path)
    np.testing.assert_array_equal(opened.spectra, small.references.spectra)
    for key, matrix in small.references.indexes.items():
        np.testing.assert_array_equal(opened.indexes[key], matrix)
    assert opened.records == small.references.records


def test_a_large_file_is_mapped_from_a_copy_without_a_name(small_path, monkeypatch, tmp_path):
    monkeypatch.setattr(held, "MEMORY_BYTES", 0)
    monkeypatch.setenv("SPECTRIAGE_CACHE", str(tmp_path / "cache"))
    taken = held.HeldFile(small_path, lambda: tmp_path)
    assert isinstance(taken.mapping, MappedFile)
    assert bytes(taken.buffer) == small_path.read_bytes()
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["small.h5"]


def test_a_held_file_gives_its_natives_too(small, small_path):
    taken = held.HeldFile(small_path)
    cut_to_nothing(small_path)
    assert read_natives(taken) == dict(small.natives)


@pytest.mark.parametrize("harm", [cut_to_nothing, cut_to_half, overwrite_in_place, remove])
def test_a_running_engine_answers_the_same_after_harm(small_manifest, small_path, harm):
    """The program itself, over its streams: on a file that is mapped where it lies this kills it."""
    program = (
        "import sys; from spectriage.library.service.engine import make_engine;"
        "from spectriage.library.service.stream import identify_stream;"
        "from spectriage.library.store import held; held.MEMORY_BYTES = 0;"
        "from pathlib import Path;"
        "identify_stream(make_engine(Path(sys.argv[1])), sys.stdin.buffer, sys.stdout.buffer)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(small_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    answers = []
    for turn in range(3):
        if turn == 1:
            harm(small_path)
        request = {"id": "same", "path": str(small_manifest.parent / f"s{0 if turn < 2 else 7}.csv")}
        process.stdin.write(json.dumps(request).encode() + b"\n")
        process.stdin.flush()
        answer = json.loads(process.stdout.readline())
        answers.append({name: answer[name] for name in ("verdict", "components", "library", "candidates")})
    process.stdin.close()
    assert process.wait(30) == 0
    assert answers[0] == answers[1]
    assert answers[2]["components"][0]["substance"] == "material 7"
