"""Records of a library file: made when asked for, checked at once."""

from __future__ import annotations

from dataclasses import replace

import h5py
import numpy as np
import pytest

from spectriage.library.store import _records
from spectriage.library.store._layout import ID_PATTERN
from spectriage.library.store.file import read_library, write_library
from spectriage.spectra.errors import AlteredLibraryError, LibraryError
from spectriage.spectra.reference import Hazard, LazyRecords, Reference, ReferenceSet, Tier

N, M = 12, 64


def made_records():
    return tuple(
        Reference(
            f"ref-{i:02d}",
            f"substance µ {i}",
            form="HCl" if i % 2 else "",
            hazard=list(Hazard)[i % len(Hazard)],
            tier=list(Tier)[i % len(Tier)],
            excitation_nm=785.0 if i % 3 else None,
        )
        for i in range(N)
    )


def library(records):
    return ReferenceSet(
        records, 200.0 + 2.0 * np.arange(M), np.random.default_rng(0).random((N, M), np.float32)
    )


@pytest.fixture
def path(tmp_path):
    write_library(tmp_path / "library.h5", library(made_records()))
    return tmp_path / "library.h5"


def test_only_what_is_asked_for_is_made(path, monkeypatch):
    made = []
    original = _records.Reference
    monkeypatch.setattr(_records, "Reference", lambda **fields: made.append(fields) or original(**fields))
    opened = read_library(path, verify=False)
    assert made == []
    assert len(opened.records) == len(opened) == N
    assert opened.records[3] == made_records()[3]
    assert opened.records[-1] is opened.records[N - 1] is opened.records[np.int64(N - 1)]
    assert len(made) == 2
    assert opened.ids.tolist() == [record.id.encode() for record in made_records()]
    assert len(made) == 2


def test_they_behave_as_the_tuple_does(path):
    records, expected = read_library(path, verify=False).records, made_records()
    assert isinstance(records, LazyRecords)
    assert records == expected
    assert expected == records
    assert list(reversed(records)) == list(reversed(expected))
    assert records[2:9:3] == expected[2:9:3]
    assert records.index(expected[4]) == 4
    assert expected[5] in records
    assert records != expected[:-1]
    assert records != (*expected[:-1], replace(expected[-1], form="other"))
    assert records != 3
    for row in (N, -N - 1):
        with pytest.raises(IndexError):
            records[row]


def test_a_subset_makes_none_either(path):
    opened = read_library(path, verify=False)
    keep = np.arange(N) % 3 == 1
    part = opened.subset(keep)
    assert part.records == made_records()[1::3]
    assert part.ids.tolist() == opened.ids[1::3].tolist()
    np.testing.assert_array_equal(part.spectra, opened.spectra[1::3])
    assert part.subset(np.array([False, True, False, True])).records == made_records()[4::6]


def test_ids_of_a_tuple():
    assert library(made_records()).ids.tolist() == [record.id.encode() for record in made_records()]


def rewrite(path, name, row, value):
    with h5py.File(path, "r+") as file:
        table = file["references"][...]
        table[name][row] = value
        file["references"][...] = table


@pytest.mark.parametrize("verify", [True, False])
@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("tier", b"guess", "unknown tier"),
        ("hazard", b"", "unknown hazard"),
        ("substance", b"\xff\xfe", "UTF-8"),
        ("id", b"ref-03", "twice"),
        ("id", b"Ref-04", "not a reference id"),
        ("id", b"", "not a reference id"),
        ("id", b"-ref4", "not a reference id"),
        ("id", b"re--f4", "not a reference id"),
        ("id", b"ref-4-", "not a reference id"),
        ("id", b"ref-", "not a reference id"),
        ("id", b"re\x00f-4", "not a reference id"),
        ("id", b"r\xc3\xa9f", "not a reference id"),
    ],
)
def test_a_table_made_to_deceive_is_refused(path, name, value, message, verify):
    rewrite(path, name, 4, value)
    with pytest.raises(AlteredLibraryError, match=message):
        read_library(path, verify=verify)


def test_ids_are_judged_as_by_the_pattern():
    rng = np.random.default_rng(0)
    texts = ["".join(rng.choice(list("ab7--A_ "), size=rng.integers(0, 6))).rstrip("\0") for _ in range(3000)]
    for text in texts:
        bad = _records._first_bad_id(np.array([b"fine-1", text.encode()], dtype="S8"))
        assert (bad is None) == bool(ID_PATTERN.fullmatch(text)), text


def test_ids_in_another_order_are_read(tmp_path):
    records = made_records()
    shuffled = (records[5], *records[:5], *records[6:])
    write_library(tmp_path / "library.h5", library(shuffled))
    assert read_library(tmp_path / "library.h5", verify=False).records == shuffled
    with pytest.raises(LibraryError, match="twice"):
        library((records[5], *records[:5], *records[5:-1]))
