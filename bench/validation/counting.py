"""What is counted in the records of a run, for its criteria and for its tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from spectriage.bench.report.statistics import (
    Interval,
    area_under_curve,
    cluster_bootstrap,
)
from spectriage.bench.validation.records import Record
from spectriage.bench.validation.run import matches
from spectriage.bench.validation.statistics import Spread, spread_parts

RESAMPLINGS = 1000


def selected(records: Sequence[Record], panel: str, where: Any = ()) -> list[Record]:
    """Return a panel's records whose factors have some values."""
    return [r for r in records if r.panel == panel and matches(r.factors, where)]


def first_scans(records: Sequence[Record]) -> list[Record]:
    """Return the first scan of each trial: repeats of a sample are no trials of their own."""
    return [record for record in records if record.repeat == 0]


def named_counts(records: Sequence[Record]) -> tuple[int, int]:
    """Return how many named components are in the sample, and how many were named."""
    named = [part for record in records for part in record.named]
    return sum(part.right for part in named), len(named)


def found_counts(records: Sequence[Record], low: float = 0.0, high: float = float("inf")) -> tuple[int, int]:
    """Return how many components of some fraction (low ≤ f < high) were named, and how many there were."""
    parts = [part for record in records for part in record.sample if low <= part.fraction < high]
    return sum(part.found for part in parts), len(parts)


def levels_of(records: Sequence[Record]) -> tuple[list[float], list[int], list[int]]:
    """Return levels, how often the target was found at each, and how often tried."""
    tried: Counter[float] = Counter()
    found: Counter[float] = Counter()
    for record in first_scans(records):
        if "level" in record.factors:
            level = float(record.factors["level"])
            tried[level] += 1
            found[level] += bool(record.detected)
    levels = sorted(tried)
    return levels, [found[level] for level in levels], [tried[level] for level in levels]


def evidence_of(records: Sequence[Record], target: str) -> list[float]:
    """Return the evidence (log gain) for a watched target in each first scan; no answer counts as none."""
    return [float(record.gains.get(target, 0.0)) for record in first_scans(records)]


def area_interval(
    positives: Sequence[float], negatives: Sequence[float], confidence: float = 0.95
) -> Interval:
    """Return the area under the ROC curve with its bootstrap interval; both sides are resampled."""
    clusters = [(value, True) for value in positives] + [(value, False) for value in negatives]

    def area(drawn: Sequence[tuple[float, bool]]) -> float:
        return area_under_curve([v for v, hit in drawn if hit], [v for v, hit in drawn if not hit])

    return cluster_bootstrap(clusters, area, resamplings=RESAMPLINGS, confidence=confidence)


def pairs_of(
    mine: Sequence[Record], others: Sequence[Record], varied: Sequence[str]
) -> list[tuple[Record, Record]]:
    """Pair trials of the same sample that differ only in what is varied."""

    def key(record: Record) -> str:
        return str(sorted((k, v) for k, v in record.factors.items() if k not in varied))

    known = {key(record): record for record in first_scans(others)}
    return [(record, known[key(record)]) for record in first_scans(mine) if key(record) in known]


def stated_of(records: Sequence[Record]) -> tuple[list[float], list[bool]]:
    """Return the stated probabilities of best matches, and whether they were right."""
    pairs = [
        (record.best_probability, record.best_right)
        for record in first_scans(records)
        if record.best_probability is not None
    ]
    return [p for p, _ in pairs], [right for _, right in pairs]


def spreads_of(records: Sequence[Record]) -> dict[str, Spread]:
    """Return the parts of the scatter of the reported fraction, by sample, where the trials are balanced."""
    groups: dict[str, dict[Any, dict[Any, list[float]]]] = {}
    for record in records:
        f = record.factors
        sample = f"{f.get('level', 1.0):g} {f.get('target', '')} in {f.get('matrix', '')}"
        unit = groups.setdefault(sample, {}).setdefault(f.get("unit"), {})
        unit.setdefault((f.get("spot", 0), f.get("replicate")), []).append(record.amount)
    found = {}
    for sample, units in groups.items():
        shape = {(len(spots), len(values)) for spots in units.values() for values in spots.values()}
        if len(shape) == 1 and len(units) > 1 and next(iter(shape))[1] > 1:
            cube = np.array([list(spots.values()) for spots in units.values()])
            found[sample] = spread_parts(cube)
    return found


def agreement_counts(records: Sequence[Record]) -> tuple[int, int]:
    """Return how many scans have the most frequent verdict of their trial, and how many there are."""
    verdicts: dict[int, Counter[str]] = {}
    for record in records:
        verdicts.setdefault(record.index, Counter())[record.verdict or "error"] += 1
    repeated = [counts for counts in verdicts.values() if counts.total() > 1]
    return sum(max(counts.values()) for counts in repeated), sum(counts.total() for counts in repeated)
