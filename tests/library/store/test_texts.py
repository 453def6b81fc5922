"""Compact columns of text give back what was put in, as the array they stand for would."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectriage.library.store import _texts
from spectriage.library.store._texts import FewTexts, OwnTexts

WIDTH = 12
values = st.lists(st.binary(max_size=WIDTH).map(lambda b: b.rstrip(b"\0")), max_size=60)


@pytest.mark.parametrize("kind", [OwnTexts, FewTexts])
@given(texts=values, cut=st.integers(1, 20), data=st.data())
def test_what_was_put_in(kind, texts, cut, data):
    whole = np.array(texts, f"S{WIDTH}")
    column = kind(whole.size, WIDTH)
    for start in range(0, whole.size, cut):
        column.add(whole[start : start + cut])
    column = column.done()
    assert len(column) == whole.size
    made = np.asarray(column)
    assert made.dtype == whole.dtype
    assert made.tolist() == whole.tolist()
    rows = np.array(data.draw(st.lists(st.integers(0, max(0, whole.size - 1)), max_size=9)), np.intp)
    if whole.size:
        assert column[rows].tolist() == whole[rows].tolist()


@pytest.mark.parametrize("count", [255, 256, 257, 65_537])
def test_more_than_a_few(count):
    whole = np.array([str(i).encode() for i in range(count)], "S6")
    column = FewTexts(count, 6)
    for start in range(0, count, 1000):
        column.add(whole[start : start + 1000])
    assert (np.asarray(column) == whole).all()


def test_a_part_of_a_record_array_and_many_rows(monkeypatch):
    monkeypatch.setattr(_texts, "EXPANDED_ROWS", 7)
    table = np.zeros(50, [("id", "S20"), ("number", "<f8")])
    table["id"] = [f"reference-{i}".encode() for i in range(50)]
    column = OwnTexts(50, 20)
    column.add(table["id"])
    assert (np.asarray(column.done()) == table["id"]).all()


def test_the_room_is_that_of_the_letters():
    count, width = 20_000, 200
    whole = np.array([f"made-up-{i:06d}".encode() for i in range(count)], f"S{width}")
    column = OwnTexts(count, width)
    column.add(whole)
    column.done()
    held = column._ends.nbytes + sum(part.nbytes for part in column._parts)
    assert held == 14 * count + 4 * (count + 1)
    assert held < whole.nbytes / 10
