"""Giving tasks to a cluster, a few a worker at a time: what is under way, and held, is bounded."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import suppress
from itertools import count
from queue import Empty, SimpleQueue
from typing import Any

from spectriage.library.cluster.connection import dask
from spectriage.library.cluster.errors import AGAIN, ClusterError
from spectriage.spectra.errors import SpectriageError

WAITING = 3
"""So many tasks a worker are under way or waiting there."""
PATIENCE_S = 60.0
"""A cluster without workers is waited for so long."""
GLANCE_S = 1.0
"""A lost scheduler, and workers that join, are seen after at most so long."""


def spread(
    client: Any,
    task: Callable[..., Any],
    jobs: Iterable[tuple[Any, ...]],
    *,
    name: str,
    waiting: int = WAITING,
    patience_s: float = PATIENCE_S,
) -> Iterator[Any]:
    """Call a function on the cluster for each of many arguments, and yield what it returns, as it is done.

    A task whose worker dies is done again by another. Neither arguments nor results are held but those of
    `waiting` tasks a worker.

    Parameters
    ----------
    client
        See `connected`.
    task
        A function of a module that the workers have.
    jobs
        The arguments of each call; taken only when there is room for it.
    name
        Of the task, for messages and the cluster's own pages.
    waiting, patience_s
        See `WAITING` and `PATIENCE_S`.

    Raises
    ------
    ClusterError
        When the scheduler is lost, no worker is left, or one task has killed several workers.
    SpectriageError
        What a task raised.
    """
    stream = iter(jobs)
    numbers = count()
    run = f"{name}-{time.time_ns():x}"
    under_way: set[Any] = set()
    # called from the client's own thread, also for what is lost: nothing is looked through for what is done
    done: SimpleQueue[Any] = SimpleQueue()
    patience = _Patience(client, patience_s)
    try:
        more = True
        while more or under_way:
            room = waiting * max(1, patience.workers) - len(under_way)
            while more and room > 0:
                job = next(stream, None)
                if job is None:
                    more = False
                    break
                future = client.submit(task, *job, key=f"{run}-{next(numbers)}", pure=False)
                under_way.add(future)
                future.add_done_callback(done.put)
                room -= 1
            if under_way:
                with suppress(Empty):
                    future = done.get(timeout=GLANCE_S)
                    under_way.discard(future)
                    yield _result(future, name)
            if client.status != "running":
                raise lost()
            patience.look()
    finally:
        with suppress(Exception):
            client.cancel(list(under_way), force=True)


class _Patience:
    """How many workers there are, and for how long there has been none."""

    def __init__(self, client: Any, most_s: float) -> None:
        self._client = client
        self._most_s = most_s
        self._looked = self._seen = time.monotonic()
        self.workers = 1
        self._count()

    def _count(self) -> None:
        try:
            self.workers = len(self._client.ncores())
        except Exception as error:
            raise lost(error) from None

    def look(self) -> None:
        """Look again when it is time to."""
        now = time.monotonic()
        if now - self._looked < GLANCE_S:
            return
        self._looked = now
        self._count()
        if self.workers:
            self._seen = now
        elif now - self._seen > self._most_s:
            raise ClusterError(
                f"there has been no worker for {self._most_s:.0f} s",
                remedy=f"start workers with `dask worker`, and {AGAIN}",
            )


def _result(future: Any, name: str) -> Any:
    killed = dask().scheduler.KilledWorker
    try:
        return future.result()
    except killed:
        raise ClusterError(
            f"the task {future.key} of {name} killed the workers that it was given to, one after another",
            remedy=f"see what they wrote; {AGAIN}",
        ) from None
    except SpectriageError:
        raise
    except (CancelledError, OSError) as error:
        raise lost(error) from None
    except Exception as error:
        raise ClusterError(
            f"a task of {name} failed on a worker: {type(error).__name__}: {error}", remedy=AGAIN
        ) from error
    finally:
        with suppress(Exception):
            future.release()


def lost(error: BaseException | None = None) -> ClusterError:
    """Return the error for a scheduler that cannot be reached any more."""
    told = f": {type(error).__name__}" if error is not None else ""
    return ClusterError(f"the cluster's scheduler was lost{told}", remedy=AGAIN)
