"""The commands `spectriage bench transfer | openset | mixtures | packaging | pod | calibration | speed`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spectriage.bench.app.speed import speed
from spectriage.bench.methods.match import match_command
from spectriage.spectra.errors import ParameterError

if TYPE_CHECKING:
    from spectriage.bench.report.tables import Report
    from spectriage.bench.sets.pairing import Pairing
    from spectriage.bench.sets.sets import LabelledSet
    from spectriage.spectra.progress import Progress

app = typer.Typer(
    help="Repeat the evidence: tables with intervals, on any labelled set, beside the classical scores.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

PRINTED_WIDTH = 200

QueriesOption = Annotated[
    Path, typer.Option("--queries", "-q", help="Labelled set to identify: a folder or a CSV manifest.")
]
SetsOption = Annotated[
    list[Path], typer.Option("--set", "-s", help="Labelled set: a folder or a CSV manifest; may be repeated.")
]
SearchedOption = Annotated[
    Path | None,
    typer.Option("--library", "-l", help="Labelled set of another instrument, made into the library."),
]
AliasesOption = Annotated[
    Path | None, typer.Option("--aliases", help="CSV with the columns label and substance.")
]
GroupsOption = Annotated[
    Path | None,
    typer.Option("--groups", help="CSV with the columns group and substance: what cannot be told apart."),
]
CorrectionsOption = Annotated[
    Path | None,
    typer.Option("--corrections", help="CSV with the columns path, substance (or empty) and reason."),
]
CatalogueOption = Annotated[
    bool,
    typer.Option(
        "--catalogue/--no-catalogue", help="Also search the shipped catalogue, without the set's own entries."
    ),
]
OneWayOption = Annotated[bool, typer.Option("--one-way", help="Do not also swap queries and library.")]
MethodsOption = Annotated[
    list[str] | None, typer.Option("--method", "-m", help="Methods to compare; may be repeated.")
]
JsonOption = Annotated[Path | None, typer.Option("--json", help="Write everything to this JSON file.")]
JobsOption = Annotated[int, typer.Option("--jobs", "-j", min=1, max=256, help="Processes.")]
QuickOption = Annotated[bool, typer.Option("--quick", help="Fewer repetitions, wider intervals.")]


@app.command("transfer")
def transfer_command(
    queries: QueriesOption,
    library: SearchedOption = None,
    aliases: AliasesOption = None,
    groups: GroupsOption = None,
    corrections: CorrectionsOption = None,
    catalogue: CatalogueOption = True,
    one_way: OneWayOption = False,
    method: MethodsOption = None,
    robustness: Annotated[
        bool, typer.Option("--robustness", help="Also with axis errors and at coarser resolution.")
    ] = False,
    json: JsonOption = None,
    jobs: JobsOption = 1,
) -> None:
    """Identify one instrument's spectra by another's, and by the catalogue: top-1, top-3, every miss."""
    from spectriage.bench.evidence.transfer import transfer

    def work(report: Report, progress: Progress | None) -> None:
        pairings = _pairings(queries, library, (aliases, groups, corrections), catalogue, one_way, progress)
        _note(report, pairings)
        transfer(pairings, report, methods=method, robustness=robustness, jobs=jobs, progress=progress)

    _bench("transfer", {"robustness": robustness}, json, work)


@app.command("openset")
def openset_command(
    queries: QueriesOption,
    library: SearchedOption = None,
    aliases: AliasesOption = None,
    groups: GroupsOption = None,
    corrections: CorrectionsOption = None,
    catalogue: CatalogueOption = True,
    one_way: OneWayOption = False,
    method: MethodsOption = None,
    splits: Annotated[int, typer.Option("--splits", min=1, max=1000, help="Random halves.")] = 20,
    json: JsonOption = None,
    jobs: JobsOption = 1,
    quick: QuickOption = False,
) -> None:
    """Take half of the materials out of the library, and see whether they are named all the same."""
    from spectriage.bench.evidence.openset import SEED, openset

    count = min(splits, 3) if quick else splits

    def work(report: Report, progress: Progress | None) -> None:
        pairings = _pairings(queries, library, (aliases, groups, corrections), catalogue, one_way, progress)
        _note(report, pairings)
        openset(pairings, report, splits=count, methods=method, jobs=jobs, progress=progress)

    _bench("openset", {"splits": count, "seed": SEED}, json, work)


@app.command("mixtures")
def mixtures_command(
    queries: QueriesOption,
    library: SearchedOption = None,
    aliases: AliasesOption = None,
    groups: GroupsOption = None,
    corrections: CorrectionsOption = None,
    catalogue: CatalogueOption = True,
    one_way: OneWayOption = False,
    method: MethodsOption = None,
    by_area: Annotated[
        bool, typer.Option("--by-area", help="Weigh spectra by their area, not by their norm.")
    ] = False,
    cases: Annotated[int, typer.Option("--cases", min=1, max=100_000, help="Mixtures a level.")] = 60,
    json: JsonOption = None,
    jobs: JobsOption = 1,
    quick: QuickOption = False,
) -> None:
    """Add measured spectra 50/50, 70/30, 90/10 and 50/30/20: precision, and recall by level."""
    from spectriage.bench.evidence.mixtures import SEED, mixtures

    count = min(cases, 15) if quick else cases

    def work(report: Report, progress: Progress | None) -> None:
        pairings = _pairings(queries, library, (aliases, groups, corrections), catalogue, one_way, progress)
        _note(report, pairings)
        mixtures(
            pairings,
            report,
            cases=count,
            normalisation="area" if by_area else "norm",
            methods=method,
            jobs=jobs,
            progress=progress,
        )

    _bench("mixtures", {"cases": count, "by_area": by_area, "seed": SEED}, json, work)


@app.command("packaging")
def packaging_command(
    sets: SetsOption,
    aliases: AliasesOption = None,
    groups: GroupsOption = None,
    corrections: CorrectionsOption = None,
    content: Annotated[
        list[str] | None, typer.Option("--content", help="Materials to wrap; may be repeated.")
    ] = None,
    json: JsonOption = None,
    jobs: JobsOption = 1,
    quick: QuickOption = False,
) -> None:
    """Measured powders through measured packaging; packaging alone; harmless materials that alarm."""
    from spectriage.bench.evidence.benign import benign
    from spectriage.bench.evidence.packaging import CONTENTS, NOISE_SEEDS, SEED, packaging
    from spectriage.bench.sets.sets import merged

    seeds = 2 if quick else NOISE_SEEDS
    contents = tuple(content or CONTENTS)

    def work(report: Report, progress: Progress | None) -> None:
        read = _read_sets(sets, (aliases, groups, corrections), progress)
        packaging(merged(read), report, contents=contents, seeds=seeds, jobs=jobs, progress=progress)
        benign(read, report, jobs=jobs, progress=progress)

    _bench("packaging", {"contents": contents, "noise_seeds": seeds, "seed": SEED}, json, work)


@app.command("pod")
def pod_command(
    target: Annotated[str, typer.Option("--target", help="A watched substance; fentanyl HCl if none.")] = "",
    preset: Annotated[
        list[str] | None, typer.Option("--preset", help="785-ccd or 1064-ingaas; may be repeated.")
    ] = None,
    seeds: Annotated[int, typer.Option("--seeds", min=8, max=100_000, help="Scans a fraction.")] = 500,
    library: Annotated[
        Path | None, typer.Option("--library", "-l", help="Library file; the shipped catalogue if not given.")
    ] = None,
    json: JsonOption = None,
    plot: Annotated[Path | None, typer.Option("--plot", help="Draw the POD curve to this PNG.")] = None,
    jobs: JobsOption = 1,
    quick: QuickOption = False,
) -> None:
    """Simulate: probability of detection by signal fraction, blanks, analogues left out, confusers."""
    from spectriage.bench.evidence.pod import BLANKS, TARGET, PodBench
    from spectriage.bench.evidence.pod_plot import DrawnCurve, draw
    from spectriage.library.building import open_library

    name = target or TARGET
    count = min(seeds, 64) if quick else seeds

    def work(report: Report, progress: Progress | None) -> None:
        references = open_library(library, progress=progress)
        report.settings = {**report.settings, "library": references.sha256}
        curves: list[DrawnCurve] = []
        for instrument in preset or ["785-ccd"]:
            bench = PodBench(references, report, target=name, preset=instrument, jobs=jobs, progress=progress)
            curves.append(bench.detection(count))
            bench.blanks(BLANKS)
            bench.analogues(*([4] if quick else []))
            bench.confusers(*([12] if quick else []))
            bench.handheld(*([16] if quick else []))
        if plot is not None:
            draw(curves, plot)

    _bench("pod", {"target": name, "seeds": count, "blanks": BLANKS}, json, work)


@app.command("calibration")
def calibration_command(
    sets: SetsOption,
    aliases: AliasesOption = None,
    groups: GroupsOption = None,
    corrections: CorrectionsOption = None,
    splits: Annotated[int, typer.Option("--splits", min=0, max=1000, help="Random halves besides.")] = 5,
    json: JsonOption = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Draw the reliability diagram to this PNG.")
    ] = None,
    jobs: JobsOption = 1,
    quick: QuickOption = False,
) -> None:
    """Compare stated probabilities with how often they are right, on instruments not used before."""
    from spectriage.bench.evidence.calibration import SEED, calibration

    count = min(splits, 1) if quick else splits

    def work(report: Report, progress: Progress | None) -> None:
        read = _read_sets(sets, (aliases, groups, corrections), progress)
        calibration(read, report, splits=count, plot=plot, jobs=jobs, progress=progress)

    _bench("calibration", {"splits": count, "seed": SEED}, json, work)


Tables = tuple[Path | None, Path | None, Path | None]
Work = Callable[["Report", "Progress | None"], None]


def _bench(command: str, settings: dict[str, Any], json: Path | None, work: Work) -> None:
    """Run a benchmark under a progress bar, print its tables, and write its JSON."""
    from rich.console import Console

    from spectriage.bench.report.tables import Report
    from spectriage.library.service import progress_bar

    if json is not None and not json.absolute().parent.is_dir():
        raise ParameterError("there is no such folder", where=str(json.parent), remedy="make it first")
    report = Report(command, settings)
    report.stamp()
    with progress_bar() as progress:
        work(report, progress)
    console = Console()
    report.show(console if console.is_terminal else Console(width=PRINTED_WIDTH))
    if json is not None:
        report.write(json)


def _read_sets(paths: list[Path], tables: Tables, progress: Progress | None) -> list[LabelledSet]:
    from spectriage.bench.sets.names import NEAR_IDENTICAL, Names, read_aliases, read_corrections, read_groups
    from spectriage.bench.sets.sets import read_set

    aliases, groups, corrections = tables
    names = Names(read_aliases(aliases) if aliases else {}, read_groups(groups) if groups else NEAR_IDENTICAL)
    known = read_corrections(corrections) if corrections else ()
    return [read_set(path, names=names, corrections=known, progress=progress) for path in paths]


def _pairings(
    queries: Path,
    library: Path | None,
    tables: Tables,
    catalogue: bool,
    one_way: bool,
    progress: Progress | None,
) -> list[Pairing]:
    from spectriage.bench.sets.pairing import make_pairings

    paths = [queries] if library is None else [queries, library]
    read = _read_sets(paths, tables, progress)
    return make_pairings(
        read[0], read[1] if len(read) > 1 else None, both_ways=not one_way, catalogue=catalogue
    )


def _note(report: Report, pairings: list[Pairing]) -> None:
    """Keep what was compared with what."""
    report.settings = {
        **report.settings,
        "pairings": [
            {
                "label": pairing.label,
                "queries": len(pairing.queries),
                "references": len(pairing.references),
                "library_sha256": pairing.references.sha256,
            }
            for pairing in pairings
        ],
    }


app.command("match")(match_command)
app.command("speed")(speed)
