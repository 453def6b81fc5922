"""Answers: how often a harmless material that is named rightly also gets NO_ALARM.

An answer that never comes is not used. Three kinds of scans: neat materials of labelled sets, white powders
of a field folder, and powders through a measured packaging that makes 30 % of the Raman area. "Rightly named"
means that the first component is what the sample is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from spectriage.bench.evidence.benign import is_benign
from spectriage.bench.evidence.packaging import is_packaging
from spectriage.bench.report.runner import Jobs, run
from spectriage.bench.report.statistics import Interval, Proportion, cluster_bootstrap
from spectriage.bench.report.tables import Report, Table
from spectriage.bench.sets.names import Names
from spectriage.bench.sets.rules import FieldSpectrum
from spectriage.bench.sets.sets import LabelledSet
from spectriage.bench.sets.states import is_solid
from spectriage.bench.sets.sums import add_parts, make_part
from spectriage.spectra.errors import SpectriageError
from spectriage.spectra.identify import Identifier
from spectriage.spectra.origin import Origin
from spectriage.spectra.progress import Progress
from spectriage.spectra.spectrum import Spectrum
from spectriage.spectra.verdict import Verdict

WRAPPING_SHARE = 0.3
NEAT, POWDER, WRAPPED = "neat", "white powder", "through packaging"


@dataclass(frozen=True, eq=False)
class Sample:
    """One harmless scan whose material is known."""

    kind: str
    name: str
    substance: str
    spectrum: Spectrum


@dataclass(frozen=True)
class HarmlessAnswer:
    """What the engine said of it.

    Parameters
    ----------
    named
        The first component; empty when none.
    right
        Whether that is what the sample is.
    limits
        The targets whose limit is worst, with it, for those that are INCONCLUSIVE.
    """

    kind: str
    name: str
    material: str
    verdict: str
    reason: str
    named: str
    right: bool
    limits: str


def neat_samples(sets: Sequence[LabelledSet]) -> list[Sample]:
    """Return one scan of each harmless trial of labelled sets, packaging left out."""
    return [
        Sample(NEAT, trial.repeats[0].source, trial.substance, trial.repeats[0].spectrum)
        for labelled in sets
        for trial in labelled.trials()
        if is_benign(trial.substance) and not is_packaging(trial.substance)
    ]


def powder_samples(spectra: Sequence[FieldSpectrum]) -> list[Sample]:
    """Return the field spectra of harmless powders whose rules say what they are."""
    return [
        Sample(POWDER, item.path, item.substance, item.spectrum)
        for item in spectra
        if item.substance and not item.may_raise and item.kind == "powders"
    ]


def wrapped_samples(sets: Sequence[LabelledSet], wrappings: Sequence[LabelledSet]) -> list[Sample]:
    """Return the powders of labelled sets, each added to each measured packaging."""
    samples = []
    for wrapping in (trial.repeats[0] for labelled in wrappings for trial in labelled.trials()):
        film = make_part(wrapping.spectrum, "packaging", wrapping.instrument, "area")
        for sample in neat_samples(sets):
            content = make_part(sample.spectrum, sample.substance, "", "area")
            if film is None or content is None or not is_solid(sample.substance):
                continue
            try:
                spectrum = add_parts((content, film), (1.0 - WRAPPING_SHARE, WRAPPING_SHARE))
            except SpectriageError:
                continue
            name = f"{sample.name} in {wrapping.source}"
            samples.append(Sample(WRAPPED, name, sample.substance, spectrum))
    return samples


def answers(
    samples: Sequence[Sample],
    engine: Identifier,
    report: Report,
    *,
    jobs: Jobs = 1,
    progress: Progress | None = None,
) -> list[HarmlessAnswer]:
    """Add the tables of harmless scans that are decided, and why the others are not; return the answers."""
    found = run(_one, (engine, Names()), samples, jobs=jobs, title="harmless scans", progress=progress)
    origin = Origin.MEASURED
    report.add(_table(found, origin), _reasons(found, origin), _undecided(found, origin))
    report.detail(origin, "answers", [asdict(each) for each in found])
    for label, mine in _groups(found).items():
        named = [each.verdict == Verdict.NO_ALARM for each in mine if each.right]
        report.figure(origin, f"answers: NO_ALARM, {label}", Proportion(sum(named), len(named)))
    return found


def _one(context: tuple[Identifier, Names], sample: Sample) -> HarmlessAnswer:
    engine, names = context
    material = names.key(sample.substance)
    try:
        result = engine.identify(sample.spectrum)
    except SpectriageError as error:
        return HarmlessAnswer(sample.kind, sample.name, material, "refused", str(error), "", False, "")
    first = result.components[0].reference if result.components else None
    right = first is not None and (
        names.same(first.substance, sample.substance) or first.family == sample.substance
    )
    worst = sorted(result.targets, key=lambda target: -target.lod)[:3]
    return HarmlessAnswer(
        sample.kind,
        sample.name,
        material,
        str(result.verdict),
        result.reason,
        first.substance if first is not None else "",
        right,
        ", ".join(f"{t.name} {t.lod:.0%}" if t.lod <= 1 else f"{t.name} no amount" for t in worst),
    )


def _groups(found: Sequence[HarmlessAnswer]) -> dict[str, list[HarmlessAnswer]]:
    groups = {"all": list(found)}
    for kind in dict.fromkeys(each.kind for each in found):
        groups[kind] = [each for each in found if each.kind == kind]
    return groups


def _by_material(mine: Sequence[HarmlessAnswer]) -> Interval | None:
    clusters: dict[str, list[bool]] = {}
    for each in mine:
        clusters.setdefault(each.material, []).append(each.verdict == Verdict.NO_ALARM)
    if not clusters:
        return None
    return cluster_bootstrap(
        list(clusters.values()), lambda drawn: sum(map(sum, drawn)) / sum(map(len, drawn))
    )


def _table(found: Sequence[HarmlessAnswer], origin: Origin) -> Table:
    rows: list[list[Any]] = []
    for label, mine in _groups(found).items():
        named = [each for each in mine if each.right]
        verdicts = Counter(each.verdict for each in mine)
        rows.append(
            [
                label,
                len(mine),
                len({each.material for each in mine}),
                len(named),
                sum(each.verdict == Verdict.NO_ALARM for each in named),
                _by_material(named),
                verdicts[str(Verdict.NO_ALARM)] - sum(e.verdict == Verdict.NO_ALARM for e in named),
                verdicts[str(Verdict.ALARM)] + verdicts[str(Verdict.WARNING)],
            ]
        )
    return Table(
        "answers",
        "Harmless scans: NO_ALARM where the material is named rightly",
        (
            "kind",
            "scans",
            "materials",
            "rightly named",
            "of these NO_ALARM",
            "share [95 %]",
            "NO_ALARM, named otherwise",
            "raised",
        ),
        rows,
        origin,
        (
            "Share: bootstrap over materials. Through packaging: sums of measured spectra, "
            f"{WRAPPING_SHARE:.0%} of the area is the packaging.",
        ),
    )


def _reasons(found: Sequence[HarmlessAnswer], origin: Origin) -> Table:
    counts = Counter((each.verdict, each.reason) for each in found if each.right)
    rows: list[list[Any]] = [[verdict, reason, n] for (verdict, reason), n in counts.most_common()]
    return Table(
        "answers: reasons",
        "Harmless scans that are named rightly: verdicts and their reasons",
        ("verdict", "reason", "scans"),
        rows,
        origin,
    )


def _undecided(found: Sequence[HarmlessAnswer], origin: Origin) -> Table:
    rows: list[list[Any]] = [
        [each.name, each.named, each.verdict, each.reason, each.limits]
        for each in found
        if each.right and each.verdict != Verdict.NO_ALARM
    ]
    return Table(
        "answers: undecided",
        "Harmless scans that are named rightly, and are not NO_ALARM",
        ("scan", "named", "verdict", "reason", "worst limits"),
        rows,
        origin,
    )
