"""What stands together is handed on as it is; what does not is put together of its rows."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from spectriage.spectra.contrast.block import Block, row_by_row, standing, together


class Rows(NamedTuple):
    curves: np.ndarray
    numbers: np.ndarray


@dataclass(eq=False)
class Own:
    curve: np.ndarray
    number: float
    block: Block | None = None
    place: int = 0


def stack(each):
    return Rows(row_by_row([own.curve for own in each]), np.array([own.number for own in each]))


def made_together(count: int, first: float, points: int = 5) -> list[Own]:
    numbers = first + np.arange(count, dtype=float)
    rows = Rows(numbers[:, None] + np.linspace(0.0, 0.5, points), numbers)
    block = Block(rows)
    return [Own(rows.curves[i], float(numbers[i]), block, i) for i in range(count)]


def test_all_of_a_block_in_order_are_its_own_arrays():
    each = made_together(4, 0.0)
    rows = together(each, stack)
    assert rows is each[0].block.rows
    assert together(made_together(1, 7.0), stack).numbers.tolist() == [7.0]
    some, places = standing([each[2], each[0]], stack)
    assert some is each[0].block.rows
    assert places == [2, 0]


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3)), min_size=1, max_size=12))
def test_any_of_several_blocks_and_of_none_are_as_if_stacked(asked):
    """Some more than once, out of order, of two blocks or made alone."""
    blocks = [made_together(4, 0.0), made_together(4, 100.0)]
    alone = [Own(np.full(5, 200.0 + i), 200.0 + i) for i in range(4)]
    before = [each[0].block.rows.curves.copy() for each in blocks]
    each = [(*blocks, alone)[kind][place] for kind, place in asked]
    rows, expected = together(each, stack), stack(each)
    assert isinstance(rows, Rows)
    np.testing.assert_array_equal(rows.curves, expected.curves)
    np.testing.assert_array_equal(rows.numbers, expected.numbers)
    assert all(array.flags.c_contiguous for array in rows)
    among, places = standing(each, stack)
    np.testing.assert_array_equal(among.curves[places], expected.curves)
    np.testing.assert_array_equal(among.numbers[places], expected.numbers)
    for kept, own in zip(before, blocks, strict=True):
        np.testing.assert_array_equal(own[0].block.rows.curves, kept)


def test_what_is_longer_than_the_block_has_room_for_makes_all_longer():
    def padded(each):
        most = max(3, *[own.curve.size for own in each])
        curves = np.zeros((len(each), most))
        for place, own in enumerate(each):
            curves[place, : own.curve.size] = own.curve
        return Rows(curves, np.array([own.number for own in each]))

    each = [*made_together(2, 0.0, points=3), Own(np.ones(4), 9.0)]
    assert together(each, padded).curves.shape == (3, 4)
    assert together([each[0], Own(np.ones(2), 9.0)], padded).curves.tolist()[1] == [1.0, 1.0, 0.0]
