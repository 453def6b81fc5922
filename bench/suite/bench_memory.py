"""Peak memory of a process that identifies with 10,000 references, kernels compiled before.

The scans are of different materials each, so that what is kept from scan to scan is counted too.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from spectriage.bench.sets.made_up import enlarged_library, made_up_scan
from spectriage.bench.suite._compare import report  # noqa: F401
from spectriage.library.store import write_library

REFERENCES = 10_000
SCANS = 160
PROGRAM = """
import json, resource, sys
from pathlib import Path
def peak():
    # Linux hands the highest ru_maxrss of the process that started this one on to it: VmHWM is its own
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().split("VmHWM:")[1].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2 ** (20 if sys.platform == "darwin" else 10)
found = {}
import numpy
found["numpy"] = peak()
import numba
found["numba"] = peak()
from spectriage.library.store import read_library
from spectriage.spectra.identify import Identifier
from spectriage.spectra.spectrum import Spectrum
found["engine imported"] = peak()
references = read_library(sys.argv[1])
found["library checked and opened"] = peak()
engine = Identifier(references)
found["engine ready"] = peak()
shift, *scans = numpy.load(sys.argv[2])
for i, counts in enumerate(scans):
    engine.identify(Spectrum(shift, counts, counts + 25.0))
    if i == 0:
        found["one scan identified"] = peak()
found[f"{len(scans)} scans identified"] = peak()
together = [Spectrum(shift, counts, counts + 25.0) for counts in scans]
for answer in engine.identify_each(together):
    pass
found[f"{len(scans)} scans identified together"] = peak()
print(json.dumps(found))
"""


def test_peak_memory(benchmark: Any, tmp_path: Path) -> None:
    """Megabytes after each step, the peak so far."""
    benchmark.group = "memory"
    path, scans = tmp_path / "library.h5", tmp_path / "scans.npy"
    references = enlarged_library(REFERENCES)
    write_library(path, references)
    mixtures = (made_up_scan(references, [7 * i, 31 * i + 5], seed=i) for i in range(SCANS))
    np.save(scans, np.stack([references.shift, *(scan.intensity for scan in mixtures)]))
    command = [sys.executable, "-c", PROGRAM, str(path), str(scans)]
    subprocess.run(command, check=True, capture_output=True)
    found: list[bytes] = []
    benchmark.pedantic(
        lambda: found.append(subprocess.run(command, check=True, capture_output=True).stdout), rounds=1
    )
    benchmark.extra_info["references"] = REFERENCES
    for step, megabytes in json.loads(found[-1]).items():
        benchmark.extra_info[f"MB, {step}"] = megabytes
