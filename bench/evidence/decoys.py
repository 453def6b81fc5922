"""Decoys: how often a match as good as this comes by chance.

References are mirrored along the axis, or cut into stretches that change places, and compete with the true
ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from spectriage.bench.report.runner import Jobs, run
from spectriage.bench.report.statistics import Proportion
from spectriage.bench.report.tables import Table
from spectriage.bench.sets.references import catalogue_without, indexed, keys_of
from spectriage.bench.sets.sets import LabelledSet, Trial
from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.identify import Identifier
from spectriage.spectra.progress import Progress
from spectriage.spectra.reference import Reference, ReferenceSet

SEED = 20_260_351
STRETCHES = 8
FALSE_RATES = (0.01, 0.05)
DECOY = "decoy-"


def decoy_set(references: ReferenceSet) -> ReferenceSet:
    """Return decoys: each reference mirrored along its range, and each cut into stretches and shuffled.

    Elias & Gygi 2007 (Nat. Methods 4, 207): what matches a decoy as well as a target says how often a match
    is a matter of chance. A decoy keeps the number, widths and heights of the bands, not their places.
    """
    rng = np.random.default_rng(SEED)
    records: list[Reference] = []
    rows: list[FloatArray] = []
    for record, row in zip(references.records, references.spectra.astype(np.float64), strict=True):
        for kind, change in (("mirrored", _mirrored), ("shuffled", _shuffled)):
            rows.append(change(row, rng))
            records.append(
                replace(
                    record, id=f"{DECOY}{kind}-{record.id}", substance=f"decoy {kind} {record.id}", family=""
                )
            )
    return ReferenceSet(tuple(records), references.shift, np.array(rows, dtype=np.float32), name="decoys")


def _mirrored(row: FloatArray, rng: np.random.Generator) -> FloatArray:
    out = row.copy()
    inside = np.isfinite(row)
    out[inside] = row[inside][::-1]
    return out


def _shuffled(row: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Cut a row into stretches and put them into another order, each tilted so that no steps arise."""
    out = row.copy()
    inside = np.flatnonzero(np.isfinite(row))
    if inside.size < 2 * STRETCHES:
        return out
    parts = [part.copy() for part in np.array_split(row[inside], STRETCHES)]
    for part in parts:
        part -= np.linspace(part[0], part[-1], part.size)
    order = rng.permutation(STRETCHES)
    while np.any(order == np.arange(STRETCHES)):
        order = rng.permutation(STRETCHES)
    out[inside] = np.concatenate([parts[i] for i in order.tolist()])
    return out


def decoy_table(labelled: LabelledSet, jobs: Jobs, progress: Progress | None) -> Table:
    """Let targets and decoys compete for every scan, and see what would be accepted."""
    references = catalogue_without(labelled.sources)
    decoys = decoy_set(references)
    both = indexed(
        ReferenceSet(
            (*references.records, *decoys.records),
            references.shift,
            np.concatenate([references.spectra, decoys.spectra]),
            name="targets and decoys",
        )
    )
    title = f"decoys, {labelled.name}"
    trials = labelled.trials()
    found = run(_best_two, Identifier(both), trials, jobs=jobs, title=title, progress=progress)
    known = keys_of(references, labelled.names)
    matches = [
        (
            target,
            decoy,
            labelled.names.same(name, trial.substance),
            labelled.names.key(trial.substance) in known,
        )
        for trial, (name, target, decoy) in zip(trials, found, strict=True)
    ]
    wrong = [target > decoy for target, decoy, right, _ in matches if not right]
    rows: list[list[Any]] = []
    for rate in FALSE_RATES:
        cut = _cut(matches, rate)
        accepted = [right for target, decoy, right, _ in matches if target > decoy and target >= cut]
        reachable = sum(is_known for *_, is_known in matches)
        rows.append(
            [
                f"{rate:g}",
                None if not np.isfinite(cut) else cut,
                Proportion(len(accepted) - sum(accepted), len(accepted)),
                Proportion(sum(accepted), reachable) if reachable else None,
            ]
        )
    return Table(
        f"decoys: {labelled.name}",
        f"Target and decoy, {labelled.name} by the catalogue without its entries",
        ("false share aimed at", "score", "wrong among the accepted", "known materials accepted"),
        rows,
        labelled.items[0].origin,
        (
            "By chance a wrong best match is a decoy in two of three cases, the decoys' share of all: "
            f"a target won in {Proportion(sum(wrong), len(wrong))} of the wrong ones.",
        ),
    )


def _best_two(engine: Identifier, trial: Trial) -> tuple[str, float, float]:
    """Return the best target, its score, and the best decoy's score."""
    candidates = engine.identify(trial.repeats[0].spectrum).candidates
    targets = [c for c in candidates if not c.reference.id.startswith(DECOY)]
    decoys = [c.score for c in candidates if c.reference.id.startswith(DECOY)]
    name = targets[0].reference.substance if targets else ""
    return name, targets[0].score if targets else 0.0, max(decoys, default=0.0)


def _cut(matches: Sequence[tuple[float, float, bool, bool]], rate: float) -> float:
    """Return the lowest score at which decoys, scaled by their number, are this share of what is accepted."""
    best = float("inf")
    scores = sorted({max(target, decoy) for target, decoy, *_ in matches}, reverse=True)
    for score in scores:
        targets = sum(target > decoy and target >= score for target, decoy, *_ in matches)
        decoys = sum(decoy >= target and decoy >= score for target, decoy, *_ in matches)
        if targets and 0.5 * decoys / targets <= rate:
            best = score
    return best
