"""The cost of one identification against the number of references, and against that of points."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spectriage.bench.sets.made_up import enlarged_library, made_up_scan, shipped_library_on
from spectriage.library.store import write_library
from spectriage.spectra.contrast.rows import BROADENINGS_CM, HELD_BYTES
from spectriage.spectra.errors import SpectriageError
from spectriage.spectra.progress import Progress
from spectriage.spectra.reference import ReferenceSet

REFERENCES = (100, 316, 1000, 3162, 10_000, 31_623, 100_000)
MANY_REFERENCES = (1_000_000,)
POINTS = (256, 512, 1024, 2048, 4096, 8192)
SCANS = 24
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
)


@dataclass(frozen=True)
class Cost:
    """What a process took with one library.

    Parameters
    ----------
    references, points
        Of the library, n and m.
    file_mb
        Of its file.
    identify_ms
        Of one identification: the median over scans, each the fastest of some times, processor time.
    opening_s, first_s
        Until the file is checked and open, and from there to the first answer.
    peak_mb, own_mb, mapped_mb
        The most memory it held; in the end, its own, and pages of files. None where that is not known.
    library_mb
        Pages of the library's file among these: they are the system's, and taken back when it needs them.
    beyond_mb
        The most memory it held beyond them.
    """

    references: int
    points: int
    file_mb: float
    identify_ms: float
    opening_s: float
    first_s: float
    peak_mb: float | None = None
    own_mb: float | None = None
    mapped_mb: float | None = None
    library_mb: float | None = None
    beyond_mb: float | None = None


@dataclass(frozen=True)
class Growth:
    """Costs by the number of references, at 1,024 points, and by that of points, of the shipped library."""

    references: tuple[Cost, ...]
    points: tuple[Cost, ...]

    def to_json(self) -> dict[str, Any]:
        """Return it as an object, with slopes."""
        made: dict[str, Any] = {"schema": 1, "data": "synthetic references and scans"}
        for axis in ("references", "points"):
            costs: tuple[Cost, ...] = getattr(self, axis)
            steps = [None, *slopes([getattr(cost, axis) for cost in costs], costs)]
            made[axis] = [{**asdict(cost), "slope": step} for cost, step in zip(costs, steps, strict=False)]
        if len(self.references) > 1:
            made["each_ns"], made["bend"] = 1e6 * each_reference(self.references), bend(self.references)
            made["held_whole"] = held_whole(self.references[0].points)
        return made


def measure(
    references: Sequence[int] = REFERENCES, points: Sequence[int] = POINTS, progress: Progress | None = None
) -> Growth:
    """Make each library, and identify with it in a process of its own.

    Raises
    ------
    SpectriageError
        When a process fails.
    """
    steps = [("references", size) for size in references] + [("points", size) for size in points]
    found: dict[str, list[Cost]] = {"references": [], "points": []}
    for done, (axis, size) in enumerate(steps):
        if progress is not None:
            progress("measuring", done, len(steps))
        made = enlarged_library(size) if axis == "references" else shipped_library_on(size)
        found[axis].append(cost_of(made))
    if progress is not None:
        progress("measuring", len(steps), len(steps))
    return Growth(tuple(found["references"]), tuple(found["points"]))


def cost_of(references: ReferenceSet) -> Cost:
    """Write a library and some scans, and have a process identify them."""
    from spectriage.library.files import cache_folder

    # beside the cache: the folder for temporary files may lie in memory
    cache_folder().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache_folder(), prefix="growth-") as folder:
        path, scans = Path(folder) / "library.h5", Path(folder) / "scans.npy"
        write_library(path, references)
        count = len(references)
        made = [
            made_up_scan(references, [(7 * i + step * 31) % count for step in range(1 + i % 3)], seed=i)
            for i in range(SCANS)
        ]
        np.save(scans, np.stack([references.shift, *(scan.intensity for scan in made)]))
        command = [sys.executable, "-m", "spectriage.bench.growth.process", str(path), str(scans)]
        # the first run compiles what is not compiled yet
        for _ in range(2):
            done = subprocess.run(
                command, env={**os.environ, **ONE_THREAD}, capture_output=True, text=True, check=False
            )
            if done.returncode != 0:
                raise SpectriageError(f"the process failed: {done.stderr.strip()[-500:]}")
            if count > REFERENCES[0]:
                break
        told = json.loads(done.stdout)
        return Cost(
            count,
            references.shift.size,
            path.stat().st_size / 2**20,
            told["identify_ms"],
            told["opening_s"],
            told["first_s"],
            told.get("VmHWM"),
            told.get("RssAnon"),
            told.get("RssFile"),
            told.get("library"),
            told.get("beyond"),
        )


def slopes(sizes: Sequence[int], costs: Sequence[Cost]) -> list[float]:
    """Return the slope between neighbours on logarithmic axes: 1 where twice the size costs twice as much."""
    return [
        math.log(after.identify_ms / before.identify_ms) / math.log(larger / smaller)
        for smaller, larger, before, after in zip(sizes, sizes[1:], costs, costs[1:], strict=False)
    ]


def each_reference(costs: Sequence[Cost]) -> float:
    """Return what one more reference costs in ms, between the two largest libraries."""
    before, after = costs[-2:]
    return (after.identify_ms - before.identify_ms) / (after.references - before.references)


def bend(costs: Sequence[Cost]) -> float:
    """Return how many references cost, at that rate, as much as identifying with the smallest library."""
    return costs[0].identify_ms / each_reference(costs)


def held_whole(points: int) -> int:
    """Return up to how many references of so many points the engine holds ready at all resolutions."""
    return HELD_BYTES // (len(BROADENINGS_CM) * 4 * points)
