"""Timing something against its peers in turn, so that what else the machine does falls on all of them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest


def seconds(run: Callable[[], Any]) -> float:
    """Return how long one call takes."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def compare(
    benchmark: Any,
    ours: Callable[[], Any],
    others: dict[str, Callable[[], Any]],
    *,
    calls: float = 1.0,
    rounds: int = 60,
) -> None:
    """Time `ours` in rounds, each peer once before each round; one run of ours is worth `calls` of a peer."""
    times: dict[str, list[float]] = {name: [] for name in others}

    def before_round() -> None:
        for name, other in others.items():
            times[name].append(seconds(other))

    for run in (ours, *others.values()):
        run()
    benchmark.pedantic(ours, setup=before_round, rounds=rounds, iterations=1, warmup_rounds=0)
    own = np.array(benchmark.stats.stats.data) / calls
    benchmark.extra_info["microseconds a spectrum"] = float(np.median(own)) * 1e6
    benchmark.extra_info["threads"] = os.environ.get("OMP_NUM_THREADS", "not pinned")
    for name, taken in times.items():
        first, middle, last = np.quantile(np.array(taken[-own.size :]) / own, [0.25, 0.5, 0.75])
        benchmark.extra_info[f"times {name}"] = float(middle)
        benchmark.extra_info[f"quartiles {name}"] = [float(first), float(last)]


@pytest.fixture(autouse=True)
def report(
    request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str], benchmark: Any
) -> Iterator[None]:
    """Print what a benchmark found."""
    yield
    with capsys.disabled():
        print(f"\n{request.node.name}")
        for name, value in benchmark.extra_info.items():
            print(f"    {name}: {value:.4g}" if isinstance(value, float) else f"    {name}: {value}")
