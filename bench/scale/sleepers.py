"""A real scheduler with many workers whose tasks only sleep: what scheduling alone can do, on loopback.

The scheduler is a process of its own, so that its processor time is known. All workers live in one other
process: they have no threads, a task is a coroutine that sleeps as long as a shard would take, with a
message and an answer of a shard's size.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spectriage.bench.scale.processor import processor_s
from spectriage.library.cluster.connection import LOOPBACK, connected
from spectriage.library.cluster.errors import ClusterError
from spectriage.library.cluster.spreading import spread
from spectriage.spectra.errors import ParameterError

MOST_SLEEPERS = 1000
STARTING_S = 180
ANSWER_BYTES = 700
QUIET = {
    # a hundred workers in one process would look at themselves fifty times a second each
    "DASK_DISTRIBUTED__ADMIN__TICK__INTERVAL": "5s",
    "DASK_DISTRIBUTED__ADMIN__SYSTEM_MONITOR__INTERVAL": "60s",
    "DASK_DISTRIBUTED__ADMIN__SYSTEM_MONITOR__GIL__ENABLED": "false",
    "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "false",
    "DASK_DISTRIBUTED__WORKER__USE_FILE_LOCKING": "false",
}


@dataclass(frozen=True)
class Slept:
    """What came of many sleeping tasks.

    Parameters
    ----------
    workers, nap_s, tasks
        How many workers, how long a task sleeps, how many tasks.
    seconds
        Of the wall clock, for all.
    scheduler_s, client_s, workers_s
        Of the processor, for one task; the workers' is that of all of them together.
    """

    workers: int
    nap_s: float
    tasks: int
    seconds: float
    scheduler_s: float
    client_s: float
    workers_s: float

    @property
    def rate(self) -> float:
        """Tasks a second."""
        return self.tasks / self.seconds

    @property
    def scheduler_busy(self) -> float:
        """The share of the time that the scheduler's process was at work."""
        return self.scheduler_s * self.rate


async def nap(seconds: float, message: bytes) -> bytes:
    """Sleep as long as a shard takes, and answer with as much."""
    await asyncio.sleep(seconds)
    return bytes(ANSWER_BYTES)


def sleep_through(workers: int, nap_s: float, tasks: int, message_bytes: int) -> Slept:
    """Give sleeping tasks to a scheduler with so many workers.

    Raises
    ------
    ParameterError
        When there are more workers than one machine can hold.
    """
    if not 1 <= workers <= MOST_SLEEPERS:
        raise ParameterError(f"{workers} sleepers; 1 to {MOST_SLEEPERS:,} are held by one machine")
    message = os.urandom(message_bytes)
    with _bed(workers) as (address, scheduler, host), connected(address) as client:
        client.wait_for_workers(workers, timeout=STARTING_S)
        jobs = ((nap_s, message) for _ in range(tasks))
        before = processor_s(scheduler), time.process_time(), processor_s(host)
        started = time.perf_counter()
        count = sum(1 for _ in spread(client, nap, jobs, name="nap"))
        seconds = time.perf_counter() - started
        after = processor_s(scheduler), time.process_time(), processor_s(host)
    each = [(b - a) / count for a, b in zip(before, after, strict=True)]
    return Slept(workers, nap_s, count, seconds, *each)


@contextmanager
def _bed(workers: int) -> Iterator[tuple[str, int, int]]:
    """Start a scheduler and a process of sleepers; give the address and both process ids."""
    with tempfile.TemporaryDirectory(prefix="spectriage-sleepers-") as folder:
        told = Path(folder) / "scheduler.json"
        environment = {**os.environ, **QUIET}
        started: list[subprocess.Popen[bytes]] = []

        def start(*words: str) -> int:
            started.append(
                subprocess.Popen(
                    [sys.executable, "-m", *words],
                    env=environment,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
            )
            return started[-1].pid

        try:
            words = (
                "--host",
                LOOPBACK,
                "--port",
                "0",
                "--no-dashboard",
                "--dashboard-address",
                f"{LOOPBACK}:0",
            )
            scheduler = start("distributed.cli.dask_scheduler", *words, "--scheduler-file", str(told))
            address = _address(told)
            host = start("spectriage.bench.scale.sleepers", address, str(workers), folder)
            yield address, scheduler, host
        finally:
            for process in started:
                process.kill()
                process.wait()


def _address(told: Path) -> str:
    import json

    deadline = time.monotonic() + STARTING_S
    while time.monotonic() < deadline:
        with suppress(OSError, ValueError, KeyError):
            return str(json.loads(told.read_text())["address"])
        time.sleep(0.05)
    raise ClusterError(f"the scheduler did not start within {STARTING_S} s")


async def host_sleepers(address: str, count: int, folder: str) -> None:
    """Hold so many workers in this process until their scheduler is gone."""
    from distributed import Worker

    held: list[Any] = []
    for number in range(count):
        worker = Worker(
            address,
            nthreads=1,
            host=LOOPBACK,
            memory_limit=0,
            local_directory=f"{folder}/{number}",
            dashboard_address=f"{LOOPBACK}:0",
            name=f"sleeper-{number}",
        )
        held.append(await worker)
    await asyncio.gather(*(worker.finished() for worker in held))


if __name__ == "__main__":
    asyncio.run(host_sleepers(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
