"""Runs every attack on every emulated unit, several times, and counts what came of it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context

from spectriage.bench.laser.deaths import DEATHS, LASERS
from spectriage.bench.laser.lies import LIES
from spectriage.bench.laser.outcome import NotPossibleError, Outcome
from spectriage.bench.laser.races import RACES

ATTACKS: dict[str, Callable[[str], Outcome]] = {**DEATHS, **LIES, **RACES}
"""Every attack by name."""


@dataclass
class Tally:
    """What came of one attack on all units.

    Parameters
    ----------
    name
        Of the attack.
    runs, on, unlatched
        How often it was run, left light on, and left the guard ignorant of it.
    slowest_off_ms
        The longest time that light stayed on after the attack; None where that is not what it is about.
    skipped
        Why it was not possible on some units.
    notes
        What happened in the runs that failed.
    """

    name: str
    runs: int = 0
    on: int = 0
    unlatched: int = 0
    slowest_off_ms: float | None = None
    skipped: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, model: str, outcome: Outcome) -> None:
        """Count one run."""
        self.runs += 1
        self.on += outcome.on
        self.unlatched += outcome.unlatched
        if outcome.off_ms is not None:
            self.slowest_off_ms = max(self.slowest_off_ms or 0.0, outcome.off_ms)
        if outcome.failed:
            self.notes.append(f"{model}: {outcome}")


def run_attacks(
    names: Iterable[str],
    models: Iterable[str] = LASERS,
    *,
    times: int = 1,
    done: Callable[[Tally], None] = lambda tally: None,
) -> list[Tally]:
    """Run attacks, each so many times on each unit.

    Parameters
    ----------
    names
        Keys of `ATTACKS`.
    models
        Emulated models with a laser or a gate line.
    times
        How often each.
    done
        Called with each tally after each turn; all attacks are run once before any is run again.

    Returns
    -------
    list of Tally
        In the order of `names`.
    """
    tallies = [Tally(name) for name in names]
    tried = tuple(models)
    for _ in range(times):
        for tally in tallies:
            for model in tried:
                try:
                    tally.add(model, ATTACKS[tally.name](model))
                except NotPossibleError as error:
                    tally.skipped[model] = str(error)
            done(tally)
    return tallies


def run_side_by_side(
    names: list[str], models: tuple[str, ...], *, times: int, done: Callable[[Tally], None]
) -> list[Tally]:
    """Run the models side by side, each in a process of its own, since attacks mostly wait."""
    with ProcessPoolExecutor(max_workers=len(models), mp_context=get_context("spawn")) as pool:
        parts = list(pool.map(partial(_one_model, names, times), models))
    tallies = []
    for same in zip(*parts, strict=True):
        tally = Tally(same[0].name)
        for part in same:
            tally.runs += part.runs
            tally.on += part.on
            tally.unlatched += part.unlatched
            tally.skipped |= part.skipped
            tally.notes += part.notes
            if part.slowest_off_ms is not None:
                tally.slowest_off_ms = max(tally.slowest_off_ms or 0.0, part.slowest_off_ms)
        done(tally)
        tallies.append(tally)
    return tallies


def _one_model(names: list[str], times: int, model: str) -> list[Tally]:
    def tell(tally: Tally) -> None:
        off = "" if tally.slowest_off_ms is None else f", off after {tally.slowest_off_ms:.0f} ms"
        failed = f"{tally.on} on, {tally.unlatched} unlatched"
        print(f"{model}: {tally.name}: {tally.runs} runs, {failed}{off}", file=sys.stderr, flush=True)

    return run_attacks(names, (model,), times=times, done=tell)
