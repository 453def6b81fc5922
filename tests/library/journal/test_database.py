"""A journal that several programs open for the first time."""

import sqlite3

import pytest

from spectriage.library.journal import Entry, Journal, unit_key, verify

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
