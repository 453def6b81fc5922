"""How threads share a batch: in order, evenly, and never all at the same step."""

import heapq
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectriage.spectra.sharing import FEW, groups_of


def times_of(groups: list[int], threads: int) -> tuple[list[int], list[int]]:
    """Say when each thread begins anew, and when each ends, if an item takes a moment."""
    free, begins = [0] * threads, []
    for count in groups:
        at = heapq.heappop(free)
        begins.append(at)
        heapq.heappush(free, at + count)
    return begins, sorted(free)


@given(st.integers(0, 3000), st.integers(1, 300), st.integers(1, 6))
def test_everything_is_shared_in_order_in_groups_of_no_more_than_asked(count, size, threads):
    groups = list(groups_of(range(count), size, threads))
    assert [item for group in groups for item in group] == list(range(count))
    assert all(0 < len(group) <= size for group in groups)


@given(st.integers(0, 3000), st.integers(1, 300), st.integers(1, 6))
def test_threads_end_together(count, size, threads):
    _, ends = times_of([len(group) for group in groups_of(range(count), size, threads)], threads)
    # where all is known from the beginning, but for rounding; else within a group
    exact = FEW * threads <= count <= size * threads
    assert ends[-1] - ends[0] <= (2 * threads if exact else min(size, -(-count // threads)))


@pytest.mark.parametrize("threads", [2, 3, 4])
@pytest.mark.parametrize("count", [192, 500, 1024, 5000])
def test_threads_do_not_begin_a_group_at_the_same_moment(count, threads):
    groups = [len(group) for group in groups_of(range(count), 128, threads)]
    begins, _ = times_of(groups, threads)
    # but for the first ones, which are of as many sizes as there are threads
    assert len(set(groups[:threads])) == threads
    later = sorted(begins[threads:])
    least = min(128, count // threads) // threads - threads
    assert all(after - before >= least for before, after in pairwise(later)) or least <= 0


@given(st.integers(1, 200), st.integers(1, 4), st.integers(0, 5))
def test_no_more_are_taken_than_are_needed(size, threads, asked):
    taken = 0

    def endless():
        nonlocal taken
        while True:
            taken += 1
            yield taken

    groups = groups_of(endless(), size, threads)
    handed = sum(len(next(groups)) for _ in range(asked))
    assert taken <= handed + size * threads
