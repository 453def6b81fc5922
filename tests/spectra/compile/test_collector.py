"""What a starting program makes to last is left out of later garbage collections."""

from __future__ import annotations

import gc

import pytest

from spectriage.spectra.compile.collector import lasting


@pytest.fixture(autouse=True)
def as_before() -> object:
    """Leave the collector as it was found."""
    collecting = gc.isenabled()
    yield
    gc.unfreeze()
    (gc.enable if collecting else gc.disable)()


def test_nothing_is_collected_inside_and_what_was_made_is_left_out() -> None:
    gc.enable()
    before = gc.get_freeze_count()
    with lasting():
        assert not gc.isenabled()
        made = [[] for _ in range(1000)]
    assert gc.isenabled()
    assert gc.get_freeze_count() >= before + len(made)
    tracked = {id(item) for item in gc.get_objects()}
    assert not tracked & {id(item) for item in made}


def test_garbage_made_afterwards_is_collected() -> None:
    with lasting():
        pass
    loop: list[object] = []
    loop.append(loop)
    identity = id(loop)
    del loop
    gc.collect()
    assert identity not in {id(item) for item in gc.get_objects()}


def test_a_collector_that_was_off_stays_off_and_an_error_turns_it_on_again() -> None:
    gc.disable()
    with lasting():
        pass
    assert not gc.isenabled()
    gc.enable()
    with pytest.raises(KeyError), lasting():
        raise KeyError
    assert gc.isenabled()
    with lasting():
        with lasting():
            pass
        assert not gc.isenabled()
