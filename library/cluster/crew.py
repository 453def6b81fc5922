"""`Crew`: a cluster in the place of a pool of processes, for tasks that share what they need."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from spectriage.library.cluster.carried import packed
from spectriage.library.cluster.connection import connected, dask
from spectriage.library.cluster.errors import AGAIN, ClusterError
from spectriage.library.cluster.sending import check_workers
from spectriage.library.cluster.spreading import spread
from spectriage.library.cluster.versions import ROOMS, versions

Context = TypeVar("Context")
Task = TypeVar("Task")
Result = TypeVar("Result")

MOST_A_CHUNK = 16
CHUNKS_A_WORKER = 8
"""At least so many, where there are enough tasks: the last ones to finish must not be long."""


class Crew:
    """Workers of a cluster that do tasks as processes of this machine would.

    Parameters
    ----------
    client
        See `connected`.
    rooms
        The packages whose code must be the same on each worker.
    """

    def __init__(self, client: Any, rooms: Sequence[str] = ROOMS) -> None:
        self._client = client
        self._rooms = tuple(rooms)
        # of this crew alone: others may use the same cluster
        self._name = f"carried-{secrets.token_hex(8)}"
        self._carried = ""

    def map(
        self, function: Callable[[Context, Task], Result], context: Context, tasks: Sequence[Task]
    ) -> Iterator[Result]:
        """Apply a function to every task; yield the results in the tasks' order.

        Parameters
        ----------
        function
            Of a module that the workers have.
        context
            What every task needs; sent to each worker once, also to one that comes later.
        tasks
            Independent of each other; one whose worker dies is done again by another, so that what is random
            in one must follow from the task.

        Raises
        ------
        WorkerDiffersError
            When a worker has other versions.
        ClusterError
            When the cluster is lost, or the context cannot be sent.
        """
        if not tasks:
            return
        name = self._give(context)
        workers = max(1, len(self._client.ncores()))
        size = max(1, min(MOST_A_CHUNK, len(tasks) // (CHUNKS_A_WORKER * workers)))
        jobs = (
            (name, function, start, list(tasks[start : start + size])) for start in range(0, len(tasks), size)
        )
        early: dict[int, list[Result]] = {}
        reached = 0
        for start, results in spread(self._client, do_chunk, jobs, name="tasks"):
            early[start] = results
            while reached in early:
                some = early.pop(reached)
                reached += len(some)
                yield from some

    def _give(self, context: Any) -> str:
        """Give the workers a context, unless it is the one that they have; return its name."""
        from spectriage.library.cluster._plugin import CarriedPlugin

        data = packed(context)
        name = f"{self._name}-{hashlib.sha256(data).hexdigest()}"
        if name != self._carried:
            ours = versions(self._rooms)
            check_workers(self._client, ours, self._rooms)
            self.close()
            self._client.register_plugin(CarriedPlugin(data, ours, self._rooms), name=name)
            self._carried = name
        return name

    def close(self) -> None:
        """Take from the workers what they were given."""
        if self._carried:
            # a lost scheduler has nothing more to give up
            with suppress(Exception):
                self._client.unregister_worker_plugin(self._carried)
            self._carried = ""


@contextmanager
def crew_of(cluster: str, rooms: Sequence[str] = ROOMS) -> Iterator[Crew]:
    """Give the workers of a cluster, and take from them in the end what they were given.

    Parameters
    ----------
    cluster
        See `connected`.
    rooms
        See `Crew`.

    Raises
    ------
    ParameterError
        When it names no cluster, or Dask is not installed.
    ClusterError
        When the cluster cannot be reached.
    """
    with connected(cluster) as client:
        made = Crew(client, rooms)
        try:
            yield made
        finally:
            made.close()


def do_chunk(
    name: str, function: Callable[[Any, Any], Any], start: int, tasks: list[Any]
) -> tuple[int, list[Any]]:
    """Do some tasks on a worker: what is sent there.

    Raises
    ------
    ClusterError
        When the worker was not given what they need.
    """
    worker = dask().get_worker()
    carried = worker.plugins.get(name)
    if carried is None:
        raise ClusterError("the worker was not given what its tasks need", where=worker.address, remedy=AGAIN)
    context = carried.value()
    return start, [function(context, task) for task in tasks]
