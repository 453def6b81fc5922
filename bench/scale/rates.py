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

SHARD_INPUTS = 128


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


class _Clock:
    """When how many were done."""

    def __init__(self) -> None:
        self.begun = time.perf_counter()
        self.first: tuple[float, int, float] | None = None
        self.last = (0.0, 0, 0.0)

    def __call__(self, _: str, done: int, total: int) -> None:
        now = time.perf_counter() - self.begun
        if done and self.first is None:
            self.first = now, done, processor_s(children=True)
        if done == total:
            self.last = now, done, processor_s(children=True)


def measure_rate(archive: Path, way: str, workers: int) -> Rate:
    """Identify an archive one way, and time it."""
    clock = _Clock()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        if way == "processes":
            summary = run_batch(archive, out, Setup(None), workers=workers, progress=clock)
            size = out.stat().st_size
        else:
            summary = run_cluster_batch(
                archive,
                str(out),
                Setup(None),
                f"local:{workers}",
                shard_inputs=SHARD_INPUTS,
                progress=clock,
            )
            size = sum(part.stat().st_size for part in out.glob("part-*"))
        seconds = time.perf_counter() - clock.begun
    first_s, first, before = clock.first or (0.0, 0, 0.0)
    last_s, last, after = clock.last
    if last <= first:
        raise ParameterError(f"{summary.inputs} spectra are one shard", remedy="ask for more")
    count = last - first
    steady, each_s = count / (last_s - first_s), (after - before) / count
    return Rate(way, workers, summary.inputs, seconds, first_s, steady, each_s, size)
