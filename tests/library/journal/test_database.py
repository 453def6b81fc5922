"""A journal that other programs make, or write, in the middle of what one does."""

import sqlite3

import numpy as np
import pytest

from spectriage.library.journal import Entry, Journal, unit_key, verify, verifying
from spectriage.library.journal.head import Head

connect = sqlite3.connect


@pytest.mark.parametrize("moment", range(1, 6))
def test_a_file_that_another_program_makes_meanwhile_is_a_journal(tmp_path, monkeypatch, moment):
    """The other program makes it before one of the first steps of this one."""
    path, key = tmp_path / "j.db", unit_key(tmp_path / "unit.key")
    steps = []

    class Watched(sqlite3.Connection):
        def execute(self, statement, *values):
            steps.append(statement)
            if len(steps) == moment:
                monkeypatch.undo()
                Journal(path, key).close()
            return super().execute(statement, *values)

    monkeypatch.setattr(sqlite3, "connect", lambda *a, **k: connect(*a, **k, factory=Watched))
    with Journal(path, key) as journal:
        assert journal.append(Entry("scan", {"text": "1"})).number == 1
    assert len(steps) >= moment
    assert verify(path).problems == []


def test_what_is_recorded_while_it_is_verified_is_no_fault(tmp_path, monkeypatch):
    path, key = tmp_path / "j.db", unit_key(tmp_path / "unit.key")
    monkeypatch.setattr(verifying, "TELL_EVERY", 1)
    with Journal(path, key) as journal:

        def record(*_):
            counts = np.arange(16.0) + len(journal)
            journal.append(Entry("scan", {"text": "1"}, {"counts": counts}))

        for _ in range(3):
            record()
        for there in (3, 6):
            found = verify(path, progress=record)
            assert (found.problems, found.records, len(journal)) == ([], there, 2 * there)


def test_what_is_recorded_while_the_head_is_read_is_no_fault(tmp_path, monkeypatch):
    path, key = tmp_path / "j.db", unit_key(tmp_path / "unit.key")
    with Journal(path, key) as journal:
        journal.append(Entry("scan", {"text": "1"}))
        real = Head.read

        def read(*where):
            journal.append(Entry("scan", {"text": "before"}))
            head = real(*where)
            journal.append(Entry("scan", {"text": "after"}))
            return head

        monkeypatch.setattr(Head, "read", read)
        assert (verify(path).problems, len(journal)) == ([], 3)
