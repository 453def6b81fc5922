"""A crew of a cluster's workers: the results of one process, in order, also when workers die or differ."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest
from made import SHIFT, Processes, bands, write_small_library
from tasks import Sum, added, identify_slowly, refused, said

from spectriage.library.cluster import carried, crew
from spectriage.library.cluster.connection import connected
from spectriage.library.cluster.crew import Crew, crew_of
from spectriage.library.cluster.errors import ClusterError, WorkerDiffersError
from spectriage.library.cluster.versions import ROOMS, versions
from spectriage.library.store.file import read_library
from spectriage.spectra.errors import ParameterError, SpectrumError
from spectriage.spectra.evidence.null import make_null
from spectriage.spectra.identify import Identifier
from spectriage.spectra.policy.policy import Policy
from spectriage.spectra.reference import Reference, ReferenceSet
from spectriage.spectra.technique import Technique


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    return Identifier(read_library(write_small_library(tmp_path_factory.mktemp("library") / "library.h5")))


def carried_over(value):
    made = carried.Carried(carried.packed(value), versions(), ROOMS)
    again = carried.Carried.__new__(carried.Carried)
    again.__setstate__(made.__getstate__())
    return again.value()


def test_an_engine_is_the_same_on_the_other_side(engine):
    there = carried_over(engine)
    assert there is not engine
    assert there.references.sha256 == engine.references.sha256
    assert there.references.records == engine.references.records
    assert [said(there, i) for i in range(6)] == [said(engine, i) for i in range(6)]
    other = Identifier(engine.references, Policy().with_signal_limit(0.2), packaging="none")
    there = carried_over(other)
    assert (there.policy.sha256, there.packaging) == (other.policy.sha256, ("none",))


def test_an_engine_of_another_technique_keeps_its_null():
    # the first is for normal scans: the others are the part that such an engine holds
    records = tuple(
        Reference(f"made-{i}", f"made up {i}", technique=Technique.SERS if i else Technique.NORMAL)
        for i in range(12)
    )
    references = ReferenceSet(records, SHIFT, np.array([bands(i) for i in range(12)], np.float32))
    own = replace(references, records=tuple(replace(r, technique=Technique.NORMAL) for r in records))
    references = replace(references, derived=replace(references.derived, sers_null=make_null(own)))
    engine = Identifier(references, technique=Technique.SERS)
    there = carried_over(engine)
    assert there.technique is Technique.SERS
    for seed in range(1, 5):
        assert said(there, seed, Technique.SERS) == said(engine, seed, Technique.SERS)
    assert engine.null is not None


def test_what_only_this_process_has_cannot_be_sent():
    with pytest.raises(ClusterError, match="cannot be sent to workers"):
        carried.packed(threading.Lock())


def test_results_of_one_process_in_order_although_workers_die(engine, tmp_path):
    expected = [(i, said(engine, i)) for i in range(60)]
    cluster = Processes(tmp_path)
    try:
        with crew_of(cluster.address) as workers:
            found = []
            for result in workers.map(identify_slowly, engine, list(range(60))):
                found.append(result)
                if len(found) in (3, 20):
                    cluster.kill_worker()
        assert found == expected
    finally:
        cluster.close()


def test_contexts_come_and_go(cluster):
    with connected(cluster.address) as client:
        client.wait_for_workers(2, timeout=60)
        workers = Crew(client)
        assert list(workers.map(added, Sum(10), list(range(100)))) == list(range(10, 110))
        first = workers._carried
        assert list(workers.map(added, Sum(10), [1])) == [11]
        assert workers._carried == first
        assert list(workers.map(added, Sum(20), [1, 2])) == [21, 22]
        assert workers._carried != first
        assert list(workers.map(added, Sum(20), [])) == []
        with pytest.raises(SpectrumError, match="the seventh is flat"):
            list(workers.map(refused, Sum(0), list(range(9))))
        held = client.run(lambda dask_worker: [name for name in dask_worker.plugins if "carried" in name])
        assert all(len(names) == 1 for names in held.values())
        workers.close()
        held = client.run(lambda dask_worker: [name for name in dask_worker.plugins if "carried" in name])
        assert not any(held.values())


def test_a_worker_that_differs_is_refused(cluster, monkeypatch):
    real = crew.versions

    def other(rooms):
        return {**real(rooms), "code of library": "x"}

    monkeypatch.setattr(crew, "versions", other)
    with (
        crew_of(cluster.address) as workers,
        pytest.raises(WorkerDiffersError, match=r"code of library .* there, x here"),
    ):
        list(workers.map(added, Sum(1), [1, 2]))
    # one that comes later is found by its first task
    monkeypatch.setattr(crew, "check_workers", lambda *_: None)
    with crew_of(cluster.address) as workers, pytest.raises(WorkerDiffersError, match="x here"):
        list(workers.map(added, Sum(1), [1, 2]))


def test_no_cluster():
    with pytest.raises(ParameterError, match="is no cluster"), crew_of("nowhere"):
        pass
