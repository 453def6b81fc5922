"""What an identification costs against size: measured in processes, with slopes and a bend that are right."""

from __future__ import annotations

import json
import mmap

import numpy as np
import pytest
from typer.testing import CliRunner

from spectriage.bench.app.commands_bench import app
from spectriage.bench.growth import growth
from spectriage.bench.growth.growth import Cost, Growth, bend, each_reference, held_whole, slopes
from spectriage.bench.growth.process import STATUS, pages_mb
from spectriage.bench.sets.made_up import enlarged_library, shipped_library_on


def cost(references: int, points: int, ms: float) -> Cost:
    return Cost(references, points, 1.0, ms, 0.1, 0.2)


def test_slopes_and_the_bend_of_a_cost_that_is_known():
    sizes = [100, 1000, 10_000, 100_000]
    costs = [cost(size, 1024, 2.0 + 2e-4 * size) for size in sizes]
    assert each_reference(costs) == pytest.approx(2e-4)
    assert bend(costs) == pytest.approx(10_100)
    assert held_whole(1024) == 1365
    steps = slopes(sizes, costs)
    assert steps[0] < 0.05
    assert 0.7 < steps[-1] < 1.0
    straight = [cost(100, points, 1e-3 * points) for points in (256, 512, 1024)]
    assert slopes([256, 512, 1024], straight) == pytest.approx([1.0, 1.0])


def test_libraries_of_any_size_and_grid():
    small, large = enlarged_library(100), enlarged_library(700)
    assert (len(small), len(large)) == (100, 700)
    assert set(small.ids) <= set(large.ids)
    assert large.derived.null is not None
    fine = shipped_library_on(2048)
    assert fine.shift.size == 2048
    assert (fine.shift[0], fine.shift[-1]) == pytest.approx((large.shift[0], large.shift[-1]))


def test_the_command_measures_prints_and_draws(tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(growth, "REFERENCES", (100, 600))
    monkeypatch.setattr(growth, "POINTS", (256, 512))
    monkeypatch.setattr(growth, "SCANS", 3)
    out, plot = tmp_path / "growth.json", tmp_path / "growth.png"
    result = CliRunner().invoke(app, ["growth", "--out", str(out), "--plot", str(plot)])
    assert result.exit_code == 0, result.exception
    assert "for one more reference" in result.stdout
    told = json.loads(out.read_text())
    assert [row["references"] for row in told["references"]] == [100, 600]
    assert [row["points"] for row in told["points"]] == [256, 512]
    assert all(row["identify_ms"] > 0.0 for row in told["references"] + told["points"])
    assert told["references"][0]["slope"] is None
    assert np.isfinite(told["points"][1]["slope"])
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert Growth((), ()).to_json()["references"] == []


def test_only_so_many_references(monkeypatch):
    monkeypatch.setattr(growth, "SCANS", 3)
    result = CliRunner().invoke(app, ["growth", "--references", "600", "--json"])
    assert result.exit_code == 0, result.exception
    told = json.loads(result.stdout)
    assert told["points"] == []
    (row,) = told["references"]
    if row["peak_mb"] is not None:
        # of 6 MB of file some are in memory, and belong to no one
        assert 0.0 < row["library_mb"] <= row["file_mb"] + 1
        assert row["peak_mb"] - row["library_mb"] <= row["beyond_mb"] <= row["peak_mb"]
        assert row["beyond_mb"] >= row["own_mb"]


@pytest.mark.skipif(not STATUS.exists(), reason="needs Linux")
def test_pages_of_a_mapped_file(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(bytes(3_000_123))
    assert pages_mb(3_000_123) == 0.0
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        path.unlink()
        assert bytes(mapped[::4096]).count(0) == 733
        assert pages_mb(3_000_123) == pytest.approx(3_002_368 / 2**20, abs=0.05)
