"""A library file that somebody changes, or takes the name of, while it is being opened."""

import hashlib
import os

import pytest

from spectriage.library.store.file import write_library
from spectriage.library.store.held import SUPERBLOCK_BYTES, HeldFile
from spectriage.spectra.errors import AlteredLibraryError, ForeignFileError


@pytest.mark.parametrize(
    ("after", "written", "error", "says"),
    [
        ("the rest", lambda content: content[::-1], AlteredLibraryError, "changed while"),
        # only what is held says what it is
        ("the head", lambda content: content[:8] + b"\0" + content[9:], ForeignFileError, "layout 0"),
    ],
)
def test_a_file_written_over_by_who_sets_the_time_back(small_path, monkeypatch, after, written, error, says):
    real = os.read
    times = small_path.stat().st_atime_ns, small_path.stat().st_mtime_ns
    writes = iter([written(small_path.read_bytes())])

    def read(descriptor: int, count: int) -> bytes:
        found = real(descriptor, count)
        if (count == SUPERBLOCK_BYTES) == (after == "the head"):
            for each in writes:
                small_path.write_bytes(each)
                os.utime(small_path, ns=times)
        return found

    monkeypatch.setattr(os, "read", read)
    with pytest.raises(error, match=says):
        HeldFile(small_path)
    assert not list(writes)


def test_a_file_that_cannot_be_read_once_more(small_path, monkeypatch):
    """Its status has changed, and the server does not know it any more: it may not be the same."""
    real, done = os.read, []

    def read(descriptor: int, count: int) -> bytes:
        if count > SUPERBLOCK_BYTES:
            if done:
                raise OSError(116, "Stale file handle")
            done.append(count)
            small_path.chmod(0o600 if small_path.stat().st_mode & 0o077 else 0o644)
        return real(descriptor, count)

    monkeypatch.setattr(os, "read", read)
    with pytest.raises(AlteredLibraryError, match="changed while"):
        HeldFile(small_path)


@pytest.mark.parametrize("happens", ["replaced", "removed", "linked"])
def test_a_file_that_loses_its_name_while_it_is_read(happens, small, small_path, tmp_path, monkeypatch):
    """An import puts a new file under the name: who has opened the old one reads that, as it was."""
    if os.name == "nt" and happens != "linked":
        pytest.skip("an open file keeps its name here")
    real = os.read
    content = small_path.read_bytes()
    new = tmp_path / "new.h5"
    write_library(new, small.references, small.natives, ["newer"])
    todo = iter([happens])

    def read(descriptor: int, count: int) -> bytes:
        found = real(descriptor, count)
        if count > SUPERBLOCK_BYTES:
            for each in todo:
                if each == "replaced":
                    os.replace(new, small_path)
                elif each == "removed":
                    small_path.unlink()
                else:
                    os.link(small_path, tmp_path / "another.h5")
        return found

    monkeypatch.setattr(os, "read", read)
    held = HeldFile(small_path)
    assert not list(todo)
    assert bytes(held.buffer) == content
    assert held.sha256 == hashlib.sha256(content).hexdigest()
