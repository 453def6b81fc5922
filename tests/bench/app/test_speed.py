"""`spectriage bench speed`: what it reads, prints and draws; the suites themselves run on small sizes."""

from __future__ import annotations

import json

import numpy as np
import pytest
from rich.console import Console

from spectriage.bench.app import speed
from spectriage.bench.peers import search as search_peers
from spectriage.bench.peers.identify import PeerPipeline
from spectriage.bench.sets import made_up
from spectriage.spectra.errors import ParameterError, SpectriageError
from spectriage.spectra.search.topk import TopK
from spectriage.spectra.signal.grid import DEFAULT_GRID


def benchmark(name, group, params, **extra):
    return {"name": name, "group": group, "params": params, "extra_info": extra}


WRITTEN = {
    "benchmarks": [
        benchmark(
            f"test_one_query[{size}]",
            "search, one query",
            {"references": size},
            **{
                "microseconds a spectrum": cost,
                "threads": "1",
                "times float32 product": 10.0,
                "quartiles float32 product": [9.0, 12.0],
                "share of memory bandwidth": 0.5,
            },
        )
        for size, cost in ((100, 20.0), (10_000, 1500.0))
    ]
    + [benchmark("test_peak_memory", "memory", None, **{"MB, numba": 90.2, "references": 10_000})]
}


def test_rows_hold_what_was_measured():
    first, _, memory = speed.read_rows(WRITTEN)
    assert first.name == "one query"
    assert first.cost_us == 20.0
    assert first.peers == (speed.Peer("float32 product", 10.0, 9.0, 12.0),)
    assert first.facts == {"threads": "1", "share of memory bandwidth": 0.5}
    assert memory.cost_us is None
    assert memory.peers == ()


def test_the_table_names_every_ratio_and_share():
    console = Console(width=200, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(speed.table(speed.read_rows(WRITTEN)))
    text = console.export_text()
    for part in ("20 µs", "1.5 ms", "10.00 ×", "9.00 to 12.00", "50%", "90 MB", "10,000"):
        assert part in text


@pytest.mark.parametrize(
    ("cost", "text"), [(None, ""), (0.5, "0.5 µs"), (1e3, "1 ms"), (2.5e6, "2.5 s"), (999.0, "999 µs")]
)
def test_costs_in_fitting_units(cost, text):
    assert speed.cost_text(cost) == text


def test_curves_and_plot(tmp_path):
    rows = speed.read_rows(WRITTEN)
    found = {label: (sizes, costs) for label, sizes, costs in speed.curves(rows, "references")}
    assert found["search, one query"] == ([100, 10_000], [20.0, 1500.0])
    assert found["search, one query: float32 product"] == ([100, 10_000], [200.0, 15_000.0])
    assert list(speed.curves(rows, "points")) == []
    speed.plot_costs(rows, tmp_path / "cost.svg")
    assert (tmp_path / "cost.svg").stat().st_size > 5000


def test_the_document_names_no_machine():
    made = json.loads(json.dumps(speed.document(speed.read_rows(WRITTEN), 1)))
    assert set(made["machine"]) == {"system", "architecture", "cores", "python"}
    assert made["versions"]["numpy"] == np.__version__
    assert len(made["rows"]) == 3


def test_unknown_suites_and_failures(monkeypatch):
    with pytest.raises(ParameterError, match="no suite 'speed'"):
        speed.speed(["speed"])
    monkeypatch.setattr(speed.subprocess, "run", lambda *_, **__: type("Done", (), {"returncode": 1}))
    with pytest.raises(SpectriageError, match="benchmark failed"):
        speed.run_suites(("memory",))


@pytest.mark.full
def test_a_suite_runs(tmp_path, capfd):
    speed.speed(["mixture"], out=tmp_path / "speed.json", plot=tmp_path / "speed.png")
    rows = json.loads((tmp_path / "speed.json").read_text())["rows"]
    assert {row["parameters"]["references"] for row in rows} == {100, 250, 500}
    assert all(row["peers"][0]["name"] == "nnls of all references" for row in rows)
    assert "nnls" in capfd.readouterr().out


def test_made_up_libraries_are_what_they_claim():
    library = made_up.made_up_library(40)
    assert library.spectra.shape == (40, len(DEFAULT_GRID))
    assert np.isfinite(library.spectra).all()
    assert (made_up.made_up_spectra(40, DEFAULT_GRID.shift) == library.spectra).all()
    scan = made_up.made_up_scan(library, [3, 7])
    assert (scan.variance >= scan.intensity).all()
    queries = made_up.noisy_copies(library.spectra, np.array([1, 2]), 0.1)
    np.testing.assert_allclose(np.linalg.norm(queries, axis=1), 1.0)


def test_peers_find_what_they_should():
    library = made_up.made_up_library(60)
    peer = PeerPipeline(library).identify(made_up.made_up_scan(library, [5, 20]))
    assert {row for row, share in peer.components if share > 0.2} == {5, 20}
    assert set(peer.best[:2]) == {5, 20}
    (matrix,) = [matrix for key, matrix in library.indexes.items() if key.startswith("deriv2")]
    query = made_up.noisy_copies(matrix, np.array([9]), 0.2)
    ours = TopK(matrix).search(query, 3).rows[0]
    assert search_peers.float32_product(matrix, query.astype(np.float32), 3)[0].tolist() == ours.tolist()
    assert search_peers.correlation(matrix.astype(np.float64), query[0], 3)[0] == 9
