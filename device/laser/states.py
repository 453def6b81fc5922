"""The laser-safety state machine, written down: states, events, what each needs, and where it leads.

`LaserGuard` takes every step through `step`, and the exhaustive explorer in the tests walks the same table;
there is no transition anywhere else.

What the table promises, and the explorer checks: light is commanded in `FIRING` only; every event that ends a
firing leads to a state in which a new arming is needed; and where the off could not be verified the latch
"laser state unknown" is set, which nothing clears but an off that was verified on request.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum


class SafetyState(StrEnum):
    """Where the laser stands."""

    CLOSED = "closed"
    OPEN = "open"
    READY = "ready"
    ARMED = "armed"
    STARTING = "starting"
    FIRING = "firing"
    FAULT = "fault"
    LOST = "lost"


class Event(StrEnum):
    """What happens to a guard."""

    OPEN = "open"
    MAKE_READY = "make ready"
    ARM = "arm"
    DISARM = "disarm"
    EXPIRE = "arming expired"
    REDEEM = "redeem the token"
    SWITCH_ON = "switch on"
    OFF_VERIFIED = "off, verified"
    OFF_UNVERIFIED = "off, not verified"
    LATE_ON = "an on given up may come, or came"
    FAULT = "fault"
    LOSE = "device lost"
    RESET = "reset"
    CLOSE = "close"


class Fact(StrEnum):
    """What must be true for an event to be taken."""

    GATE_OPEN = "nobody switched everything off"
    CALM = "no off is under way"
    KNOWN = "the laser state is known"
    OFF_SEEN = "the laser reads off: command and output"
    INTERLOCK = "the interlock is closed, where it can be read"
    TOKEN = "the token is the one that was given"
    IN_TIME = "the arming has not expired"
    UNBROKEN = "no off since the token was redeemed"
    NOTHING_LATE = "no on that was given up is outstanding"
    ALONE = "no other guard has the device"


class Latch(Enum):
    """What becomes of "laser state unknown"."""

    KEEP = "keep"
    SET = "set"
    CLEAR = "clear"


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    state: SafetyState
    event: Event
    needs: tuple[Fact, ...]
    to: SafetyState
    latch: Latch = Latch.KEEP


S, E, F = SafetyState, Event, Fact
_LIVE = (S.OPEN, S.READY, S.ARMED, S.STARTING, S.FIRING)
_NOT_CLOSED = (*_LIVE, S.FAULT, S.LOST)

ROWS: tuple[Row, ...] = (
    # -- the way up
    Row(S.CLOSED, E.OPEN, (F.ALONE,), S.OPEN),
    Row(S.OPEN, E.RESET, (F.OFF_SEEN, F.NOTHING_LATE), S.OPEN, Latch.CLEAR),
    Row(S.OPEN, E.MAKE_READY, (F.KNOWN, F.OFF_SEEN, F.INTERLOCK), S.READY),
    Row(S.READY, E.ARM, (F.GATE_OPEN, F.CALM, F.KNOWN, F.INTERLOCK), S.ARMED),
    Row(S.ARMED, E.REDEEM, (F.GATE_OPEN, F.CALM, F.KNOWN, F.TOKEN, F.IN_TIME), S.STARTING),
    Row(
        S.STARTING,
        E.SWITCH_ON,
        (F.GATE_OPEN, F.CALM, F.KNOWN, F.INTERLOCK, F.IN_TIME, F.UNBROKEN),
        S.FIRING,
    ),
    # -- the way down: nothing is needed for it
    Row(S.ARMED, E.DISARM, (), S.READY),
    Row(S.STARTING, E.DISARM, (), S.READY),
    Row(S.ARMED, E.EXPIRE, (), S.READY),
    Row(S.STARTING, E.EXPIRE, (), S.READY),
    *(Row(s, E.OFF_VERIFIED, (), s) for s in (S.CLOSED, S.OPEN, S.READY, S.FAULT, S.LOST)),
    *(Row(s, E.OFF_VERIFIED, (), S.READY) for s in (S.ARMED, S.STARTING, S.FIRING)),
    # -- what goes wrong
    *(Row(s, E.OFF_UNVERIFIED, (), S.FAULT, Latch.SET) for s in (*_LIVE, S.FAULT)),
    *(Row(s, E.OFF_UNVERIFIED, (), s, Latch.SET) for s in (S.CLOSED, S.LOST)),
    *(Row(s, E.LATE_ON, (), S.FAULT, Latch.SET) for s in (*_LIVE, S.FAULT)),
    *(Row(s, E.LATE_ON, (), s, Latch.SET) for s in (S.CLOSED, S.LOST)),
    *(Row(s, E.FAULT, (), S.FAULT) for s in (*_LIVE, S.FAULT)),
    Row(S.LOST, E.FAULT, (), S.LOST),
    Row(S.CLOSED, E.FAULT, (), S.CLOSED),
    *(Row(s, E.LOSE, (), S.LOST) for s in _NOT_CLOSED),
    # -- back
    Row(S.FAULT, E.RESET, (F.OFF_SEEN, F.NOTHING_LATE), S.OPEN, Latch.CLEAR),
    *(Row(s, E.CLOSE, (), S.CLOSED) for s in (S.CLOSED, *_NOT_CLOSED)),
)

TABLE: dict[tuple[SafetyState, Event], Row] = {(row.state, row.event): row for row in ROWS}
"""The rows by state and event; an event without a row is refused in that state."""


@dataclass(frozen=True)
class Standing:
    """Where a guard stands: its state, and whether "laser state unknown" is latched."""

    state: SafetyState = SafetyState.CLOSED
    unknown: bool = False


def allowed_from(event: Event) -> tuple[SafetyState, ...]:
    """Return the states in which an event is taken."""
    return tuple(row.state for row in ROWS if row.event is event)


def missing(standing: Standing, event: Event, facts: frozenset[Fact]) -> tuple[Fact, ...] | None:
    """Return what an event still needs; None when it is not possible in this state at all."""
    row = TABLE.get((standing.state, event))
    if row is None:
        return None
    known = facts if standing.unknown else facts | {Fact.KNOWN}
    return tuple(fact for fact in row.needs if fact not in known)


def step(standing: Standing, event: Event, facts: frozenset[Fact] = frozenset()) -> Standing:
    """Take one step.

    Parameters
    ----------
    standing
        Where the guard stands.
    event
        What happens.
    facts
        What is true; `Fact.KNOWN` follows from the standing.

    Raises
    ------
    LookupError
        The event is not possible in this state, or needs what is not true: ask `missing` first.
    """
    lacks = missing(standing, event, facts)
    if lacks is None or lacks:
        raise LookupError(f"{event} in {standing.state}: {lacks or 'no such row'}")
    row = TABLE[standing.state, event]
    unknown = standing.unknown if row.latch is Latch.KEEP else row.latch is Latch.SET
    return Standing(row.to, unknown)
