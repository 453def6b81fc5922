"""Baselines against their peers, in the same run and in turn.

    OMP_NUM_THREADS=1 NUMBA_NUM_THREADS=1 pytest bench/suite/bench_baseline.py --benchmark-json=baseline.json

Before each timed round of ours every peer is timed once on the same spectrum, so that what else the machine
does falls on both. Ratios are medians over the rounds, in ``extra_info`` as ``times PEER`` (peer ÷ ours: how
many times faster ours is), with the first and last quartile. All spectra are synthetic.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest

from spectriage.bench.peers import baseline as peers
from spectriage.bench.suite._compare import compare, report  # noqa: F401
from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.baseline import _kernels_baseline_batch as batch
from spectriage.spectra.baseline import _kernels_baseline_lanes as vectors
from spectriage.spectra.baseline import _kernels_baseline_split as split
from spectriage.spectra.baseline import airpls_fit, arpls_batch, arpls_fit, asls_fit, batch_fit
from spectriage.spectra.compile import kernel

SIZES = (256, 1024, 4096, 8192)
BATCH = 256
LAM = 1e5
OURS = {"arpls": arpls_fit, "airpls": airpls_fit, "asls": asls_fit}
PEERS = {
    "pybaselines with pentapy": peers.pybaselines_pentapy,
    "pybaselines with scipy": peers.pybaselines_scipy,
}


def synthetic_spectra(count: int, points: int) -> FloatArray:
    """Return made-up spectra in counts, shape (count, points): fluorescence, fifteen bands, noise."""
    rng = np.random.default_rng(points)
    x = np.linspace(0.0, 1.0, points)
    values = 800.0 * np.exp(-2.0 * x) + rng.normal(0.0, 5.0, (count, points))
    for row in values:
        for height, centre in zip(rng.uniform(50.0, 2000.0, 15), rng.random(15), strict=True):
            row += height * np.exp(-(((x - centre) / 0.006) ** 2))
    return values


@pytest.mark.parametrize("points", SIZES)
@pytest.mark.parametrize("method", OURS)
def test_single(benchmark: Any, method: str, points: int) -> None:
    """One spectrum, with all that the public function does."""
    benchmark.group = f"baseline {method}, one spectrum"
    values = synthetic_spectra(1, points)[0]
    runs = {name: make(points, method, LAM) for name, make in PEERS.items()}
    fit = OURS[method](values, LAM)
    for name, run in runs.items():
        expected, solved = run(values)
        assert np.abs(fit.baseline - expected).max() < 1e-8 * np.ptp(values)
        benchmark.extra_info[f"iterations {name}"] = solved
    benchmark.extra_info["iterations"] = fit.iterations
    compare(
        benchmark,
        lambda: OURS[method](values, LAM),
        {name: lambda run=run: run(values) for name, run in runs.items()},  # type: ignore[misc]
    )


@pytest.mark.parametrize("points", SIZES)
def test_batch_on_one_core(benchmark: Any, points: int) -> None:
    """Many spectra on one thread, against a peer's time for one of them, each round another one."""
    benchmark.group = "baseline arpls, many spectra"
    count = min(BATCH, 2**19 // points)
    values = synthetic_spectra(count, points)
    runs = {name: make(points, "arpls", LAM) for name, make in PEERS.items()}
    fits = batch_fit(values, "arpls", lam=LAM)
    benchmark.extra_info["spectra"] = count
    benchmark.extra_info["mean iterations"] = float(fits.iterations.mean())
    some = values[:: count // 8]
    for i, row in enumerate(some):
        expected, _ = runs["pybaselines with pentapy"](row)
        assert np.abs(fits.baselines[i * (count // 8)] - expected).max() < 1e-8 * np.ptp(row)
    compare(
        benchmark,
        lambda: arpls_batch(values, LAM),
        {name: lambda run=run: [run(row) for row in some] for name, run in runs.items()},  # type: ignore[misc]
        calls=count / len(some),
        rounds=10,
    )
    # the peers ran on some of the spectra, ours on all
    benchmark.extra_info["microseconds a spectrum"] /= len(some)


@pytest.mark.parametrize("points", [1024])
def test_batch_over_cores(benchmark: Any, points: int) -> None:
    """Many spectra on every core, against the same on one thread."""
    benchmark.group = "baseline arpls, many spectra over cores"
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    values = synthetic_spectra(4 * BATCH, points)
    benchmark.extra_info["workers"] = cores
    compare(
        benchmark,
        lambda: arpls_batch(values, LAM, workers=cores),
        {"one thread": lambda: arpls_batch(values, LAM)},
        rounds=10,
    )
    benchmark.extra_info["microseconds a spectrum"] /= len(values)


@kernel()
def repeat_split(
    y: FloatArray, v: FloatArray, factors: FloatArray, joint: FloatArray, x: FloatArray, times: int
) -> None:
    """Solve one system of a single spectrum so many times."""
    edges = split.EDGES
    for _ in range(times):
        split.eliminate(y, v, edges, factors, joint)
        split.solve_separators(joint)
        split.substitute(y, factors, joint, x)


@kernel()
def repeat_batch(y: FloatArray, v: FloatArray, factors: FloatArray, sums: FloatArray, times: int) -> None:
    """Solve the systems of all lanes so many times."""
    for _ in range(times):
        batch.eliminate(y, v, factors, sums)
        batch.substitute(y, factors, sums)


@pytest.mark.parametrize("points", SIZES)
@pytest.mark.parametrize("kind", ["single", "batch"])
def test_share_of_the_bare_solve(benchmark: Any, kind: str, points: int) -> None:
    """What part of the time goes into solving: iterations × one bare solve ÷ the whole, as ``share``."""
    benchmark.group = "baseline arpls, bare solve"
    values = synthetic_spectra(64, points)
    lanes, times = vectors.LANES, 20
    rng = np.random.default_rng(0)
    size = points if kind == "single" else points * lanes
    y, v = rng.random(size), np.full(size, 1.0 / LAM)
    factors, x = np.empty(5 * size), np.empty(size)
    joint, sums = np.empty(18 * lanes), np.empty(8 * lanes)
    if kind == "single":
        solved = float(arpls_fit(values[0], LAM).iterations)
        compare(
            benchmark,
            lambda: repeat_split(y, v, factors, joint, x, times),
            {"whole": lambda: arpls_fit(values[0], LAM)},
            calls=times,
        )
    else:
        solved = float(batch_fit(values, lam=LAM).iterations.sum())
        compare(
            benchmark,
            lambda: repeat_batch(y, v, factors, sums, times),
            {"whole": lambda: arpls_batch(values, LAM)},
            calls=times * lanes,
            rounds=20,
        )
    benchmark.extra_info["solves"] = solved
    benchmark.extra_info["share"] = solved / benchmark.extra_info["times whole"]
