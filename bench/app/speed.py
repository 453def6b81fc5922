"""The command `spectriage bench speed`: run the suites, print what is faster by how much, keep it as JSON.

Every ratio is measured in one run, ours and its peer in turn: how many times as long the peer takes. What is
written holds no name or path of the machine, only its kind.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from importlib import metadata, resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spectriage.spectra.errors import ParameterError, SpectriageError
from spectriage.spectra.options import JsonOption
from spectriage.spectra.terminal import print_json

if TYPE_CHECKING:
    from rich.table import Table

SUITES = ("baseline", "search", "mixture", "identify", "coldstart", "memory", "building")
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
PACKAGES = ("spectriage", "numpy", "scipy", "numba", "pybaselines", "pentapy")
COST = "microseconds a spectrum"
MEMORY = "MB, "
AXES = {"points": "points a spectrum", "references": "references"}
JSON_SCHEMA = 1


@dataclass(frozen=True)
class Peer:
    """How many times as long a peer takes: the median over rounds, first and last quartile."""

    name: str
    times: float
    low: float
    high: float


@dataclass(frozen=True)
class Row:
    """One benchmark.

    Parameters
    ----------
    group, name
        Of the benchmark.
    parameters
        Its size and kind.
    cost_us
        Microseconds a spectrum (or a run); None where time was not what was measured.
    peers
        In the same run.
    facts
        What else it found, by name.
    """

    group: str
    name: str
    parameters: dict[str, Any]
    cost_us: float | None
    peers: tuple[Peer, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)


def speed(
    suites: Annotated[
        list[str] | None, typer.Argument(help=f"Of {', '.join(SUITES)}; all if not given.")
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Also a million references, and building 100,000: minutes, 10 GB.")
    ] = False,
    as_json: JsonOption = False,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write the results to this JSON file too.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Plot cost against size to this PNG, SVG or PDF.")
    ] = None,
    threads: Annotated[int, typer.Option("--threads", min=1, help="Threads for BLAS and kernels.")] = 1,
) -> None:
    """Measure the engine against its peers, in one run, and print the ratios."""
    from rich.console import Console

    unknown = sorted(set(suites or ()) - set(SUITES))
    if unknown:
        raise ParameterError(f"there is no suite {unknown[0]!r}", remedy=f"there are {', '.join(SUITES)}")
    if plot is not None:
        from spectriage.spectra.report import require_matplotlib

        require_matplotlib()
    rows = read_rows(run_suites(tuple(suites or SUITES), full=full, threads=threads))
    if as_json:
        print_json(document(rows, threads))
    else:
        Console().print(table(rows))
    if out is not None:
        text = json.dumps(document(rows, threads), indent=1, ensure_ascii=False)
        out.write_text(text + "\n", encoding="utf-8")
    if plot is not None:
        plot_costs(rows, plot)


def run_suites(suites: tuple[str, ...], *, full: bool = False, threads: int = 1) -> dict[str, Any]:
    """Run suites in a new process and return what pytest-benchmark wrote.

    Raises
    ------
    SpectriageError
        When pytest-benchmark is not installed, or a benchmark failed; what there is was printed by pytest.
    """
    folder = Path(str(resources.files("spectriage.bench.suite")))
    try:
        metadata.version("pytest-benchmark")
    except metadata.PackageNotFoundError:
        raise SpectriageError(
            "pytest-benchmark is not installed", remedy='pip install "spectriage[bench]"'
        ) from None
    with tempfile.TemporaryDirectory() as scratch:
        written = Path(scratch) / "benchmarks.json"
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--import-mode=importlib"]
        command += ["-m", "full or not full" if full else "not full", "--rootdir", scratch, "-c", os.devnull]
        command += [f"--benchmark-json={written}", "--benchmark-columns=median,rounds"]
        command += [str(folder / f"bench_{suite}.py") for suite in suites]
        environment = {**os.environ, **dict.fromkeys(THREAD_VARIABLES, str(threads))}
        done = subprocess.run(command, env=environment, stdout=sys.stderr, check=False)
        if done.returncode != 0 or not written.exists():
            raise SpectriageError("a benchmark failed", remedy="see what pytest printed above")
        return dict(json.loads(written.read_text(encoding="utf-8")))


def read_rows(written: dict[str, Any]) -> tuple[Row, ...]:
    """Turn what pytest-benchmark wrote into rows, in its order."""
    return tuple(_row(benchmark) for benchmark in written["benchmarks"])


def _row(benchmark: dict[str, Any]) -> Row:
    facts = dict(benchmark["extra_info"])
    cost = facts.pop(COST, None)
    peers = []
    for key in [name for name in facts if name.startswith("times ")]:
        name = key.removeprefix("times ")
        low, high = facts.pop(f"quartiles {name}")
        peers.append(Peer(name, facts.pop(key), low, high))
    return Row(
        benchmark["group"] or "",
        benchmark["name"].partition("[")[0].removeprefix("test_").replace("_", " "),
        dict(benchmark["params"] or {}),
        cost,
        tuple(peers),
        facts,
    )


def document(rows: Iterable[Row], threads: int) -> dict[str, Any]:
    """Return the results as an object, with the kind of machine and the versions."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = ""
    return {
        "schema": JSON_SCHEMA,
        "machine": {
            "system": platform.system(),
            "architecture": platform.machine(),
            "cores": os.cpu_count(),
            "python": platform.python_version(),
        },
        "versions": versions,
        "threads": threads,
        "data": "synthetic spectra, but for the shipped library and groups that are called measured",
        "rows": [asdict(row) for row in rows],
    }


def table(rows: Iterable[Row]) -> Table:
    """Return the table of costs and ratios."""
    from rich.table import Table

    made = Table(title="Ours against peers of the same run")
    for column in ("Benchmark", "Size", "Ours", "Peer", "Peer takes", "Quartiles"):
        made.add_column(column, justify="right" if column in ("Ours", "Peer takes") else "left")
    group = ""
    for row in rows:
        if row.group != group:
            made.add_section()
            group = row.group
        size = ", ".join(
            f"{value:,}" if isinstance(value, int) else str(value) for value in row.parameters.values()
        )
        head = (f"{row.group}: {row.name}", size, cost_text(row.cost_us))
        for peer in row.peers:
            made.add_row(*head, peer.name, f"{peer.times:.2f} ×", f"{peer.low:.2f} to {peer.high:.2f}")
            head = ("", "", "")
        for name, value in row.facts.items():
            if name.startswith(("share", MEMORY)):
                text = f"{value:.0f} MB" if name.startswith(MEMORY) else f"{value:.0%}"
                made.add_row(*head, name.removeprefix(MEMORY), text, "")
                head = ("", "", "")
    return made


def cost_text(microseconds: float | None) -> str:
    """Return a time in the unit that suits it."""
    if microseconds is None:
        return ""
    for limit, factor, unit in ((1e3, 1.0, "µs"), (1e6, 1e-3, "ms")):
        if microseconds < limit:
            return f"{microseconds * factor:.3g} {unit}"
    return f"{microseconds * 1e-6:.3g} s"


def curves(rows: Iterable[Row], axis: str) -> Iterator[tuple[str, list[float], list[float]]]:
    """Yield what can be drawn against a size: a label, sizes and microseconds, ours and each peer's."""
    found: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        size = row.parameters.get(axis)
        if row.cost_us is None or not isinstance(size, (int, float)):
            continue
        kind = ", ".join(str(value) for key, value in row.parameters.items() if key != axis)
        label = " ".join(filter(None, (row.group, kind)))
        found.setdefault(label, []).append((size, row.cost_us))
        for peer in row.peers:
            found.setdefault(f"{label}: {peer.name}", []).append((size, row.cost_us * peer.times))
    for label, points in found.items():
        if len(points) > 1:
            sizes, costs = zip(*sorted(points), strict=True)
            yield label, list(sizes), list(costs)


def plot_costs(rows: Iterable[Row], path: Path) -> None:
    """Write one figure of cost against size: points on the left, references on the right."""
    from matplotlib.figure import Figure

    rows = tuple(rows)
    figure = Figure(figsize=(14, 9), layout="constrained")
    for axes, (axis, label) in zip(figure.subplots(1, 2), AXES.items(), strict=True):
        for name, sizes, costs in curves(rows, axis):
            ours = ":" not in name
            axes.plot(sizes, costs, "o-" if ours else "s--", lw=1.8 if ours else 1.0, ms=4, label=name)
        axes.set(xscale="log", yscale="log", xlabel=label, ylabel="microseconds a spectrum")
        axes.grid(alpha=0.3)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(fontsize=7, loc="upper center", bbox_to_anchor=(0.5, -0.1), ncols=2)
    figure.suptitle("Cost against size, peers dashed, measured in one run on synthetic spectra")
    figure.savefig(path)
