"""A worker's own part of a run: the library that was sent to it, checked, and the engine made of it.

The engine is made by the worker's first task, which may have to compile.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from spectriage.library.cluster.errors import ClusterError, WorkerDiffersError
from spectriage.library.cluster.parts import open_place
from spectriage.library.cluster.run import RUN_FILE, Run
from spectriage.library.cluster.versions import check_same, versions
from spectriage.library.inputs.reader import Reader
from spectriage.spectra.errors import SpectriageError

if TYPE_CHECKING:
    from spectriage.spectra.identify import Identifier


class Prepared:
    """What a worker holds of a run.

    Parameters
    ----------
    run
        The batch.
    library
        The bytes of its library's file; let go of when they are on the worker's disk.

    Attributes
    ----------
    failure
        Why the library could not be taken over; said by the first task.
    """

    def __init__(self, run: Run, library: bytes) -> None:
        self.run = run
        self.failure: SpectriageError | None = None
        self._library = library
        self._path: Path | None = None
        self._worker = ""
        self._ready: tuple[Identifier, Reader] | None = None
        self._lock = Lock()

    def __getstate__(self) -> dict[str, Any]:
        """Only what is sent: not what a worker has made of it."""
        return {"run": self.run, "library": self._library}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["run"], state["library"])  # type: ignore[misc]

    def setup(self, worker: Any) -> None:
        """Take over the library; called by the worker when it begins, or when the run does."""
        self._worker = str(worker.address)
        data, self._library = self._library, b""
        try:
            if hashlib.sha256(data).hexdigest() != self.run.file_sha256:
                raise WorkerDiffersError("the library was changed on its way", where=self._worker)
            folder = Path(worker.local_directory)
            folder.mkdir(parents=True, exist_ok=True)
            # of this run alone: the same library may be there for another one, and goes with that
            path = folder / f"{self.run.name}.h5"
            path.write_bytes(data)
            self._path = path
        except (OSError, SpectriageError) as error:
            self.failure = (
                error
                if isinstance(error, SpectriageError)
                else ClusterError(f"the library cannot be kept: {error.strerror}", where=self._worker)
            )

    def teardown(self, worker: Any) -> None:
        """Let go of engine and library, when the run ends."""
        self._ready = None
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def ready(self) -> tuple[Identifier, Reader]:
        """Return the engine, checked to be that of the run, and the worker's reader.

        Raises
        ------
        WorkerDiffersError
            When this worker would not give the results of the others.
        ClusterError
            When it has no library.
        """
        with self._lock:
            if self._ready is None:
                if self.failure is not None or self._path is None:
                    raise self.failure or ClusterError("the worker has no library", where=self._worker)
                check_same(self._worker, versions(), self.run.versions)
                reader = Reader()
                self._check_sees(reader)
                self._ready = self._engine(self._path), reader
            return self._ready

    def _check_sees(self, reader: Reader) -> None:
        remedy = "give inputs and results a folder that all workers share, or an object store's URL"
        if open_place(self.run.out).read(RUN_FILE) is None:
            raise WorkerDiffersError(
                f"the worker does not see the results' place {self.run.out}",
                where=self._worker,
                remedy=remedy,
            )
        if self.run.first is not None:
            item, sha256 = self.run.first
            if reader.digest(item) != sha256:
                raise WorkerDiffersError(
                    f"the worker does not see the input {item.name!r} as it is seen here",
                    where=self._worker,
                    remedy=remedy,
                )

    def _engine(self, path: Path) -> Identifier:
        import numba

        from spectriage.library.signing import Trust
        from spectriage.library.store.file import read_library
        from spectriage.spectra.compile import lasting
        from spectriage.spectra.identify import Identifier

        # a worker has one core: there are as many workers as cores
        numba.set_num_threads(1)
        with lasting():
            # whose the library is was checked where the run began; here, that it is the same
            references = read_library(path, trust=Trust(require=False))
            if references.sha256 != self.run.library_sha256:
                raise WorkerDiffersError("the library is not that of the run", where=self._worker)
            return Identifier(references, self.run.policy, packaging=self.run.packaging or "auto")
