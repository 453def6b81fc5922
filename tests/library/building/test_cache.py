"""The cached catalogue: built once, by content, whole, and never in the way."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from spectriage.library.building import build, cache
from spectriage.library.building.cache import cache_folder, cache_key, default_library, open_library
from spectriage.library.store.file import verify_library
from spectriage.spectra.errors import LibraryError


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("built")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPECTRIAGE_CACHE", str(folder))
        default_library()
    (path,) = folder.iterdir()
    return path


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("SPECTRIAGE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def filled(folder, built) -> Path:
    folder.mkdir()
    path = folder / built.name
    path.write_bytes(built.read_bytes())
    return path


@pytest.fixture(scope="module")
def assembly() -> build.Assembly:
    return build.assemble()


@pytest.fixture
def quick(assembly, monkeypatch) -> None:
    """Spare the tests that are about files the second that building takes."""
    monkeypatch.setattr(build, "assemble", lambda progress=None: assembly)


def refuse(*args, **kwargs):
    raise AssertionError("built again")


def test_built_on_first_use_then_opened(folder, said, monkeypatch):
    steps: list[tuple[str, int, int]] = []
    first = default_library(lambda *step: steps.append(step), notify=said.append)
    assert steps
    assert [path.name for path in folder.iterdir()] == [f"catalogue-{cache_key()}.h5"]
    monkeypatch.setattr(build, "assemble", refuse)
    again = default_library(notify=said.append)
    assert again.sha256 == first.sha256
    assert again.records == first.records
    assert said == []
    assert verify_library(next(folder.iterdir())).sha256 == first.sha256


def test_the_key_follows_the_content(tmp_path, monkeypatch):
    files = [tmp_path / "a.toml", tmp_path / "b.toml"]
    for file in files:
        file.write_text(file.name)
    monkeypatch.setattr(cache, "_content_files", lambda: files)
    keys = {cache_key()}
    assert cache_key() in keys
    files[0].write_text("changed")
    keys.add(cache_key())
    monkeypatch.setattr(cache, "engine_version", lambda: "99")
    keys.add(cache_key())
    monkeypatch.setattr(cache, "SCHEMA", 99)
    keys.add(cache_key())
    monkeypatch.setattr(cache, "_content_files", lambda: files[:1])
    keys.add(cache_key())
    assert len(keys) == 5


def test_the_key_covers_catalogue_and_code():
    names = {path.name for path in cache._content_files()}
    assert {"fentanyls.toml", "render.py", "scores.py", "build.py", "_kernels_grid.py"} <= names


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "foreign"])
@pytest.mark.usefixtures("quick")
def test_a_damaged_file_is_built_again_and_said(filled, built, said, damage):
    content = bytearray(built.read_bytes())
    if damage == "cut":
        content = content[: len(content) // 2]
    elif damage == "flip":
        content[len(content) // 2] ^= 1
    else:
        content = bytearray(b"" if damage == "empty" else b"%PDF")
    filled.write_bytes(content)
    default_library(notify=said.append)
    assert len(said) == 1
    assert "damaged" in said[0]
    assert str(filled) in said[0]
    assert filled.read_bytes() == built.read_bytes()


@pytest.mark.usefixtures("quick")
def test_a_cache_that_cannot_be_written_does_not_stop(tmp_path, built, monkeypatch, said):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("SPECTRIAGE_CACHE", str(tmp_path / "file" / "cache"))
    in_memory = default_library(notify=said.append)
    stored = verify_library(built)
    assert len(said) == 1
    assert "SPECTRIAGE_CACHE" in said[0]
    assert in_memory.sha256 == stored.sha256
    assert in_memory.records == stored.records
    assert in_memory.attributes["history"] == stored.attributes["history"]
    np.testing.assert_array_equal(in_memory.spectra, stored.spectra)
    assert set(in_memory.indexes) == set(stored.indexes)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.usefixtures("quick")
def test_messages_go_to_standard_error(filled, capsys):
    filled.write_bytes(b"")
    default_library()
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "damaged" in captured.err


def test_two_processes_at_once(folder, built):
    code = "from spectriage.library.building.cache import default_library; print(default_library().sha256)"
    running = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    outputs = [process.communicate(timeout=120) for process in running]
    assert [process.returncode for process in running] == [0, 0]
    assert {out.decode().strip() for out, _ in outputs} == {verify_library(built).sha256}
    assert all(err == b"" for _, err in outputs)
    assert [path.name for path in folder.iterdir()] == [built.name]


@pytest.mark.usefixtures("quick")
def test_what_killed_writers_left_is_removed(folder, said):
    folder.mkdir()
    stale, fresh = folder / ".catalogue-a.h5.00.tmp", folder / ".catalogue-a.h5.11.tmp"
    other = folder / "somebody-elses.h5"
    for path in (stale, fresh, other):
        path.write_bytes(b"x")
    old = time.time() - 7200
    os.utime(stale, (old, old))
    for age in range(8):
        path = folder / f"catalogue-{age}.h5"
        path.write_bytes(b"x")
        os.utime(path, (old - age, old - age))
    default_library(notify=said.append)
    left = {path.name for path in folder.iterdir()}
    assert stale.name not in left
    assert {fresh.name, other.name, f"catalogue-{cache_key()}.h5"} <= left
    assert {name for name in left if name.startswith("catalogue-")} == {
        f"catalogue-{cache_key()}.h5",
        "catalogue-0.h5",
        "catalogue-1.h5",
        "catalogue-2.h5",
    }


def test_open_library(filled, built, tmp_path):
    assert open_library(None).sha256 == open_library(built).sha256
    with pytest.raises(LibraryError):
        open_library(tmp_path / "absent.h5")


def test_the_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("SPECTRIAGE_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("SPECTRIAGE_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder().name == "spectriage"


def test_opening_imports_nothing_heavy(filled):
    code = (
        "import sys; from spectriage.library.building.cache import default_library; default_library();"
        "print(*sorted({name.split('.')[0] for name in sys.modules}"
        " & {'matplotlib', 'pybaselines', 'pandas', 'nicegui', 'seabreeze', 'wasatch', 'rich', 'tomllib'}));"
        "print(*[n for n in ('scipy.signal', 'scipy.optimize') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
