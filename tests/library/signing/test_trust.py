"""Attacks on a signed library: each is refused with its own reason before anything is parsed, or harmless."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from spectriage.library.signing import (
    InvalidSignatureError,
    MissingSignatureError,
    RollbackError,
    SignatureError,
    Trust,
    UntrustedKeyError,
    generate_key,
    load_private_key,
    sign_file,
    signature_path,
)
from spectriage.library.signing.keys import add_trusted_key
from spectriage.library.signing.signature import read_signatures, write_signatures
from spectriage.library.store.file import hold_library, read_library, write_library
from spectriage.library.store.held import HeldFile
from spectriage.library.store.update import install_library, previous_path
from spectriage.spectra.errors import AlteredLibraryError, LibraryError, TruncatedLibraryError


def sign(path: Path, key: Path, serial: int = 1) -> None:
    held = HeldFile(path)
    sign_file(path, "small", held.sha256, len(held), load_private_key(key), serial)


@pytest.fixture
def key(tmp_path) -> Path:
    generate_key(tmp_path / "key", "the lab")
    add_trusted_key(tmp_path / "trusted", tmp_path / "key.pub")
    return tmp_path / "key"


@pytest.fixture
def trust(tmp_path) -> Trust:
    return Trust(require=True, keys=tmp_path / "trusted")


@pytest.fixture
def signed(small_path, key) -> Path:
    sign(small_path, key)
    return small_path


@pytest.fixture
def no_parser(monkeypatch):
    """From here on the HDF5 parser must not be asked for anything."""

    def fail(*_args: object, **_kwargs: object) -> None:
        raise AssertionError("the parser saw an unchecked file")

    monkeypatch.setattr(h5py, "File", fail)


def test_a_signed_library_opens_and_says_by_whom(signed, trust):
    opened = read_library(signed, trust=trust)
    assert opened.attributes["signed"].key.comment == "the lab"
    assert opened.attributes["signed"].statement.serial == 1


def test_no_signature(small_path, key, trust, no_parser):
    with pytest.raises(MissingSignatureError, match="not signed"):
        read_library(small_path, trust=trust)


def test_without_a_requirement_an_unsigned_library_opens(small_path, key, tmp_path):
    assert read_library(small_path, trust=Trust(keys=tmp_path / "trusted")).attributes["signed"] is None


def test_one_flipped_byte_anywhere(signed, trust, tmp_path, no_parser):
    content = signed.read_bytes()
    rng = np.random.default_rng(5)
    places = [int(place) for place in rng.integers(48, len(content), 100)]
    for place in [*places, 0, 9, 30, len(content) - 1]:
        altered = bytearray(content)
        altered[place] ^= 1 << int(rng.integers(8))
        signed.write_bytes(altered)
        with pytest.raises(LibraryError) as caught:
            read_library(signed, trust=trust)
        if place >= 48:
            assert isinstance(caught.value, InvalidSignatureError)
            assert "not of this file" in str(caught.value)


def test_truncated_at_200_offsets(signed, trust, no_parser):
    content = signed.read_bytes()
    rng = np.random.default_rng(6)
    for cut in [*range(0, 60, 4), *rng.integers(60, len(content), 185).tolist()]:
        signed.write_bytes(content[:cut])
        with pytest.raises(TruncatedLibraryError):
            read_library(signed, trust=trust)


def test_rows_swapped_and_every_hash_made_again(signed, small, trust, no_parser):
    from dataclasses import replace

    indexes = {name: matrix[::-1].copy() for name, matrix in small.references.indexes.items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.undo()
        content = small_copy(small, replace(small.references, indexes=indexes), signed.parent)
    signed.write_bytes(content)
    with pytest.raises(InvalidSignatureError, match="not of this file"):
        read_library(signed, trust=trust)


def small_copy(small, references, folder: Path) -> bytes:
    """Write a library in a process of its own: here the parser is off."""
    import pickle
    import subprocess
    import sys

    (folder / "in.pickle").write_bytes(pickle.dumps((references, dict(small.natives), list(small.history))))
    program = (
        "import pickle; from spectriage.library.store import write_library;"
        "write_library('resealed.h5', *pickle.load(open('in.pickle', 'rb')))"
    )
    subprocess.run([sys.executable, "-c", program], cwd=folder, check=True)
    return (folder / "resealed.h5").read_bytes()


def test_a_key_that_nobody_trusts(small_path, tmp_path, trust, key, no_parser):
    generate_key(tmp_path / "stranger")
    sign(small_path, tmp_path / "stranger")
    for strictness in (trust, Trust(keys=tmp_path / "trusted")):
        with pytest.raises(UntrustedKeyError, match="is not trusted"):
            read_library(small_path, trust=strictness)


def test_a_revoked_key(signed, trust, tmp_path, no_parser):
    with (tmp_path / "trusted").open("a") as file:
        file.write("revoked " + (tmp_path / "key.pub").read_text())
    with pytest.raises(UntrustedKeyError, match="revoked"):
        read_library(signed, trust=trust)


def test_a_strangers_key_under_a_trusted_name(small_path, tmp_path, trust, key):
    """The key beside a signature says nothing: only the trusted one's bytes count."""
    generate_key(tmp_path / "stranger")
    sign(small_path, tmp_path / "stranger")
    beside = signature_path(small_path)
    content = json.loads(beside.read_text())
    sign(small_path, key)
    content["signatures"][0]["key"] = json.loads(beside.read_text())["signatures"][0]["key"]
    beside.write_text(json.dumps(content))
    with pytest.raises(InvalidSignatureError, match="forged"):
        read_library(small_path, trust=trust)


@pytest.mark.parametrize("field", ["serial", "library", "size", "sha256", "signed_at"])
def test_a_statement_that_was_edited(signed, trust, field):
    beside = signature_path(signed)
    content = json.loads(beside.read_text())
    said = content["signatures"][0]["statement"]
    said[field] = said[field] + 1 if isinstance(said[field], int) else said[field][::-1]
    beside.write_text(json.dumps(content))
    with pytest.raises(InvalidSignatureError):
        read_library(signed, trust=trust)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff\xfe",
        b"[" * 10_000,
        b'{"format":"spectriage-signature","version":1}',
        b"x" * 99_999,
    ],
)
def test_a_signature_file_that_is_none(signed, trust, content, no_parser):
    signature_path(signed).write_bytes(content)
    for strictness in (trust, Trust()):
        with pytest.raises(InvalidSignatureError, match="damaged"):
            read_library(signed, trust=strictness)


def test_an_older_release(small, signed, trust, key, tmp_path, no_parser):
    old = Path(shutil.copy(signed, tmp_path / "old.h5"))
    sign(old, key, serial=1)
    new = Path(shutil.copy(signed, tmp_path / "new.h5"))
    sign(new, key, serial=2)
    hold_library(old, trust)
    hold_library(new, trust)
    with pytest.raises(RollbackError, match="older than 2"):
        hold_library(old, trust)
    # not even when the signed file is another one under the same number
    allowed = Trust(require=True, keys=trust.keys, allow_rollback=True)
    assert hold_library(old, allowed).signed.statement.serial == 1
    hold_library(new, trust)


def test_one_number_for_two_contents(small, signed, trust, key, tmp_path):
    hold_library(signed, trust)
    other = tmp_path / "other.h5"
    write_library(other, small.references, small.natives, ["another"])
    sign(other, key, serial=1)
    with pytest.raises(RollbackError, match="other content"):
        hold_library(other, trust)


def test_a_damaged_memory_of_releases_is_not_forgotten(signed, trust, tmp_path):
    hold_library(signed, trust)
    (tmp_path / "state" / "library-releases.json").write_text("{")
    with pytest.raises(SignatureError, match="memory of releases seen is damaged"):
        hold_library(signed, trust)


def test_a_symlink_is_followed_once_and_what_it_led_to_is_checked(signed, trust, tmp_path, small):
    link = tmp_path / "link.h5"
    link.symlink_to(signed)
    with pytest.raises(MissingSignatureError):
        read_library(link, trust=trust)
    shutil.copy(signature_path(signed), signature_path(link))
    assert len(read_library(link, trust=trust)) == len(small.references)
    other = tmp_path / "other.h5"
    write_library(other, small.references, small.natives, ["another"])
    link.unlink()
    link.symlink_to(other)
    with pytest.raises(InvalidSignatureError, match="not of this file"):
        read_library(link, trust=trust)
    link.unlink()
    link.symlink_to(link.name)
    with pytest.raises(LibraryError, match="cannot be opened"):
        read_library(link, trust=trust)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path, trust):
    os.mkfifo(tmp_path / "pipe.h5")
    with pytest.raises(LibraryError, match="no regular file"):
        read_library(tmp_path / "pipe.h5", trust=trust)
    with pytest.raises(LibraryError, match="no regular file"):
        read_library("/dev/zero", trust=trust)


def test_installing_keeps_the_one_before_and_never_a_pair_that_does_not_fit(
    small, signed, trust, key, tmp_path, monkeypatch
):
    new = tmp_path / "new.h5"
    write_library(new, small.references, small.natives, ["newer"])
    sign(new, key, serial=2)
    held = hold_library(new, trust)
    before = signed.read_bytes()
    allowed = Trust(require=True, keys=trust.keys, allow_rollback=True)

    # die at every step: the name always holds a whole library with a signature that fits
    real = os.fsync
    for dies_at in range(1, 14):
        left = iter(range(dies_at - 1, -1, -1))

        def fsync(descriptor: int, left: Iterator[int] = left) -> None:
            if next(left, None) == 0:
                raise KeyboardInterrupt
            real(descriptor)

        monkeypatch.setattr(os, "fsync", fsync)
        try:
            install_library(held, signed)
        except KeyboardInterrupt:
            monkeypatch.setattr(os, "fsync", real)
            assert hold_library(signed, allowed).sha256
            continue
        monkeypatch.setattr(os, "fsync", real)
        break
    else:
        raise AssertionError("never got through")
    assert dies_at > 3
    assert signed.read_bytes() == new.read_bytes()
    assert hold_library(signed, trust).signed.statement.serial == 2
    assert [each.statement.serial for each in read_signatures(signature_path(signed))] == [2]
    assert previous_path(signed).read_bytes() in (before, new.read_bytes())
    assert not list(tmp_path.glob(".*.tmp"))


def test_an_install_that_is_not_interrupted_keeps_the_one_before(small, signed, trust, key, tmp_path):
    new = tmp_path / "new.h5"
    write_library(new, small.references, small.natives, ["newer"])
    sign(new, key, serial=2)
    before = signed.read_bytes()
    kept = install_library(hold_library(new, trust), signed)
    assert kept is not None
    assert kept.read_bytes() == before
    allowed = Trust(require=True, keys=trust.keys, allow_rollback=True)
    assert hold_library(kept, allowed).signed.statement.serial == 1


def test_two_statements_and_only_the_one_that_fits_counts(small, signed, trust, key, tmp_path):
    other = tmp_path / "other.h5"
    write_library(other, small.references, small.natives, ["another"])
    sign(other, key, serial=2)
    both = [*read_signatures(signature_path(other)), *read_signatures(signature_path(signed))]
    write_signatures(signature_path(signed), both)
    assert hold_library(signed, trust).signed.statement.serial == 1


def test_a_file_changed_while_it_is_read(signed, trust, monkeypatch):
    real = os.read
    content = signed.read_bytes()

    def read(descriptor: int, count: int) -> bytes:
        found = real(descriptor, count)
        if count > 48:
            signed.write_bytes(content[::-1])
        return found

    monkeypatch.setattr(os, "read", read)
    with pytest.raises(AlteredLibraryError, match="changed while"):
        read_library(signed, trust=trust)
