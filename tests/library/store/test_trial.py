"""Unsigned libraries made to stop or crash the HDF5 parser, with checksums that hold, are refused in time."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from spectriage.library.files import cache_folder
from spectriage.library.signing import Trust, generate_key, load_private_key, sign_file
from spectriage.library.signing.keys import add_trusted_key
from spectriage.library.store import held, opening, trial
from spectriage.library.store.file import read_library, write_library
from spectriage.spectra import Reference, ReferenceSet, Spectrum
from spectriage.spectra.errors import AlteredLibraryError, LibraryError

WORD = 0xFFFFFFFF
NODE_SIZE, RECORDS = 9, 33
"""Places in the head of a B-tree of version 2 (HDF5 file format specification, III.A.2)."""


def checksum(data: bytes) -> int:
    """Jenkins' lookup3 (public domain), by which HDF5 protects its metadata."""

    def turned(value: int, by: int) -> int:
        return (value << by | value >> 32 - by) & WORD

    a = b = c = 0xDEADBEEF + len(data) & WORD
    while len(data) > 12:
        first, second, third = (int.from_bytes(data[i : i + 4], "little") for i in (0, 4, 8))
        a, b, c, data = a + first & WORD, b + second & WORD, c + third & WORD, data[12:]
        for by in (4, 6, 8, 16, 19, 4):
            a = (a - c & WORD) ^ turned(c, by)
            c = c + b & WORD
            a, b, c = b, c, a
    rest = data.ljust(12, b"\0")
    a, b, c = (
        value + int.from_bytes(rest[i : i + 4], "little") & WORD for value, i in ((a, 0), (b, 4), (c, 8))
    )
    for by in (14, 11, 25, 16, 4, 14, 24):
        c = (c ^ b) - turned(b, by) & WORD
        a, b, c = b, c, a
    # seven turns of three: the last one stands in the middle
    return b


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A library of so many natives that HDF5 keeps their names in a B-tree."""
    shift = 200.0 + 4.0 * np.arange(64)
    rows = np.random.default_rng(1).random((12, 64)).astype(np.float32)
    records = tuple(Reference(f"ref-{i}", f"substance {i}") for i in range(12))
    natives = {record.id: Spectrum(shift, row) for record, row in zip(records, rows, strict=True)}
    write_library(tmp_path / "library.h5", ReferenceSet(records, shift, rows), natives)
    return tmp_path / "library.h5"


@pytest.fixture(autouse=True)
def tried(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Here files are tried, with a memory of their own."""
    monkeypatch.setattr(opening, "try_parsing", trial.try_parsing)
    monkeypatch.setenv("SPECTRIAGE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def no_child(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise OSError(11, "no more processes")

    monkeypatch.setattr(subprocess, "run", refuse)


def harmed(path: Path, place: int) -> Path:
    """Change one byte of the B-tree of the natives' names, and make its checksum again."""
    content = bytearray(path.read_bytes())
    at = content.index(b"BTHD\x00\x05")
    assert int.from_bytes(content[at + 34 : at + 38], "little") == checksum(bytes(content[at : at + 34]))
    content[at + place] = 0x80
    content[at + 34 : at + 38] = checksum(bytes(content[at : at + 34])).to_bytes(4, "little")
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("memory_bytes", [0, 2**30], ids=["mapped", "memory"])
def test_a_file_that_stops_the_parser(library, monkeypatch, memory_bytes):
    monkeypatch.setattr(held, "MEMORY_BYTES", memory_bytes)
    # HDF5 spends some seconds on this one
    monkeypatch.setattr(trial, "SECONDS", 0.5)
    with pytest.raises(AlteredLibraryError, match="does not come to an end with it in"):
        read_library(harmed(library, NODE_SIZE))


@pytest.mark.parametrize("memory_bytes", [0, 2**30], ids=["mapped", "memory"])
def test_a_file_that_crashes_the_parser(library, monkeypatch, memory_bytes):
    monkeypatch.setattr(held, "MEMORY_BYTES", memory_bytes)
    with pytest.raises(AlteredLibraryError, match="the HDF5 library fails on it"):
        read_library(harmed(library, RECORDS))


def test_what_came_through_is_not_tried_again(library, monkeypatch):
    assert len(read_library(library)) == 12
    with monkeypatch.context() as patch:
        patch.setattr(subprocess, "run", None)
        assert len(read_library(library)) == 12
    with pytest.raises(AlteredLibraryError, match="fails on it"):
        read_library(harmed(library, RECORDS))


def test_the_memory_of_what_came_through_is_bounded(library, monkeypatch):
    monkeypatch.setattr(trial, "KEPT_LINES", 6)
    kept = cache_folder() / trial.REMEMBERED
    kept.parent.mkdir()
    kept.write_text("".join(f"{i}\n" for i in range(6)))
    read_library(library)
    lines = kept.read_text().splitlines()
    assert lines[:3] == ["3", "4", "5"]
    assert len(lines) == 4


def test_no_process_for_it(library, no_child):
    with pytest.raises(LibraryError, match="no process can be started to try it in: no more processes"):
        read_library(library)


def test_what_is_signed_is_believed(library, tmp_path, no_child):
    generate_key(tmp_path / "key", "the lab")
    add_trusted_key(tmp_path / "trusted", tmp_path / "key.pub")
    taken = held.HeldFile(library)
    sign_file(library, "ours", taken.sha256, len(taken), load_private_key(tmp_path / "key"), 1)
    assert len(read_library(library, trust=Trust(require=True, keys=tmp_path / "trusted"))) == 12
