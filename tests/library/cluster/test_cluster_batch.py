"""A batch on a real cluster: the rows of one machine, each once; what does not fit is refused, and why."""

from __future__ import annotations

import hashlib
import json
import shutil

import numpy as np
import pytest
from made import SHIFT, parts, scan, write_scans, write_small_library
from typer.testing import CliRunner

from spectriage.library.cluster import ClusterError, connected, connection, run_cluster_batch, spread
from spectriage.library.cluster.connection import local_workers
from spectriage.library.cluster.errors import WorkerDiffersError
from spectriage.library.cluster.prepared import Prepared
from spectriage.library.cluster.rows import decoded
from spectriage.library.cluster.run import PartFormat
from spectriage.library.cluster.sending import check_workers
from spectriage.library.cluster.shards import shards
from spectriage.library.cluster.versions import check_same, versions
from spectriage.library.service.batch import Setup, run_batch
from spectriage.spectra.cli import build_app
from spectriage.spectra.errors import ParameterError

import pyarrow as pa  # isort: skip
import pyarrow.parquet as pq  # isort: skip


def test_the_rows_of_one_machine(whole, setup, folder, tmp_path, cluster):
    steps = []
    out = tmp_path / "out"
    summary = run_cluster_batch(
        folder, str(out), setup, cluster.address, shard_inputs=7, progress=lambda *step: steps.append(step)
    )
    assert parts(out) == whole
    assert (summary.inputs, summary.resumed, summary.errors) == (44, 0, 3)
    assert steps[0] == ("identifying", 0, 44)
    assert steps[-1] == ("identifying", 44, 44)
    written = json.loads((out / "_shards.json").read_text())
    assert written["inputs"] == 44
    for shard in written["shards"]:
        data = (out / shard["name"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == shard["sha256"]
        assert (len(data), data.count(b"\n")) == (shard["bytes"], shard["rows"])
    assert sorted(path.name for path in out.iterdir()) == [
        "_run.json",
        "_shards.json",
        *(f"part-{i:06d}.jsonl" for i in range(7)),
    ]
    # again: everything is there, nothing is written anew
    before = {path: path.stat().st_mtime_ns for path in out.iterdir()}
    again = run_cluster_batch(folder, str(out), setup, cluster.address, shard_inputs=7)
    assert (again.resumed, again.verdicts, again.errors) == (44, summary.verdicts, 3)
    assert {path: path.stat().st_mtime_ns for path in out.iterdir()} == before


def test_parquet_in_and_out(setup, tmp_path, cluster):
    rows = {
        "id": [f"row {i}" for i in range(20)],
        "shift_cm": [SHIFT] * 20,
        "intensity": [scan(i) for i in range(19)] + [None],
    }
    pq.write_table(pa.table(rows), tmp_path / "in.parquet", row_group_size=6)
    run_batch(tmp_path / "in.parquet", tmp_path / "one.jsonl", setup)
    out = tmp_path / "out"
    for before in (0, 20):
        summary = run_cluster_batch(
            tmp_path / "in.parquet",
            str(out),
            setup,
            cluster.address,
            form=PartFormat.PARQUET,
            shard_inputs=8,
        )
        assert (summary.resumed, summary.errors) == (before, 1)
    table = pq.read_table(out)
    lines = "\n".join(table["result"].to_pylist()) + "\n"
    assert lines.encode() == (tmp_path / "one.jsonl").read_bytes()
    for row in table.to_pylist():
        line = json.loads(row["result"])
        assert row["verdict"] == line.get("verdict")
        assert row["substances"] == [part["substance"] for part in line.get("components", [])]
        assert (row["error"] is None) == ("error" not in line)
        assert (row["name"], row["sha256"], row["run"], row["last"]) == (
            line["name"],
            line["sha256"],
            line["run"],
            True,
        )


def test_local_processes_by_the_command(whole, setup, folder, tmp_path):
    from importlib import metadata

    (point,) = metadata.entry_points(group="spectriage.commands", name="identify")
    command = ["identify", "--batch", str(folder), "-o", str(tmp_path / "out"), "-l", str(setup.library)]
    result = CliRunner().invoke(
        build_app([point]), [*command, "--cluster", "local:2", "--shard-inputs", "10"], catch_exceptions=False
    )
    assert result.exit_code == 0
    assert "44 inputs" in result.stderr
    assert parts(tmp_path / "out") == whole
    for more, message in (
        (["--workers", "2", "--cluster", "local:1"], "exclude"),
        (["--part-format", "parquet"], "belong to --cluster"),
        (["--shard-inputs", "9"], "belong to --cluster"),
        (["--cluster", "nowhere"], "no cluster"),
        (["--cluster", "local:0"], "no cluster"),
        (["--cluster", "local:x"], "no cluster"),
    ):
        with pytest.raises(ParameterError, match=message):
            CliRunner().invoke(build_app([point]), [*command, *more], catch_exceptions=False)


def test_refuses_what_is_of_another_run(setup, folder, tmp_path, cluster):
    out = tmp_path / "out"
    inputs = tmp_path / "in"
    shutil.copytree(folder, inputs)

    def run(setup=setup, **more):
        return run_cluster_batch(inputs, str(out), setup, cluster.address, **{"shard_inputs": 20, **more})

    run()
    kept = parts(out)
    other = write_small_library(tmp_path / "other.h5", 4)
    for differing, message in (
        ({"setup": Setup(other)}, "library"),
        ({"setup": Setup(setup.library, lod=0.2)}, "policy"),
        ({"setup": Setup(setup.library, ("none",))}, "packaging"),
        ({"shard_inputs": 21}, "shard_inputs"),
        ({"form": PartFormat.PARQUET}, "format"),
    ):
        with pytest.raises(ParameterError, match=f"another run: .*{message}"):
            run(**differing)
    changed = inputs / "scan-0008.csv"
    text = changed.read_text()
    changed.write_text(text.replace("1", "2"))
    with pytest.raises(ParameterError, match=r"'scan-0008\.csv' has changed"):
        run()
    changed.write_text(text)
    (inputs / "deeper" / "new.csv").write_text(text)
    with pytest.raises(ParameterError, match=r"where the inputs have|results of"):
        run()
    (inputs / "deeper" / "new.csv").unlink()
    (out / "part-000009.jsonl").write_bytes(b"")
    (out / "_shards.json").unlink()
    with pytest.raises(ParameterError, match="no place for"):
        run()
    (out / "part-000009.jsonl").unlink()
    torn = out / "part-000001.jsonl"
    content = torn.read_bytes()
    for damaged in (content[:-5], b"{}\n", b"hello\n"):
        torn.write_bytes(damaged)
        with pytest.raises(ParameterError, match=r"no shard|has no|results of"):
            run()
    torn.write_bytes(content)
    assert run().resumed == 44
    assert parts(out) == kept
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thing").write_text("")
    with pytest.raises(ParameterError, match="holds other things, such as 'thing'"):
        run_cluster_batch(inputs, str(tmp_path / "full"), setup, cluster.address)


def test_a_worker_that_differs_is_refused(setup, folder, tmp_path, cluster):
    preload = tmp_path / "older.py"
    preload.write_text(
        "from importlib import metadata\n"
        "def version(name, real=metadata.version):\n"
        "    return '0.1.2' if name == 'numba' else real(name)\n"
        "metadata.version = version\n"
    )
    with connected(cluster.address) as client:
        client.wait_for_workers(2, timeout=60)
        check_workers(client, versions())
        odd = cluster.add_worker("--preload", str(preload))
        client.wait_for_workers(3, timeout=60)
        try:
            with pytest.raises(WorkerDiffersError, match=r"numba 0\.1\.2 there"):
                run_cluster_batch(folder, str(tmp_path / "out"), setup, cluster.address)
            assert not list((tmp_path / "out").glob("part-*"))
        finally:
            odd.terminate()
            odd.wait()
    ours = versions()
    with pytest.raises(WorkerDiffersError, match=r"code of spectra x there"):
        check_same("a worker", {**ours, "code of spectra": "x"}, ours)


class Worker:
    def __init__(self, folder):
        self.address, self.local_directory = "tcp://here", str(folder)


def prepared(setup, place, tmp_path, **changes):
    from dataclasses import replace

    from spectriage.library.cluster.batch import _run, library_bytes
    from spectriage.library.cluster.parts import open_place
    from spectriage.library.cluster.run import begin
    from spectriage.library.inputs import batch_items

    engine = setup.engine()
    (tmp_path / "in").mkdir(exist_ok=True)
    (tmp_path / "in" / "x.csv").write_text("1,2\n")
    run = _run(engine, setup, str(place), PartFormat.JSONL, batch_items(tmp_path / "in"))
    begin(open_place(str(place)), {"run": run.key})
    made = Prepared(replace(run, **changes), library_bytes(engine))
    made.setup(Worker(tmp_path / "worker"))
    return made


def test_a_library_is_checked_where_it_arrives(setup, tmp_path):
    made = prepared(setup, tmp_path / "a", tmp_path)
    engine, _ = made.ready()
    assert engine.references.sha256 == setup.engine().references.sha256
    made.teardown(None)
    assert not list((tmp_path / "worker").glob("*.h5"))
    for changes, message in (
        ({"file_sha256": "0" * 64}, "changed on its way"),
        ({"library_sha256": "0" * 64}, "not that of the run"),
        ({"versions": {}}, "same results"),
        ({"out": str(tmp_path / "elsewhere")}, "does not see the results' place"),
    ):
        with pytest.raises(WorkerDiffersError, match=message):
            prepared(setup, tmp_path / f"b-{message[:9]}", tmp_path, **changes).ready()
    made = prepared(setup, tmp_path / "c", tmp_path)
    (tmp_path / "in" / "x.csv").unlink()
    with pytest.raises(WorkerDiffersError, match="does not see the input"):
        made.ready()


def test_two_runs_on_one_cluster_do_not_see_each_other(whole, setup, folder, tmp_path, cluster):
    """The other one, of the same library into another place, begins and ends after this one has begun."""
    first, second = tmp_path / "first", tmp_path / "second"
    ran = []

    def other(*_):
        if not ran:
            ran.append(True)
            run_cluster_batch(folder, str(second), setup, cluster.address, shard_inputs=9)

    run_cluster_batch(folder, str(first), setup, cluster.address, shard_inputs=7, progress=other)
    assert (parts(first), parts(second)) == (whole, whole)


def test_the_library_of_one_run_stays_where_another_ends(setup, tmp_path):
    ends, stays = (prepared(setup, tmp_path / name, tmp_path) for name in ("a", "b"))
    ends.teardown(None)
    engine, _ = stays.ready()
    assert engine.references.sha256 == setup.engine().references.sha256


def test_no_cluster(setup, folder, tmp_path, monkeypatch):
    monkeypatch.setattr(connection, "CONNECT_S", 0.5)
    with pytest.raises(ClusterError, match="no scheduler"):
        run_cluster_batch(folder, str(tmp_path / "out"), setup, "tcp://127.0.0.1:9")
    assert not (tmp_path / "out").exists(), "what was not begun does not stand in the way of another run"
    with pytest.raises(ParameterError, match="memory of one process"):
        run_cluster_batch("memory://in", str(tmp_path / "out"), setup, "local:1")
    assert local_workers("tcp://host:8786") is local_workers("host:8786") is None


def test_what_is_under_way_is_bounded(cluster):
    taken = []

    def jobs():
        for i in range(40):
            taken.append(i)
            yield (i,)

    with connected(cluster.address) as client:
        client.wait_for_workers(2, timeout=60)
        returned = []
        for value in spread(client, abs, jobs(), name="test", waiting=2):
            returned.append(value)
            assert len(taken) - len(returned) <= 4
        assert sorted(returned) == list(range(40))
        with pytest.raises(ClusterError, match="ZeroDivisionError"):
            list(spread(client, divmod, [(1, 0)], name="test"))


def test_shards_are_cut_alike():
    cut = list(shards(range(10), 4))
    assert [(each.number, each.items) for each in cut] == [
        (0, (0, 1, 2, 3)),
        (1, (4, 5, 6, 7)),
        (2, (8, 9)),
    ]


def test_a_shard_that_is_none():
    for data in (b"\xff\n", b"[", b"{}"):
        with pytest.raises(ParameterError, match="no shard"):
            list(decoded(data, PartFormat.JSONL, "x"))
    with pytest.raises(ParameterError, match="no shard"):
        list(decoded(b"PAR1", PartFormat.PARQUET, "x"))


def test_results_may_lie_in_the_folder(setup, tmp_path, cluster):
    folder = write_scans(tmp_path / "in", 3)
    for _ in range(2):
        summary = run_cluster_batch(folder, str(folder / "out"), setup, cluster.address, shard_inputs=4)
        assert summary.inputs == 7
    assert np.all([b"out/" not in line for line in parts(folder / "out").splitlines()])
