"""Running many independent tasks: in order, on processes or a cluster, with a bar on standard error."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Any, TypeVar

from spectriage.library.cluster.crew import Crew
from spectriage.spectra.progress import Progress

Jobs = int | Crew
"""Who does the tasks: so many processes of this machine, or the workers of a cluster."""
ROOMS = ("spectra", "library", "device", "bench")
"""The packages whose code tasks run."""

Task = TypeVar("Task")
Result = TypeVar("Result")
Context = TypeVar("Context")

_contexts: dict[int, Any] = {}


def run(
    function: Callable[[Context, Task], Result],
    context: Context,
    tasks: Sequence[Task],
    *,
    jobs: Jobs = 1,
    title: str = "",
    progress: Progress | None = None,
) -> list[Result]:
    """Apply a function to every task; the results are in the tasks' order, whoever did them.

    Parameters
    ----------
    function
        A module's function: it must be found by name in another process.
    context
        What every task needs (a prepared library); sent to each process once.
    tasks
        Independent of each other; whatever is random in one follows from the task.
    jobs
        Processes, or a cluster.
    title, progress
        Of the bar.
    """
    results: list[Result] = []
    if isinstance(jobs, Crew):
        _collect(jobs.map(function, context, tasks), results, len(tasks), title, progress)
        return results
    if jobs <= 1 or len(tasks) < 2 * jobs:
        stream: Iterator[Result] = (function(context, task) for task in tasks)
        _collect(stream, results, len(tasks), title, progress)
        return results
    with ProcessPoolExecutor(jobs, initializer=_keep, initargs=(context,)) as pool:
        chunk = max(1, min(16, len(tasks) // (8 * jobs)))
        stream = pool.map(partial(_with_context, function), tasks, chunksize=chunk)
        _collect(stream, results, len(tasks), title, progress)
    return results


def _keep(context: Any) -> None:
    _contexts[0] = context


def _with_context(function: Callable[[Any, Task], Result], task: Task) -> Result:
    return function(_contexts[0], task)


def _collect(
    stream: Iterator[Result], results: list[Result], total: int, title: str, progress: Progress | None
) -> None:
    for result in stream:
        results.append(result)
        if progress is not None:
            progress(title, len(results), total)
