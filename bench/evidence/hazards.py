"""Real hazards in real harmless materials: sums of two measurements, of two instruments.

A measured hazard makes 10 to 50 % of the Raman area (400–1800 cm⁻¹), a measured harmless material of another
instrument the rest; both axes are aligned to the library's first, by the material's own reference or, for a
hazard that has none, by its family's. What must not happen is NO_ALARM at or above the limit that the
answer states for the hazard, or where it states none.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from spectriage.bench.evidence.benign import is_benign
from spectriage.bench.evidence.packaging import is_packaging
from spectriage.bench.evidence.raised import is_guarded, is_raised, raised_names, stated_limit
from spectriage.bench.report.runner import Jobs, run
from spectriage.bench.report.statistics import Interval, Proportion, two_way_bootstrap
from spectriage.bench.report.tables import Report, Table
from spectriage.bench.sets.names import Names
from spectriage.bench.sets.references import keys_of
from spectriage.bench.sets.rules import FieldSpectrum, Rule, read_field
from spectriage.bench.sets.sums import Aligner, Part, add_parts, make_part
from spectriage.spectra.errors import CatalogueError, ParameterError, SpectriageError
from spectriage.spectra.identify import Identifier
from spectriage.spectra.origin import Origin
from spectriage.spectra.progress import Progress
from spectriage.spectra.reference import ReferenceSet
from spectriage.spectra.spectrum import Spectrum
from spectriage.spectra.verdict import Identification, Verdict

SHARES = (0.1, 0.2, 0.3, 0.5)


@dataclass(frozen=True, eq=False)
class Hazardous:
    """A measured hazard.

    Parameters
    ----------
    part
        Ready to be added.
    names
        Families, substances or targets that are a right answer, in lower case.
    hazard_class
        For tables.
    known
        Whether the library has this very substance.
    """

    part: Part
    names: frozenset[str]
    hazard_class: str
    known: bool = True


@dataclass(frozen=True)
class HazardSum:
    """One sum and what the engine said of it.

    Parameters
    ----------
    raised, right
        Whether anything was raised, and whether for the hazard that is there.
    limit
        What the answer states for the hazard's families; None when nothing.
    beforehand
        What the answer to the main alone states for them.
    guarded
        Whether the answer speaks of them at all.
    """

    hazard: str
    hazard_class: str
    known: bool
    main: str
    share: float
    verdict: str
    reason: str
    raised: bool
    right: bool
    limit: float | None
    beforehand: float | None = None
    guarded: bool = True

    @property
    def promised(self) -> bool:
        """Whether the scan of the main alone said that so much would have been seen."""
        return self.beforehand is not None and self.share >= self.beforehand

    @property
    def cleared(self) -> bool:
        """Whether the answer is NO_ALARM."""
        return self.verdict == Verdict.NO_ALARM

    @property
    def against_its_limit(self) -> bool:
        """Whether it is NO_ALARM although the answer promises to have seen so much."""
        return self.cleared and self.limit is not None and self.share >= self.limit

    @property
    def in_silence(self) -> bool:
        """Whether it is NO_ALARM, and the answer does not even say that it cannot speak of the hazard."""
        return self.cleared and not self.guarded

    @property
    def wrongly_cleared(self) -> bool:
        """Whether it is NO_ALARM although the answer promises to have seen it, or promises nothing."""
        return self.cleared and (self.limit is None or self.share >= self.limit)


@dataclass(frozen=True, eq=False)
class _Context:
    engine: Identifier
    hazards: Sequence[Hazardous]
    mains: Sequence[Part]
    alone: Sequence[Identification | None] = ()


def gather(
    hazardous: Sequence[Path],
    mains: Sequence[Path],
    rules: tuple[Rule, ...],
    references: ReferenceSet,
    *,
    progress: Progress | None = None,
) -> tuple[list[Hazardous], list[Part]]:
    """Read folders: the hazards that are in some, and the harmless materials that are in others.

    A folder is one instrument: nothing is added to a spectrum of its own folder.
    """
    names = Names()
    aligner = Aligner(references, names)
    known = keys_of(references, names)
    found: list[Hazardous] = []
    harmless: list[Part] = []
    for folder in hazardous:
        spectra, _ = read_field(folder, rules, progress=progress)
        found += hazardous_parts(spectra, folder.resolve().name, aligner, names, known)
    for folder in mains:
        spectra, _ = read_field(folder, rules, progress=progress)
        harmless += harmless_parts(spectra, folder.resolve().name, aligner, names)
    return found, harmless


def hazardous_parts(
    spectra: Sequence[FieldSpectrum],
    instrument: str,
    aligner: Aligner,
    names: Names,
    known: Collection[str],
) -> list[Hazardous]:
    """Return the spectra that are of hazards: what the rules or the catalogue say may be raised in them."""
    found = []
    for item in spectra:
        right, hazard_class = _hazard(item, names)
        if not right:
            continue
        key = names.key(item.substance or item.material)
        part = _part(item.spectrum, key, instrument, item.path, aligner, right)
        if part is not None:
            found.append(Hazardous(part, right, hazard_class, key in known))
    return found


def harmless_parts(
    spectra: Sequence[FieldSpectrum], instrument: str, aligner: Aligner, names: Names
) -> list[Part]:
    """Return one spectrum of each material that is neither hazardous nor packaging."""
    found: dict[str, Part] = {}
    for item in spectra:
        key = names.key(item.substance or item.material)
        if key in found or item.may_raise or not is_benign(key) or is_packaging(key):
            continue
        part = _part(item.spectrum, key, instrument, item.path, aligner, frozenset())
        if part is not None:
            found[key] = part
    return list(found.values())


def _part(
    spectrum: Spectrum, key: str, instrument: str, name: str, aligner: Aligner, families: frozenset[str]
) -> Part | None:
    try:
        offset = aligner.offset(spectrum, key, families)
        return make_part(spectrum, key, instrument, "area", name=name, offset_cm=offset)
    except SpectriageError:
        return None


def _hazard(item: FieldSpectrum, names: Names) -> tuple[frozenset[str], str]:
    """Return by what names a spectrum's hazard goes, and its class."""
    from spectriage.library.catalogue import find_entry

    right = frozenset(item.may_raise)
    label = item.substance or item.material
    try:
        entry = find_entry(label)
    except CatalogueError:
        entry = None
    if entry is not None and (entry.hazard.alarms or entry.hazard.warns):
        right |= {entry.family.casefold(), entry.substance.casefold(), entry.material_class.casefold()}
        return right, entry.material_class
    return right, item.may_raise[0] if item.may_raise else ""


def hazards(
    found: Sequence[Hazardous],
    mains: Sequence[Part],
    engine: Identifier,
    report: Report,
    *,
    shares: Sequence[float] = SHARES,
    jobs: Jobs = 1,
    progress: Progress | None = None,
) -> list[HazardSum]:
    """Add the tables of measured hazards in measured harmless materials; return the sums.

    Raises
    ------
    ParameterError
        When there is no hazard, or no material of another instrument to add it to.
    """
    pairs = [
        (place, number, share)
        for place, hazard in enumerate(found)
        for number, main in enumerate(mains)
        if hazard.part.instrument != main.instrument and hazard.part.key != main.key
        for share in shares
    ]
    if not pairs:
        raise ParameterError(
            f"{len(found)} hazards and {len(mains)} harmless materials make no pair of two instruments",
            remedy="give sets that hold both, or rules that say what may be raised",
        )
    context = _Context(engine, found, mains)
    alone = run(_alone, context, mains, jobs=jobs, title="the materials alone", progress=progress)
    context = replace(context, alone=alone)
    answers = run(_one, context, pairs, jobs=jobs, title="hazards in harmless materials", progress=progress)
    sums = [answer for answer in answers if answer is not None]
    origin = Origin.MEASURED
    neat = [
        answer
        for place in range(len(found))
        if (answer := _ask(context, found[place], None, 1.0)) is not None
    ]
    report.add(_neat(neat, origin), _table(sums, origin), _by_share(sums, origin), _cleared(sums, origin))
    report.detail(origin, "hazards", [asdict(each) for each in sums])
    if sums:
        report.figure(origin, "hazards: wrongly cleared", _share(sums, "wrongly_cleared"))
        known = [each for each in sums if each.known]
        report.figure(origin, "hazards: wrongly cleared, known", _share(known, "wrongly_cleared"))
        report.figure(origin, "hazards: cleared against the limit", _share(sums, "against_its_limit"))
        report.figure(origin, "hazards: cleared in silence", _share(sums, "in_silence"))
        report.figure(origin, "hazards: reported, known", _share(known, "raised"))
        report.figure(origin, "hazards: reported", _share(sums, "raised"))
        report.figure(origin, "hazards: reported rightly", _share(sums, "right"))
        promised = [each for each in sums if each.promised]
        report.figure(origin, "hazards: found where promised", _share(promised, "right"))
        report.figure(origin, "hazards: sums", len(sums))
        rightly = Proportion(sum(each.right for each in neat), len(neat))
        report.figure(origin, "hazards: neat, reported rightly", rightly)
    return sums


def _one(context: _Context, task: tuple[int, int, float]) -> HazardSum | None:
    place, number, share = task
    hazard, alone = context.hazards[place], context.alone[number]
    answer = _ask(context, hazard, context.mains[number], share)
    if answer is None or alone is None:
        return answer
    return replace(answer, beforehand=stated_limit(alone, context.engine.policy, hazard.names))


def _alone(context: _Context, main: Part) -> Identification | None:
    try:
        return context.engine.identify(add_parts((main,), (1.0,)))
    except SpectriageError:
        return None


def _ask(context: _Context, hazard: Hazardous, main: Part | None, share: float) -> HazardSum | None:
    parts = (hazard.part,) if main is None else (main, hazard.part)
    try:
        result = context.engine.identify(add_parts(parts, (share,) if main is None else (1.0 - share, share)))
    except SpectriageError:
        return None
    policy = context.engine.policy
    return HazardSum(
        hazard.part.name,
        hazard.hazard_class,
        hazard.known,
        "" if main is None else main.name,
        share,
        str(result.verdict),
        result.reason,
        is_raised(result),
        bool(raised_names(result, policy) & hazard.names),
        stated_limit(result, policy, hazard.names),
        guarded=is_guarded(result, policy, hazard.names),
    )


def _share(sums: Sequence[HazardSum], attribute: str) -> Interval | None:
    if not sums:
        return None
    return two_way_bootstrap(
        [getattr(each, attribute) for each in sums],
        [each.hazard for each in sums],
        [each.main for each in sums],
    )


def _row(label: str, mine: Sequence[HazardSum]) -> list[Any]:
    return [
        label,
        len({each.hazard for each in mine}),
        len(mine),
        sum(each.raised for each in mine),
        _share(mine, "raised"),
        _share(mine, "right"),
        sum(each.cleared for each in mine),
        sum(each.wrongly_cleared for each in mine),
        _share(mine, "wrongly_cleared"),
        f"{sum(each.against_its_limit for each in mine)} · {sum(each.in_silence for each in mine)}",
        f"{sum(each.right for each in mine if each.promised)} of {sum(each.promised for each in mine)}",
    ]


COLUMNS = (
    "hazards", "sums", "reported", "share reported [95 %]", "rightly [95 %]",
    "NO_ALARM", "at or above the limit, or none stated", "share of it [95 %]",
    "of it against a limit · in silence", "found where promised",
)  # fmt: skip


def _table(sums: Sequence[HazardSum], origin: Origin) -> Table:
    rows = [_row("all", sums)]
    for label, known in (("which the library has", True), ("which it has not", False)):
        rows.append(_row(label, [each for each in sums if each.known is known]))
    for name in sorted({each.hazard_class for each in sums}):
        rows.append(_row(f"class {name}", [each for each in sums if each.hazard_class == name]))
    for name in sorted({each.hazard for each in sums}):
        rows.append(_row(name, [each for each in sums if each.hazard == name]))
    return Table(
        "hazards",
        "Measured hazards in measured harmless materials of another instrument",
        ("hazard", *COLUMNS),
        rows,
        origin,
        (
            "Promised: the main alone states a limit for the hazard that is no higher than what is put in.",
            "Sums of measured spectra: the adding is computed. Intervals 95 %, bootstrap over hazards and "
            "mains at once.",
        ),
    )


def _neat(neat: Sequence[HazardSum], origin: Origin) -> Table:
    rows: list[list[Any]] = [
        [each.hazard, each.hazard_class, each.verdict, each.reason, each.right] for each in neat
    ]
    return Table(
        "hazards: neat",
        "The measured hazards by themselves",
        ("hazard", "class", "verdict", "reason", "rightly reported"),
        rows,
        origin,
    )


def _by_share(sums: Sequence[HazardSum], origin: Origin) -> Table:
    rows = [
        _row(f"{100 * share:g} %", [each for each in sums if each.share == share])
        for share in sorted({each.share for each in sums})
    ]
    return Table(
        "hazards: by share", "The same, by the hazard's share of the area", ("share", *COLUMNS), rows, origin
    )


def _cleared(sums: Sequence[HazardSum], origin: Origin) -> Table:
    rows: list[list[Any]] = [
        [each.hazard, each.main, each.share, each.limit, each.wrongly_cleared]
        for each in sums
        if each.cleared
    ]
    return Table(
        "hazards: cleared",
        "Sums that hold a hazard and are NO_ALARM",
        ("hazard", "main", "share", "limit stated", "at or above it, or none stated"),
        rows,
        origin,
    )
