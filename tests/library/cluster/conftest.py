"""One small library, one folder of scans, one batch on one machine to compare with, and one cluster."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from spectriage.library.service.batch import Setup, run_batch

sys.path.insert(0, str(Path(__file__).parent))

pytest.importorskip("distributed")
pytest.importorskip("pyarrow")

from made import Processes, write_scans, write_small_library

SCANS = 40


@pytest.fixture(scope="session")
def setup(tmp_path_factory):
    return Setup(write_small_library(tmp_path_factory.mktemp("library") / "library.h5"))


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return write_scans(tmp_path_factory.mktemp("scans") / "in", SCANS)


@pytest.fixture(scope="session")
def whole(setup, folder, tmp_path_factory):
    """The rows of one machine."""
    out = tmp_path_factory.mktemp("whole") / "results.jsonl"
    run_batch(folder, out, setup)
    return out.read_bytes()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    made = Processes(tmp_path_factory.mktemp("cluster"))
    yield made
    made.close()
