"""A unit that was lost is looked for, but not while the service closes."""

import threading
from concurrent.futures import Future
from pathlib import Path

import pytest

from spectriage.device.serve import Setup, returning
from spectriage.device.serve.unit import Unit


@pytest.mark.parametrize("closes", [False, True])
def test_a_unit_is_not_opened_by_a_service_that_closes(monkeypatch, closes):
    """It begins to close just before the work that it still took is done."""
    monkeypatch.setattr(returning, "PAUSES_S", (0.0,))
    unit, closing, found, done = Unit(Setup("sim:caffeine", Path("j.db"))), threading.Event(), [], []

    def submit(look):
        if closes:
            closing.set()
        looked = Future()
        looked.set_result(look())
        done.append(looked.result())
        ended.set()
        return looked

    ended = threading.Event()
    returning.look_for(unit, submit, closing, lambda: found.append(unit.device))
    assert ended.wait(30.0)
    unit.let_go()
    assert (done, len(found)) == ([True], 0 if closes else 1)
