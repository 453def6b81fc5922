"""The journal: what is written stays, and whatever is done to it afterwards is found."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from spectriage.library.journal import (
    AlteredJournalError,
    Entry,
    Journal,
    JournalError,
    JournalFullError,
    canonical_json,
    unit_key,
    verify,
)
from spectriage.library.journal.entry import compress, decompress, pack_array, unpack_array
from spectriage.library.journal.head import head_path


@pytest.fixture
def key(tmp_path):
    return unit_key(tmp_path / "unit.key")


def entry(index, *, verdict="NO_ALARM"):
    return Entry(
        "scan",
        {"result": {"verdict": verdict, "summary": f"summary {index}"}, "input": f"item {index}"},
        {"counts": np.arange(16.0) + index, "saturated": np.arange(16) > index},
        {"calibration": b"the same for all"},
    )


@pytest.fixture
def written(tmp_path, key):
    path = tmp_path / "journal.db"
    with Journal(path, key) as journal:
        for index in range(5):
            journal.append(entry(index))
    return path


def problems(path, **options):
    return verify(path, **options).problems


def test_what_is_written_is_read_and_intact(written):
    assert problems(written) == []
    with Journal(written, readonly=True) as journal:
        assert len(journal) == 5
        assert [line.number for line in journal.lines()] == [5, 4, 3, 2, 1]
        assert [line.summary for line in journal.lines(last=2)] == ["summary 4", "summary 3"]
        record = journal.record(3)
        assert journal.record(record.hash.hex()[:12]) == record
        payload = json.loads(record.payload)
        assert (
            unpack_array(journal.blob(payload["blobs"]["counts"])).tolist() == (np.arange(16.0) + 2).tolist()
        )
        assert unpack_array(journal.blob(payload["blobs"]["saturated"])).dtype == np.bool_
        # what all records share is kept once
        assert len(journal.blob_names()) == 11


def test_whoever_waits_is_told_once_a_record_is_on_the_disk_and_before_its_head(tmp_path, key):
    path, told = tmp_path / "journal.db", []

    def committed(record):
        # as another program sees it, and as it stands after a loss of power: in a copy of the files
        with Journal(path, readonly=True) as other:
            told.append((other.record(record.number) == record, head_path(path).exists()))

    with Journal(path, key) as journal:
        made = journal.append(entry(0), committed)
        assert told == [(True, False)]
        assert head_path(path).exists()

        def fails(record):
            raise RuntimeError("nobody listens")

        with pytest.raises(RuntimeError):
            journal.append(entry(1), fails)
    # the record and its head are whole all the same
    assert problems(path) == []
    with Journal(path, readonly=True) as journal:
        assert (len(journal), journal.record(1)) == (2, made)


def test_a_record_is_found_by_the_hash_of_a_report(written):
    with Journal(written, readonly=True) as journal:
        made = journal.record(2).hash.hex()
    assert problems(written, wanted=made[:16]) == []
    assert "no record has the hash" in problems(written, wanted="0" * 16)[0]


def edit(path, *statements):
    database = sqlite3.connect(path)
    for statement, *values in statements:
        database.execute(statement, values)
    database.commit()
    database.close()


COLUMNS = {
    "kind": "note",
    "time": "2020-01-01T00:00:00.000000+00:00",
    "verdict": "ALARM",
    "summary": "something else",
    "payload": b'{"kind":"scan"}',
    "previous": bytes(32),
    "hash": bytes(range(32)),
    "signature": bytes(64),
}


@pytest.mark.parametrize("column", COLUMNS)
def test_an_edited_field_is_found(written, column):
    edit(written, (f"UPDATE records SET {column} = ? WHERE number = 3", COLUMNS[column]))
    assert any("record 3" in said for said in problems(written))


@pytest.mark.parametrize(
    ("statements", "said"),
    [
        ([("DELETE FROM records WHERE number = 3",)], "a record is missing"),
        ([("DELETE FROM records WHERE number = 5",)], "the end was cut off"),
        ([("DELETE FROM records",)], "the end was cut off"),
        (
            [
                ("UPDATE records SET number = 99 WHERE number = 2",),
                ("UPDATE records SET number = 2 WHERE number = 3",),
                ("UPDATE records SET number = 3 WHERE number = 99",),
            ],
            "record 2: does not follow",
        ),
        (
            [
                (
                    "INSERT INTO records SELECT 6, kind, time, verdict, summary, payload, hash, "
                    "randomblob(32), signature FROM records WHERE number = 5",
                )
            ],
            "record 6",
        ),
        ([("DELETE FROM blobs WHERE rowid IS NULL OR sha256 LIKE '%' AND length(data) > 0",)], "is gone"),
        ([("UPDATE blobs SET data = ?", compress(b"other"))], "was changed"),
        ([("UPDATE blobs SET data = x'00'",)], "damaged"),
        ([("INSERT INTO blobs VALUES ('aa', x'00')",)], "belongs to no record"),
        ([("UPDATE journal SET value = ? WHERE key = 'public_key'", bytes(range(32)))], "signature"),
        ([("UPDATE journal SET value = ? WHERE key = 'id'", b"other")], "another journal's"),
    ],
)
def test_what_is_removed_added_moved_or_cut_off_is_found(written, statements, said):
    edit(written, *[tuple(s) for s in statements]) if "rowid" not in statements[0][0] else edit(
        written, ("DELETE FROM blobs",)
    )
    assert any(said in problem for problem in problems(written)), problems(written)


def test_an_edit_with_a_new_chain_lacks_the_units_signature(written, tmp_path):
    """Somebody without the unit's key makes the whole chain anew."""
    other = unit_key(tmp_path / "other.key")
    with Journal(written, readonly=True) as journal:
        genuine = journal.public_key
    forged = tmp_path / "forged.db"
    with Journal(forged, other) as journal:
        for index in range(5):
            journal.append(entry(index, verdict="NO_ALARM"))
    assert problems(forged) == []
    assert "the journal's key is not the unit's" in problems(forged, public_key=genuine)


def test_a_cut_tail_is_found_by_the_head_and_an_older_head_is_no_damage(written, key):
    old = head_path(written).read_bytes()
    with Journal(written, key) as journal:
        journal.append(entry(5))
    new = head_path(written).read_bytes()
    head_path(written).write_bytes(old)
    assert problems(written) == []
    head_path(written).write_bytes(new)
    edit(written, ("DELETE FROM records WHERE number = 6",))
    assert any("the end was cut off" in said for said in problems(written))
    head_path(written).unlink()
    assert any("head beside the journal is missing" in said for said in problems(written))
    head_path(written).write_text("{}")
    assert any("signed head is damaged" in said for said in problems(written))


@given(values=hnp.arrays(np.float64, st.integers(0, 40), elements=st.floats(allow_nan=True)))
def test_arrays_come_back_byte_for_byte(values):
    assert unpack_array(pack_array(values)).tobytes() == values.astype("<f8").tobytes()


@given(data=st.binary(max_size=200))
def test_what_was_not_packed_is_refused(data):
    for read in (unpack_array, decompress):
        try:
            read(data)
        except AlteredJournalError:
            continue


def test_bytes_do_not_depend_on_the_order_of_fields():
    assert (
        canonical_json({"b": 1, "a": "é"}) == canonical_json({"a": "é", "b": 1}) == '{"a":"é","b":1}'.encode()
    )
    with pytest.raises(ValueError, match="JSON"):
        canonical_json(float("nan"))


def test_a_clock_set_back_is_recorded(tmp_path, key):
    times = [datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)]
    with Journal(tmp_path / "j.db", key, now=lambda: times.pop(0)) as journal:
        said = [json.loads(journal.append(entry(index)).payload)["clock"] for index in range(2)]
    assert said == ["ok", "set back"]
    assert problems(tmp_path / "j.db") == []


def test_a_full_disk_writes_nothing_and_says_so(written, key):
    with Journal(written, key) as journal:
        (pages,) = journal._database.execute("PRAGMA page_count").fetchone()
        journal._database.execute(f"PRAGMA max_page_count={pages}")
        big = Entry("photo", {"text": "x"}, files={"photo": os.urandom(200_000)})
        with pytest.raises(JournalFullError, match="room"):
            journal.append(big)
        assert len(journal) == 5
    assert problems(written) == []


def test_a_medium_that_cannot_be_written(tmp_path, key):
    with pytest.raises(JournalError, match="cannot be"):
        Journal(tmp_path / "no" / "such" / "j.db", key)
    with pytest.raises(JournalError, match="there is no journal"):
        Journal(tmp_path / "none.db", readonly=True)
    (tmp_path / "text.db").write_text("this is text, and long enough to be read as something else" * 9)
    with pytest.raises(JournalError, match=r"damaged|not a journal"):
        Journal(tmp_path / "text.db", key)
    edit(tmp_path / "other.db", ("CREATE TABLE t (a)",))
    with pytest.raises(JournalError, match="not a journal"):
        Journal(tmp_path / "other.db", key)


def test_another_unit_does_not_write_this_ones_journal(written, tmp_path):
    with pytest.raises(JournalError, match="another unit's"):
        Journal(written, unit_key(tmp_path / "other.key"))


def test_the_key_is_made_once_for_its_owner_alone(tmp_path):
    file = tmp_path / "deep" / "unit.key"
    keys = []
    threads = [threading.Thread(target=lambda: keys.append(unit_key(file).public)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 8
    assert len(set(keys)) == 1
    assert file.stat().st_mode & 0o777 == 0o600
    file.write_bytes(b"short")
    with pytest.raises(JournalError, match="damaged"):
        unit_key(file)


WRITER = """
import sys
import numpy as np
from pathlib import Path
from spectriage.library.journal import Entry, Journal, unit_key
path, key, count = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
with Journal(path, unit_key(key)) as journal:
    for index in range(count):
        made = journal.append(Entry("scan", {"text": str(index)}, {"counts": np.arange(256.0) + index}))
        print(made.number, made.hash.hex(), flush=True)
"""


def writer(path, key, count):
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), str(key), str(count)], stdout=subprocess.PIPE, text=True
    )


def test_a_file_that_another_program_is_about_to_write_is_waited_for(tmp_path):
    path, key = tmp_path / "j.db", tmp_path / "unit.key"
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("CREATE TABLE t (x)")
    other.execute("DROP TABLE t")
    other.execute("BEGIN IMMEDIATE")
    letting_go = threading.Timer(0.3, other.execute, ("COMMIT",))
    letting_go.start()
    with Journal(path, unit_key(key)) as journal:
        assert journal.append(Entry("scan", {"text": "1"})).number == 1
    letting_go.join()
    other.close()
    assert problems(path) == []


def test_two_programs_write_one_chain(tmp_path):
    path, key = tmp_path / "j.db", tmp_path / "unit.key"
    both = [writer(path, key, 30) for _ in range(2)]
    numbers = [int(line.split()[0]) for one in both for line in one.communicate(timeout=60)[0].splitlines()]
    assert sorted(numbers) == list(range(1, 61))
    assert problems(path) == []


def killed(path, key, rng):
    """Kill a writer at a random moment; return the hashes that it had said were recorded."""
    one = writer(path, key, 100_000)
    said = []
    assert one.stdout is not None
    for _ in range(int(rng.integers(1, 12))):
        said.append(one.stdout.readline().split()[1])
    one.send_signal(signal.SIGKILL)
    rest, _ = one.communicate(timeout=60)
    return said + [line.split()[1] for line in rest.splitlines() if len(line.split()) == 2]


def survives(tmp_path, times):
    path, key = tmp_path / "j.db", tmp_path / "unit.key"
    rng = np.random.default_rng(0)
    said = []
    for _ in range(times):
        said += killed(path, key, rng)
    found = verify(path)
    assert found.problems == []
    with Journal(path, readonly=True) as journal:
        kept = {line.hash for line in journal.lines()}
    assert set(said) <= kept


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_no_committed_record_is_lost_when_the_writer_is_killed(tmp_path):
    survives(tmp_path, 5)


@pytest.mark.full
def test_no_committed_record_is_lost_in_500_kills(tmp_path):
    survives(tmp_path, 500)


@settings(max_examples=25, deadline=None)
@given(place=st.integers(0, 10**9), value=st.integers(1, 255))
def test_one_changed_byte_anywhere_is_found_or_harmless(tmp_path_factory, place, value):
    """Any byte of the file: the content read is what was written, or the change is told."""
    folder = tmp_path_factory.mktemp("flip")
    key = unit_key(folder / "unit.key")
    path = folder / "j.db"
    with Journal(path, key) as journal:
        for index in range(3):
            journal.append(entry(index))
        before = [record for record, _ in journal.records()]
    data = bytearray(path.read_bytes())
    data[place % len(data)] ^= value
    path.write_bytes(bytes(data))
    try:
        found = verify(path)
        if found.intact:
            with Journal(path, readonly=True) as journal:
                assert [record for record, _ in journal.records()] == before
    except JournalError:
        return


def test_the_clock_only_goes_on(written, key):
    with Journal(written, key, now=lambda: datetime.now(UTC) + timedelta(days=1)) as journal:
        assert json.loads(journal.append(entry(9)).payload)["clock"] == "ok"
