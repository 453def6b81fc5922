"""The commands `spectriage validate …`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spectriage.bench.app.options import ClusterOption, NewLibraryOption, OldLibraryOption, crew
from spectriage.spectra.errors import ParameterError
from spectriage.spectra.options import JsonOption
from spectriage.spectra.terminal import print_json

if TYPE_CHECKING:
    from spectriage.bench.validation.panels import Trial

app = typer.Typer(
    help="Validate a device, a library and the engine by a fixed plan.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

EXIT_FAILED_CRITERION = 1

PlanArgument = Annotated[
    str, typer.Argument(help="A plan's file, or the name of a shipped plan, see `spectriage validate list`.")
]
FolderArgument = Annotated[Path, typer.Argument(help="Folder of the records.")]
RunOption = Annotated[
    int | None, typer.Option("--run", min=1, help="Number of the run.", show_default="the last")
]
LibraryOption = Annotated[
    Path | None, typer.Option("--library", "-l", help="Library file.", show_default="the plan's")
]


@app.command("run")
def run(
    plan: PlanArgument,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the records.")],
    library: LibraryOption = None,
    sets: Annotated[
        list[str] | None, typer.Option("--set", help="NAME=PATH of a labelled set that the plan names.")
    ] = None,
    device: Annotated[
        str, typer.Option("--device", "-d", help="Device URI for the panels that are scanned with one.")
    ] = "",
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, max=256, help="Processes.")] = 1,
    cluster: ClusterOption = None,
    keep_spectra: Annotated[
        bool, typer.Option("--keep-spectra", help="Keep every spectrum, not only those of failures.")
    ] = False,
    report: Annotated[bool, typer.Option("--report/--no-report", help="Write the report at the end.")] = True,
    as_json: JsonOption = False,
) -> None:
    """Run a plan; a run that was broken off goes on, a finished one is run again as a second run.

    Exit code: 0 when every criterion passes, 1 when one fails or was not tested, 2 on an error.
    """
    from spectriage.bench.validation.plan_file import load_plan
    from spectriage.bench.validation.report import require_report
    from spectriage.bench.validation.run import run_plan
    from spectriage.library.service import progress_bar

    if report:
        require_report()
    loaded = load_plan(plan)
    attended = any(panel.source == "device" for panel in loaded.panels)
    with crew(jobs, cluster) as workers, progress_bar() as progress:
        made = run_plan(
            loaded,
            out,
            jobs=workers,
            library=library,
            sets=_named_paths(sets or []),
            device=device,
            operator=_ask,
            keep_spectra=keep_spectra,
            # A bar would write over the questions to the operator.
            progress=None if attended else progress,
        )
    if report:
        _report(out, made.number, as_json)
    elif as_json:
        print_json({"schema": 1, "folder": str(out), "run": made.number})


@app.command("report")
def report(folder: FolderArgument, number: RunOption = None, as_json: JsonOption = False) -> None:
    """Write the report and tables of a finished run again, from its records.

    Exit code: 0 when every criterion passes, 1 when one fails or was not tested, 2 on an error.
    """
    _report(folder, number, as_json)


def _report(folder: Path, number: int | None, as_json: bool) -> None:
    from spectriage.bench.validation.report import write_report

    path = write_report(folder, number)
    results = json.loads((path.parent / "results.json").read_text(encoding="utf-8"))
    if as_json:
        print_json({"report": str(path), **results})
    else:
        _show_criteria(results)
        print(path)
    raise typer.Exit(0 if results["outcome"] == "PASS" else EXIT_FAILED_CRITERION)


def _show_criteria(results: dict[str, object]) -> None:
    from rich.console import Console

    from spectriage.bench.validation.report import summary_rows

    rows = [
        (outcome, name, required, observed) for name, required, observed, outcome in summary_rows(results)
    ]
    console = Console()
    _print_table(console, ("", "criterion", "required", "observed"), rows)
    line = f"run {results['run']} of {results['plan']}: {results['outcome']}"
    console.print(line, markup=False, highlight=False)


def _print_table(console: object, columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    assert isinstance(console, Console)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    console.print(table)


@app.command("list")
def list_plans(as_json: JsonOption = False) -> None:
    """List the shipped plans."""
    from rich.console import Console

    from spectriage.bench.validation.panels import expand
    from spectriage.bench.validation.plan_file import load_plan, shipped_plans

    rows = []
    for name in shipped_plans():
        plan = load_plan(name)
        entry = {
            "name": name,
            "title": plan.title,
            "trials": len(expand(plan)),
            "criteria": len(plan.criteria),
            "sets": sorted({p.set for p in plan.panels if p.set}),
        }
        rows.append(entry)
    if as_json:
        for entry in rows:
            print_json(entry)
        return
    _print_table(
        Console(),
        ("plan", "title", "trials", "criteria"),
        [(str(r["name"]), str(r["title"]), str(r["trials"]), str(r["criteria"])) for r in rows],
    )


@app.command("show")
def show(plan: PlanArgument) -> None:
    """Print a plan."""
    from spectriage.bench.validation.plan_file import load_plan

    print(load_plan(plan).text, end="")


@app.command("plan-size")
def plan_size(
    pod: Annotated[
        float, typer.Option("--pod", help="Probability of detection to be shown, above 0, below 1.")
    ] = 0.95,
    confidence: Annotated[
        float, typer.Option("--confidence", help="With which confidence, above 0, below 1.")
    ] = 0.95,
    failures: Annotated[
        int, typer.Option("--failures", min=0, max=1000, help="Failures that shall be allowed.")
    ] = 0,
    as_json: JsonOption = False,
) -> None:
    """Print how many trials it takes to show a probability of detection.

    For a false-alarm rate, ask for its complement: a rate below 0.01 is a POD of 0.99.
    """
    from spectriage.bench.validation.statistics import trials_needed

    trials = trials_needed(pod, confidence, failures)
    if as_json:
        print_json({"pod": pod, "confidence": confidence, "failures": failures, "trials": trials})
        return
    allowed = "no failure" if failures == 0 else f"at most {failures} failure{'s' if failures > 1 else ''}"
    print(
        f"{trials} trials: with {allowed} among them, the probability of detection is shown to be at least "
        f"{pod:g} with {confidence:.4g} confidence (exact binomial, one-sided)."
    )


@app.command("compare")
def compare(
    first: FolderArgument,
    second: Annotated[Path, typer.Argument(help="Folder of the other records.")],
    first_run: Annotated[
        int | None, typer.Option("--first-run", min=1, help="Number of its run.", show_default="the last")
    ] = None,
    second_run: Annotated[
        int | None, typer.Option("--second-run", min=1, help="Number of its run.", show_default="the last")
    ] = None,
    old_library: OldLibraryOption = None,
    new_library: NewLibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare two engines, libraries or policies on the same scans: what is right, what changed, and why.

    What is right more often is said by McNemar's exact test. With both libraries a change names references.
    """
    from rich.console import Console

    from spectriage.bench.report.changes import read_libraries
    from spectriage.bench.report.tables import Report
    from spectriage.bench.validation.changed import add_changes
    from spectriage.bench.validation.compare import compare_runs

    found = compare_runs(first, second, first_run=first_run, second_run=second_run)
    report = Report("validate compare", {})
    libraries = read_libraries(old_library, new_library)
    add_changes(report, first, second, first_run=first_run, second_run=second_run, libraries=libraries)
    if as_json:
        for item in found:
            print_json(item.to_json())
        for origin, details in report.details.items():
            for name, tally in details.items():
                print_json(
                    {"schema": 1, "evidence": name.removeprefix("changes: "), "origin": origin, **tally}
                )
        return
    rows = [
        tuple(
            str(v)
            for v in (c.chapter, c.panel, c.both, c.only_first, c.only_second, c.neither, f"{c.p_value:.3g}")
        )
        for c in found
    ]
    columns = ("evidence", "panel", "both correct", "only first", "only second", "neither", "p")
    _print_table(Console(), columns, rows)
    report.show(Console())


def _ask(trial: Trial) -> None:
    """Wait until the operator has put the sample in place; Ctrl-C breaks off, and the run goes on later."""
    typer.prompt(f"Trial {trial.index}: {trial.label}. Enter when in place", default="", show_default=False)


def _named_paths(pairs: list[str]) -> dict[str, Path]:
    found = {}
    for pair in pairs:
        name, equals, path = pair.partition("=")
        if not name or not equals or not path:
            raise ParameterError(f"--set {pair!r} is not NAME=PATH")
        found[name] = Path(path)
    return found
