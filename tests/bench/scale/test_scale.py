"""The model of many workers: against queues worked off by hand, and a real scheduler with sleepers."""

from __future__ import annotations

import heapq
import json
from importlib import metadata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from spectriage.bench.scale.archive import SHIFT, make_archive
from spectriage.bench.scale.model import Model
from spectriage.bench.scale.overheads import Overheads
from spectriage.bench.scale.rates import Clock, Rate, measure_rate
from spectriage.bench.scale.scale import fitted, ratios
from spectriage.library.inputs import Reader, batch_items
from spectriage.library.store.file import write_library
from spectriage.spectra.cli import build_app
from spectriage.spectra.errors import ParameterError
from spectriage.spectra.reference import Reference, ReferenceSet

pytest.importorskip("distributed")
pytest.importorskip("pyarrow")


@pytest.fixture(autouse=True)
def shipped_library(library, library_cache, monkeypatch):
    """The shipped library as other tests have it: built once a run."""
    monkeypatch.setenv("SPECTRIAGE_CACHE", str(library_cache))


def worked_off(model, workers, inputs, shards):
    """An oracle: every shard passes client, scheduler and a free worker in turn; seconds for all."""
    busy = model.busy_s(inputs)
    free = [0.0] * workers
    client = scheduler = end = 0.0
    for _ in range(shards):
        client += busy["client"]
        scheduler = max(scheduler, client) + busy["scheduler"]
        done = max(heapq.heappop(free), scheduler) + busy["workers"]
        heapq.heappush(free, done)
        end = max(end, done)
    return end


@settings(max_examples=60, deadline=None)
@given(
    workers=st.integers(1, 60),
    inputs=st.sampled_from([1, 16, 256]),
    spectrum_ms=st.floats(0.5, 5),
    task_ms=st.floats(0, 5),
    scheduler_ms=st.floats(0.05, 5),
    client_ms=st.floats(0.05, 5),
)
def test_the_rate_is_that_of_a_queue(workers, inputs, spectrum_ms, task_ms, scheduler_ms, client_ms):
    model = Model(1e-3 * spectrum_ms, 1e-3 * task_ms, 1e-3 * scheduler_ms, 1e-3 * client_ms, 1e-6)
    shards = 40 * workers
    rate, limit = model.shards_a_second(workers, inputs)
    assert shards / worked_off(model, workers, inputs, shards) == pytest.approx(rate, rel=0.06)
    most, feeder = model.most_workers(inputs)
    assert (limit == "workers") == (workers <= model.busy_s(inputs)["workers"] / model.busy_s(inputs)[feeder])
    assert model.shards_a_second(most + 2, inputs)[1] == feeder
    needed = model.least_inputs(workers)
    assert workers * model.scheduler_s <= needed * model.spectrum_s + model.worker_task_s


def rate(way, workers, steady, processor):
    return Rate(way, workers, 1000, 10.0, 1.0, steady, processor, 13_000_000)


def test_ratios_are_of_the_same_round():
    rates = [rate("processes", 1, 100, 2e-3), rate("cluster", 1, 90, 2.5e-3)]
    rates += [rate("processes", 1, 50, 4e-3), rate("cluster", 1, 50, 4e-3)]
    assert ratios(rates, 1) == [pytest.approx((0.9, 0.8, 1.0)), (1.0, 1.0, 1.0)]
    assert ratios(rates, 2) == []


def test_one_shard_cannot_be_timed():
    clock = Clock()
    clock("identifying", 20, 20)
    with pytest.raises(ParameterError, match="one shard"):
        clock.between()


def test_an_archive_is_of_spectra(tmp_path):
    path = make_archive(tmp_path / "a.parquet", 300)
    items = list(batch_items(path))
    assert len(items) == 300
    reader = Reader()
    spectra = [next(iter(reader.spectra(item).values())) for item in items[:20]]
    assert all(np.array_equal(spectrum.shift, SHIFT.astype(np.float32)) for spectrum in spectra)
    assert len({reader.digest(item) for item in items}) == 300


def invoke(*words):
    (point,) = metadata.entry_points(group="spectriage.commands", name="bench")
    return CliRunner().invoke(build_app([point]), ["bench", "scale", *words], catch_exceptions=False)


def test_a_batch_is_timed_either_way(tmp_path):
    seeds = np.random.default_rng(0).uniform(250, 680, (4, 6, 1))
    shift = 200.0 + 2.0 * np.arange(256)
    made = (1 / (1 + ((shift - seeds) / 6.0) ** 2)).sum(axis=1).astype(np.float32)
    references = ReferenceSet(tuple(Reference(f"r{i}", f"made up {i}") for i in range(4)), shift, made)
    write_library(tmp_path / "library.h5", references)
    # several shards: the kernel counts processor time in hundredths of a second, and the last is soon done
    archive = make_archive(tmp_path / "a.parquet", 1200)
    for way in ("processes", "cluster"):
        found = measure_rate(archive, way, 1, tmp_path / "library.h5")
        assert (found.way, found.workers, found.spectra) == (way, 1, 1200)
        assert 0 < found.start_s < found.seconds
        assert found.processor_s > 0
        assert found.steady > 0
        assert found.result_bytes > 1200 * 500


@pytest.mark.full
def test_the_command(tmp_path):
    out = tmp_path / "scale.json"
    words = ["--spectra", "600", "--workers", "1", "--rounds", "1", "--sleepers", "4", "--nap", "0.5"]
    result = invoke(*words, "--tasks", "4", "-o", str(out))
    assert result.exit_code == 0
    said = json.loads(out.read_text())
    text = json.dumps(said)
    for name in ("rates", "ratios", "overheads", "check", "modelled", "breaking", "billion"):
        assert f'"name": "{name}"' in text


def test_real_sleepers():
    from spectriage.bench.scale.sleepers import sleep_through

    slept = sleep_through(3, 0.2, 9, 1000)
    assert slept.tasks == 9
    assert slept.seconds >= 3 * 0.2
    assert slept.scheduler_busy > 0
    with pytest.raises(ParameterError, match="sleepers"):
        sleep_through(10_000, 0.1, 1, 1)
    model = fitted(
        [rate("cluster", 1, 100, 2e-3), rate("cluster", 2, 200, 9e-3)],
        Overheads(0.0, 0.0, 1e-3, 1e-6, 40.0, 7, 0.0),
        [slept],
    )
    assert (model.spectrum_s, model.worker_task_s) == (2e-3, 1e-3)
    assert model.scheduler_s == slept.scheduler_s
    assert model.result_bytes == 13_000
