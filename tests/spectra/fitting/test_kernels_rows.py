"""The small kernels over lists of rows, against Python's own lists."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from spectriage.spectra.fitting._kernels_rows import (
    descending,
    once_each,
    others_than,
    taken,
    with_last,
    without,
)

ROWS = arrays(np.intp, st.integers(0, 12), elements=st.integers(0, 9))


@given(ROWS)
def test_each_row_is_kept_once_and_found_again(rows):
    distinct, which = once_each(rows)
    assert distinct.tolist() == list(dict.fromkeys(rows.tolist()))
    np.testing.assert_array_equal(taken(distinct, which), rows)


@given(ROWS, ROWS)
def test_others_are_those_that_are_not_among_the_rows(rows, found):
    expected = [row for row in found.tolist() if row not in rows.tolist()]
    assert others_than(rows, found.copy()).tolist() == expected


@given(ROWS.filter(len), st.data())
def test_one_is_left_out_and_one_more_put_at_the_end(rows, data):
    place = data.draw(st.integers(0, rows.size - 1))
    left = without(rows, place)
    assert left.tolist() == [*rows[:place].tolist(), *rows[place + 1 :].tolist()]
    assert with_last(left, 7).tolist() == [*left.tolist(), 7]


@given(arrays(np.float64, st.integers(0, 12), elements=st.integers(0, 4).map(float)))
def test_equal_values_stay_in_their_order(values):
    expected = sorted(range(values.size), key=lambda place: -values[place])
    assert descending(values).tolist() == expected
