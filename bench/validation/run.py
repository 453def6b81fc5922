"""Running a plan: everything is fixed in a header first; then trial after trial, on one or more processes."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from importlib import metadata, resources
from pathlib import Path
from typing import Any

from spectriage.bench.runner import Progress
from spectriage.bench.validation.panels import Trial, expand, trials_sha256
from spectriage.bench.validation.plan import Panel, Plan
from spectriage.bench.validation.statistics import allowed_failures, trials_needed
from spectriage.bench.validation.store import RunFolder, begin, finish, locked, write_atomic
from spectriage.bench.validation.trial import Bench, Scanned, Setup, check_materials, spectrum_csv
from spectriage.spectra.errors import ParameterError

HEADER_SCHEMA = 1
CHUNK = 4
_PACKAGES = ("numpy", "scipy", "numba", "statsmodels")

_benches: dict[int, Bench] = {}


def run_plan(
    plan: Plan,
    folder: Path | str,
    *,
    jobs: int = 1,
    library: Path | None = None,
    sets: Mapping[str, Path | str] | None = None,
    keep_spectra: bool = False,
    progress: Progress | None = None,
) -> RunFolder:
    """Run a plan into a folder, or go on with a run that was broken off there.

    Parameters
    ----------
    folder
        Of the records, see `spectriage.bench.validation.store`.
    jobs
        Processes; the records are the same whatever their number.
    library
        In place of the plan's.
    sets
        Where the labelled sets of measured panels are, by name.
    keep_spectra
        Keep the spectrum of every scan, not only of failures.

    Returns
    -------
    RunFolder
        Finished.

    Raises
    ------
    ParameterError
        When a criterion could never be met with so few trials, the folder holds another plan's records, or a
        material is unknown.
    """
    folder = Path(folder)
    setup = Setup(plan, _library_path(plan, library), _set_paths(plan, sets or {}))
    bench = Bench(setup)
    trials = expand(plan, {p.name: bench.labelled(p.set) for p in _tested(plan, setup)}, bench.known)
    check_materials(plan, trials)
    check_sizes(plan, trials)
    header = make_header(setup, bench, trials)
    with locked(folder):
        run, done = begin(folder, plan.text, header)
        _run_all(setup, bench, trials[done:], run, jobs, len(trials), keep_spectra, progress)
        finish(folder, run)
    return run


def _tested(plan: Plan, setup: Setup) -> list[Panel]:
    """Return the measured panels whose sets are all there."""
    return [
        panel
        for panel in plan.panels
        if panel.source == "measured"
        and all(name in setup.sets for name in (panel.set, panel.library_set) if name)
    ]


def _library_path(plan: Plan, library: Path | None) -> Path | None:
    if library is not None:
        return library
    if not plan.library:
        return None
    return (plan.folder or Path()) / plan.library


def _set_paths(plan: Plan, given: Mapping[str, Path | str]) -> dict[str, Path]:
    """Find the sets of measured panels: as given, else relative to the plan; optional ones may be missing."""
    wanted = {name for panel in plan.panels for name in (panel.set, panel.library_set) if name}
    unknown = set(given) - wanted
    if unknown:
        raise ParameterError(
            f"the plan has no set {sorted(unknown)[0]!r}",
            where=plan.name,
            remedy=f"its sets: {', '.join(sorted(wanted)) or 'none'}",
        )
    found = {name: Path(path) for name, path in given.items()}
    for panel in plan.panels:
        for name in filter(None, (panel.set, panel.library_set)):
            if name not in found and plan.folder is not None and (plan.folder / name).exists():
                found[name] = plan.folder / name
            if name not in found and not panel.optional:
                raise ParameterError(
                    f"panel {panel.name} needs the set {name!r}",
                    where=plan.name,
                    remedy=f"give it with --set {name}=PATH",
                )
    return found


def check_sizes(plan: Plan, trials: Sequence[Trial]) -> None:
    """Refuse a plan whose simulated trials could not meet a criterion even without a failure.

    Raises
    ------
    ParameterError
        Says how many trials it takes.
    """
    for criterion in plan.criteria:
        if criterion.kind != "pod" or criterion.at_least is None or criterion.confidence is None:
            continue
        if plan.panel(criterion.panel).source == "measured":
            # How many spectra a laboratory has is not the plan's to say: too few fail the criterion.
            continue
        tried = [t for t in trials if t.panel == criterion.panel and matches(t.factors, criterion.where)]
        if allowed_failures(len(tried), criterion.at_least, criterion.confidence) is None:
            needed = trials_needed(criterion.at_least, criterion.confidence)
            raise ParameterError(
                f"{len(tried)} trials cannot show a POD of {criterion.at_least:g} at "
                f"{criterion.confidence:.0%} confidence",
                where=f"{plan.name}, criterion {criterion.name!r}",
                remedy=f"{needed} trials without a failure do",
            )


def matches(factors: Mapping[str, Any], where: Sequence[tuple[str, Sequence[Any]]]) -> bool:
    """Whether a trial's factors have the values that a condition asks for."""
    return all(any(same(factors.get(name), value) for value in values) for name, values in where)


def same(first: Any, second: Any) -> bool:
    """Whether two factor values are equal, numbers within rounding."""
    if isinstance(first, int | float) and isinstance(second, int | float):
        return abs(first - second) <= 1e-9 * max(1.0, abs(first))
    return bool(first == second)


def make_header(setup: Setup, bench: Bench, trials: Sequence[Trial]) -> dict[str, Any]:
    """Return what is fixed before the first scan; it holds no times and no paths."""
    plan = setup.plan
    panels = [p for p in plan.panels if any(trial.panel == p.name for trial in trials)]
    return {
        "schema": HEADER_SCHEMA,
        "plan": {"name": plan.name, "title": plan.title, "sha256": plan.sha256, "seed": plan.seed},
        "trials": {
            "number": len(trials),
            "scans": sum(trial.repeats for trial in trials),
            "sha256": trials_sha256(trials),
            "by_panel": {panel.name: sum(t.panel == panel.name for t in trials) for panel in plan.panels},
        },
        "libraries": {panel.name: _library_said(bench, panel) for panel in panels},
        "engine": _engine_said(bench, panels[0]),
        "device": {
            "simulator_sha256": code_sha256("spectriage.device", "simulator*.py"),
            "note": "each scan's instrument and the hash of its axis calibration stand in its record",
        },
        "bench_sha256": code_sha256("spectriage.bench.validation", "*.py"),
        "sets": {name: _set_said(bench, name) for name in sorted(setup.sets)},
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in _PACKAGES}},
        "machine": platform.machine(),
    }


def _library_said(bench: Bench, panel: Any) -> dict[str, Any]:
    references = bench.engine(panel).references
    return {
        "name": references.name,
        "version": references.version,
        "sha256": references.sha256 or _matrix_sha256(references),
        "references": len(references),
    }


def _matrix_sha256(references: Any) -> str:
    digest = hashlib.sha256(json.dumps([record.id for record in references.records]).encode())
    digest.update(references.spectra.astype("<f4").tobytes())
    return digest.hexdigest()


def _engine_said(bench: Bench, panel: Any) -> dict[str, Any]:
    policy = asdict(bench.engine(panel).policy)
    return {
        "version": _version("spectriage"),
        "sha256": code_sha256("spectriage.spectra", "**/*.py"),
        "policy": json.loads(json.dumps(policy, default=str)),
    }


def _set_said(bench: Bench, name: str) -> dict[str, Any]:
    from spectriage.bench.validation.trial import spectrum_sha256

    labelled = bench.labelled(name)
    lines = sorted(f"{i.substance}\t{i.instrument}\t{spectrum_sha256(i.spectrum)}" for i in labelled.items)
    return {
        "name": labelled.name,
        "spectra": len(labelled),
        "sha256": hashlib.sha256("\n".join(lines).encode()).hexdigest(),
        "left_out": list(labelled.left_out),
    }


def code_sha256(package: str, pattern: str) -> str:
    """Return the hash of a package's source files: which program it was, beyond its version."""
    folder = Path(str(resources.files(package)))
    digest = hashlib.sha256()
    for path in sorted(folder.glob(pattern)):
        digest.update(f"\0{path.relative_to(folder).as_posix()}\0".encode())
        digest.update(path.read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


# -- trial after trial -----------------------------------------------------------------------------


def _run_all(
    setup: Setup,
    bench: Bench,
    trials: Sequence[Trial],
    run: RunFolder,
    jobs: int,
    total: int,
    keep_spectra: bool,
    progress: Progress | None,
) -> None:
    done = total - len(trials)
    with run.records_path.open("ab") as stream:
        for scans in _stream(setup, bench, trials, jobs):
            for scan in scans:
                if scan.spectrum is not None and (keep_spectra or not scan.record.correct):
                    write_atomic(run.failure_path(scan.record), spectrum_csv(scan.spectrum))
            stream.write("".join(scan.record.to_line() for scan in scans).encode("utf-8"))
            stream.flush()
            done += 1
            if progress is not None:
                progress(setup.plan.name, done, total)


def _stream(setup: Setup, bench: Bench, trials: Sequence[Trial], jobs: int) -> Iterator[tuple[Scanned, ...]]:
    """Yield the scans of each trial in the plan's order."""
    if jobs <= 1 or len(trials) < 2 * jobs:
        for trial in trials:
            yield bench.run(trial)
        return
    with ProcessPoolExecutor(jobs, initializer=_prepare, initargs=(setup,)) as pool:
        yield from pool.map(_one, trials, chunksize=CHUNK)


def _prepare(setup: Setup) -> None:
    _benches[0] = Bench(setup)


def _one(trial: Trial) -> tuple[Scanned, ...]:
    return _benches[0].run(trial)
