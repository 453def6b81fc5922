"""A sequence that makes its members when they are asked for is a tuple to whoever reads it."""

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectriage.spectra.made_when_asked import MadeWhenAsked


class Doubled(MadeWhenAsked[str]):
    """Twice each of some texts; it notes what it makes."""

    def __init__(self, texts) -> None:
        super().__init__(len(texts))
        self.texts = texts
        self.noted = []

    @classmethod
    def of(cls, members):
        return cls([text[: len(text) // 2] for text in members])

    def _make(self, place: int) -> str:
        self.noted.append(place)
        return 2 * self.texts[place]


texts = st.lists(st.text("ab", max_size=2), max_size=6)
bounds = st.one_of(st.none(), st.integers(-8, 8))


@given(texts, bounds, bounds, st.one_of(st.none(), st.sampled_from([-3, -2, -1, 1, 2, 3])))
def test_it_reads_as_a_tuple(given_texts, start, stop, step):
    made, expected = Doubled(given_texts), tuple([2 * text for text in given_texts])
    part = slice(start, stop, step)
    assert made[part] == expected[part]
    assert type(made[part]) is tuple
    assert made == expected
    assert expected == made
    assert made == Doubled(given_texts)
    assert hash(made) == hash(expected)
    assert repr(made) == repr(expected)
    assert (len(made), bool(made), list(made), (*made,)) == (
        len(expected),
        bool(expected),
        list(expected),
        expected,
    )
    assert list(reversed(made)) == list(reversed(expected))
    assert made + made == 2 * expected
    more = ("b",)
    assert (made + more, more + made) == (expected + more, more + expected)
    with pytest.raises(TypeError):
        made + list(more)
    for text in ("", "aa", "abab"):
        assert (text in made, made.count(text)) == (text in expected, expected.count(text))
    for place in range(-len(expected), len(expected)):
        assert made[place] == expected[place]
    for place in (len(expected), -len(expected) - 1):
        with pytest.raises(IndexError):
            made[place]


@given(texts, texts)
def test_equal_are_those_of_equal_members(one, other):
    same = tuple(one) == tuple(other)
    assert (Doubled(one) == Doubled(other)) is same
    assert (Doubled(one) != Doubled(other)) is not same
    assert Doubled(one) != [2 * text for text in one]


def test_each_is_made_once_and_only_when_it_is_asked_for():
    made = Doubled(["a", "b", "c"])
    assert len(made) == 3
    assert made.noted == []
    assert made[1] is made[-2]
    assert made.noted == [1]
    assert made[:2][1] is made[1]
    assert list(made)[1] is made[1]
    assert made.noted == [1, 0, 2]


@pytest.mark.parametrize(
    "copied",
    [copy.copy, copy.deepcopy, *[lambda made, p=p: pickle.loads(pickle.dumps(made, p)) for p in (0, 2, 5)]],
)
def test_copies_and_pickles_are_equal(copied):
    made = Doubled(["a", "b"])
    again = copied(made)
    assert type(again) is Doubled
    assert again == made
