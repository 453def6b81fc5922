"""Mixtures: sums of two or three measured spectra of one instrument, explained by a library from another.

Each spectrum is brought to unit norm (or unit area) after its baseline is taken off, then weighted and added
on a common axis. Precision and recall count substances; several forms of one substance count once.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from spectriage.bench.methods.methods import Decision, Method, make_methods
from spectriage.bench.report.runner import Jobs, run
from spectriage.bench.report.statistics import Interval, cluster_bootstrap
from spectriage.bench.report.tables import Report, Table
from spectriage.bench.sets.pairing import Pairing
from spectriage.bench.sets.references import keys_of
from spectriage.bench.sets.sums import Normalisation, Part, add_parts, make_part
from spectriage.spectra.errors import SpectriageError
from spectriage.spectra.progress import Progress
from spectriage.spectra.signal import DEFAULT_GRID

PURE: tuple[tuple[float, ...], ...] = ((1.0,),)
LEVELS: tuple[tuple[float, ...], ...] = ((0.5, 0.5), (0.7, 0.3), (0.9, 0.1), (0.5, 0.3, 0.2))
METHODS = ("spectriage", "nnls")
CASES = 60
SEED = 20_260_321
MIN_RANGE_CM = 600.0


@dataclass(frozen=True)
class Case:
    """One mixture: which parts, and how much of each."""

    parts: tuple[int, ...]
    weights: tuple[float, ...]


@dataclass(frozen=True)
class MixtureAnswer:
    """What one method found in one mixture: keys that are in it, with their weights, and keys it named."""

    method: str
    truth: dict[str, float]
    named: tuple[str, ...]
    raised: bool


@dataclass(frozen=True, eq=False)
class _Context:
    pairing: Pairing
    parts: Sequence[Part]
    methods: Sequence[Method]


def make_parts(pairing: Pairing, normalisation: Normalisation = "norm") -> list[Part]:
    """Return the spectra that may be added: one of each trial whose material the library has.

    Raises
    ------
    ParameterError
        For an unknown normalisation.
    """
    known = keys_of(pairing.references, pairing.names)
    parts = []
    for trial in pairing.queries.trials():
        key = pairing.key(trial.substance)
        if key in known:
            part = make_part(trial.repeats[0].spectrum, key, trial.instrument, normalisation)
            if part is not None:
                parts.append(part)
    return parts


def make_cases(parts: Sequence[Part], weights: tuple[float, ...], count: int) -> list[Case]:
    """Draw mixtures of different materials of one instrument, each combination once, from a fixed seed."""
    combinations = [
        chosen
        for chosen in itertools.combinations(range(len(parts)), len(weights))
        if _may_mix(parts, chosen)
    ]
    rng = np.random.default_rng([SEED, len(weights)])
    order = rng.permutation(len(combinations))[:count]
    # which of the parts is the larger one is drawn too
    return [
        Case(tuple(int(i) for i in rng.permutation(combinations[row])), weights) for row in order.tolist()
    ]


def _may_mix(parts: Sequence[Part], chosen: Sequence[int]) -> bool:
    if len({parts[i].key for i in chosen}) < len(chosen) or len({parts[i].instrument for i in chosen}) > 1:
        return False
    inside = np.logical_and.reduce([parts[i].measured for i in chosen])
    return bool(np.count_nonzero(inside) * DEFAULT_GRID.step_cm >= MIN_RANGE_CM)


def mixtures(
    pairings: Sequence[Pairing],
    report: Report,
    *,
    cases: int = CASES,
    normalisation: Normalisation = "norm",
    methods: Sequence[str] | None = None,
    jobs: Jobs = 1,
    progress: Progress | None = None,
) -> None:
    """Add the tables of precision and recall by level, and of the substances named that were not there."""
    pooled: list[MixtureAnswer] = []
    for pairing in pairings:
        parts = make_parts(pairing, normalisation)
        context = _Context(pairing, parts, make_methods(pairing.references, methods or METHODS))
        answers: dict[tuple[float, ...], list[MixtureAnswer]] = {}
        for weights in PURE + LEVELS:
            title = f"mixtures {_level(weights)}, {pairing.label}"
            drawn = make_cases(parts, weights, cases if len(weights) > 1 else len(parts))
            found = run(_one_case, context, drawn, jobs=jobs, title=title, progress=progress)
            answers[weights] = [answer for part in found for answer in part]
        report.add(_table(pairing, answers, normalisation, len(parts)), _wrong(pairing, answers))
        if not pairing.label.endswith("by catalogue"):
            pooled += [a for weights in LEVELS for a in answers[weights] if a.method == "spectriage"]
        details = [{"level": _level(weights), **asdict(a)} for weights, mine in answers.items() for a in mine]
        report.detail(pairing.origin, f"mixtures: {pairing.label}", details)
    if pooled:
        origin = pairings[0].origin
        report.figure(origin, "mixtures: precision", _bootstrapped(pooled, precision))
        lowest = _bootstrapped(pooled, lambda a: recall(a, 0.0, 0.15))
        report.figure(origin, "mixtures: recall of 10 %", lowest)


def _one_case(context: _Context, case: Case) -> list[MixtureAnswer]:
    parts = [context.parts[i] for i in case.parts]
    spectrum = add_parts(parts, case.weights)
    truth = {part.key: weight for part, weight in zip(parts, case.weights, strict=True)}
    answers = []
    for method in context.methods:
        try:
            decision = method.decide(spectrum)
        except SpectriageError:
            decision = Decision(())
        named = {context.pairing.key(name) for name in decision.named}
        # a polymer of the mixture counts when it is named as packaging; other packaging is a nuisance
        named |= {context.pairing.key(name) for name in decision.packaging} & set(truth)
        answers.append(MixtureAnswer(method.name, truth, tuple(sorted(named)), decision.raised))
    return answers


def _level(weights: Sequence[float]) -> str:
    return "/".join(f"{100 * weight:g}" for weight in weights)


def precision(answers: Sequence[MixtureAnswer]) -> float:
    """Return the share of named substances that were there; NaN when none was named."""
    named = sum(len(answer.named) for answer in answers)
    right = sum(len(set(answer.named) & set(answer.truth)) for answer in answers)
    return right / named if named else float("nan")


def recall(answers: Sequence[MixtureAnswer], low: float, high: float) -> float:
    """Return the share of the substances present at low ≤ weight < high that were named."""
    wanted = [
        key in answer.named
        for answer in answers
        for key, weight in answer.truth.items()
        if low <= weight < high
    ]
    return float(np.mean(wanted)) if wanted else float("nan")


def _bootstrapped(answers: Sequence[MixtureAnswer], statistic: Any) -> Interval | None:
    """Return a statistic with an interval over clusters: the mixtures with the same largest component."""
    if not answers or not np.isfinite(statistic(answers)):
        return None
    clusters: dict[str, list[MixtureAnswer]] = {}
    for answer in answers:
        clusters.setdefault(max(answer.truth, key=answer.truth.__getitem__), []).append(answer)
    return cluster_bootstrap(
        list(clusters.values()),
        lambda drawn: statistic([answer for cluster in drawn for answer in cluster]),
        resamplings=1000,
    )


def _table(
    pairing: Pairing,
    answers: dict[tuple[float, ...], list[MixtureAnswer]],
    normalisation: str,
    materials: int,
) -> Table:
    rows: list[list[Any]] = []
    methods = list(dict.fromkeys(a.method for mine in answers.values() for a in mine))
    mixed = [answer for weights, mine in answers.items() if len(weights) > 1 for answer in mine]
    groups = [(_level(weights), mine) for weights, mine in answers.items()] + [("all mixtures", mixed)]
    for method in methods:
        for label, group in groups:
            mine = [answer for answer in group if answer.method == method]
            rows.append(
                [
                    method,
                    label,
                    len(mine),
                    _bootstrapped(mine, precision),
                    _bootstrapped(mine, lambda a: recall(a, 0.3, 1.01)),
                    _bootstrapped(mine, lambda a: recall(a, 0.15, 0.3)),
                    _bootstrapped(mine, lambda a: recall(a, 0.0, 0.15)),
                    sum(answer.raised for answer in mine),
                ]
            )
    return Table(
        f"mixtures: {pairing.label}",
        f"Mixtures, {pairing.label}: {materials} materials, weighted by {normalisation}",
        (
            "method",
            "level",
            "mixtures",
            "precision [95 %]",
            "recall ≥ 30 %",
            "recall 20 %",
            "recall 10 %",
            "alarms, warnings",
        ),
        rows,
        pairing.origin,
        (
            "Sums of measured spectra: the adding is computed. Bootstrap over the largest component.",
            "Alarms and warnings include right ones, where a component is hazardous itself.",
        ),
    )


def _wrong(pairing: Pairing, answers: dict[tuple[float, ...], list[MixtureAnswer]]) -> Table:
    rows = []
    for weights, mine in answers.items():
        for answer in mine:
            extra = sorted(set(answer.named) - set(answer.truth))
            missed = [
                key for key, weight in answer.truth.items() if key not in answer.named and weight >= 0.3
            ]
            if answer.method == "spectriage" and (extra or missed):
                made_of = ", ".join(f"{key} {100 * weight:g} %" for key, weight in answer.truth.items())
                rows.append([_level(weights), made_of, ", ".join(extra), ", ".join(missed)])
    return Table(
        f"mixtures, wrong: {pairing.label}",
        f"Mixtures, {pairing.label}: what the engine named that was not there, and missed at 30 % or more",
        ("level", "mixture", "named, not there", "missed"),
        rows,
        pairing.origin,
    )
