"""Garbage: made-up spectra of no material, and how often the engine raises or clears one."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from spectriage.bench.report.runner import Jobs, run
from spectriage.bench.report.statistics import Proportion
from spectriage.bench.report.tables import Report, Table
from spectriage.bench.sets.garbage import KINDS, make
from spectriage.spectra.errors import SpectriageError
from spectriage.spectra.identify import Identifier
from spectriage.spectra.origin import Origin
from spectriage.spectra.progress import Progress
from spectriage.spectra.verdict import Verdict

COUNT = 15_789
REFUSED = "refused"


@dataclass(frozen=True)
class GarbageAnswer:
    """What the engine said of one made-up spectrum."""

    kind: str
    number: int
    verdict: str
    summary: str


def garbage(
    engine: Identifier,
    report: Report,
    *,
    count: int = COUNT,
    jobs: Jobs = 1,
    progress: Progress | None = None,
) -> list[GarbageAnswer]:
    """Add the table of verdicts on made-up spectra, `count` of them over all kinds; return the answers."""
    kinds = list(KINDS)
    tasks = [(kinds[i % len(kinds)], i // len(kinds)) for i in range(count)]
    answers = run(_one, engine, tasks, jobs=jobs, title="made-up spectra", progress=progress)
    origin = Origin.SIMULATED
    report.add(_table(answers, origin), _raised(answers, origin))
    report.detail(origin, "garbage", [asdict(a) for a in answers if a.verdict in DECIDED])
    for verdict in DECIDED:
        found = sum(answer.verdict == verdict for answer in answers)
        report.figure(origin, f"garbage: {verdict}", found)
    report.figure(origin, "garbage: spectra", len(answers))
    return answers


DECIDED = (str(Verdict.ALARM), str(Verdict.WARNING), str(Verdict.NO_ALARM))


def _one(engine: Identifier, task: tuple[str, int]) -> GarbageAnswer:
    kind, number = task
    try:
        result = engine.identify(make(kind, number, engine.references))
    except SpectriageError as error:
        return GarbageAnswer(kind, number, REFUSED, str(error))
    return GarbageAnswer(kind, number, str(result.verdict), result.summary)


def _table(answers: list[GarbageAnswer], origin: Origin) -> Table:
    rows: list[list[Any]] = []
    for kind in ("all", *dict.fromkeys(answer.kind for answer in answers)):
        mine = [answer for answer in answers if kind in ("all", answer.kind)]
        verdicts = Counter(answer.verdict for answer in mine)
        raised = Proportion(verdicts[DECIDED[0]] + verdicts[DECIDED[1]], len(mine), "exact")
        rows.append(
            [
                kind,
                len(mine),
                *(verdicts[verdict] for verdict in DECIDED),
                verdicts[str(Verdict.INCONCLUSIVE)],
                verdicts[REFUSED],
                raised.upper_bound,
            ]
        )
    return Table(
        "garbage",
        "Made-up spectra of no material",
        ("kind", "spectra", *DECIDED, "INCONCLUSIVE", "refused", "upper bound of raised"),
        rows,
        origin,
        ("Any ALARM, WARNING or NO_ALARM is wrong. Upper bound: one-sided 95 % (Clopper–Pearson).",),
    )


def _raised(answers: list[GarbageAnswer], origin: Origin) -> Table:
    rows: list[list[Any]] = [
        [answer.kind, answer.number, answer.verdict, answer.summary]
        for answer in answers
        if answer.verdict in DECIDED
    ]
    return Table(
        "garbage: decided",
        "Made-up spectra that were raised or cleared",
        ("kind", "number", "verdict", "answer"),
        rows,
        origin,
    )
