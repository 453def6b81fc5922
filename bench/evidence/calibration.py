"""Calibration: how often a stated probability is right, on an instrument that had no part in making it.

Every set is identified by the catalogue without the entries extracted from it, and by the measured spectra of
the other sets, so that neither the library nor its null distribution has seen the instrument.
What is judged is the best candidate and its probability; `decoys` says independently how often a match as
good as this comes by chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spectriage.bench.evidence.decoys import decoy_table
from spectriage.bench.report.reliability import EDGES, calibration_error_interval, reliability
from spectriage.bench.report.runner import Jobs, run
from spectriage.bench.report.statistics import Interval, Proportion
from spectriage.bench.report.tables import Report, Table
from spectriage.bench.sets.names import Names
from spectriage.bench.sets.pairing import chosen_repeats, joined
from spectriage.bench.sets.references import (
    catalogue_without,
    keys_of,
    library_of,
    with_null,
    without,
)
from spectriage.bench.sets.sets import LabelledSet, merged
from spectriage.spectra.errors import SpectriageError
from spectriage.spectra.identify import Identifier
from spectriage.spectra.progress import Progress
from spectriage.spectra.reference import ReferenceSet

SPLITS = 5
SEED = 20_260_351


@dataclass(frozen=True)
class Stated:
    """One probability that was stated, and whether it was right.

    Parameters
    ----------
    probability
        Of the best candidate; None when the library has no null distribution.
    right
        Whether the best candidate was the material.
    known
        Whether the library had the material at all.
    """

    key: str
    instrument: str
    library: str
    probability: float | None
    score: float
    right: bool
    known: bool
    candidate: str


def calibration(
    sets: Sequence[LabelledSet],
    report: Report,
    *,
    splits: int = SPLITS,
    plot: Path | None = None,
    jobs: Jobs = 1,
    progress: Progress | None = None,
) -> None:
    """Add the tables of reliability and of target and decoy, and draw the diagram.

    Parameters
    ----------
    sets
        Labelled sets; each in turn is the one that nothing was made from.
    splits
        How often half of the materials are taken out of the library, besides once with all of them.
    plot
        Where to draw the reliability diagram; None for not at all.
    """
    stated: list[Stated] = []
    for labelled in sets:
        others = [other for other in sets if other is not labelled]
        stated += _of_set(labelled, others, splits, jobs, progress)
    judged = [s for s in stated if s.probability is not None]
    origin = sets[0].items[0].origin
    report.detail(origin, "calibration", [asdict(s) for s in stated])
    kinds = {s.library for s in judged}
    for label in [*sorted(kinds), "all"]:
        mine = [s for s in judged if label in ("all", s.library)]
        report.add(_reliability_table(label, mine, len(stated) - len(judged), origin))
    report.add(_by_set(judged, origin))
    for labelled in sets:
        report.add(decoy_table(labelled, jobs, progress))
    if plot is not None and judged:
        draw(judged, plot)


def _of_set(
    labelled: LabelledSet,
    others: Sequence[LabelledSet],
    splits: int,
    jobs: Jobs,
    progress: Progress | None,
) -> list[Stated]:
    libraries: list[tuple[str, ReferenceSet, Names]] = [
        ("catalogue", catalogue_without(labelled.sources), labelled.names)
    ]
    if others:
        other = merged(others)
        references = library_of(other, leave_out=labelled.sources)
        libraries.append(("measured", references, joined(labelled, other)))
    stated = []
    for label, references, names in libraries:
        made = with_null(references)
        tasks = _tasks(labelled, made, names, splits)
        title = f"calibration, {labelled.name} by {label}"
        context = (labelled, made, names, label)
        found = run(_one_library, context, tasks, jobs=jobs, title=title, progress=progress)
        stated += [s for part in found for s in part]
    return stated


def _tasks(
    labelled: LabelledSet, references: ReferenceSet, names: Names, splits: int
) -> list[frozenset[str]]:
    """Return what is taken out of the library: nothing once, then half of the common materials."""
    asked = {names.key(trial.substance) for trial in labelled.trials()}
    common = sorted(asked & keys_of(references, names))
    tasks = [frozenset[str]()]
    for split in range(splits):
        order = np.random.default_rng([SEED, split]).permutation(len(common))
        tasks.append(frozenset(common[i] for i in order[: len(common) // 2].tolist()))
    return tasks


def _one_library(
    context: tuple[LabelledSet, ReferenceSet, Names, str], hidden: frozenset[str]
) -> list[Stated]:
    labelled, references, names, label = context
    rest = without(references, names, hidden) if hidden else references
    known = keys_of(rest, names)
    engine = Identifier(rest)
    stated = []
    for trial in labelled.trials():
        key = names.key(trial.substance)
        for item in chosen_repeats(trial, 1):
            try:
                candidates = engine.identify(item.spectrum).candidates
            except SpectriageError:
                continue
            if candidates:
                best = candidates[0]
                right = names.same(best.reference.substance, trial.substance)
                # the same substance's other forms share its probability
                total = _probability(candidates, best.reference.substance)
                instrument = f"{labelled.name} {trial.instrument}"
                stated.append(
                    Stated(
                        key,
                        instrument,
                        label,
                        total,
                        best.score,
                        right,
                        key in known,
                        best.reference.substance,
                    )
                )
    return stated


def _probability(candidates: Sequence[Any], substance: str) -> float | None:
    """Return the probability that is stated of a substance: the largest of its forms'."""
    stated = [
        candidate.probability
        for candidate in candidates
        if candidate.reference.substance == substance and candidate.probability is not None
    ]
    return max(stated) if stated else None


def _error_with_interval(stated: Sequence[Stated]) -> Interval:
    return calibration_error_interval(
        [s.probability or 0.0 for s in stated],
        [s.right for s in stated],
        [s.key for s in stated],
        resamplings=300,
    )


def _by_trial(stated: Sequence[Stated]) -> Proportion:
    """Count materials × instruments, right when more than half of their statements were."""
    trials: dict[tuple[str, str], list[bool]] = {}
    for s in stated:
        trials.setdefault((s.key, s.instrument), []).append(s.right)
    return Proportion(sum(2 * sum(right) > len(right) for right in trials.values()), len(trials))


def _reliability_table(label: str, stated: Sequence[Stated], unstated: int, origin: Any) -> Table:
    rows: list[list[Any]] = []
    notes = [
        "Best candidate of each scan, on instruments that nothing was made from. A scan is judged by several "
        "libraries; the intervals count materials × instruments.",
    ]
    if stated:
        bins = reliability([s.probability or 0.0 for s in stated], [s.right for s in stated])
        for found in bins:
            mine = [
                s
                for s in stated
                if found.low <= (s.probability or 0.0) < found.high
                or s.probability == found.high == EDGES[-1]
            ]
            share = found.right.successes / found.right.trials
            label_of_bin = f"{found.low:g}–{found.high:g}"
            rows.append([label_of_bin, found.right.trials, found.stated, share, _by_trial(mine)])
        error = _error_with_interval(stated)
        notes.append(f"expected calibration error {error}, interval over materials")
        for level in (0.9, 0.95, 0.99):
            sure = [s for s in stated if (s.probability or 0.0) >= level]
            right = sum(s.right for s in sure)
            notes.append(
                f"stated ≥ {level:g}: right {right} of {len(sure)} statements; of materials × instruments "
                f"{_by_trial(sure)}"
            )
    if unstated:
        notes.append(f"{unstated} scans had no probability: their library was too small for a null")
    return Table(
        f"reliability: {label}",
        f"Reliability of the stated probabilities, library: {label}",
        ("stated", "statements", "mean stated", "right", "materials × instruments right [95 %]"),
        rows,
        origin,
        tuple(notes),
    )


def _by_set(stated: Sequence[Stated], origin: Any) -> Table:
    rows: list[list[Any]] = []
    for instrument in dict.fromkeys(s.instrument for s in stated):
        mine = [s for s in stated if s.instrument == instrument]
        sure = [s for s in mine if (s.probability or 0.0) >= 0.95]
        right = sum(s.right for s in mine) / len(mine)
        mean = float(np.mean([s.probability or 0.0 for s in mine]))
        rows.append([instrument, len(mine), mean, right, _by_trial(sure)])
    return Table(
        "reliability by instrument",
        "Stated and right by the instrument that was left out",
        (
            "instrument",
            "statements",
            "mean stated",
            "right",
            "materials right where ≥ 0.95 was stated [95 %]",
        ),
        rows,
        origin,
    )


def draw(stated: Sequence[Stated], path: Path) -> None:
    """Draw the reliability diagram: stated against right, with intervals, by library; PNG, SVG or PDF."""
    from spectriage.spectra.report import require_matplotlib

    require_matplotlib()
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.5, 5.5), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="0.6", linewidth=1, label="perfect")
    for label, marker in zip(sorted({s.library for s in stated}), "os^D", strict=False):
        mine = [s for s in stated if s.library == label]
        bins = reliability([s.probability or 0.0 for s in mine], [s.right for s in mine])
        shares = [found.right.interval for found in bins]
        spread = [
            [max(share.value - share.low, 0.0) for share in shares],
            [max(share.high - share.value, 0.0) for share in shares],
        ]
        axes.errorbar(
            [found.stated for found in bins],
            [share.value for share in shares],
            yerr=spread,
            fmt=f"{marker}-",
            capsize=3,
            label=f"library: {label} ({len(mine)} scans)",
        )
    axes.set(xlabel="stated probability", ylabel="share that is right", xlim=(0, 1.02), ylim=(0, 1.02))
    axes.set_title("Reliability on instruments that nothing was made from")
    axes.legend(loc="upper left", frameon=False)
    figure.savefig(path, dpi=150)
