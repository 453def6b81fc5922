"""Identifying many inputs into one file of results: bounded memory, in order, resumed after a kill.

One JSON object a spectrum, in the order of the inputs whatever the number of workers: the object of
``spectriage identify --json`` without times, after the fields

``run``       what the results depend on besides the input: library, engine, policy, packaging
``name``      the input
``sha256``    of its content
``spectrum``  the name of the spectrum where the input holds several
``last``      true on the input's last line

A run that was killed leaves whole lines and perhaps a part of one. Started again, it drops what is not the
whole of an input, checks that what is there are the results of the first inputs under the same run, and
goes on after them.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from spectriage.library.inputs.item import Item, Kind
from spectriage.library.inputs.listing import batch_items
from spectriage.library.inputs.reader import Reader
from spectriage.library.service.lines import Line, lines_of_items
from spectriage.spectra.errors import ParameterError, SpectriageError
from spectriage.spectra.policy.target import DEFAULT
from spectriage.spectra.progress import Progress

if TYPE_CHECKING:
    from spectriage.library.signing import Trust
    from spectriage.spectra.identify import Identifier

CHUNK = 128
"""Inputs that a worker is handed together."""
WAITING_CHUNKS = 4
"""So many chunks a worker are under way or waiting to be written."""
MAX_RESULT_BYTES = 64 * 2**20
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


@dataclass(frozen=True)
class Setup:
    """What a worker needs to make its engine."""

    library: Path | None
    packaging: tuple[str, ...] = ()
    lod: float | None = None
    policy: str = DEFAULT
    trust: Trust | None = None

    def engine(self) -> Identifier:
        """Make the engine."""
        from spectriage.library.service.engine import make_engine

        return make_engine(self.library, list(self.packaging) or None, self.lod, self.policy, self.trust)


@dataclass
class Summary:
    """What a run did.

    Parameters
    ----------
    inputs, resumed
        Inputs in all, and those of an earlier run.
    verdicts
        Results by verdict.
    errors
        Results that are errors.
    """

    inputs: int
    resumed: int
    verdicts: dict[str, int]
    errors: int = 0

    def count(self, verdict: str | None) -> None:
        """Count one line of results; None is an error."""
        if verdict is None:
            self.errors += 1
        else:
            self.verdicts[verdict] = self.verdicts.get(verdict, 0) + 1


def run_batch(
    source: Path | str, out: Path, setup: Setup, *, workers: int = 1, progress: Progress | None = None
) -> Summary:
    """Identify every input of a source.

    Parameters
    ----------
    source
        See `batch_items`.
    out
        The results; a file from an earlier, unfinished run is continued.
    setup
        Of the engine.
    workers
        Processes; 1 works in this one.
    progress
        Called with the inputs done and the inputs in all, under one name.

    Raises
    ------
    ParameterError
        When the results that are there are of other inputs or another run, or another process writes them.
    SpectriageError
        When a worker process died.
    """
    if workers < 1:
        raise ParameterError(f"{workers} workers cannot work")
    total = sum(not _is(item, out) for item in batch_items(source))
    engine = setup.engine()
    run = run_key(engine, setup)
    summary = Summary(total, 0, {})
    with _results(out) as file:
        items = iter(batch_items(source))
        summary.resumed = _resume(file, out, items, run, summary)
        done = summary.resumed
        if progress is not None:
            progress("identifying", done, total)
        left = (item for item in items if not _is(item, out))
        for lines in _work(left, engine, setup, workers, run):
            for line in lines:
                summary.count(line.verdict)
                file.write(line.text)
            file.flush()
            done += 1
            if progress is not None:
                progress("identifying", done, total)
        os.fsync(file.fileno())
    return summary


def _is(item: Item, out: Path) -> bool:
    """Whether an input is the file of results itself, in the folder that it describes."""
    return item.kind is Kind.FILE and os.path.abspath(item.path) == os.path.abspath(out)


def run_key(engine: Identifier, setup: Setup) -> str:
    """Return a short hash of what every result of a run depends on besides its input."""
    parts = [engine.references.sha256, engine.version, engine.policy.sha256, sorted(setup.packaging)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def _verdict(result: dict[str, Any]) -> str | None:
    """Return the verdict of a result; None when it is an error."""
    return None if "error" in result else str(result["verdict"])


def _work(
    items: Iterable[Item], engine: Identifier, setup: Setup, workers: int, run: str
) -> Iterator[list[Line]]:
    stream = iter(items)
    if workers == 1:
        reader = Reader()
        while chunk := list(islice(stream, CHUNK)):
            yield from lines_of_items(engine, reader, chunk, run)
        return
    waiting: deque[Future[list[list[Line]]]] = deque()
    with _single_threads():
        pool = ProcessPoolExecutor(workers, get_context("spawn"), initializer=_start, initargs=(setup, run))
        try:
            while chunk := list(islice(stream, CHUNK)):
                waiting.append(pool.submit(_identify_chunk, chunk))
                if len(waiting) >= WAITING_CHUNKS * workers:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        except BrokenExecutor:
            raise SpectriageError(
                "a worker process died", remedy="run the same command again: it goes on where it stopped"
            ) from None
        finally:
            pool.shutdown(cancel_futures=True)


@contextmanager
def _single_threads() -> Iterator[None]:
    """Let processes started inside use one thread each: they share the cores among themselves."""
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


_worker: dict[str, Any] = {}


def _start(setup: Setup, run: str) -> None:
    """Prepare a worker process, which ends with its parent, however that ends."""
    import threading

    threading.Thread(target=_end_with_parent, daemon=True).start()
    _worker["engine"] = setup.engine()
    _worker["reader"] = Reader()
    _worker["run"] = run


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _identify_chunk(chunk: list[Item]) -> list[list[Line]]:
    return lines_of_items(_worker["engine"], _worker["reader"], chunk, _worker["run"])


@contextmanager
def _results(out: Path) -> Iterator[BinaryIO]:
    """Open the results for one writer."""
    try:
        with out.open("a+b") as file:
            _lock(file, out)
            yield file
    except OSError as error:
        raise ParameterError(
            f"the results cannot be written: {error.strerror or error}", where=str(out)
        ) from None


def _lock(file: BinaryIO, out: Path) -> None:
    try:
        import fcntl
    except ImportError:  # no such locks on this platform
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ParameterError("another process is writing these results", where=str(out)) from None


def _resume(file: BinaryIO, out: Path, items: Iterator[Item], run: str, summary: Summary) -> int:
    """Pass over the inputs whose results are whole, cut off what follows, and return their number."""
    reader = Reader()
    file.seek(0)
    whole = done = 0
    pending: list[dict[str, Any]] = []
    for number, line in enumerate(iter(lambda: file.readline(MAX_RESULT_BYTES), b""), 1):
        if not line.endswith(b"\n"):
            break
        result = _result(line, f"{out}, line {number}")
        if result["run"] != run:
            raise ParameterError(
                "the results are of another library, version or policy",
                where=f"{out}, line {number}",
                remedy="name another file, or remove this one",
            )
        pending.append(result)
        if result["last"]:
            _check_same(next((item for item in items if not _is(item, out)), None), pending, reader, out)
            for known in pending:
                summary.count(_verdict(known))
            pending.clear()
            whole = file.tell()
            done += 1
    file.truncate(whole)
    file.seek(whole)
    return done


def _result(line: bytes, where: str) -> dict[str, Any]:
    try:
        result = json.loads(line)
        if (
            isinstance(result["run"], str)
            and isinstance(result["name"], str)
            and isinstance(result["sha256"], str)
            and isinstance(result["last"], bool)
            and ("error" in result or isinstance(result["verdict"], str))
        ):
            return dict(result)
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    raise ParameterError(
        "the file holds something other than results of a batch", where=where, remedy="name another file"
    )


def _check_same(item: Item | None, results: list[dict[str, Any]], reader: Reader, out: Path) -> None:
    names = {result["name"] for result in results}
    if item is None or names != {item.name}:
        raise ParameterError(
            f"the results hold {sorted(names)[0]!r} where the inputs have {item.name if item else 'ended'!r}",
            where=str(out),
            remedy="name another file: the inputs are not those of the run that began it",
        )
    if {result["sha256"] for result in results} != {reader.digest(item)}:
        raise ParameterError(
            f"the input {item.name!r} has changed since it was identified",
            where=str(out),
            remedy="name another file for the results, or remove this one",
        )
