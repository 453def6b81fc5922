"""Benign materials: how often an alarm or a warning is raised by what is harmless.

A material is one cluster over its instruments and repeats; the upper bound is over clusters. Simulated blanks
are a table of their own, see `spectriage.bench.evidence.pod`.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from spectriage.bench.report.runner import Jobs, run
from spectriage.bench.report.statistics import Proportion, clustered
from spectriage.bench.report.tables import Report, Table
from spectriage.bench.sets.pairing import chosen_repeats
from spectriage.bench.sets.references import catalogue_without
from spectriage.bench.sets.sets import LabelledSet, Trial
from spectriage.spectra.errors import SpectriageError
from spectriage.spectra.identify import Identifier
from spectriage.spectra.progress import Progress
from spectriage.spectra.verdict import RAISED


@dataclass(frozen=True)
class BenignAnswer:
    """What the engine said of one harmless spectrum."""

    substance: str
    key: str
    instrument: str
    spectrum: str
    verdict: str
    reason: str
    named: tuple[str, ...]
    similarity: float
    library: str

    @property
    def raised(self) -> bool:
        """Whether it was an alarm or a warning."""
        return self.verdict in RAISED


def is_benign(substance: str) -> bool:
    """Whether no entry of the catalogue calls a substance hazardous, by any of its names."""
    from spectriage.library.catalogue import load_catalogue

    name = substance.casefold()
    return not any(
        name in (known.casefold() for known in entry.names)
        for entry in load_catalogue()
        if entry.hazard.alarms or entry.hazard.warns
    )


def benign(
    sets: Sequence[LabelledSet], report: Report, *, jobs: Jobs = 1, progress: Progress | None = None
) -> None:
    """Add the tables of measured harmless materials: as shipped, and without the entries of their set."""
    answers: dict[str, list[BenignAnswer]] = {"as shipped": [], "without the set's entries": []}
    for labelled in sets:
        trials = [trial for trial in labelled.trials() if is_benign(trial.substance)]
        for label, sources in (
            ("as shipped", frozenset[str]()),
            ("without the set's entries", labelled.sources),
        ):
            context = (Identifier(catalogue_without(sources)), labelled, label)
            title = f"harmless, {labelled.name}, {label}"
            found = run(_one_trial, context, trials, jobs=jobs, title=title, progress=progress)
            answers[label] += [answer for part in found for answer in part]
    origin = sets[0].items[0].origin
    rows: list[list[Any]] = []
    for label, mine in answers.items():
        rows.append([label, *_counts(mine)])
        report.detail(origin, f"benign: {label}", [asdict(answer) for answer in mine])
    report.add(
        Table(
            "benign",
            "Alarms and warnings on harmless measured materials, packaging included",
            ("library", "raised, spectra", "raised, materials", "upper bound, materials", "verdicts"),
            rows,
            origin,
            (
                "As shipped, the catalogue holds band models extracted from some of these very spectra; "
                "without the set's entries, many of the materials are unknown to it.",
                "Upper bound: one-sided 95 % (Clopper–Pearson) over materials.",
            ),
        ),
        Table(
            "benign: raised",
            "Harmless measured materials that raised an alarm or a warning",
            ("library", "material", "instrument", "spectrum", "verdict", "reason", "named", "agreement"),
            [
                [
                    label,
                    a.substance,
                    a.instrument,
                    a.spectrum,
                    a.verdict,
                    a.reason,
                    ", ".join(a.named),
                    a.similarity,
                ]
                for label, mine in answers.items()
                for a in mine
                if a.raised
            ],
            origin,
        ),
    )


def _one_trial(context: tuple[Identifier, LabelledSet, str], trial: Trial) -> list[BenignAnswer]:
    engine, labelled, label = context
    answers = []
    for item in chosen_repeats(trial):
        try:
            result = engine.identify(item.spectrum)
        except SpectriageError as error:
            said: tuple[str, str, tuple[str, ...], float] = ("", type(error).__name__, (), 0.0)
        else:
            names = tuple(part.reference.substance for part in (*result.components, *result.packaging))
            said = (str(result.verdict), result.reason, names, result.similarity)
        answers.append(
            BenignAnswer(
                trial.substance,
                labelled.names.key(trial.substance),
                trial.instrument,
                item.name,
                *said,
                label,
            )
        )
    return answers


def _counts(answers: Sequence[BenignAnswer]) -> list[Any]:
    by_key: dict[Hashable, list[bool]] = {}
    verdicts: dict[str, int] = {}
    for answer in answers:
        by_key.setdefault(answer.key, []).append(answer.raised)
        verdicts[answer.verdict or answer.reason] = verdicts.get(answer.verdict or answer.reason, 0) + 1
    materials = clustered(by_key)
    spectra = Proportion(sum(answer.raised for answer in answers), len(answers), "exact")
    listed = ", ".join(f"{name} {count}" for name, count in sorted(verdicts.items()))
    return [f"{spectra.successes}/{spectra.trials}", materials, materials.upper_bound, listed]
