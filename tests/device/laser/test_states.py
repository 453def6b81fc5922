"""The table of the state machine, and every state that it gets into with units, faults and deaths."""

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from spectriage.device.laser import states
from spectriage.device.laser.states import (
    ROWS,
    TABLE,
    Event,
    Fact,
    Latch,
    SafetyState,
    Standing,
    missing,
    step,
)


def _explorer():
    spec = importlib.util.spec_from_file_location("laser_explorer", Path(__file__).with_name("explorer.py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


explorer = _explorer()
Rules, walk = explorer.Rules, explorer.walk


def test_the_table_has_one_row_for_a_state_and_an_event():
    assert len(TABLE) == len(ROWS)


def test_light_is_commanded_in_one_state_and_reached_by_one_event():
    assert [row.state for row in ROWS if row.to is SafetyState.FIRING] == [SafetyState.STARTING]
    assert {Fact.GATE_OPEN, Fact.CALM, Fact.IN_TIME, Fact.UNBROKEN, Fact.INTERLOCK} <= set(
        TABLE[SafetyState.STARTING, Event.SWITCH_ON].needs
    )


@pytest.mark.parametrize("event", [Event.OFF_VERIFIED, Event.OFF_UNVERIFIED, Event.LATE_ON, Event.CLOSE])
def test_what_ends_light_is_possible_in_every_state_and_needs_nothing(event):
    for state in SafetyState:
        assert TABLE[state, event].needs == ()
        assert step(Standing(state, True), event).state is not SafetyState.FIRING


def test_only_an_off_that_was_verified_on_request_clears_the_latch():
    clearing = [row for row in ROWS if row.latch is Latch.CLEAR]
    assert {row.event for row in clearing} == {Event.RESET}
    assert all({Fact.OFF_SEEN, Fact.NOTHING_LATE} <= set(row.needs) for row in clearing)


def test_a_step_that_lacks_something_is_refused():
    lacks = missing(Standing(SafetyState.READY, True), Event.ARM, frozenset(Fact) - {Fact.KNOWN})
    assert lacks == (Fact.KNOWN,)
    with pytest.raises(LookupError):
        step(Standing(SafetyState.READY), Event.ARM)
    with pytest.raises(LookupError):
        step(Standing(SafetyState.OPEN), Event.REDEEM, frozenset(Fact))


def test_no_state_without_faults_of_the_unit_is_broken():
    found = walk(faults=0)
    assert found.violation == []
    assert found.states > 10_000
    assert {"the supervisor dies", "the program is stopped", "the handler closes the gate"} <= found.events


@pytest.mark.full
@pytest.mark.parametrize("faults", [1, 2])
def test_no_state_with_faults_of_the_unit_is_broken(faults):
    found = walk(faults=faults)
    print(f"{faults} faults: {found.states} states, {found.transitions} transitions", found.beyond_software)
    assert found.violation == []


@pytest.mark.parametrize(
    "rules",
    [
        Rules(latches_late=False),
        Rules(reads_output_only=True),
        Rules(waits_for_sender=False, checks_after=False),
    ],
    ids=["late on not latched", "only the output read", "neither waited for an on nor looked after it"],
)
def test_the_walk_notices_what_is_left_out(rules):
    assert walk(rules, faults=2).violation


def test_the_walk_notices_a_table_that_arms_while_an_off_is_under_way(monkeypatch):
    loose = {
        key: replace(row, needs=tuple(f for f in row.needs if f is not Fact.CALM))
        for key, row in TABLE.items()
    }
    monkeypatch.setattr(states, "TABLE", loose)
    assert walk(faults=0).violation
