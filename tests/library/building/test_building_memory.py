"""Building a large library takes the memory of a small one: spectra go through, they do not gather in it."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from spectriage.bench.sets.made_up import made_up_folder
from spectriage.library.building import build, gathered, indexing
from spectriage.library.building.build import assemble
from spectriage.library.files import scratch
from spectriage.library.store import _layout
from spectriage.library.store.file import content_sha256, read_library, read_natives, write_library
from spectriage.spectra.contrast import rows
from spectriage.spectra.errors import LibraryError
from spectriage.spectra.evidence import null
from spectriage.spectra.signal import Grid

GRID = Grid(200.0, 2240.0, 4.0)
KEPT_BYTES_A_REFERENCE = 4000
"""Names, records and coarse rows; its spectra, matrices and native spectrum take 18,000."""
PROGRAM = """
import sys
from pathlib import Path
from spectriage.library.building.build import build_library

made = build_library(Path(sys.argv[1]), Path(sys.argv[2]))
status = Path("/proc/self/status").read_text()
print(len(made), int(status.split("VmHWM:")[1].split()[0]) // 1024)
"""


def peak_bytes(folder: Path, count: int) -> int:
    """Return the most that Python and numpy held while so many references were built and written."""
    manifest = made_up_folder(folder, count)
    tracemalloc.start()
    try:
        made = assemble(manifest, grid=GRID)
        write_library(folder / "made.h5", made.references, made.natives, made.history)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_spectra(tmp_path, monkeypatch):
    # blocks, and what small libraries hold whole, of a size that both libraries exceed
    monkeypatch.setattr(scratch, "MEMORY_BYTES", 2**16)
    monkeypatch.setattr(gathered, "BLOCK_ROWS", 32)
    monkeypatch.setattr(indexing, "BLOCK_ROWS", 32)
    monkeypatch.setattr(_layout, "BLOCK_BYTES", 2**16)
    monkeypatch.setattr(build, "FULL_SEARCH_LIMIT", 50)
    monkeypatch.setattr(build, "SELF_PRODUCTS", 1)
    monkeypatch.setattr(rows, "HELD_BYTES", 0)
    monkeypatch.setattr(null, "MOST_FAMILIES", 12)
    few, many = 150, 450
    peak_bytes(tmp_path / "first", 50)  # what is loaded and compiled once
    small, large = peak_bytes(tmp_path / "few", few), peak_bytes(tmp_path / "many", many)
    assert large - small < KEPT_BYTES_A_REFERENCE * (many - few)


def test_what_goes_through_files_is_what_stays_in_memory(tmp_path, monkeypatch):
    manifest = made_up_folder(tmp_path / "spectra", 60)
    inside = assemble(manifest, grid=GRID)
    sha256 = content_sha256(inside.references, inside.natives, inside.history)
    write_library(tmp_path / "inside.h5", inside.references, inside.natives, inside.history)
    monkeypatch.setattr(scratch, "MEMORY_BYTES", 1000)
    outside = assemble(manifest, grid=GRID)
    assert write_library(tmp_path / "a.h5", outside.references, outside.natives, outside.history) == sha256
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "inside.h5").read_bytes()
    assert dict(outside.natives) == dict(inside.natives) == read_natives(tmp_path / "a.h5")


def test_a_full_disk_is_told(tmp_path, monkeypatch):
    def full(**kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(scratch, "MEMORY_BYTES", 1000)
    monkeypatch.setattr(scratch.tempfile, "TemporaryFile", full)
    with pytest.raises(LibraryError, match="no room for what a library is made of: No space left"):
        assemble(made_up_folder(tmp_path / "spectra", 20), grid=GRID)


@pytest.mark.full
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_a_hundred_thousand_references_in_a_gigabyte(tmp_path):
    count = 100_000
    manifest = made_up_folder(tmp_path / "spectra", count)
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "large.h5"), str(manifest)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    references, megabytes = (int(word) for word in done.stdout.split())
    assert references > count
    assert megabytes <= 1000
    opened = read_library(tmp_path / "large.h5")
    assert np.array_equal(opened.ids, np.sort(opened.ids))
