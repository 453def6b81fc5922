"""What is sent to the workers of a run: first the question for their versions, then the library, then shards.

The library goes as a plugin of the scheduler, which gives it to every worker once, also to one that joins
later or comes back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from spectriage.library.cluster.connection import dask
from spectriage.library.cluster.errors import AGAIN, ClusterError, WorkerDiffersError
from spectriage.library.cluster.run import Run
from spectriage.library.cluster.shards import Shard
from spectriage.library.cluster.task import Done, work_off
from spectriage.library.cluster.versions import ROOMS, check_same, versions


def prepare(client: Any, run: Run, library: bytes) -> None:
    """Compare the workers there are, then make them, and those to come, ready for a run.

    Raises
    ------
    WorkerDiffersError
        Names the worker and what differs.
    """
    check_workers(client, run.versions)
    client.register_plugin(_plugin(run, library), name=run.name)


def check_workers(client: Any, ours: Mapping[str, str], rooms: Sequence[str] = ROOMS) -> None:
    """Refuse workers with other versions than here, or without this program.

    Raises
    ------
    WorkerDiffersError
        Names the first that differs, and what.
    """
    try:
        found = client.run(versions, rooms, on_error="return")
    except Exception as error:  # a worker that cannot even load the question answers with anything
        raise WorkerDiffersError(
            f"the workers cannot be asked for their versions: {type(error).__name__}: {error}",
            remedy="install the same version of spectriage[cluster] on all workers",
        ) from None
    for worker, theirs in sorted(found.items()):
        if not isinstance(theirs, Mapping):
            raise WorkerDiffersError(
                f"Spectriage cannot be used there: {type(theirs).__name__}: {theirs}",
                where=worker,
                remedy="install the same version of spectriage[cluster] on all workers",
            )
        check_same(worker, theirs, ours)


def forget(client: Any, run: Run) -> None:
    """Take a run's library and engine from the workers."""
    client.unregister_worker_plugin(run.name)


def _plugin(run: Run, library: bytes) -> Any:
    """Return the worker's part as a plugin, whose class needs Dask."""
    dask()
    from spectriage.library.cluster._plugin import RunPlugin

    return RunPlugin(run, library)


def identify_shard(name: str, shard: Shard) -> Done:
    """Work off a shard on a worker: the task that is sent there.

    Raises
    ------
    ClusterError
        When the worker is not ready for the run of that name.
    """
    worker = dask().get_worker()
    prepared = worker.plugins.get(name)
    if prepared is None:
        raise ClusterError("the worker was not made ready for this run", where=worker.address, remedy=AGAIN)
    engine, reader = prepared.ready()
    return work_off(engine, reader, prepared.run, shard)
