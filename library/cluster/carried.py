"""What a worker needs for many tasks, as bytes that every worker is given once; engines go along."""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import replace
from threading import Lock
from typing import Any

from spectriage.library.cluster.connection import dask
from spectriage.library.cluster.errors import ClusterError
from spectriage.library.cluster.versions import check_same, versions
from spectriage.spectra.identify import Identifier
from spectriage.spectra.policy.policy import Policy
from spectriage.spectra.reference import LazyRecords, Reference, ReferenceSet
from spectriage.spectra.technique import Technique


class Carried:
    """A value on its way to the workers, and on each of them.

    Parameters
    ----------
    data
        The value, see `packed`.
    versions
        Of the program here; those of a worker must be equal.
    rooms
        The packages whose code counts.
    """

    def __init__(self, data: bytes, versions: Mapping[str, str], rooms: Sequence[str]) -> None:
        self._state = data, dict(versions), tuple(rooms)
        self._worker = ""
        self._made: list[Any] = []
        self._lock = Lock()

    def __getstate__(self) -> tuple[Any, ...]:
        """Only what is sent: not what a worker has made of it."""
        return self._state

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.__init__(*state)  # type: ignore[misc]

    def setup(self, worker: Any) -> None:
        """Note whose it is; called by the worker when it begins, or when it is given the value."""
        self._worker = str(worker.address)

    def value(self) -> Any:
        """Return the value, made by the worker's first task: that may have to compile.

        Raises
        ------
        WorkerDiffersError
            When this worker would not give the results of the others.
        """
        import numba

        from spectriage.spectra.compile import lasting

        with self._lock:
            if not self._made:
                data, expected, rooms = self._state
                check_same(self._worker, versions(rooms), expected)
                # a worker has one core: there are as many workers as cores
                numba.set_num_threads(1)
                with lasting():
                    self._made.append(pickle.loads(data))
                self._state = b"", expected, rooms
            return self._made[0]


def packed(value: Any) -> bytes:
    """Return a value as bytes; an engine by what it was made of, records of a library file as they are.

    Raises
    ------
    ClusterError
        When it holds what only this process has.
    """
    dask()
    import cloudpickle

    class Pickler(cloudpickle.Pickler):  # type: ignore[misc]
        def reducer_override(self, obj: Any) -> Any:
            if isinstance(obj, Identifier):
                return _engine, _made_of(obj)
            if isinstance(obj, LazyRecords):
                return _records, (obj.ids, list(obj), dict(obj.columns))
            return super().reducer_override(obj)

    stream = io.BytesIO()
    try:
        Pickler(stream, protocol=pickle.HIGHEST_PROTOCOL).dump(value)
    except (TypeError, AttributeError, pickle.PicklingError) as error:
        raise ClusterError(
            f"what the tasks need cannot be sent to workers: {error}", remedy="run it on this machine"
        ) from None
    return stream.getvalue()


def _made_of(engine: Identifier) -> tuple[Any, ...]:
    references = engine.references
    if engine.technique is not Technique.NORMAL:
        # an engine holds the null of its technique where `of_technique` does not look for it again
        references = replace(
            references, derived=replace(references.derived, sers_null=references.derived.null)
        )
    return references, engine.policy, engine.packaging, engine.technique


def _engine(
    references: ReferenceSet, policy: Policy, packaging: tuple[str, ...], technique: Technique
) -> Identifier:
    named = packaging[0] if len(packaging) == 1 else list(packaging)
    return Identifier(references, policy, packaging=named, technique=technique)


def _records(ids: Any, records: list[Reference], columns: dict[str, Any]) -> LazyRecords:
    return LazyRecords(ids, records.__getitem__, columns)
