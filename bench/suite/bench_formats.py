"""Reading a text file of two columns, with all that is checked, against NumPy's parser of numbers alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spectriage.bench.suite._compare import compare, report  # noqa: F401
from spectriage.spectra.formats import read_spectrum


@pytest.mark.parametrize("points", [1_000, 1_000_000])
@pytest.mark.parametrize("separator", ["\t", ","], ids=["tab", "comma"])
def test_two_columns(benchmark: Any, tmp_path: Path, points: int, separator: str) -> None:
    """A shift of four decimals and an intensity of three."""
    benchmark.group = "files"
    counts = np.random.default_rng(0).normal(1_000.0, 30.0, points)
    table = np.column_stack([np.linspace(100.0, 3_000.0, points), counts])
    path = tmp_path / "scan.txt"
    np.savetxt(path, table, fmt=["%.4f", "%.3f"], delimiter=separator)
    delimiter = None if separator == "\t" else separator
    assert np.array_equal(read_spectrum(path).intensity, np.loadtxt(path, delimiter=delimiter)[:, 1])
    compare(
        benchmark,
        lambda: read_spectrum(path),
        {"numpy.loadtxt": lambda: np.loadtxt(path, delimiter=delimiter)},
        rounds=60 if points < 10_000 else 5,
    )
