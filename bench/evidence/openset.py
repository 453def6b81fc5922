"""Open set: half of the materials are taken out of the library, and must not be named.

Repeated random splits with fixed seeds. The repeats of a material over splits, and over instruments, are one
cluster; intervals are bootstrapped over clusters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from spectriage.bench.methods.methods import make_methods
from spectriage.bench.report.runner import Jobs, run
from spectriage.bench.report.statistics import Interval, Scored, cluster_bootstrap, clustered, clustered_area
from spectriage.bench.report.tables import Report, Table
from spectriage.bench.sets.pairing import Pairing
from spectriage.bench.sets.references import keys_of, without
from spectriage.bench.sets.sets import Trial
from spectriage.spectra.errors import SpectriageError
from spectriage.spectra.progress import Progress

SPLITS = 20
SEED = 20_260_311


@dataclass(frozen=True)
class Answer:
    """What one method said of one trial in one split.

    Parameters
    ----------
    known
        Whether the material was in the library.
    score, best
        Of the best match.
    right
        Whether the best match was the material.
    named, named_right
        Whether the method, as it decides, named anything, and the material.
    packaging
        Whether it saw packaging and nothing else.
    said, raised
        What it named, and whether it raised an alarm or a warning.
    """

    method: str
    split: int
    key: str
    instrument: str
    known: bool
    score: float
    best: str
    right: bool
    named: bool
    named_right: bool
    packaging: bool
    said: tuple[str, ...] = ()
    raised: bool = False


@dataclass(frozen=True, eq=False)
class _Context:
    pairing: Pairing
    methods: Sequence[str] | None


def openset(
    pairings: Sequence[Pairing],
    report: Report,
    *,
    splits: int = SPLITS,
    methods: Sequence[str] | None = None,
    jobs: Jobs = 1,
    progress: Progress | None = None,
) -> None:
    """Add the tables of the open-set test, one a pairing, and one over the pairings of sets with sets."""
    pooled: list[Answer] = []
    for pairing in pairings:
        tasks = _splits(pairing, splits)
        context = _Context(pairing, methods)
        title = f"open set, {pairing.label}"
        found = run(_one_split, context, tasks, jobs=jobs, title=title, progress=progress)
        answers = [answer for part in found for answer in part]
        report.add(_table(pairing.label, pairing, answers), _named_unknowns(pairing, answers))
        report.detail(pairing.origin, f"open set: {pairing.label}", [asdict(a) for a in answers])
        if not pairing.label.endswith("by catalogue"):
            pooled += answers
    several = [pairing for pairing in pairings if not pairing.label.endswith("by catalogue")]
    if len(several) > 1 and len({pairing.origin for pairing in several}) == 1:
        report.add(_table("both directions", several[0], pooled))
        mine = [answer for answer in pooled if answer.method == "spectriage"]
        if mine:
            report.figure(several[0].origin, "open set: AUC", _area(mine))
            report.figure(several[0].origin, "open set: TAR at 1 %", accepted_at(mine, 0.01))


def accepted_at(answers: Sequence[Answer], rate: float) -> float:
    """Return the share of known materials whose score exceeds all but `rate` of the unknown ones' scores."""
    unknown = sorted((answer.score for answer in answers if not answer.known), reverse=True)
    known = [answer.score for answer in answers if answer.known]
    if not unknown or not known:
        return float("nan")
    cut = unknown[min(int(rate * len(unknown)), len(unknown) - 1)]
    return sum(score > cut for score in known) / len(known)


def _splits(pairing: Pairing, count: int) -> list[tuple[int, frozenset[str]]]:
    """Return, for each split, the keys that are taken out of the library.

    Half of the materials that the library has and that are asked for are taken out; what the library never
    had stays unknown in every split.
    """
    asked = {pairing.key(trial.substance) for trial in pairing.queries.trials()}
    common = sorted(asked & keys_of(pairing.references, pairing.names))
    splits = []
    for split in range(count):
        rng = np.random.default_rng([SEED, split])
        hidden = rng.permutation(len(common))[: len(common) // 2]
        splits.append((split, frozenset(common[i] for i in hidden.tolist())))
    return splits


def _one_split(context: _Context, task: tuple[int, frozenset[str]]) -> list[Answer]:
    split, hidden = task
    pairing = context.pairing
    references = without(pairing.references, pairing.names, hidden)
    known = keys_of(references, pairing.names)
    made = make_methods(references, context.methods)
    answers = []
    for trial in pairing.queries.trials():
        for method in made:
            answers.append(_answer(pairing, method, split, trial, pairing.key(trial.substance) in known))
    return answers


def _answer(pairing: Pairing, method: Any, split: int, trial: Trial, known: bool) -> Answer:
    key = pairing.key(trial.substance)
    spectrum = trial.repeats[0].spectrum
    try:
        ranked, decision = method.rank(spectrum), method.decide(spectrum)
    except SpectriageError as error:
        score = float("-inf")
        return Answer(
            method.name, split, key, trial.instrument, known, score, str(error), False, False, False, False
        )
    said = {pairing.key(name) for name in decision.named}
    wrapped = {pairing.key(name) for name in decision.packaging}
    # a polymer that is the material itself is named as packaging, and rightly so
    right = key in said or key in wrapped
    return Answer(
        method.name,
        split,
        key,
        trial.instrument,
        known,
        ranked[0].score if ranked else float("-inf"),
        ranked[0].substance if ranked else "",
        bool(ranked) and pairing.names.same(ranked[0].substance, trial.substance),
        bool(said) or right,
        right,
        decision.packaging_only and not right,
        decision.named,
        decision.raised,
    )


def _table(label: str, pairing: Pairing, answers: Sequence[Answer]) -> Table:
    rows: list[list[Any]] = []
    for method in dict.fromkeys(answer.method for answer in answers):
        mine = [answer for answer in answers if answer.method == method]
        rows.append(
            [
                method,
                _area(mine),
                _area(mine, right=True),
                _rate([a for a in mine if not a.known], "named"),
                _ever(mine),
                _rate([a for a in mine if a.known], "named"),
                _rate([a for a in mine if a.known], "named_right"),
                _rate([a for a in mine if not a.known], "packaging"),
            ]
        )
    splits = len({answer.split for answer in answers})
    materials = len({answer.key for answer in answers})
    return Table(
        f"open set: {label}",
        f"Open set, {label}: {materials} materials, {splits} splits, half of the common ones unknown",
        (
            "method",
            "AUC [95 %]",
            "AUC, wrong best counts as lowest",
            "named although unknown",
            "materials ever so",
            "named when known",
            "rightly",
            "packaging only, unknown",
        ),
        rows,
        pairing.origin,
        (
            "AUC of the best match's score between known and unknown; intervals by bootstrap over materials.",
            "Named: the engine has components; a classical score reaches its cut-off (0.65, HQI 65); "
            "NNLS has a component of 5 % of the coefficients.",
        ),
    )


def _by_cluster(answers: Sequence[Answer]) -> dict[str, list[Answer]]:
    clusters: dict[str, list[Answer]] = {}
    for answer in answers:
        clusters.setdefault(answer.key, []).append(answer)
    return clusters


def _area(answers: Sequence[Answer], *, right: bool = False) -> Interval:
    finite = [a.score for a in answers if np.isfinite(a.score)]
    floor = min(finite, default=0.0) - 1.0

    def value(answer: Answer) -> float:
        lowest = not np.isfinite(answer.score) or (right and answer.known and not answer.right)
        return floor if lowest else answer.score

    clusters = [
        Scored(tuple(value(a) for a in mine if a.known), tuple(value(a) for a in mine if not a.known))
        for mine in _by_cluster(answers).values()
    ]
    return clustered_area(clusters, resamplings=500)


def _rate(answers: Sequence[Answer], what: str) -> Interval | None:
    if not answers:
        return None
    clusters = [[bool(getattr(a, what)) for a in mine] for mine in _by_cluster(answers).values()]
    return cluster_bootstrap(clusters, _mean)


def _mean(clusters: Sequence[list[bool]]) -> float:
    flat = [value for cluster in clusters for value in cluster]
    return float(np.mean(flat)) if flat else float("nan")


def _ever(answers: Sequence[Answer]) -> Any:
    unknown = _by_cluster([answer for answer in answers if not answer.known])
    return clustered({key: [answer.named for answer in mine] for key, mine in unknown.items()})


def _named_unknowns(pairing: Pairing, answers: Sequence[Answer]) -> Table:
    """List what the engine named although the library did not have it."""
    counts: dict[tuple[str, str, tuple[str, ...], bool], int] = {}
    for a in answers:
        if a.method == "spectriage" and a.named and not a.known:
            case = (a.key, a.instrument, a.said, a.raised)
            counts[case] = counts.get(case, 0) + 1
    ordered = sorted(counts.items(), key=lambda case: (-case[1], case[0]))
    rows: list[list[Any]] = [
        [key, unit, ", ".join(said), raised, count] for (key, unit, said, raised), count in ordered
    ]
    return Table(
        f"named although unknown: {pairing.label}",
        f"Named although unknown, {pairing.label}, by the engine",
        ("material", "instrument", "named", "alarm or warning", "splits"),
        rows,
        pairing.origin,
    )
