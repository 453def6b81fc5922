"""What is paid besides the identification: a task, its message, listing the inputs, sending the library."""

from __future__ import annotations

import pickle
import time
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from spectriage.bench.scale.processor import processor_s
from spectriage.library.cluster.batch import library_bytes
from spectriage.library.cluster.connection import connected
from spectriage.library.cluster.shards import shards
from spectriage.library.cluster.spreading import spread
from spectriage.library.inputs.listing import batch_items
from spectriage.library.service.batch import Setup

TASKS = 2000
LISTED = 20_000
SENDINGS = 5
RESTING_S = 5.0


@dataclass(frozen=True)
class Overheads:
    """What is paid besides the identification.

    Parameters
    ----------
    task_s
        Of the wall clock, between two tasks that do nothing, given to one worker.
    task_cpu_s
        Of the client's and the scheduler's processor for one such task; here they are one process.
    worker_cpu_s
        Of the worker's, for one such task.
    listing_s
        For one input.
    message_bytes
        For one input of a shard.
    library_bytes
        Of its file.
    sending_s
        For one worker to be given the library.
    resting
        Of one core, what a cluster of one worker uses while nothing is done: paid by the clock, so that it
        weighs more where others share the machine.
    """

    task_s: float
    task_cpu_s: float
    worker_cpu_s: float
    listing_s: float
    message_bytes: float
    library_bytes: int
    sending_s: float
    resting: float = 0.0


def nothing(number: int) -> int:
    """Do nothing, on a worker."""
    return number


def measure_overheads(archive: Path) -> Overheads:
    """Measure on one local worker."""
    started = time.perf_counter()
    listed = list(islice(batch_items(archive), LISTED))
    listing_s = (time.perf_counter() - started) / len(listed)
    some = list(shards(listed, 256))
    message = sum(len(pickle.dumps(shard)) for shard in some) / len(listed)
    library = library_bytes(Setup(None).engine())
    with connected("local:1") as client:
        list(spread(client, nothing, ((i,) for i in range(100)), name="nothing"))
        started, cpu, everyone = time.perf_counter(), time.process_time(), processor_s(children=True)
        list(spread(client, nothing, ((i,) for i in range(TASKS)), name="nothing"))
        task_s = (time.perf_counter() - started) / TASKS
        task_cpu_s = (time.process_time() - cpu) / TASKS
        worker_cpu_s = (processor_s(children=True) - everyone) / TASKS - task_cpu_s
        started = time.perf_counter()
        for _ in range(SENDINGS):
            client.run(len, library)
        sending_s = (time.perf_counter() - started) / SENDINGS
        started, everyone = time.perf_counter(), processor_s(children=True)
        time.sleep(RESTING_S)
        resting = (processor_s(children=True) - everyone) / (time.perf_counter() - started)
    return Overheads(task_s, task_cpu_s, worker_cpu_s, listing_s, message, len(library), sending_s, resting)
