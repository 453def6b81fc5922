"""Inputs and results in an object store: a real S3-compatible server on loopback."""

from __future__ import annotations

import json
import urllib.request

import pytest
from made import parts

from spectriage.library.cluster import run_cluster_batch
from spectriage.library.inputs import Reader, batch_items
from spectriage.library.service.batch import Setup, run_batch
from spectriage.spectra.errors import FormatError, ParameterError

moto = pytest.importorskip("moto.server")
s3fs = pytest.importorskip("s3fs")


@pytest.fixture
def store(monkeypatch):
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}/moto-api/reset", method="POST"))
    s3fs.S3FileSystem.clear_instance_cache()
    system = s3fs.S3FileSystem()
    system.mkdir("bucket")
    yield system
    s3fs.S3FileSystem.clear_instance_cache()
    server.stop()


def test_from_a_store_into_a_store(setup, folder, tmp_path, store):
    store.put(f"{folder}/", "bucket/in", recursive=True)
    run_batch(folder, tmp_path / "here.jsonl", setup)
    run_batch("s3://bucket/in", tmp_path / "one.jsonl", setup)
    here = [json.loads(line) for line in (tmp_path / "here.jsonl").read_bytes().splitlines()]
    there = [json.loads(line) for line in (tmp_path / "one.jsonl").read_bytes().splitlines()]
    assert [{**line, "error": ""} if "error" in line else line for line in there] == [
        {**line, "error": ""} if "error" in line else line for line in here
    ]
    out = "s3://bucket/results/one"
    for before in (0, 44):
        summary = run_cluster_batch("s3://bucket/in", out, setup, "local:1", shard_inputs=9)
        assert (summary.inputs, summary.resumed, summary.errors) == (44, before, 3)
    store.get("bucket/results/one/", str(tmp_path / "out"), recursive=True)
    assert parts(tmp_path / "out") == (tmp_path / "one.jsonl").read_bytes()
    assert json.loads((tmp_path / "out" / "_shards.json").read_text())["inputs"] == 44
    with pytest.raises(ParameterError, match="another run"):
        run_cluster_batch("s3://bucket/in", out, Setup(setup.library, lod=0.3), "local:1", shard_inputs=9)
    store.pipe_file("bucket/in/scan-0008.csv", b"changed")
    with pytest.raises(ParameterError, match=r"scan-0008\.csv' has changed"):
        run_cluster_batch("s3://bucket/in", out, setup, "local:1", shard_inputs=9)


def test_what_is_not_there(store):
    with pytest.raises(FormatError, match=r"no such file|cannot be read"):
        list(batch_items("s3://bucket/nothing.csv"))
    with pytest.raises(FormatError, match=r"no such file|cannot be read"):
        list(batch_items("s3://no-bucket/in/m.csv"))
    store.pipe_file("bucket/m.csv", b"path\ngone.csv\n")
    (item,) = batch_items("s3://bucket/m.csv")
    assert Reader().digest(item) == ""
    with pytest.raises(FormatError, match="no such file"):
        Reader().spectra(item)
