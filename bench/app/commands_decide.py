"""The commands that judge decisions: `spectriage bench field | limits | hazards`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spectriage.bench.app.options import (
    AliasesOption,
    ClusterOption,
    CorrectionsOption,
    GroupsOption,
    JobsOption,
    NewLibraryOption,
    OldLibraryOption,
    OneWayOption,
    OutOption,
    QueriesOption,
    QuickOption,
    SetsOption,
    bench,
    pairings,
    read_sets,
)
from spectriage.spectra.options import JsonOption

if TYPE_CHECKING:
    from spectriage.bench.report.runner import Jobs
    from spectriage.bench.report.tables import Report
    from spectriage.spectra.progress import Progress

AllowedOption = Annotated[
    Path | None,
    typer.Option("--allowed", help="TOML of what may be raised in which files; the shipped rules if none."),
]
EngineLibraryOption = Annotated[
    Path | None,
    typer.Option("--library", "-l", help="Library file; the shipped catalogue if not given."),
]


def field_command(
    folders: Annotated[list[Path], typer.Argument(help="Folders of spectra; what is below counts too.")],
    allowed: AllowedOption = None,
    library: EngineLibraryOption = None,
    as_json: JsonOption = False,
    out: OutOption = None,
    jobs: JobsOption = 1,
    cluster: ClusterOption = None,
) -> None:
    """Identify spectra that no one chose: false alarms by material, and the share that is decided."""
    from spectriage.bench.evidence.field import field, shipped_rules
    from spectriage.bench.sets.rules import read_field, read_rules
    from spectriage.library.building import open_library
    from spectriage.spectra.identify import Identifier

    rules = read_rules(allowed or shipped_rules())

    def work(report: Report, progress: Progress | None, crew: Jobs) -> None:
        references = open_library(library, progress=progress)
        found, left_out = [], []
        for folder in folders:
            spectra, reasons = read_field(folder, rules, progress=progress)
            found += spectra
            left_out += reasons
        report.settings = {**report.settings, "library": references.sha256}
        field(found, Identifier(references), report, left_out=left_out, jobs=crew, progress=progress)

    settings = {"folders": [folder.name for folder in folders], "rules": (allowed or shipped_rules()).name}
    bench("field", settings, (as_json, out), work, (jobs, cluster))


def limits_command(
    queries: QueriesOption,
    library: Annotated[
        Path,
        typer.Option("--library", "-l", help="Labelled set of another instrument, made into the library."),
    ],
    aliases: AliasesOption = None,
    groups: GroupsOption = None,
    corrections: CorrectionsOption = None,
    one_way: OneWayOption = False,
    catalogue: Annotated[
        bool,
        typer.Option("--catalogue", help="Also what the shipped catalogue states, without their entries."),
    ] = False,
    recalled: Annotated[
        Path | None,
        typer.Option("--recalled", help="Frozen recalled tables: what limits that rest on such are worth."),
    ] = None,
    as_json: JsonOption = False,
    out: OutOption = None,
    jobs: JobsOption = 1,
    cluster: ClusterOption = None,
    quick: QuickOption = False,
) -> None:
    """Watch for each material in turn, and put it into others at the limit that is stated for it."""
    from spectriage.bench.evidence.limits import NOISE, SEED, by_library, limits
    from spectriage.bench.evidence.limits_tables import limits_tables
    from spectriage.bench.evidence.recalled import recalled as frozen_tables

    noise = NOISE[:1] if quick else NOISE

    def work(report: Report, progress: Progress | None, crew: Jobs) -> None:
        paired = pairings(queries, library, (aliases, groups, corrections), catalogue, one_way, progress)
        for name, mine in by_library(paired).items():
            trials = limits(mine, noise=noise, jobs=crew, progress=progress)
            limits_tables(trials, report, name=name)
        if recalled is not None:
            read = read_sets([queries, library], (aliases, groups, corrections), progress)
            frozen_tables(recalled, read, report, jobs=crew, progress=progress)

    bench("limits", {"noise": noise, "seed": SEED}, (as_json, out), work, (jobs, cluster))


def hazards_command(
    hazardous: Annotated[
        list[Path],
        typer.Option("--hazards", help="Folder with spectra of hazards among others; may be repeated."),
    ],
    mains: Annotated[
        list[Path],
        typer.Option("--mains", help="Folder of another instrument's harmless materials; may be repeated."),
    ],
    allowed: AllowedOption = None,
    library: EngineLibraryOption = None,
    as_json: JsonOption = False,
    out: OutOption = None,
    jobs: JobsOption = 1,
    cluster: ClusterOption = None,
    quick: QuickOption = False,
) -> None:
    """Add measured hazards to measured harmless materials: reported, and wrongly cleared."""
    from spectriage.bench.evidence.field import shipped_rules
    from spectriage.bench.evidence.hazards import SHARES, gather, hazards
    from spectriage.bench.sets.rules import read_rules
    from spectriage.library.building import open_library
    from spectriage.spectra.identify import Identifier

    rules = read_rules(allowed or shipped_rules())
    shares = SHARES[:1] if quick else SHARES

    def work(report: Report, progress: Progress | None, crew: Jobs) -> None:
        references = open_library(library, progress=progress)
        report.settings = {**report.settings, "library": references.sha256}
        found, harmless = gather(hazardous, mains, rules, references, progress=progress)
        engine = Identifier(references)
        hazards(found, harmless, engine, report, shares=shares, jobs=crew, progress=progress)

    bench("hazards", {"shares": shares}, (as_json, out), work, (jobs, cluster))


def answers_command(
    sets: SetsOption,
    powders: Annotated[
        Path | None, typer.Option("--powders", help="Field folder whose powders the rules name.")
    ] = None,
    wrapping: Annotated[
        list[Path] | None,
        typer.Option("--wrapping", help="Labelled set of packaging to add powders to; may be repeated."),
    ] = None,
    allowed: AllowedOption = None,
    aliases: AliasesOption = None,
    groups: GroupsOption = None,
    corrections: CorrectionsOption = None,
    library: EngineLibraryOption = None,
    as_json: JsonOption = False,
    out: OutOption = None,
    jobs: JobsOption = 1,
    cluster: ClusterOption = None,
) -> None:
    """Count how often harmless materials that are named rightly also get NO_ALARM, and why others do not."""
    from spectriage.bench.evidence.answers import answers, neat_samples, powder_samples, wrapped_samples
    from spectriage.bench.evidence.field import shipped_rules
    from spectriage.bench.sets.rules import read_field, read_rules
    from spectriage.library.building import open_library
    from spectriage.spectra.identify import Identifier

    rules = read_rules(allowed or shipped_rules())

    def work(report: Report, progress: Progress | None, crew: Jobs) -> None:
        references = open_library(library, progress=progress)
        report.settings = {**report.settings, "library": references.sha256}
        read = read_sets(sets, (aliases, groups, corrections), progress)
        samples = neat_samples(read)
        if powders is not None:
            samples += powder_samples(read_field(powders, rules, progress=progress)[0])
        samples += wrapped_samples(read, read_sets(wrapping or [], (None, None, None), progress))
        answers(samples, Identifier(references), report, jobs=crew, progress=progress)

    bench("answers", {}, (as_json, out), work, (jobs, cluster))


def garbage_command(
    count: Annotated[
        int, typer.Option("--count", "-n", min=1, max=10_000_000, help="Made-up spectra, over all kinds.")
    ] = 15_789,
    library: EngineLibraryOption = None,
    as_json: JsonOption = False,
    out: OutOption = None,
    jobs: JobsOption = 1,
    cluster: ClusterOption = None,
) -> None:
    """Identify made-up spectra of no material: lamps, dark, cosmic rays, fringes, shuffled references."""
    from spectriage.bench.evidence.garbage import garbage
    from spectriage.bench.sets.garbage import SEED
    from spectriage.library.building import open_library
    from spectriage.spectra.identify import Identifier

    def work(report: Report, progress: Progress | None, crew: Jobs) -> None:
        references = open_library(library, progress=progress)
        report.settings = {**report.settings, "library": references.sha256}
        garbage(Identifier(references), report, count=count, jobs=crew, progress=progress)

    bench("garbage", {"count": count, "seed": SEED}, (as_json, out), work, (jobs, cluster))


def trigger_command(
    auto: Annotated[bool, typer.Option("--auto", help="Seek the exposure first.")] = False,
    library: EngineLibraryOption = None,
    as_json: JsonOption = False,
    out: OutOption = None,
    jobs: JobsOption = 1,
    cluster: ClusterOption = None,
) -> None:
    """Time verdicts of a simulated instrument at safe power: harmless and hazardous samples in a bag."""
    from spectriage.bench.evidence.trigger import LONGEST_S, PRESET, SEED, trigger
    from spectriage.library.building import open_library
    from spectriage.spectra.identify import Identifier

    def work(report: Report, progress: Progress | None, crew: Jobs) -> None:
        references = open_library(library, progress=progress)
        report.settings = {**report.settings, "library": references.sha256}
        trigger(Identifier(references), report, auto=auto, jobs=crew, progress=progress)

    bench(
        "trigger",
        {"preset": PRESET, "seconds": LONGEST_S, "auto": auto, "seed": SEED},
        (as_json, out),
        work,
        (jobs, cluster),
    )


def decide_command(
    measured: Annotated[
        Path, typer.Argument(help="Folder that holds the field spectra, two labelled sets and packaging.")
    ],
    part: Annotated[list[str] | None, typer.Option("--part", help="Only this part; may be repeated.")] = None,
    compare: Annotated[
        Path | None, typer.Option("--compare", help="JSON of an older run: print it beside.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Draw false alarms against detections to this PNG.")
    ] = None,
    old_library: OldLibraryOption = None,
    details: Annotated[bool, typer.Option("--details", help="Print every part's tables too.")] = False,
    allowed: AllowedOption = None,
    library: EngineLibraryOption = None,
    as_json: JsonOption = False,
    out: OutOption = None,
    jobs: JobsOption = 1,
    cluster: ClusterOption = None,
) -> None:
    """Measure all that a change of the decision may buy one with another, and print it as one table."""
    from spectriage.bench.evidence.changed import add_changes
    from spectriage.bench.evidence.decide import Decide
    from spectriage.bench.evidence.floors import FLOORS
    from spectriage.bench.report.changes import read_libraries
    from spectriage.bench.report.compare import draw, figures_of, floors_tables, read_report
    from spectriage.bench.sets.rules import read_rules
    from spectriage.library.building import open_library

    rules = read_rules(allowed) if allowed is not None else None
    past = read_report(compare) if compare is not None else None
    old = figures_of(past, str(compare)) if past is not None else None

    def work(report: Report, progress: Progress | None, crew: Jobs) -> None:
        references = open_library(library, progress=progress)
        report.settings = {**report.settings, "library": references.sha256}
        Decide(measured, references, report, rules, jobs=crew, progress=progress).run(part or ())
        now = figures_of(report.to_json(), "this run")
        if not details:
            report.hidden = tuple(table.name for table in report.tables)
        report.add(*floors_tables(FLOORS, old, now))
        if past is not None:
            path = references.attributes.get("path")
            libraries = read_libraries(old_library, Path(str(path)) if path else None)
            add_changes(report, past, report.to_json(), libraries)
        if plot is not None:
            draw([("before", old), ("now", now)] if old is not None else [("now", now)], plot)

    bench("decide", {"measured": measured.name}, (as_json, out), work, (jobs, cluster))


def compare_command(
    before: Annotated[Path, typer.Argument(help="JSON of the older run.")],
    after: Annotated[Path, typer.Argument(help="JSON of the newer run.")],
    old_library: OldLibraryOption = None,
    new_library: NewLibraryOption = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Draw false alarms against detections to this PNG.")
    ] = None,
    as_json: JsonOption = False,
    out: OutOption = None,
) -> None:
    """Compare two runs of a table: what changed in its trials, and why; of `decide` also what is owed."""
    from spectriage.bench.evidence.changed import add_changes
    from spectriage.bench.evidence.floors import FLOORS
    from spectriage.bench.report.changes import read_libraries
    from spectriage.bench.report.compare import draw, figures_of, floors_tables, read_report

    past, now = read_report(before), read_report(after)
    old, new = figures_of(past, str(before)), figures_of(now, str(after))

    def work(report: Report, progress: Progress | None, _: Jobs) -> None:
        report.add(*floors_tables(FLOORS, old, new))
        add_changes(report, past, now, read_libraries(old_library, new_library))
        if plot is not None:
            draw([("before", old), ("after", new)], plot)

    bench("compare", {"before": before.name, "after": after.name}, (as_json, out), work)


def register(app: typer.Typer) -> None:
    """Add the commands to `spectriage bench`."""
    app.command("field")(field_command)
    app.command("limits")(limits_command)
    app.command("hazards")(hazards_command)
    app.command("answers")(answers_command)
    app.command("trigger")(trigger_command)
    app.command("decide")(decide_command)
    app.command("compare")(compare_command)
    app.command("garbage")(garbage_command)
