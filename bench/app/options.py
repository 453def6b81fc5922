"""What the benchmark commands share: their options, and running one with its tables and its JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spectriage.spectra.errors import ParameterError
from spectriage.spectra.options import OUTPUT

if TYPE_CHECKING:
    from spectriage.bench.report.runner import Jobs
    from spectriage.bench.report.tables import Report
    from spectriage.bench.sets.pairing import Pairing
    from spectriage.bench.sets.sets import LabelledSet
    from spectriage.spectra.progress import Progress

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
    list[str] | None,
    typer.Option(
        "--method",
        "-m",
        help="Method to compare, of `spectriage bench methods`; may be repeated.",
        show_default="all",
    ),
]
OutOption = Annotated[
    Path | None,
    typer.Option("--out", "-o", help="Write everything to this JSON file too.", rich_help_panel=OUTPUT),
]
JobsOption = Annotated[int, typer.Option("--jobs", "-j", min=1, max=256, help="Processes.")]
ClusterOption = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        metavar="ADDRESS|local:N",
        help="Do the trials on a Dask cluster: its scheduler's address, or N processes here.",
    ),
]
OldLibraryOption = Annotated[
    Path | None,
    typer.Option("--old-library", help="The older run's library: a change then names its references."),
]
NewLibraryOption = Annotated[
    Path | None, typer.Option("--new-library", help="The newer run's library, beside --old-library.")
]
QuickOption = Annotated[bool, typer.Option("--quick", help="Fewer repetitions, wider intervals.")]

Tables = tuple[Path | None, Path | None, Path | None]
By = tuple[int, str | None]
"""--jobs and --cluster."""
Work = Callable[["Report", "Progress | None", "Jobs"], None]


def bench(
    command: str,
    settings: dict[str, Any],
    outputs: tuple[bool, Path | None],
    work: Work,
    by: By = (1, None),
) -> None:
    """Run a benchmark under a progress bar, print its tables or its JSON, and write that where asked for."""
    from spectriage.bench.report.output import check_folder, give_out
    from spectriage.bench.report.tables import Report
    from spectriage.library.service import progress_bar

    as_json, out = outputs
    check_folder(out)
    report = Report(command, settings)
    report.stamp()
    with crew(*by) as jobs, progress_bar() as progress:
        work(report, progress, jobs)
    give_out(report, as_json, out)


@contextmanager
def crew(jobs: int, cluster: str | None) -> Iterator[Jobs]:
    """Give who does the trials: so many processes of this machine, or a cluster.

    Raises
    ------
    ParameterError
        When both are asked for, or the cluster is none.
    ClusterError
        When the cluster cannot be reached.
    """
    if cluster is None:
        yield jobs
        return
    if jobs != 1:
        raise ParameterError("--jobs and --cluster exclude one another")
    from spectriage.bench.report.runner import ROOMS
    from spectriage.library.cluster.crew import crew_of

    with crew_of(cluster, ROOMS) as made:
        yield made


def read_sets(paths: list[Path], tables: Tables, progress: Progress | None) -> list[LabelledSet]:
    """Read labelled sets with the tables of aliases, groups and corrections."""
    from spectriage.bench.sets.names import NEAR_IDENTICAL, Names, read_aliases, read_corrections, read_groups
    from spectriage.bench.sets.sets import read_set

    aliases, groups, corrections = tables
    names = Names(read_aliases(aliases) if aliases else {}, read_groups(groups) if groups else NEAR_IDENTICAL)
    known = read_corrections(corrections) if corrections else ()
    return [read_set(path, names=names, corrections=known, progress=progress) for path in paths]


def pairings(
    queries: Path,
    library: Path | None,
    tables: Tables,
    catalogue: bool,
    one_way: bool,
    progress: Progress | None,
) -> list[Pairing]:
    """Read one or two labelled sets, and pair them with each other and with the catalogue."""
    from spectriage.bench.sets.pairing import make_pairings

    paths = [queries] if library is None else [queries, library]
    read = read_sets(paths, tables, progress)
    return make_pairings(
        read[0], read[1] if len(read) > 1 else None, both_ways=not one_way, catalogue=catalogue
    )
