"""Spectra a second by the processes of one machine and by a Dask cluster on it, in turn, in one run."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from spectriage.bench.scale.processor import processor_s
from spectriage.library.cluster.batch import run_cluster_batch
from spectriage.library.service.batch import Setup, run_batch
from spectriage.spectra.errors import ParameterError


@dataclass(frozen=True)
class Rate:
    """How fast one batch went.

    Parameters
    ----------
    way, workers
        ``processes`` or ``cluster``, and how many.
    spectra
        Of the batch.
    seconds
        In all.
    start_s
        Until the first results came.
    steady
        Spectra a second between the first and the last results.
    processor_s
        Of all processes together for one spectrum, in that time.
    result_bytes
        Written.
    """

    way: str
    workers: int
    spectra: int
    seconds: float
    start_s: float
    steady: float
    processor_s: float
    result_bytes: int


class Clock:
    """When how many were done."""

    def __init__(self) -> None:
        self.begun = time.perf_counter()
        self.first: tuple[float, int, float] | None = None
        self.last = (0.0, 0, 0.0)

    def __call__(self, _: str, done: int, total: int) -> None:
        """Note the time of the first results, and of the last; called as a progress is."""
        now = time.perf_counter() - self.begun
        if done and self.first is None:
            self.first = now, done, processor_s(children=True)
        if done == total:
            self.last = now, done, processor_s(children=True)

    def between(self) -> tuple[float, float, float]:
        """Return the seconds to the first results, and from there spectra a second, and processor for one.

        Raises
        ------
        ParameterError
            When the first results were the last.
        """
        first_s, first, before = self.first or (0.0, 0, 0.0)
        last_s, last, after = self.last
        count = last - first
        if count < 1:
            raise ParameterError(f"{last} spectra are one shard", remedy="ask for more")
        return first_s, count / (last_s - first_s), (after - before) / count


def measure_rate(archive: Path, way: str, workers: int, library: Path | None = None) -> Rate:
    """Identify an archive one way, by a library or the shipped one, and time it."""
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        if way == "processes":
            summary = run_batch(archive, out, Setup(library), workers=workers, progress=clock)
            size = out.stat().st_size
        else:
            summary = run_cluster_batch(
                archive,
                str(out),
                Setup(library),
                f"local:{workers}",
                progress=clock,
            )
            size = sum(part.stat().st_size for part in out.glob("part-*"))
        seconds = time.perf_counter() - clock.begun
    start_s, steady, each_s = clock.between()
    return Rate(way, workers, summary.inputs, seconds, start_s, steady, each_s, size)
