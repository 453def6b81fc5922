"""Running a plan: all is fixed in a header first; then trial after trial, by processes or a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from spectriage.bench.report.runner import Jobs
from spectriage.bench.validation.header import device_said, make_header
from spectriage.bench.validation.panels import Trial, expand
from spectriage.bench.validation.plan import Panel, Plan
from spectriage.bench.validation.statistics import allowed_failures, trials_needed
from spectriage.bench.validation.store import RunFolder, begin, finish, locked, write_atomic
from spectriage.bench.validation.trial import Bench, Scanned, Setup, check_materials, spectrum_csv
from spectriage.library.cluster.crew import Crew
from spectriage.spectra.errors import ParameterError
from spectriage.spectra.progress import Progress

CHUNK = 4

Operator = Callable[[Trial], None]

_benches: dict[int, Bench] = {}


def run_plan(
    plan: Plan,
    folder: Path | str,
    *,
    jobs: Jobs = 1,
    library: Path | None = None,
    sets: Mapping[str, Path | str] | None = None,
    device: str = "",
    operator: Operator | None = None,
    keep_spectra: bool = False,
    progress: Progress | None = None,
) -> RunFolder:
    """Run a plan into a folder, or go on with a run that was broken off there.

    Parameters
    ----------
    folder
        Of the records, see `spectriage.bench.validation.store`.
    jobs
        Processes, or a cluster; the records are the same whoever does the trials.
    library
        In place of the plan's.
    sets
        Where the labelled sets of measured panels are, by name.
    device
        URI of the spectrometer, in place of the plan's.
    operator
        Called with each trial of a device panel before it is scanned; returns when the sample is in place.
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
    unit = device_said(plan, device)
    asked = {panel.name: bench.labelled(panel.set) for panel in _tested(plan, setup)}
    trials = expand(plan, asked, bench.known, (unit.get("uri", ""), unit.get("chapter", "")))
    if operator is None and any(trial.attended for trial in trials):
        raise ParameterError("nobody puts the samples in place", where=plan.name, remedy="give an operator")
    check_materials(plan, trials)
    check_sizes(plan, trials)
    header = make_header(setup, bench, trials, unit)
    with locked(folder):
        run, done = begin(folder, plan.text, header)
        scanned = _stream(setup, bench, trials[done:], jobs, operator)
        _keep_all(scanned, run, done, len(trials), keep_spectra, progress)
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


# -- trial after trial -----------------------------------------------------------------------------


def _keep_all(
    scanned: Iterator[tuple[Scanned, ...]],
    run: RunFolder,
    done: int,
    total: int,
    keep_spectra: bool,
    progress: Progress | None,
) -> None:
    """Write the scans as they come, each trial in one piece."""
    with run.records_path.open("ab") as stream:
        for scans in scanned:
            for scan in scans:
                if scan.spectrum is not None and (keep_spectra or not scan.record.correct):
                    write_atomic(run.failure_path(scan.record), spectrum_csv(scan.spectrum))
            stream.write("".join(scan.record.to_line() for scan in scans).encode("utf-8"))
            stream.flush()
            done += 1
            if progress is not None:
                progress("trials", done, total)


def _stream(
    setup: Setup, bench: Bench, trials: Sequence[Trial], jobs: Jobs, operator: Operator | None
) -> Iterator[tuple[Scanned, ...]]:
    """Yield the scans of each trial in the plan's order; a device is not shared between processes."""
    attended = any(trial.attended for trial in trials)
    if isinstance(jobs, Crew):
        if attended:
            raise ParameterError(
                "a plan with a device is run where the device is",
                where=setup.plan.name,
                remedy="leave --cluster out",
            )
        # the header has read each panel's set and made its engine: workers need no file
        yield from jobs.map(Bench.run, bench, trials)
        return
    if jobs <= 1 or len(trials) < 2 * jobs or attended:
        for trial in trials:
            if trial.attended and operator is not None:
                operator(trial)
            yield bench.run(trial)
        return
    with ProcessPoolExecutor(jobs, initializer=_prepare, initargs=(setup,)) as pool:
        yield from pool.map(_one, trials, chunksize=CHUNK)


def _prepare(setup: Setup) -> None:
    _benches[0] = Bench(setup)


def _one(trial: Trial) -> tuple[Scanned, ...]:
    return _benches[0].run(trial)
