"""The commands of `spectriage bench`: evidence on labelled sets, simulated ones, speed, the laser's off."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spectriage.bench.app.commands_decide import register
from spectriage.bench.app.growth import growth
from spectriage.bench.app.laser import laser
from spectriage.bench.app.options import (
    AliasesOption,
    CatalogueOption,
    ClusterOption,
    CorrectionsOption,
    GroupsOption,
    JobsOption,
    MethodsOption,
    OneWayOption,
    OutOption,
    QueriesOption,
    QuickOption,
    SearchedOption,
    SetsOption,
    bench,
    pairings,
    read_sets,
)
from spectriage.bench.app.scale import scale
from spectriage.bench.app.screen import screen
from spectriage.bench.app.speed import speed
from spectriage.bench.methods.match import match_command
from spectriage.spectra.options import JsonOption, LibraryOption
from spectriage.spectra.terminal import print_json

if TYPE_CHECKING:
    from spectriage.bench.report.runner import Jobs
    from spectriage.bench.report.tables import Report
    from spectriage.bench.sets.pairing import Pairing
    from spectriage.spectra.progress import Progress

app = typer.Typer(
    help="Repeat the evidence: tables with intervals, on any labelled set, beside the classical scores.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


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
    as_json: JsonOption = False,
    out: OutOption = None,
    jobs: JobsOption = 1,
    cluster: ClusterOption = None,
) -> None:
    """Identify one instrument's spectra by another's, and by the catalogue: top-1, top-3, every miss."""
    from spectriage.bench.evidence.transfer import transfer

    def work(report: Report, progress: Progress | None, crew: Jobs) -> None:
        paired = pairings(queries, library, (aliases, groups, corrections), catalogue, one_way, progress)
        _note(report, paired)
        transfer(paired, report, methods=method, robustness=robustness, jobs=crew, progress=progress)

    bench("transfer", {"robustness": robustness}, (as_json, out), work, (jobs, cluster))


@app.command("twinning")
def twinning_command(
    queries: QueriesOption,
    library: Annotated[Path, typer.Option("--library", "-l", help="Labelled set of the other unit.")],
    aliases: AliasesOption = None,
    groups: GroupsOption = None,
    corrections: CorrectionsOption = None,
    as_json: JsonOption = False,
    out: OutOption = None,
) -> None:
    """Transfer one unit's spectra to another by a few standards: what it gains on other materials."""
    from spectriage.bench.evidence.twinning import DRAWS, SEED, twinning

    def work(report: Report, progress: Progress | None, _: Jobs) -> None:
        first, second = read_sets([queries, library], (aliases, groups, corrections), progress)
        twinning(first, second, report, progress=progress)

    bench("twinning", {"draws": DRAWS, "seed": SEED}, (as_json, out), work)


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
    as_json: JsonOption = False,
    out: OutOption = None,
    jobs: JobsOption = 1,
    cluster: ClusterOption = None,
    quick: QuickOption = False,
) -> None:
    """Take half of the materials out of the library, and see whether they are named all the same."""
    from spectriage.bench.evidence.openset import SEED, openset

    count = min(splits, 3) if quick else splits

    def work(report: Report, progress: Progress | None, crew: Jobs) -> None:
        paired = pairings(queries, library, (aliases, groups, corrections), catalogue, one_way, progress)
        _note(report, paired)
        openset(paired, report, splits=count, methods=method, jobs=crew, progress=progress)

    bench("openset", {"splits": count, "seed": SEED}, (as_json, out), work, (jobs, cluster))


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
    as_json: JsonOption = False,
    out: OutOption = None,
    jobs: JobsOption = 1,
    cluster: ClusterOption = None,
    quick: QuickOption = False,
) -> None:
    """Add measured spectra 50/50, 70/30, 90/10 and 50/30/20: precision, and recall by level."""
    from spectriage.bench.evidence.mixtures import SEED, mixtures

    count = min(cases, 15) if quick else cases

    def work(report: Report, progress: Progress | None, crew: Jobs) -> None:
        paired = pairings(queries, library, (aliases, groups, corrections), catalogue, one_way, progress)
        _note(report, paired)
        mixtures(
            paired,
            report,
            cases=count,
            normalisation="area" if by_area else "norm",
            methods=method,
            jobs=crew,
            progress=progress,
        )

    bench(
        "mixtures", {"cases": count, "by_area": by_area, "seed": SEED}, (as_json, out), work, (jobs, cluster)
    )


@app.command("packaging")
def packaging_command(
    sets: SetsOption,
    aliases: AliasesOption = None,
    groups: GroupsOption = None,
    corrections: CorrectionsOption = None,
    content: Annotated[
        list[str] | None, typer.Option("--content", help="Materials to wrap; may be repeated.")
    ] = None,
    as_json: JsonOption = False,
    out: OutOption = None,
    jobs: JobsOption = 1,
    cluster: ClusterOption = None,
    quick: QuickOption = False,
) -> None:
    """Measured powders through measured packaging; packaging alone; harmless materials that alarm."""
    from spectriage.bench.evidence.benign import benign
    from spectriage.bench.evidence.packaging import CONTENTS, NOISE_SEEDS, SEED, packaging
    from spectriage.bench.sets.sets import merged

    seeds = 2 if quick else NOISE_SEEDS
    contents = tuple(content or CONTENTS)

    def work(report: Report, progress: Progress | None, crew: Jobs) -> None:
        read = read_sets(sets, (aliases, groups, corrections), progress)
        packaging(merged(read), report, contents=contents, seeds=seeds, jobs=crew, progress=progress)
        benign(read, report, jobs=crew, progress=progress)

    bench(
        "packaging",
        {"contents": contents, "noise_seeds": seeds, "seed": SEED},
        (as_json, out),
        work,
        (jobs, cluster),
    )


@app.command("pod")
def pod_command(
    target: Annotated[
        str, typer.Option("--target", help="A watched substance.", show_default="fentanyl HCl")
    ] = "",
    preset: Annotated[
        list[str] | None,
        typer.Option(
            "--preset",
            metavar="785-ccd|1064-ingaas",
            help="Simulated instrument; may be repeated.",
            show_default="785-ccd",
        ),
    ] = None,
    seeds: Annotated[int, typer.Option("--seeds", min=8, max=100_000, help="Scans a fraction.")] = 500,
    library: LibraryOption = None,
    as_json: JsonOption = False,
    out: OutOption = None,
    plot: Annotated[Path | None, typer.Option("--plot", help="Draw the POD curve to this PNG.")] = None,
    jobs: JobsOption = 1,
    cluster: ClusterOption = None,
    quick: QuickOption = False,
) -> None:
    """Simulate: probability of detection by signal fraction, blanks, analogues left out, confusers."""
    from spectriage.bench.evidence.pod import BLANKS, TARGET, PodBench
    from spectriage.bench.evidence.pod_plot import DrawnCurve, draw
    from spectriage.library.building import open_library

    name = target or TARGET
    count = min(seeds, 64) if quick else seeds

    def work(report: Report, progress: Progress | None, crew: Jobs) -> None:
        references = open_library(library, progress=progress)
        report.settings = {**report.settings, "library": references.sha256}
        curves: list[DrawnCurve] = []
        for instrument in preset or ["785-ccd"]:
            pod = PodBench(references, report, target=name, preset=instrument, jobs=crew, progress=progress)
            curves.append(pod.detection(count))
            pod.blanks(BLANKS)
            pod.analogues(*([4] if quick else []))
            pod.confusers(*([12] if quick else []))
            pod.handheld(*([16] if quick else []))
        if plot is not None:
            draw(curves, plot)

    bench("pod", {"target": name, "seeds": count, "blanks": BLANKS}, (as_json, out), work, (jobs, cluster))


@app.command("calibration")
def calibration_command(
    sets: SetsOption,
    aliases: AliasesOption = None,
    groups: GroupsOption = None,
    corrections: CorrectionsOption = None,
    splits: Annotated[int, typer.Option("--splits", min=0, max=1000, help="Random halves besides.")] = 5,
    as_json: JsonOption = False,
    out: OutOption = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Draw the reliability diagram to this PNG.")
    ] = None,
    jobs: JobsOption = 1,
    cluster: ClusterOption = None,
    quick: QuickOption = False,
) -> None:
    """Compare stated probabilities with how often they are right, on instruments not used before."""
    from spectriage.bench.evidence.calibration import SEED, calibration

    count = min(splits, 1) if quick else splits

    def work(report: Report, progress: Progress | None, crew: Jobs) -> None:
        read = read_sets(sets, (aliases, groups, corrections), progress)
        calibration(read, report, splits=count, plot=plot, jobs=crew, progress=progress)

    bench("calibration", {"splits": count, "seed": SEED}, (as_json, out), work, (jobs, cluster))


@app.command("methods")
def methods_command(as_json: JsonOption = False) -> None:
    """List the methods that can be compared, and what each is."""
    from spectriage.bench.methods.methods import METHODS

    for name, method in METHODS.items():
        said = (method.__doc__ or "").strip().partition("\n")[0]
        if as_json:
            print_json({"schema": 1, "method": name, "summary": said})
        else:
            print(f"{name:<16}{said}")


def _note(report: Report, paired: list[Pairing]) -> None:
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
            for pairing in paired
        ],
    }


register(app)
app.command("match")(match_command)
app.command("speed")(speed)
app.command("laser")(laser)
app.command("scale")(scale)
app.command("screen")(screen)
app.command("growth")(growth)
