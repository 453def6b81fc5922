"""Every state that a guard, a unit, two threads, a supervisor, faults, signals and deaths get into together.

The guard's steps are those of `spectriage.device.laser.states`: the explorer calls the very `step` and
`missing` that `LaserGuard` calls. Around them stands a small model of what one transfer at a time can do: a
thread that arms and fires (A), one that switches off or fires as well (B), a unit that loses or delays
commands, a supervisor with a grant, and a program that is killed or stopped. Every interleaving of their
atomic steps is walked, breadth first, until no new state is found.

What must not be reachable: light commanded while no valid token stands, and neither is somebody that runs on
the way to ending it, nor is "laser state unknown" latched. That the way is short is measured on processes by
`spectriage bench laser`. Where program and supervisor are both dead or stopped no software can act: those
states are counted, and are the reason for a watchdog in the unit.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from spectriage.device.laser.states import Event, Fact, SafetyState, Standing, missing, step

# What a thread is about to do. A firing: redeem, ask (interlock, power), switch on (the step), send, hear the
# answer, hold, and off. An off: latch, send, read, step.
FIRE = ("arm", "redeem", "step on", "check permit", "send on", "answer", "hold", "off latch")
OFF = ("off latch", "off send", "off read", "off step")


@dataclass(frozen=True)
class Thread:
    """Where a thread stands in its program, and whether its firing has not been voided since."""

    at: str = "idle"
    stands: bool = False
    resets: bool = False
    read_off: bool = False
    sends: int = 0


READY = Standing(SafetyState.READY)


@dataclass(frozen=True)
class World:
    """Everything at one moment."""

    standing: Standing = READY
    a: Thread = Thread()
    b: Thread = Thread()
    token: str = ""
    expired: bool = False
    gate: bool = True
    commanded: bool = False
    interlock: bool = True
    pending_on: bool = False
    outstanding: bool = False
    faults: int = 0
    client: str = "alive"
    signal: bool = False
    supervisor: str = "alive"
    granted: bool = False
    unit: str = "plugged"


Step = tuple[str, World]


@dataclass
class Found:
    """What the walk found."""

    states: int = 0
    transitions: int = 0
    beyond_software: int = 0
    events: set[str] = field(default_factory=set)
    violation: list[str] = field(default_factory=list)


def taken(world: World, event: Event, facts: frozenset[Fact] = frozenset()) -> World | None:
    """Take a step of the shipped table; None where it is refused."""
    lacks = missing(world.standing, event, facts)
    if lacks is None or lacks:
        return None
    return replace(world, standing=step(world.standing, event, facts))


def always(world: World, event: Event) -> World:
    """Take a step that the table never refuses."""
    after = taken(world, event)
    assert after is not None, f"{event} was refused in {world.standing}"
    return after


def facts(world: World, thread: Thread) -> frozenset[Fact]:
    """Return what `LaserGuard` would find true."""
    found = {Fact.TOKEN, Fact.ALONE}
    if world.gate:
        found.add(Fact.GATE_OPEN)
    if not any(thread.at in OFF[1:] for thread in (world.a, world.b)):
        found.add(Fact.CALM)
    if world.interlock:
        found.add(Fact.INTERLOCK)
    if not world.expired:
        found.add(Fact.IN_TIME)
    if thread.stands:
        found.add(Fact.UNBROKEN)
    return frozenset(found)


def put(world: World, who: str, thread: Thread) -> World:
    return replace(world, a=thread) if who == "a" else replace(world, b=thread)


def latched(world: World) -> World:
    """Void every right to fire: the token that was given, and the firings that were begun."""
    a, b = replace(world.a, stands=False), replace(world.b, stands=False)
    return replace(world, token="", a=a, b=b)


def thread_steps(world: World, who: str, rules: Rules) -> Iterator[Step]:
    """Return what one thread can do next."""
    thread = world.a if who == "a" else world.b
    go: Callable[..., World] = lambda w, **changes: put(w, who, replace(thread, **changes))  # noqa: E731
    at = thread.at
    if at == "idle":
        if world.standing.state is SafetyState.READY:
            after = taken(world, Event.ARM, facts(world, thread))
            if after is not None:
                yield f"{who} arms", go(replace(after, token=who, expired=False), at="redeem")
        if who == "b":
            yield "b begins an off", go(world, at="off latch")
            if world.standing.state is SafetyState.FAULT and not world.outstanding:
                yield "b begins a reset", go(world, at="off latch", resets=True)
    elif at == "redeem":
        after = None
        if world.token == who:
            after = taken(world, Event.REDEEM, facts(world, thread))
        if after is None:
            yield f"{who} is refused", go(world, at="idle")
        else:
            yield f"{who} redeems", put(latched(after), who, Thread("step on", stands=True))
    elif at == "step on":
        after = taken(world, Event.SWITCH_ON, facts(world, thread))
        if after is None:
            yield f"{who} may not switch on", go(world, at="off latch")
        else:
            yield (
                f"{who} steps on",
                go(replace(after, granted=world.supervisor == "alive"), at="check permit"),
            )
    elif at == "check permit":
        stands = thread.stands and world.gate
        if stands or not rules.checks_permit:
            yield f"{who}'s permit stands", go(world, at="send on")
        else:
            yield f"{who}'s permit is void", go(world, at="off latch")
    elif at == "send on":
        passes = world.supervisor == "alive" and world.granted
        if not passes:
            yield f"{who}'s on does not pass", go(world, at="off latch")
        else:
            yield f"{who} sends on", go(replace(world, commanded=True), at="answer")
            if world.faults > 0:
                less = replace(world, faults=world.faults - 1)
                yield f"{who}'s on is lost", go(less, at="answer")
                yield (
                    f"{who}'s on hangs",
                    go(replace(less, pending_on=True, outstanding=True), at="off latch"),
                )
    elif at == "answer":
        stands = thread.stands and world.gate
        good = stands and world.commanded and world.interlock
        yield f"{who} hears", go(world, at="hold" if good or not rules.checks_after else "off latch")
    elif at == "hold":
        yield f"{who} ends", go(world, at="off latch")
    else:
        yield from off_steps(world, who, thread, go, rules)


def off_steps(
    world: World, who: str, thread: Thread, go: Callable[..., World], rules: Rules
) -> Iterator[Step]:
    """Return the steps of an off: latch, send, read both, and take the step of the table."""
    at = thread.at
    if at == "off latch":
        yield f"{who} latches", put(latched(world), who, Thread("off send", resets=thread.resets))
    elif at == "off send":
        alive = world.supervisor == "alive" and world.unit == "plugged"
        sends = thread.sends + 1
        if not alive:
            yield f"{who}'s off fails", go(world, at="off step", read_off=False)
            return
        yield f"{who} sends off", go(replace(world, commanded=False), at="off read", sends=sends)
        if world.faults > 0:
            less = replace(world, faults=world.faults - 1)
            yield f"{who}'s off is lost", go(less, at="off read", sends=sends)
    elif at == "off read":
        dark = not world.commanded or (rules.reads_output_only and not world.interlock)
        other = world.b if who == "a" else world.a
        sending = other.at in ("check permit", "send on") and rules.waits_for_sender
        if sending:
            return  # the off waits until the other's on has come back, then sends again
        if (dark or thread.sends >= 2) and not (dark is False and thread.sends < 2):
            yield f"{who} reads {'off' if dark else 'on'}", go(world, at="off step", read_off=dark)
        else:
            yield f"{who} tries again", go(world, at="off send")
    elif at == "off step":
        ended = replace(world, granted=False) if world.supervisor == "alive" else world
        if world.outstanding and rules.latches_late:
            after = always(ended, Event.LATE_ON)
        else:
            after = always(ended, Event.OFF_VERIFIED if thread.read_off else Event.OFF_UNVERIFIED)
        if thread.resets and thread.read_off and not world.outstanding:
            reset = taken(after, Event.RESET, frozenset((Fact.OFF_SEEN, Fact.NOTHING_LATE)))
            ready = reset and taken(reset, Event.MAKE_READY, facts(world, thread) | {Fact.OFF_SEEN})
            after = ready or reset or after
        yield f"{who} has switched off", put(after, who, Thread())


def other_steps(world: World, rules: Rules) -> Iterator[Step]:
    """Return what the unit, the supervisor, the clock and the outside can do next."""
    alive = world.client == "alive"
    if world.pending_on:
        late = replace(world, pending_on=False, commanded=world.unit == "plugged")
        # The adapter undoes it in the same call, and tells the guard; it may take several tries.
        yield "a late on comes through", late
    if world.outstanding and not world.pending_on and alive:
        undone = replace(world, outstanding=False, commanded=False)
        yield "the late on is undone", always(latched(undone), Event.LATE_ON)
    if alive and not world.signal:
        yield "a signal comes", replace(world, signal=True)
    if alive and world.signal and world.gate:
        # The handler: gate first, then every guard is latched, then off; the process then ends.
        closed = latched(replace(world, gate=False)) if rules.gate_first else replace(world, gate=False)
        yield "the handler closes the gate", closed
    if alive and world.signal and not world.gate:
        off = replace(world, commanded=False) if world.supervisor == "alive" else world
        yield "the handler switches off, the process dies", replace(off, client="dead")
    if alive:
        yield "the program is killed", replace(world, client="dead")
        yield "the program is stopped", replace(world, client="stopped")
    if world.client == "stopped" and not world.granted:
        yield "the program is continued", replace(world, client="alive")
    if world.supervisor == "alive":
        # The system cancels the transfers of a dead process: what hung came through by then, or never does.
        dead = replace(world, supervisor="dead", pending_on=False, outstanding=False)
        yield "the supervisor dies", dead
        if world.pending_on:
            yield "the supervisor dies, its on came through", replace(dead, commanded=True)
        if world.client != "alive" and (world.granted or world.commanded):
            yield "the supervisor misses the heart", replace(world, granted=False, commanded=False)
    if world.supervisor == "dead" and alive:
        rescued = replace(latched(world), commanded=False, supervisor="rescued")
        yield "the program rescues the unit", always(rescued, Event.FAULT)
    if world.supervisor == "alive" and not world.granted and world.commanded:
        yield "the supervisor ends what has no grant", replace(world, commanded=False)
    if not world.expired and world.token:
        yield "the arming expires", replace(world, expired=True)
    if world.faults > 0:
        yield "the interlock changes", replace(world, interlock=not world.interlock, faults=world.faults - 1)


@dataclass(frozen=True)
class Rules:
    """What is built in; each can be left out, to see that the walk notices."""

    checks_permit: bool = True
    checks_after: bool = True
    waits_for_sender: bool = True
    latches_late: bool = True
    gate_first: bool = True
    reads_output_only: bool = False


BUILT_IN = Rules()


def about_to_end(world: World) -> bool:
    """Whether somebody that runs is on the way to ending the light, without waiting for anything new."""
    if world.pending_on:
        return True
    if world.client == "alive":
        if world.outstanding or world.signal or world.supervisor == "dead":
            return True
        if any(t.at in ("answer", *OFF) for t in (world.a, world.b)):
            return True
    return world.supervisor == "alive" and (world.client != "alive" or not world.granted)


def lit_by_right(world: World) -> bool:
    """Whether light stands under a token that was redeemed and not voided since, in a program that runs."""
    if world.client != "alive" or world.standing.state is not SafetyState.FIRING:
        return False
    return any(t.at in ("send on", "answer", "hold") and t.stands for t in (world.a, world.b))


def beyond_software(world: World) -> bool:
    """Whether both processes are dead or stopped: only the unit's own watchdog can end the light then."""
    return world.client != "alive" and world.supervisor == "dead"


def broken(world: World) -> str:
    """Say what is wrong with a state; empty when nothing is."""
    lit = world.commanded
    if lit and not lit_by_right(world) and not beyond_software(world):
        if not about_to_end(world) and not world.standing.unknown:
            return "commanded on, no valid token, nobody about to end it, not latched"
        says_off = world.standing.state in (SafetyState.OPEN, SafetyState.READY, SafetyState.ARMED)
        quiet = world.a.at in ("idle", "redeem") and world.b.at in ("idle", "redeem")
        if says_off and quiet and world.client == "alive" and world.supervisor == "alive" and world.gate:
            return f"commanded on while the guard says {world.standing.state}"
    if all(t.stands and t.at in ("send on", "answer", "hold") for t in (world.a, world.b)):
        return "two firings at once"
    return ""


def walk(rules: Rules = BUILT_IN, *, faults: int = 1, limit: int = 3_000_000) -> Found:
    """Walk every reachable state; stop at the first that is broken, with the way there."""
    first = World(faults=faults)
    before: dict[World, tuple[World, str] | None] = {first: None}
    queue, found = deque([first]), Found()
    while queue:
        world = queue.popleft()
        problem = broken(world)
        if problem:
            found.violation = [*_way(before, world), problem]
            break
        steps = list(other_steps(world, rules))
        if world.client == "alive":
            steps += [*thread_steps(world, "a", rules), *thread_steps(world, "b", rules)]
        for name, after in steps:
            found.transitions += 1
            found.events.add(name)
            if after not in before:
                before[after] = (world, name)
                queue.append(after)
        assert len(before) < limit
    found.states = len(before)
    found.beyond_software = sum(world.commanded and beyond_software(world) for world in before)
    return found


def _way(before: dict[World, tuple[World, str] | None], world: World) -> list[str]:
    way = []
    while (came := before[world]) is not None:
        world, name = came
        way.append(name)
    return way[::-1]
