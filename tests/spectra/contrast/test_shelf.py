"""Where kernels find references: each at its own place, or brought when it is asked for."""

import ctypes

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spectriage.spectra.contrast._kernels_shelf import Shelf, find_places
from spectriage.spectra.contrast.rows import BROADENINGS_CM, ContrastRows

POINTS = 3


def held(places: int, bring: int = 0, *, keys: int | None = None) -> Shelf:
    """A shelf of so many places, with a key for each or, for a library that is held, for none."""
    rows = np.zeros((1, places, POINTS), np.float32)
    numbers = np.arange(places, dtype=np.intp)
    kept = np.full(places if keys is None else keys, -1, np.intp)
    return Shelf(
        rows, np.zeros((places, POINTS), bool), numbers, kept, np.zeros(kept.size and 1, np.intp), bring
    )


def find(shelf: Shelf, rows: list[int]) -> list[int]:
    places = np.full(len(rows), -1, np.intp)
    find_places(shelf, np.array(rows, np.intp), places)
    return places.tolist()


@given(st.lists(st.integers(0, 9)))
@settings(deadline=None)
def test_every_row_of_a_library_that_is_held_stands_at_its_own_place(rows):
    assert find(held(10, keys=0), rows) == rows


@given(st.data(), st.integers(1, 6))
@settings(deadline=None)
def test_rows_are_brought_when_they_are_missed(data, room):
    brought: list[int] = []

    def bring(row: int, place: int) -> None:
        brought.append(row)
        shelf.rows[0, place] = row

    kept = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64)(bring)
    shelf = held(room, ctypes.cast(kept, ctypes.c_void_p).value or 0)
    for rows in data.draw(st.lists(st.lists(st.integers(0, 8), max_size=room), max_size=8)):
        before, known = len(brought), set(shelf.keys[: shelf.used[0]].tolist())
        emptied = shelf.used[0] + len(rows) > room
        places = find(shelf, rows)
        assert shelf.rows[0, places, 0].tolist() == rows
        # each once, and what is there is left where it is as long as there is room
        missed = list(dict.fromkeys(row for row in rows if emptied or row not in known))
        assert brought[before:] == missed
        assert shelf.used[0] <= room


def test_more_than_there_is_room_for_is_refused_and_nothing_is_written():
    shelf = held(3)
    with pytest.raises(IndexError, match="more references are asked for together"):
        find(shelf, [1, 2, 3, 4])
    assert shelf.keys.tolist() == [-1, -1, -1]


def test_a_shelf_has_the_room_that_is_asked_for(monkeypatch):
    monkeypatch.setattr("spectriage.spectra.contrast.rows.HELD_BYTES", -1)
    monkeypatch.setattr("spectriage.spectra.contrast.rows.BROUGHT_ROWS", 2)
    rng = np.random.default_rng(1)
    derivatives, spectra = rng.normal(size=(2, 9, 200)).astype(np.float32)
    spectra[4, 50:90] = np.nan
    rows = ContrastRows(derivatives, spectra, 2.0)
    sizes = []
    for room in (1, 2, 5, 3, 9):
        shelf = Shelf(*rows.shelf(room))
        sizes.append(shelf.keys.size)
        # one more than two, one more than five: the shelf is emptied on the way
        for asked in ([4], list(range(room)), [8, 4][:room], [0] * room):
            places = find(shelf, asked)
            for number, width in enumerate(BROADENINGS_CM):
                np.testing.assert_array_equal(shelf.rows[number, places], rows.stack(asked, width))
            np.testing.assert_array_equal(shelf.ranges[shelf.numbers[places]], rows.holds(asked))
        rows.check()
    assert sizes == [2, 2, 5, 5, 9]
