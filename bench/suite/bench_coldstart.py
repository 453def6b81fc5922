"""From nothing to an answer: imports, and a new process with compiled kernels, against the same of others."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from spectriage.bench.suite._compare import compare, report  # noqa: F401
from spectriage.spectra.signal import DEFAULT_GRID


def python(*arguments: str) -> Callable[[], None]:
    """Return a run of a new interpreter."""

    def run() -> None:
        done = subprocess.run([sys.executable, *arguments], capture_output=True, check=False)
        # 10, 11 and 12 are verdicts
        assert done.returncode in (0, 10, 11, 12), done.stderr

    return run


def test_import(benchmark: Any) -> None:
    """Import the core and the engine."""
    benchmark.group = "cold start"
    compare(
        benchmark,
        python("-c", "import spectriage.spectra"),
        {
            "import of the engine": python("-c", "import spectriage.spectra.identify"),
            "import of numba": python("-c", "import numba"),
            "import of pybaselines and scipy.optimize": python("-c", "import pybaselines, scipy.optimize"),
        },
        rounds=7,
    )


def test_first_answer(benchmark: Any, tmp_path: Path) -> None:
    """Run ``spectriage identify FILE`` in a new process, kernels compiled and library built before."""
    benchmark.group = "cold start"
    shift = DEFAULT_GRID.shift
    values = 5000.0 / (1.0 + np.square((shift - 1001.0) / 5.0)) + 300.0
    values += np.random.default_rng(0).normal(0.0, 10.0, shift.size)
    path = tmp_path / "scan.csv"
    np.savetxt(
        path, np.column_stack([shift, values]), delimiter=",", header="Raman shift (cm-1),I", comments=""
    )
    compare(
        benchmark,
        python("-m", "spectriage.spectra.cli", "identify", "--json", str(path)),
        {"import of numba": python("-c", "import numba")},
        rounds=7,
    )
