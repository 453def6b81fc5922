"""Building a library file of 10,000 and of 100,000 measured spectra: processor time, and peak memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from spectriage.bench.sets.made_up import made_up_folder
from spectriage.bench.suite._compare import report  # noqa: F401

PROGRAM = """
import json, os, resource, sys
from pathlib import Path
from spectriage.library.building.build import build_library

made = build_library(Path(sys.argv[1]), Path(sys.argv[2]))
status = Path("/proc/self/status")
if status.exists():
    peak = int(status.read_text().split("VmHWM:")[1].split()[0]) / 1024
else:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2 ** (20 if sys.platform == "darwin" else 10)
times = os.times()
print(json.dumps([len(made), times.user + times.system, peak]))
"""


@pytest.mark.parametrize("count", [10_000, pytest.param(100_000, marks=pytest.mark.full)])
def test_building(benchmark: Any, tmp_path: Path, count: int) -> None:
    """Read text files of 600 points, derive everything, check it, write it, and open what was written."""
    benchmark.group = "building"
    manifest = made_up_folder(tmp_path / "spectra", count)
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "made.h5"), str(manifest)]
    found: list[bytes] = []
    benchmark.pedantic(
        lambda: found.append(subprocess.run(command, check=True, capture_output=True).stdout), rounds=1
    )
    references, seconds, megabytes = json.loads(found[-1])
    benchmark.extra_info["references"] = references
    # processor time: reading files waits for others on a shared machine
    benchmark.extra_info["microseconds a spectrum"] = 1e6 * seconds / references
    benchmark.extra_info["MB, peak"] = megabytes
