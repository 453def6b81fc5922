"""The tables of `spectriage bench scale`: rates and overheads, the model, its check, and 10⁹ spectra."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from spectriage.bench.report.tables import Report, Table
from spectriage.bench.scale.archive import make_archive
from spectriage.bench.scale.model import Model
from spectriage.bench.scale.overheads import Overheads, measure_overheads
from spectriage.bench.scale.rates import Rate, measure_rate
from spectriage.bench.scale.sleepers import Slept, sleep_through
from spectriage.library.cluster.shards import SHARD_INPUTS
from spectriage.spectra.origin import Origin
from spectriage.spectra.progress import Progress

BILLION = 1_000_000_000
MODELLED = (10, 100, 1_000, 10_000)
SHARDS = (256, 4_096, 32_768)
WAYS = ("processes", "cluster")
SHORT_NAP_S = 0.01
"""Of sleepers that keep the scheduler busy all the time."""
BY = ("clock", "processor", "clock, with start and end")
"""What the cluster's rate is compared by: between first and last results twice, and from start to end."""
NETWORK_BYTES_S = 1.25e9
"""Of the scheduler's machine: ten gigabits a second, assumed."""


@dataclass(frozen=True)
class Settings:
    """What is measured.

    Parameters
    ----------
    spectra, workers, rounds
        How many spectra are identified, by how many workers each way, and how often.
    sleepers, nap_s, tasks
        How many sleeping workers there are, how long they sleep, and how many tasks each gets.
    """

    spectra: int = 4000
    workers: tuple[int, ...] = (1, 2)
    rounds: int = 3
    sleepers: tuple[int, ...] = (10, 40, 100)
    nap_s: float = 4.0
    tasks: int = 10


def scale(report: Report, settings: Settings, progress: Progress | None = None) -> None:
    """Measure, model and check; add the tables to a report."""
    steps = settings.rounds * len(settings.workers) * 2 + len(settings.sleepers) + 2
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress("measuring", done, steps)

    with tempfile.TemporaryDirectory(prefix="spectriage-scale-") as folder:
        archive = make_archive(Path(folder) / "archive.parquet", settings.spectra)
        rates = []
        for number in range(settings.rounds):
            for workers in settings.workers:
                # now one first, now the other: what else the machine does comes and goes
                for way in WAYS[:: 1 if number % 2 == 0 else -1]:
                    rates.append(measure_rate(archive, way, workers))
                    step()
        overheads = measure_overheads(archive)
        step()
    slept = []
    message = int(overheads.message_bytes * SHARDS[0])
    for sleepers in settings.sleepers:
        slept.append(sleep_through(sleepers, settings.nap_s, sleepers * settings.tasks, message))
        step()
    most = max(settings.sleepers)
    slept.append(sleep_through(most, SHORT_NAP_S, most * settings.tasks, message))
    step()
    model = fitted(rates, overheads, slept)
    load = f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f} when it ended"
    report.add(
        _rates(rates, load),
        _ratios(rates),
        _overheads(rates, overheads, slept),
        _check(model, slept, load),
        _modelled(model),
        _breaking(model),
        _billion(model),
    )
    for workers in settings.workers:
        for by, each in zip(BY, zip(*ratios(rates, workers), strict=True), strict=True):
            report.figure(Origin.MEASURED, f"cluster over processes, {workers}, {by}", median(each))


def ratios(rates: Sequence[Rate], workers: int) -> list[tuple[float, float, float]]:
    """Return each round's rate of the cluster over the processes', see `BY`."""
    pairs = zip(_of(rates, "cluster", workers), _of(rates, "processes", workers), strict=True)
    return [
        (
            ours.steady / theirs.steady,
            theirs.processor_s / ours.processor_s,
            ours.spectra / ours.seconds * theirs.seconds / theirs.spectra,
        )
        for ours, theirs in pairs
    ]


def _of(rates: Sequence[Rate], way: str, workers: int) -> list[Rate]:
    return [rate for rate in rates if (rate.way, rate.workers) == (way, workers)]


def fitted(rates: Sequence[Rate], overheads: Overheads, slept: Sequence[Slept]) -> Model:
    """Return the model of what was measured: processor time, of the scheduler when it was busiest."""
    most = slept[-1]
    fewest = min(rate.workers for rate in rates)
    return Model(
        median(rate.processor_s for rate in _of(rates, "cluster", fewest)),
        overheads.worker_cpu_s,
        most.scheduler_s,
        most.client_s,
        overheads.listing_s,
        median(rate.result_bytes / rate.spectra for rate in rates),
        overheads.message_bytes,
        overheads.library_bytes,
    )


def _rates(rates: Sequence[Rate], load: str) -> Table:
    rows = []
    for way, workers in sorted(
        {(rate.way, rate.workers) for rate in rates}, key=lambda each: (each[1], each[0])
    ):
        some = _of(rates, way, workers)
        rows.append(
            (
                way,
                workers,
                round(median(rate.steady for rate in some), 1),
                round(1e3 * median(rate.processor_s for rate in some), 2),
                round(median(rate.start_s for rate in some), 2),
                round(median(rate.spectra / rate.seconds for rate in some), 1),
            )
        )
    note = (
        f"{rates[0].spectra:,} made-up scans, {len(rows) and len(rates) // len(rows)} rounds, medians; {load}"
    )
    return Table(
        "rates",
        "Spectra a second, on this machine",
        (
            "by",
            "workers",
            "spectra/s",
            "processor, ms a spectrum",
            "s to the first results",
            "spectra/s with the start",
        ),
        rows,
        Origin.MEASURED,
        (note, f"a cluster's first results are a shard of {SHARD_INPUTS}"),
    )


def _ratios(rates: Sequence[Rate]) -> Table:
    rows = []
    for workers in sorted({rate.workers for rate in rates}):
        for by, each in zip(BY, zip(*ratios(rates, workers), strict=True), strict=True):
            rows.append((workers, by, *(round(f(each), 3) for f in (median, min, max))))
    return Table(
        "ratios",
        "The cluster's rate over that of as many processes",
        ("workers", "by", "median", "lowest", "highest"),
        rows,
        Origin.MEASURED,
        ("each round's two in turn; by processor time where others share the machine",),
    )


def _overheads(rates: Sequence[Rate], overheads: Overheads, slept: Sequence[Slept]) -> Table:
    most = slept[-1]
    rows = (
        ("a task that does nothing, wall clock", f"{1e3 * overheads.task_s:.2f} ms"),
        ("… processor of client and scheduler", f"{1e3 * overheads.task_cpu_s:.2f} ms"),
        ("… processor of the worker", f"{1e3 * overheads.worker_cpu_s:.2f} ms"),
        ("a cluster of one worker at rest", f"{100 * overheads.resting:.1f} % of a core"),
        (f"scheduler's processor a task, {most.workers} workers", f"{1e3 * most.scheduler_s:.2f} ms"),
        (f"client's processor a task, {most.workers} workers", f"{1e3 * most.client_s:.2f} ms"),
        ("listing an input", f"{1e6 * overheads.listing_s:.1f} µs"),
        ("message to a worker, a spectrum", f"{overheads.message_bytes:.0f} bytes"),
        ("results, a spectrum", f"{median(r.result_bytes / r.spectra for r in rates):,.0f} bytes"),
        ("library's file", f"{overheads.library_bytes / 1e6:.1f} MB"),
        ("… to one worker", f"{overheads.sending_s:.2f} s"),
    )
    return Table("overheads", "What is paid besides", ("what", "cost"), rows, Origin.MEASURED)


def _check(model: Model, slept: Sequence[Slept], load: str) -> Table:
    rows = []
    for each in slept:
        asleep = Model(each.nap_s, model.worker_task_s, model.scheduler_s, model.client_s)
        said, limit = asleep.shards_a_second(each.workers, 1)
        rows.append(
            (
                each.workers,
                each.nap_s,
                each.tasks,
                round(each.rate, 1),
                round(said, 1),
                limit,
                round(each.rate / said, 2),
                round(1e3 * each.scheduler_s, 2),
                f"{100 * each.scheduler_busy:.0f} %",
            )
        )
    return Table(
        "check",
        "The model against a real scheduler with sleeping workers",
        (
            *("workers", "s asleep", "tasks", "tasks/s", "modelled", "limited by", "measured/modelled"),
            *("scheduler, ms a task", "scheduler busy"),
        ),
        rows,
        Origin.SIMULATED,
        (f"scheduler, client and sleepers share this machine: {load}",),
    )


def _modelled(model: Model) -> Table:
    rows = []
    for workers in MODELLED:
        for inputs in SHARDS:
            rate, limit = model.spectra_a_second(workers, inputs)
            sending = model.library_bytes * workers / NETWORK_BYTES_S
            rows.append(
                (
                    workers,
                    inputs,
                    round(rate),
                    limit,
                    round(rate / workers * model.spectrum_s, 3),
                    round(sending, 1),
                )
            )
    return Table(
        "modelled",
        "Modelled: many workers",
        (
            "workers",
            "inputs a shard",
            "spectra/s",
            "limited by",
            "share of workers busy",
            "s to send the library",
        ),
        rows,
        Origin.SIMULATED,
        ("the library goes through the scheduler's network, assumed 10 Gbit/s",),
    )


def _breaking(model: Model) -> Table:
    rows = [
        (inputs, *model.most_workers(inputs), f"{model.busy_s(inputs)['workers']:.2f}") for inputs in SHARDS
    ]
    return Table(
        "breaking",
        "Modelled: how many workers can be fed",
        ("inputs a shard", "workers", "who could feed no more", "s a shard"),
        rows,
        Origin.SIMULATED,
    )


def _billion(model: Model) -> Table:
    rows = []
    for workers in MODELLED:
        inputs = max(SHARDS[0], 2 ** (2 * model.least_inputs(workers) - 1).bit_length())
        rate, limit = model.spectra_a_second(workers, inputs)
        rows.append(
            (
                workers,
                inputs,
                round(BILLION / rate / 3600, 1),
                round(BILLION * model.spectrum_s / 3600),
                limit,
                -(-BILLION // inputs),
                round(BILLION * model.result_bytes / 1e12, 1),
            )
        )
    return Table(
        "billion",
        "Modelled: 10⁹ spectra",
        ("workers", "inputs a shard", "hours", "core hours", "limited by", "shards", "TB of JSON lines"),
        rows,
        Origin.SIMULATED,
        ("shards of twice the inputs that keep all workers busy, at least 256, as a power of two",),
    )
