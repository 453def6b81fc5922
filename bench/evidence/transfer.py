"""Transfer: spectra of one instrument identified by a library from another, or by the catalogue.

A trial is right when more than half of its repeats are. Only materials that the library has are asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from spectriage.bench.methods.methods import Method, make_methods, rank_of
from spectriage.bench.report.runner import Jobs, run
from spectriage.bench.report.statistics import Proportion, paired_difference
from spectriage.bench.report.tables import Report, Table
from spectriage.bench.sets.change import Change
from spectriage.bench.sets.pairing import Pairing, chosen_repeats, known_trials
from spectriage.bench.sets.sets import Trial
from spectriage.spectra.errors import SpectriageError
from spectriage.spectra.progress import Progress
from spectriage.spectra.spectrum import Spectrum

OFFSETS_CM = (-8.0, -4.0, 4.0, 8.0)
RESOLUTIONS_CM = (12.0, 16.0)
MULTI_LINE_BANDS = 3
BAND_SHARE = 0.1
"""A material has several lines when so many stand above this share of its strongest."""


@dataclass(frozen=True)
class Outcome:
    """One spectrum, one method.

    Parameters
    ----------
    rank
        Place of the right substance; None when it was not ranked at all.
    winner, score
        The best match and its score.
    right_score
        Score of the right substance; None when not ranked.
    named
        What the method decided.
    """

    method: str
    substance: str
    instrument: str
    spectrum: str
    rank: int | None
    winner: str
    score: float
    right_score: float | None
    named: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class _Context:
    pairing: Pairing
    methods: list[Method]


def transfer(
    pairings: Sequence[Pairing],
    report: Report,
    *,
    methods: Sequence[str] | None = None,
    robustness: bool = False,
    jobs: Jobs = 1,
    progress: Progress | None = None,
) -> None:
    """Add the tables of top-1 and top-3, of every miss, and of what axis and resolution errors cost."""
    for pairing in pairings:
        context = _Context(pairing, make_methods(pairing.references, methods))
        trials = known_trials(pairing)
        outcomes = _outcomes(context, trials, Change(), jobs, progress)
        report.add(_summary(pairing, trials, outcomes), _misses(pairing, outcomes))
        report.detail(pairing.origin, f"transfer: {pairing.label}", [asdict(o) for o in outcomes])
        if robustness:
            report.add(_robustness(context, trials, jobs, progress))


def _outcomes(
    context: _Context, trials: Sequence[Trial], change: Change, jobs: Jobs, progress: Progress | None
) -> list[Outcome]:
    title = f"{context.pairing.label}: {change.label}"
    tasks = [(trial, change) for trial in trials]
    found = run(_one_trial, context, tasks, jobs=jobs, title=title, progress=progress)
    return [outcome for outcomes in found for outcome in outcomes]


def _one_trial(context: _Context, task: tuple[Trial, Change]) -> list[Outcome]:
    trial, change = task
    outcomes = []
    for item in chosen_repeats(trial):
        spectrum = change.apply(item.spectrum)
        outcomes += [
            _outcome(context.pairing, method, trial, item.name, spectrum) for method in context.methods
        ]
    return outcomes


def _outcome(pairing: Pairing, method: Method, trial: Trial, name: str, spectrum: Spectrum) -> Outcome:
    def right(substance: str) -> bool:
        return pairing.names.same(substance, trial.substance)

    try:
        ranked, named = method.rank(spectrum), method.decide(spectrum).everything
    except SpectriageError as error:
        winner = f"({type(error).__name__})"
        return Outcome(
            method.name, trial.substance, trial.instrument, name, None, winner, float("nan"), None, ()
        )
    place = rank_of(ranked, right)
    return Outcome(
        method.name,
        trial.substance,
        trial.instrument,
        name,
        place,
        ranked[0].substance if ranked else "(nothing)",
        ranked[0].score if ranked else float("nan"),
        None if place is None else ranked[place - 1].score,
        named,
    )


def successes(outcomes: Sequence[Outcome], method: str, top: int) -> dict[tuple[str, str], bool]:
    """Say of each trial whether more than half of its repeats had the right substance among the first."""
    places: dict[tuple[str, str], list[bool]] = {}
    for outcome in outcomes:
        if outcome.method == method:
            hit = outcome.rank is not None and outcome.rank <= top
            places.setdefault((outcome.substance, outcome.instrument), []).append(hit)
    return {trial: 2 * sum(hits) > len(hits) for trial, hits in places.items()}


def _summary(pairing: Pairing, trials: Sequence[Trial], outcomes: Sequence[Outcome]) -> Table:
    methods = list(dict.fromkeys(outcome.method for outcome in outcomes))
    rows: list[list[Any]] = []
    reference = list(successes(outcomes, methods[0], 1).values()) if methods else []
    for method in methods:
        first = list(successes(outcomes, method, 1).values())
        third = list(successes(outcomes, method, 3).values())
        difference = None if method == methods[0] else paired_difference(reference, first)
        rows.append(
            [method, Proportion(sum(first), len(first)), Proportion(sum(third), len(third)), difference]
        )
    left_out = len(pairing.queries.trials()) - len(trials)
    return Table(
        f"transfer: {pairing.label}",
        f"Transfer, {pairing.label}: {len(trials)} materials × instruments",
        ("method", "top-1 [95 %]", "top-3 [95 %]", f"p against {methods[0] if methods else ''}"),
        rows,
        pairing.origin,
        (
            "Wilson intervals; p of McNemar's exact test.",
            f"{left_out} trials whose material is not in the library are not asked for; near-identical "
            "substances count as one.",
            *(f"left out: {reason}" for reason in pairing.queries.left_out),
        ),
    )


def _misses(pairing: Pairing, outcomes: Sequence[Outcome]) -> Table:
    rows = [
        [o.method, o.substance, o.instrument, o.rank, o.right_score, o.winner, o.score, ", ".join(o.named)]
        for o in outcomes
        if o.rank != 1
    ]
    return Table(
        f"misses: {pairing.label}",
        f"Misses, {pairing.label}",
        ("method", "material", "instrument", "rank", "score", "winner", "its score", "named"),
        rows,
        pairing.origin,
    )


def is_multi_line(spectrum: Spectrum) -> bool:
    """Whether a material has three bands or more above a tenth of its strongest."""
    from scipy.signal import find_peaks

    from spectriage.spectra.baseline import arpls
    from spectriage.spectra.signal import DEFAULT_GRID, resample

    query = resample(spectrum, DEFAULT_GRID.shift)
    values = np.ascontiguousarray(query.intensity[query.measured])
    values = values - arpls(values, 1e5)
    kernel = np.ones(5) / 5.0
    values = np.convolve(values, kernel, "same")
    top = float(values.max(initial=0.0))
    peaks, _ = find_peaks(values, prominence=BAND_SHARE * top) if top > 0.0 else ([], {})
    return len(peaks) >= MULTI_LINE_BANDS


def _robustness(context: _Context, trials: Sequence[Trial], jobs: Jobs, progress: Progress | None) -> Table:
    """Return how many of the multi-line materials stay first with axis errors and coarser resolution."""
    several = [trial for trial in trials if is_multi_line(trial.repeats[0].spectrum)]
    changes = [Change()] + [Change(offset) for offset in OFFSETS_CM]
    changes += [Change(resolution_cm=resolution) for resolution in RESOLUTIONS_CM]
    changes += [Change(5.0, 14.0), Change(-5.0, 14.0)]
    rows: list[list[Any]] = []
    base: dict[str, float] = {}
    for change in changes:
        outcomes = _outcomes(context, several, change, jobs, progress)
        for method in context.methods:
            hits = list(successes(outcomes, method.name, 1).values())
            found = Proportion(sum(hits), len(hits))
            share = sum(hits) / max(len(hits), 1)
            base.setdefault(method.name, share)
            label = f"axis {change.offset_cm:+g}, {change.label}" if change.resolution_cm else change.label
            rows.append([label, method.name, found, f"{100 * (base[method.name] - share):+.1f}"])
    pairing = context.pairing
    return Table(
        f"robustness: {pairing.label}",
        f"Axis and resolution errors, {pairing.label}: {len(several)} multi-line materials × instruments",
        ("change", "method", "top-1 [95 %]", "points lost"),
        rows,
        pairing.origin,
        ("Measured spectra, moved or blurred afterwards: the change is computed, the spectra are measured.",),
    )
