"""Field spectra: a folder that no one chose for the engine, and a file that says what may be raised in it.

Every alarm or warning that the file does not allow is false. Intervals are over materials: many scans of one
polymer are one material.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from spectriage.bench.evidence.raised import is_raised, raised_names
from spectriage.bench.report.runner import Jobs, run
from spectriage.bench.report.statistics import Interval, cluster_bootstrap, clustered
from spectriage.bench.report.tables import Report, Table
from spectriage.bench.sets.names import Names
from spectriage.bench.sets.rules import FieldSpectrum
from spectriage.spectra.errors import SpectriageError
from spectriage.spectra.identify import Identifier
from spectriage.spectra.origin import Origin
from spectriage.spectra.progress import Progress
from spectriage.spectra.verdict import Verdict


def shipped_rules() -> Path:
    """Return the rules for the field spectra that the README's tables are from."""
    return Path(str(resources.files("spectriage.bench.evidence"))) / "field-allowed.toml"


@dataclass(frozen=True)
class FieldAnswer:
    """What the engine said of one field spectrum.

    Parameters
    ----------
    raised, right
        Whether it was an alarm or a warning, and whether that is allowed.
    expected
        Whether anything may be raised in it.
    rightly_named
        Whether the first component is what the sample is; None where the rules do not say what it is.
    """

    path: str
    kind: str
    material: str
    verdict: str
    reason: str
    summary: str
    components: tuple[str, ...]
    raised: bool
    right: bool
    expected: bool
    rightly_named: bool | None

    @property
    def false(self) -> bool:
        """Whether an alarm or a warning was raised that may not be."""
        return self.raised and not self.right

    @property
    def decided(self) -> bool:
        """Whether the answer is more than INCONCLUSIVE."""
        return self.verdict != Verdict.INCONCLUSIVE


def field(
    spectra: Sequence[FieldSpectrum],
    engine: Identifier,
    report: Report,
    *,
    left_out: Sequence[str] = (),
    jobs: Jobs = 1,
    progress: Progress | None = None,
) -> list[FieldAnswer]:
    """Add the tables of false alarms and of what was decided; return the answers.

    Parameters
    ----------
    spectra
        Measured, with what may be raised in each.
    engine
        The library and the policy that are judged.
    left_out
        Files that are not among them, each with the reason.
    """
    answers = run(_one, (engine, Names()), spectra, jobs=jobs, title="field spectra", progress=progress)
    origin = Origin.MEASURED
    groups = {"all": answers}
    for kind in dict.fromkeys(answer.kind for answer in answers):
        groups[f"of {kind}"] = [answer for answer in answers if answer.kind == kind]
    report.add(_counts(groups, left_out, origin), _raises(answers, origin), _hazards(answers, origin))
    report.detail(origin, "field", [asdict(answer) for answer in answers])
    report.figure(origin, "field: false raises", false_share(answers))
    report.figure(origin, "field: materials falsely raised", len({a.material for a in answers if a.false}))
    fentanyl = [a for a in answers if "fentanyl" in a.material]
    if fentanyl:
        alarms = sum(a.right and a.verdict == Verdict.ALARM for a in fentanyl)
        report.figure(origin, "field: fentanyl scan", alarms / len(fentanyl))
    report.figure(origin, "field: rightly raised", sum(a.right for a in answers))
    report.figure(origin, "field: NO_ALARM", _share([a.verdict == Verdict.NO_ALARM for a in answers]))
    return answers


def _one(context: tuple[Identifier, Names], item: FieldSpectrum) -> FieldAnswer:
    engine, names = context
    try:
        result = engine.identify(item.spectrum)
    except SpectriageError as error:
        return FieldAnswer(
            item.path, item.kind, item.material, "unreadable", error.what, "", (),
            False, False, bool(item.may_raise), None,
        )  # fmt: skip
    raised = is_raised(result)
    right = bool(raised_names(result, engine.policy) & set(item.may_raise))
    named = tuple(part.reference.substance for part in result.components)
    rightly = None
    if item.substance:
        first = result.components[:1]
        rightly = any(
            names.same(part.reference.substance, item.substance) or part.reference.family == item.substance
            for part in first
        )
    return FieldAnswer(
        item.path,
        item.kind,
        item.material,
        str(result.verdict),
        result.reason,
        result.summary,
        named,
        raised,
        raised and right,
        bool(item.may_raise),
        rightly,
    )


def false_share(answers: Sequence[FieldAnswer]) -> Interval:
    """Return the share of spectra with a false alarm or warning, its interval over materials."""
    clusters: dict[str, list[bool]] = {}
    for answer in answers:
        clusters.setdefault(answer.material, []).append(answer.false)
    return cluster_bootstrap(
        list(clusters.values()),
        lambda drawn: sum(map(sum, drawn)) / sum(map(len, drawn)),
    )


def _share(outcomes: Sequence[bool]) -> float:
    return sum(outcomes) / len(outcomes) if outcomes else float("nan")


def _counts(groups: dict[str, list[FieldAnswer]], left_out: Sequence[str], origin: Origin) -> Table:
    rows: list[list[Any]] = []
    for kind, mine in groups.items():
        by_material: dict[Hashable, list[bool]] = {}
        for answer in mine:
            by_material.setdefault(answer.material, []).append(answer.false)
        found = clustered(by_material)
        verdicts = Counter(answer.verdict for answer in mine)
        naming = sum(a.verdict == Verdict.INCONCLUSIVE and bool(a.components) for a in mine)
        rows.append(
            [
                kind,
                len(mine),
                sum(answer.false for answer in mine),
                false_share(mine),
                f"{found.successes} of {found.trials}",
                found.upper_bound,
                sum(answer.raised and answer.right for answer in mine),
                verdicts[str(Verdict.NO_ALARM)],
                naming,
                verdicts[str(Verdict.INCONCLUSIVE)] - naming,
                verdicts["unreadable"],
            ]
        )
    return Table(
        "field",
        "Field spectra: false alarms and warnings, and what was decided",
        (
            "kind",
            "spectra",
            "falsely raised",
            "share [95 %]",
            "materials falsely raised",
            "upper bound, materials",
            "rightly raised",
            "NO_ALARM",
            "INCONCLUSIVE, naming something",
            "INCONCLUSIVE, naming nothing",
            "refused",
        ),
        rows,
        origin,
        (
            "Share: bootstrap over materials. Upper bound: one-sided 95 % (Clopper–Pearson) over materials.",
            "Refused: no answer, because the spectrum does not suffice (range, points).",
            *(f"Left out: {reason}" for reason in left_out),
        ),
    )


def _raises(answers: Sequence[FieldAnswer], origin: Origin) -> Table:
    rows: list[list[Any]] = [
        [answer.path, answer.material, answer.verdict, answer.reason, answer.summary]
        for answer in answers
        if answer.false
    ]
    return Table(
        "field: falsely raised",
        "Field spectra in which something was raised that may not be",
        ("spectrum", "material", "verdict", "reason", "answer"),
        rows,
        origin,
    )


def _hazards(answers: Sequence[FieldAnswer], origin: Origin) -> Table:
    rows: list[list[Any]] = [
        [answer.path, answer.verdict, answer.right, answer.summary] for answer in answers if answer.expected
    ]
    return Table(
        "field: may be raised",
        "Field spectra in which something may be raised, and the answer",
        ("spectrum", "verdict", "rightly raised", "answer"),
        rows,
        origin,
    )
