"""One thread that owns a device: driver calls run there, and a caller never waits beyond its deadline."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")


class Overdue(Exception):  # noqa: N818
    """The work did not end in time; it was abandoned, the thread may still be in it."""


class Interrupted(Exception):  # noqa: N818
    """The wait was given up on request; the work goes on."""


class _Job:
    """A piece of work and what became of it."""

    def __init__(self, work: Callable[[], Any], late: Callable[[], None] | None) -> None:
        self.work = work
        self.late = late
        self.wake = threading.Event()
        self.done = False
        self.abandoned = False
        self.result: Any = None
        self.error: BaseException | None = None

    def finish(self) -> bool:
        """Whether the work is done; if not, abandon it."""
        self.abandoned = not self.done
        return self.done

    def given_up(self) -> bool:
        """Whether the caller no longer waits."""
        return self.abandoned

    def run(self) -> None:
        if self.given_up():
            return
        try:
            self.result = self.work()
        except BaseException as error:
            self.error = error
        self.done = True
        self.wake.set()
        # By now the caller may have given up.
        if self.late is not None and self.given_up():
            self.late()


class OwnerThread:
    """Runs one piece of work after the other on a daemon thread.

    Parameters
    ----------
    name
        Of the thread.
    """

    def __init__(self, name: str) -> None:
        # SimpleQueue.put is reentrant, so that a signal handler may post while the same thread is posting.
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self._current: _Job | None = None
        self._stopped = False
        self._thread = threading.Thread(target=self._serve, args=(self._queue,), name=name, daemon=True)
        self._thread.start()

    def call(self, work: Callable[[], T], timeout_s: float, late: Callable[[], None] | None = None) -> T:
        """Run `work` on the thread and return its result, or raise what it raised.

        Parameters
        ----------
        work
            Called without arguments.
        timeout_s
            Longest wait, in seconds of real time.
        late
            Called on the thread when the work ends after it was abandoned.

        Raises
        ------
        Overdue
            After `timeout_s`.
        Interrupted
            After `interrupt`.
        """
        if threading.current_thread() is self._thread:
            return work()
        job = _Job(work, late)
        self._current = job
        self._queue.put(job)
        woken = job.wake.wait(timeout_s)
        if not job.finish():
            raise Interrupted if woken else Overdue
        if job.error is not None:
            raise job.error
        result: T = job.result
        return result

    def post(self, work: Callable[[], object]) -> None:
        """Run `work` when its turn comes, without waiting; what it raises is dropped."""
        self._queue.put(_Job(work, None))

    def interrupt(self) -> None:
        """Release the caller that waits now."""
        job = self._current
        if job is not None:
            job.wake.set()

    def stop(self, timeout_s: float) -> bool:
        """End the thread after the work that it has; False when it does not end in time."""
        if not self._stopped:
            self._stopped = True
            self._queue.put(None)
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    @staticmethod
    def _serve(queue: SimpleQueue[_Job | None]) -> None:
        while (job := queue.get()) is not None:
            job.run()
            del job
