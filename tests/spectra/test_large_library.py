"""Libraries that are too large to be held: the same answers, whatever is brought, missed or unreadable."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from spectriage.spectra.compile.mapped import RowSource
from spectriage.spectra.contrast import rows as contrast_rows
from spectriage.spectra.errors import LibraryError
from spectriage.spectra.fitting.library import largest_family
from spectriage.spectra.identify import Identifier
from spectriage.spectra.policy.policy import Policy
from spectriage.spectra.policy.target import Target

SOME = ("pure", "packed four", "two hazards", "noisy", "moved", "coarse two")


def told(engine: Identifier, spectrum) -> str:
    return json.dumps(engine.identify(spectrum).to_json())


@pytest.fixture
def large(monkeypatch):
    """A function that makes the engine of a library that is not held, and keeps as little of it as can be."""

    def make(library, policy=None) -> Identifier:
        monkeypatch.setattr(contrast_rows, "HELD_BYTES", 0)
        monkeypatch.setattr(contrast_rows, "BROUGHT_ROWS", 1)
        monkeypatch.setattr(contrast_rows, "KEPT_ROWS", 1)
        return Identifier(library, policy)

    return make


@pytest.fixture
def brought(monkeypatch) -> list[int]:
    """Every row that a kernel missed."""
    rows: list[int] = []
    bring = contrast_rows._Brought._bring_row

    def noted(self, row: int, place: int) -> None:
        rows.append(row)
        bring(self, row, place)

    monkeypatch.setattr(contrast_rows._Brought, "_bring_row", noted)
    return rows


def test_all_kinds_of_scans_are_answered_alike(engine, large, library, many_kinds, brought, monkeypatch):
    """With room for what the largest step asks for together, and no more: that is the least that will do."""
    rooms = []
    shelf = contrast_rows.ContrastRows.shelf

    def noted(self, room: int):
        rooms.append(room)
        return shelf(self, room)

    monkeypatch.setattr(contrast_rows.ContrastRows, "shelf", noted)
    other = large(library)
    for spectrum in many_kinds.values():
        assert told(other, spectrum) == told(engine, spectrum)
    # a thread's shelf grows to the most that it was asked for, and is emptied over and over
    assert (
        other.index.rows._shelves.own.room
        == max(rooms)
        < contrast_rows.ContrastRows.__len__(other.index.rows)
    )
    assert len(brought) > 5 * max(rooms)


def test_scans_together_are_answered_alike(engine, large, library, many_kinds):
    scans = list(many_kinds.values())
    other = large(library)
    expected = [told(engine, spectrum) for spectrum in scans]
    for threads in (1, 2):
        found = other.identify_each(scans, threads=threads)
        assert [json.dumps(result.to_json()) for result in found] == expected


def test_two_threads_are_answered_alike(engine, large, library, many_kinds):
    other = large(library)
    expected = {name: told(engine, many_kinds[name]) for name in SOME}
    with ThreadPoolExecutor(2) as pool:
        for _ in range(3):
            found = pool.map(lambda name: told(other, many_kinds[name]), SOME)
            assert list(found) == list(expected.values())


def test_a_family_larger_than_a_shelf_is_tried_whole(large, library, many_kinds):
    """All harmless contents of one family: each is a form of the other."""
    records = tuple(
        record if record.hazard.value != "none" or record.is_packaging else replace(record, family="one")
        for record in library.records
    )
    changed = replace(library, records=records)
    whole = Identifier(changed)
    assert largest_family(whole.index) > 400
    other = large(changed)
    for name in SOME:
        assert told(other, many_kinds[name]) == told(whole, many_kinds[name])


def test_more_targets_than_a_shelf_has_places(large, library, many_kinds):
    families = sorted({record.family for record in library.records})[::4]
    policy = Policy(targets=tuple(Target(family, (family,)) for family in families))
    assert len(policy.targets) > 100
    whole, other = Identifier(library, policy), large(library, policy)
    for name in ("packed four", "two hazards"):
        assert told(other, many_kinds[name]) == told(whole, many_kinds[name])


class Failing(RowSource[np.float32]):
    """Rows of which reading one fails, the so many-th that is asked for, by an error of some kind."""

    def __init__(self, source: RowSource[np.float32], after: int, error: BaseException) -> None:
        self.source, self.after, self.error = source, after, error

    def row(self, index: int):
        self.after -= 1
        if self.after == 0:
            raise self.error
        return self.source.row(index)


@pytest.mark.parametrize("error", [LibraryError("the file cannot be read any more"), KeyboardInterrupt()])
def test_a_row_that_cannot_be_read_is_no_answer_and_the_next_one_is_right(
    engine, large, library, many_kinds, error
):
    """Wherever in an identification it happens: each read fails once."""
    other = large(library)
    rows = other.index.rows
    source = rows._derivatives
    for name in ("two hazards", "packed four"):
        spectrum, expected = many_kinds[name], told(engine, many_kinds[name])
        assert told(other, spectrum) == expected
        failed = 0
        for after in (*range(1, 60), *range(60, 400, 17)):
            rows._derivatives = failing = Failing(source, after, error)
            try:
                found = told(other, spectrum)
            except type(error):
                failed += 1
            else:
                assert failing.after > 0
                assert found == expected
            rows._derivatives = source
            assert told(other, spectrum) == expected
        assert failed > 30
