"""The tables and curves of one panel."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from spectriage.bench.report.reliability import calibration_error, reliability
from spectriage.bench.report.statistics import (
    Proportion,
    clustered,
    paired_difference,
)
from spectriage.bench.report.tables import Cell
from spectriage.bench.validation.counting import (
    agreement_counts,
    area_interval,
    evidence_of,
    first_scans,
    found_counts,
    named_counts,
    pairs_of,
    selected,
    spreads_of,
    stated_of,
)
from spectriage.bench.validation.detection_sections import by_factor, detection_limits, pod
from spectriage.bench.validation.panel_result import Curve, Grid, PanelResult, grouped
from spectriage.bench.validation.plan import Panel, Plan
from spectriage.bench.validation.records import Record
from spectriage.bench.validation.run import same
from spectriage.bench.validation.statistics import (
    roc_curve,
    upper_bound,
)

VERDICTS = ("ALARM", "WARNING", "INCONCLUSIVE", "NO_ALARM")
MOST_ROWS = 60


def panel_result(plan: Plan, panel: Panel, mine: Sequence[Record], records: Sequence[Record]) -> PanelResult:
    """Return the tables and curves of a panel.

    Parameters
    ----------
    mine
        The panel's records of one chapter.
    records
        All records of that chapter.
    """
    tried = first_scans(mine)
    result = PanelResult(panel, mine[0].chapter, len(tried), len(mine))
    sections: list[Callable[[PanelResult, Sequence[Record]], None]] = [_verdicts, _errors]
    if panel.purpose == "detect":
        sections += [pod, detection_limits, by_factor, _wrong_alarms]
    else:
        sections += [_false_alarms]
    sections += [_mixtures, _confusion, _reliability, _conditions, _repeats]
    for section in sections:
        section(result, mine)
    _areas(plan, result, mine, records)
    return result


# -- sections --------------------------------------------------------------------------------------


def _group(record: Record) -> str:
    if not record.target:
        return "blanks"
    level = record.factors.get("level", 1.0)
    return f"{record.target} {float(level):.0%}"


def _verdicts(result: PanelResult, records: Sequence[Record]) -> None:
    rows: list[list[Cell]] = []
    for group, mine in grouped(first_scans(records), _group).items():
        counts = Counter(record.verdict or "no answer" for record in mine)
        reasons = Counter(record.reason for record in mine if record.verdict == "INCONCLUSIVE")
        said = ", ".join(f"{reason} {n}" for reason, n in reasons.most_common(3))
        rows.append([group, len(mine), *(counts[v] for v in VERDICTS), counts["no answer"], said])
    columns = ("sample", "trials", *VERDICTS, "no answer", "inconclusive because")
    result.grids.append(Grid("Verdicts", columns, rows))
    if len(rows) <= MOST_ROWS:
        data = {"groups": [str(row[0]) for row in rows], "counts": [list(row[2:7]) for row in rows]}
        result.curves.append(Curve("verdicts", "Verdicts", data))


def _errors(result: PanelResult, records: Sequence[Record]) -> None:
    counts = Counter(record.error for record in records if record.error)
    if counts:
        rows = [[text, n] for text, n in counts.most_common(20)]
        result.grids.append(Grid("Scans without an answer (counted as not found)", ("error", "scans"), rows))


def _wrong_alarms(result: PanelResult, records: Sequence[Record]) -> None:
    tried = first_scans(records)
    wrong = [record for record in tried if record.false_alarm]
    rows: list[list[Cell]] = [["any", Proportion(len(wrong), len(tried), "exact")]]
    truth = {record.key: {part.family for part in record.sample} for record in wrong}
    counts = Counter(f for record in wrong for f in set(record.raised) - truth[record.key])
    rows += [[name, n] for name, n in counts.most_common(12)]
    result.grids.append(Grid("Raised what was not in the sample", ("family", "trials"), rows))


def _false_alarms(result: PanelResult, records: Sequence[Record]) -> None:
    tried = first_scans(records)
    by_material = grouped(tried, lambda r: r.material)
    events = sum(record.false_alarm for record in tried)
    cells = clustered({name: [r.false_alarm for r in mine] for name, mine in by_material.items()})
    rows: list[list[Cell]] = [
        ["trial", Proportion(events, len(tried), "exact"), upper_bound(events, len(tried), 0.95)],
        ["material (any of its trials)", cells, cells.upper_bound],
    ]
    result.grids.append(
        Grid(
            "False alarms (ALARM or WARNING on a blank)",
            ("counted by", "events [Clopper–Pearson 95 %]", "upper bound, one-sided 95 %"),
            rows,
            (
                "Without events the upper bound is close to 3/n (rule of three). Trials of one material are "
                "not independent: the bound by material is the one to quote for materials in general.",
            ),
        )
    )
    named = Counter((r.material, ", ".join(r.raised)) for r in tried if r.false_alarm)
    if named:
        listed = [[material, raised, n] for (material, raised), n in named.most_common(MOST_ROWS)]
        result.grids.append(Grid("What alarmed", ("material", "raised", "trials"), listed))


def _mixtures(result: PanelResult, records: Sequence[Record]) -> None:
    tried = first_scans(records)
    if not tried or (max(len(record.sample) for record in tried) < 2 and result.panel.detection != "named"):
        return
    right, named = named_counts(tried)
    rows: list[list[Cell]] = [["precision of named components", Proportion(right, named)]]
    for label, low, high in (("≥ 30 %", 0.3, 2.0), ("10-30 %", 0.1, 0.3), ("< 10 %", 0.0, 0.1)):
        found, there = found_counts(tried, low - 1e-9, high - 1e-9)
        if there:
            rows.append([f"recall of components of {label}", Proportion(found, there)])
    result.grids.append(Grid("Components", ("measure", "share [Wilson 95 %]"), rows))
    wrong = Counter(part.claim for record in tried for part in record.named if not part.right)
    if wrong:
        listed = [[name, n] for name, n in wrong.most_common(15)]
        result.grids.append(Grid("Named although not there", ("component", "trials"), listed))


def _confusion(result: PanelResult, records: Sequence[Record]) -> None:
    tried = first_scans(records)
    counts: Counter[tuple[str, str]] = Counter()
    for record in tried:
        truth = record.sample[0] if record.target else max(record.sample, key=lambda part: part.fraction)
        counts[(truth.material_class, _answered_class(record))] += 1
    answers = sorted({answer for _, answer in counts})
    truths = sorted({truth for truth, _ in counts})
    rows = [[truth, *(counts[(truth, answer)] for answer in answers)] for truth in truths]
    title = "Class of the material (rows) and of the answer (columns)"
    result.grids.append(
        Grid(
            title,
            ("class", *answers),
            rows,
            ("The answer's class is that of what it raises, else of its largest component.",),
        )
    )


def _answered_class(record: Record) -> str:
    for part in record.named:
        if part.family in record.raised:
            return part.material_class
    if record.raised:
        return ", ".join(record.raised)
    if record.named:
        return max(record.named, key=lambda part: part.fraction).material_class
    return "nothing named"


def _reliability(result: PanelResult, records: Sequence[Record]) -> None:
    stated, right = stated_of(records)
    if not stated:
        return
    bins = reliability(stated, right)
    rows: list[list[Cell]] = [[f"{b.low:g}-{b.high:g}", b.stated, b.right] for b in bins]
    rows.append(["expected calibration error", calibration_error(bins), None])
    result.grids.append(
        Grid(
            "Reliability of the stated probability of the best match",
            ("stated between", "mean stated", "right [Wilson 95 %]"),
            rows,
            ("Right: it is the sample's strongest component by signal; packaging is not a component.",),
        )
    )
    data = {
        "stated": [b.stated for b in bins],
        "right": [b.right.interval.value for b in bins],
        "low": [b.right.interval.low for b in bins],
        "high": [b.right.interval.high for b in bins],
    }
    result.curves.append(Curve("reliability", "Reliability", data))


def _conditions(result: PanelResult, records: Sequence[Record]) -> None:
    for name, values in result.panel.vary:
        groups = {v: [r for r in records if same(r.factors.get(name), v)] for v in values}
        base = values[0]
        rows: list[list[Cell]] = []
        for value, mine in groups.items():
            tried = first_scans(mine)
            row: list[Cell] = [
                value,
                Proportion(sum(r.correct for r in tried), len(tried)),
                Proportion(sum(r.best_right for r in tried), len(tried)),
            ]
            if result.panel.paired and value != base:
                pairs = pairs_of(mine, groups[base], [name])
                under, against = [a.correct for a, _ in pairs], [b.correct for _, b in pairs]
                row += [
                    sum(against) / len(pairs) - sum(under) / len(pairs),
                    paired_difference(under, against),
                ]
            else:
                row += [None, None]
            rows.append(row)
        columns = (name, "correct [Wilson 95 %]", "best match right", "loss", "McNemar p")
        note = f"Loss and McNemar's exact test: the same samples, against {name} = {base}."
        result.grids.append(Grid(f"Condition: {name}", columns, rows, (note,) if result.panel.paired else ()))


def _repeats(result: PanelResult, records: Sequence[Record]) -> None:
    agreeing, total = agreement_counts(records)
    if not total:
        return
    result.grids.append(
        Grid(
            "Agreement of repeats",
            ("measure", "share"),
            [["scans with the most frequent verdict of their trial", Proportion(agreeing, total)]],
        )
    )
    spreads = spreads_of(records)
    rows = [
        [sample, s.mean, s.repeat_sd, s.spot_sd, s.unit_sd, s.repeatability, s.reproducibility]
        for sample, s in spreads.items()
    ]
    if rows:
        result.grids.append(
            Grid(
                "Reported spectral fraction of the target: where its scatter comes from",
                (
                    *("sample", "mean", "SD between repeats", "between spots", "between instruments"),
                    *("repeatability SD [95 %]", "reproducibility SD [95 %]"),
                ),
                rows,
                ("Nested analysis of variance as in ISO 5725-2, instruments in the place of laboratories.",),
            )
        )
        data = {
            "samples": list(spreads),
            "parts": [[s.repeat_sd, s.spot_sd, s.unit_sd] for s in spreads.values()],
        }
        result.curves.append(Curve("spread", "Parts of the scatter", data))


def _areas(plan: Plan, result: PanelResult, mine: Sequence[Record], records: Sequence[Record]) -> None:
    """Add a ROC curve for each criterion that asks for one."""
    for criterion in plan.criteria:
        if criterion.kind != "auc" or criterion.panel != result.panel.name:
            continue
        target = criterion.settings["target"]
        positive = evidence_of(selected(mine, criterion.panel, criterion.where), target)
        negative = evidence_of(selected(records, criterion.blanks), target)
        if not positive or not negative:
            continue
        false, true = roc_curve(positive, negative)
        area = area_interval(positive, negative)
        title = f"ROC: evidence for {target}, {criterion.name}"
        result.grids.append(
            Grid(
                title,
                ("positives", "blanks", "AUC [bootstrap 95 %]"),
                [[len(positive), len(negative), area]],
            )
        )
        data = {"false": false.tolist(), "true": true.tolist(), "area": area.value}
        result.curves.append(Curve("roc", title, data))
