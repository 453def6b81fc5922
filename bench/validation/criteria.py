"""Judging a run by the criteria that its plan fixed. No criterion is loosened, and none passes untested.

``pod``
    Share of trials in which the target was found; the one-sided lower Clopper–Pearson bound at ``confidence``
    reaches ``at_least``.
``false-alarms``
    Alarms and warnings for what is not in the sample, on blanks or beside a target: at most ``events`` of
    them, or the one-sided upper bound of their rate below ``at_most``, by ``trial`` or ``material`` (one
    event among many trials of a material is one event).
``precision`` / ``recall``
    Of named components / of components of at least ``min_fraction``, ``at_least``.
``lod``
    The amount found with ``probability``, from the fitted curve: the upper end of its two-sided interval is
    ``at_most``.
``auc``
    Area under the ROC curve of the evidence for ``target`` between ``panel`` and ``blanks``, ``at_least``.
``loss``
    Share of correct trials under ``against`` minus that under ``where``, the same samples, ``at_most``.
``calibration``
    Expected calibration error of the stated probability of the best candidate, ``at_most``; and nowhere may
    a bin of 20 statements or more, its Wilson interval granted, be further off than that either way.
``spread``
    Relative standard deviation of the reported fraction, ``part`` of it, worst sample, ``at_most``.
``agreement``
    Share of repeats with the most frequent verdict of their trial, ``at_least``.

Where a kind has no own rule for it, ``confidence`` holds a bound against the limit instead of the estimate:
Clopper–Pearson for shares, the bootstrap over trials for the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from spectriage.bench.report.reliability import calibration_error_interval, reliability, worst_bin
from spectriage.bench.report.statistics import (
    Proportion,
    cluster_bootstrap,
    detection_curve,
    paired_difference,
)
from spectriage.bench.validation.counting import (
    RESAMPLINGS,
    agreement_counts,
    area_interval,
    evidence_of,
    first_scans,
    found_counts,
    levels_of,
    named_counts,
    pairs_of,
    selected,
    spreads_of,
    stated_of,
)
from spectriage.bench.validation.plan import Criterion, Plan
from spectriage.bench.validation.records import Record
from spectriage.bench.validation.statistics import Spread, lower_bound, upper_bound

PASS, FAIL, NOT_TESTED = "PASS", "FAIL", "NOT TESTED"
FEWEST_STATEMENTS = 20
"""A bin of fewer statements is not held against a calibration criterion by itself."""


@dataclass(frozen=True)
class Judged:
    """A criterion and what came out.

    Parameters
    ----------
    required, observed
        In words.
    outcome
        ``PASS``, ``FAIL`` or ``NOT TESTED``.
    trials
        It was judged on.
    note
        What a reader must know.
    """

    criterion: Criterion
    chapter: str
    required: str
    observed: str
    outcome: str
    trials: int
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return it for the results."""
        return {
            "name": self.criterion.name,
            "kind": self.criterion.kind,
            "panel": self.criterion.panel,
            "chapter": self.chapter,
            "required": self.required,
            "observed": self.observed,
            "outcome": self.outcome,
            "trials": self.trials,
            "note": self.note,
        }


def judge(plan: Plan, records: Sequence[Record]) -> tuple[Judged, ...]:
    """Judge every criterion of a plan on a run's records."""
    return tuple(_judge_one(plan, criterion, records) for criterion in plan.criteria)


def overall(judged: Sequence[Judged]) -> str:
    """Return ``FAIL`` if any fails, else ``NOT TESTED`` if any was not, else ``PASS``."""
    outcomes = {item.outcome for item in judged}
    if FAIL in outcomes:
        return FAIL
    return NOT_TESTED if NOT_TESTED in outcomes or not outcomes else PASS


def _judge_one(plan: Plan, criterion: Criterion, records: Sequence[Record]) -> Judged:
    mine = selected(records, criterion.panel, criterion.where)
    found = {record.chapter for record in mine}
    # A set may hold spectra of two origins, a device be a simulated one: only one kind is judged.
    chapter = found.pop() if len(found) == 1 else plan.panel(criterion.panel).chapter
    mine = [record for record in mine if record.chapter == chapter]
    records = [record for record in records if record.chapter == chapter]
    rule, required = _RULES[criterion.kind], required_text(criterion)
    if not mine:
        return Judged(criterion, chapter, required, "no trials", NOT_TESTED, 0)
    observed, passed, note = rule(criterion, mine, records)
    trials = len(first_scans(mine))
    return Judged(criterion, chapter, required, observed, PASS if passed else FAIL, trials, note)


def required_text(criterion: Criterion) -> str:
    """Return what a criterion asks for, in words."""
    said = dict(criterion.settings)
    names = {
        "pod": "POD",
        "lod": f"amount found with {said['probability']:.0%} probability",
        "auc": f"AUC for {said['target']}",
        "false-alarms": f"false-alarm rate by {said['by']}",
        "recall": "recall"
        + (f" of components of at least {said['min_fraction']:.0%}" if said["min_fraction"] else ""),
        "loss": "loss of correct answers",
        "calibration": "expected calibration error",
        "spread": f"relative standard deviation, {said['part']}",
        "agreement": "share of repeats with the same verdict",
    }
    what = names.get(criterion.kind, criterion.kind)
    if said["events"] >= 0:
        return f"at most {said['events']} false alarms"
    limit = f"≥ {criterion.at_least:g}" if criterion.at_least is not None else f"≤ {criterion.at_most:g}"
    sure = f" at {criterion.confidence:.0%} confidence" if criterion.confidence is not None else ""
    return f"{what} {limit}{sure}"


Ruled = tuple[str, bool, str]


def _share(criterion: Criterion, hits: int, trials: int) -> Ruled:
    """Hold a share, or its lower bound, against its limit."""
    limit = criterion.at_least or 0.0
    shown = Proportion(hits, trials, "exact")
    if criterion.confidence is None:
        return str(shown), trials > 0 and hits / trials >= limit, ""
    low = lower_bound(hits, trials, criterion.confidence)
    return f"{shown}; lower bound {low:.4f}", low >= limit, ""


def _pod(criterion: Criterion, mine: Sequence[Record], records: Sequence[Record]) -> Ruled:
    tried = first_scans(mine)
    observed, passed, note = _share(criterion, sum(bool(r.detected) for r in tried), len(tried))
    if lower_bound(len(tried), len(tried), criterion.confidence or 0.0) < (criterion.at_least or 0.0):
        note = f"{len(tried)} trials could not show it even without a failure"
    return observed, passed, note


def _false_alarms(criterion: Criterion, mine: Sequence[Record], records: Sequence[Record]) -> Ruled:
    tried = first_scans(mine)
    events, trials = sum(r.false_alarm for r in tried), len(tried)
    if criterion.settings["by"] == "material":
        materials = {r.material for r in tried}
        events, trials = len({r.material for r in tried if r.false_alarm}), len(materials)
    confidence = criterion.confidence or 0.95
    bound = upper_bound(events, trials, confidence)
    failed = sum(bool(r.error) for r in tried)
    note = f"{failed} blanks gave no answer at all" if failed else ""
    observed = f"{events}/{trials}; upper bound {bound:.4f} at {confidence:.0%}"
    if criterion.settings["events"] >= 0:
        return observed, events <= criterion.settings["events"], note
    limit = criterion.at_most or 0.0
    value = bound if criterion.confidence is not None else events / trials
    return observed, value <= limit, note


def _precision(criterion: Criterion, mine: Sequence[Record], records: Sequence[Record]) -> Ruled:
    return _share(criterion, *named_counts(first_scans(mine)))


def _recall(criterion: Criterion, mine: Sequence[Record], records: Sequence[Record]) -> Ruled:
    return _share(criterion, *found_counts(first_scans(mine), criterion.settings["min_fraction"] - 1e-9))


def _lod(criterion: Criterion, mine: Sequence[Record], records: Sequence[Record]) -> Ruled:
    levels, found, tried = levels_of(mine)
    curve = detection_curve(levels, found, tried, level=criterion.settings["probability"])
    limit = criterion.at_most or 0.0
    if curve is not None:
        return str(curve.amount), curve.amount.high <= limit, ""
    # Without a level that is sometimes found there is no curve: the lowest level always found bounds it.
    always = [
        x
        for x, a, b in zip(levels, found, tried, strict=True)
        if lower_bound(a, b, criterion.confidence or 0.95) >= criterion.settings["probability"]
    ]
    if always:
        return f"≤ {min(always):g}", min(always) <= limit, "no curve: outcomes do not overlap"
    return "not determined", False, "no curve: outcomes do not overlap, or do not rise with the amount"


def _auc(criterion: Criterion, mine: Sequence[Record], records: Sequence[Record]) -> Ruled:
    target = criterion.settings["target"]
    blanks = selected(records, criterion.blanks)
    if not blanks or not any(target in record.gains for record in mine):
        return (
            "no evidence values",
            False,
            f"the engine does not watch for {target!r}, or there are no blanks",
        )
    interval = area_interval(evidence_of(mine, target), evidence_of(blanks, target))
    value = interval.value if criterion.confidence is None else interval.low
    return str(interval), value >= (criterion.at_least or 0.0), ""


def _loss(criterion: Criterion, mine: Sequence[Record], records: Sequence[Record]) -> Ruled:
    others = selected(records, criterion.panel, criterion.against)
    varied = [name for name, _ in (*criterion.where, *criterion.against)]
    pairs = pairs_of(mine, others, varied)
    if not pairs:
        return "no pairs", False, "the panel is not paired"
    under, against = [a.correct for a, _ in pairs], [b.correct for _, b in pairs]
    clusters = [(float(b) - float(a)) for a, b in zip(under, against, strict=True)]
    interval = cluster_bootstrap(clusters, lambda c: float(np.mean(c)), resamplings=RESAMPLINGS)
    value = interval.value if criterion.confidence is None else interval.high
    note = (
        f"correct {np.mean(against):.3f} against, {np.mean(under):.3f} under the condition; "
        f"McNemar p = {paired_difference(under, against):.3g}"
    )
    return str(interval), value <= (criterion.at_most or 0.0), note


def _calibration(criterion: Criterion, mine: Sequence[Record], records: Sequence[Record]) -> Ruled:
    stated, right = stated_of(mine)
    if not stated:
        return "no probabilities are stated", False, "the library has no null distribution"

    interval = calibration_error_interval(stated, right, resamplings=RESAMPLINGS)
    value = interval.value if criterion.confidence is None else interval.high
    passed = value <= (criterion.at_most or 0.0)
    # an average hides a few statements that are far off: every bin that says enough must hold too
    worst = worst_bin(reliability(stated, right), FEWEST_STATEMENTS)
    if worst is None:
        return str(interval), passed, ""
    share = worst.right.interval
    off = max(share.low - worst.stated, worst.stated - share.high, 0.0)
    note = f"furthest off: {worst.stated:.2f} stated where {worst.right} were right"
    return str(interval), passed and off <= (criterion.at_most or 0.0), note


def _spread(criterion: Criterion, mine: Sequence[Record], records: Sequence[Record]) -> Ruled:
    spreads = {name: spread for name, spread in spreads_of(mine).items() if spread.mean > 0.0}
    if not spreads:
        return "no balanced repeats in which anything was found", False, ""

    def relative(spread: Spread) -> float:
        part = getattr(spread, criterion.settings["part"])
        value = part.value if criterion.confidence is None else part.high
        return float(value) / spread.mean

    worst = max(spreads, key=lambda name: relative(spreads[name]))
    value = relative(spreads[worst])
    return f"{value:.3f} ({worst})", value <= (criterion.at_most or 0.0), f"{len(spreads)} samples"


def _agreement(criterion: Criterion, mine: Sequence[Record], records: Sequence[Record]) -> Ruled:
    agreeing, total = agreement_counts(mine)
    if total == 0:
        return "no repeats", False, ""
    observed, passed, _ = _share(criterion, agreeing, total)
    return observed, passed, "repeats of one sample are not independent: the interval is too narrow"


_RULES: dict[str, Callable[[Criterion, Sequence[Record], Sequence[Record]], Ruled]] = {
    "pod": _pod,
    "false-alarms": _false_alarms,
    "precision": _precision,
    "recall": _recall,
    "lod": _lod,
    "auc": _auc,
    "loss": _loss,
    "calibration": _calibration,
    "spread": _spread,
    "agreement": _agreement,
}
