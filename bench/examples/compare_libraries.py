"""Compare two libraries on the very same scans: one whole, one without its citric acid.

Run: ``python -m spectriage.bench.examples.compare_libraries FOLDER``
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from spectriage.bench import compare_runs, parse_plan, run_plan
from spectriage.bench.validation.compare import Compared
from spectriage.library import open_library
from spectriage.library.store import write_library

PLAN = """
schema = 1
name = "acids"
title = "Two acids"
seed = 11

[[panel]]
name = "acids"
detection = "named"
targets = ["citric acid", "ascorbic acid"]
packaging = ["none", "ldpe"]
replicates = 3
"""


def main(folder: Path) -> tuple[Compared, ...]:
    """Run one plan with two libraries; return the comparison of their answers, panel by panel."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = open_library()
    keep = np.array([record.substance != "citric acid" for record in whole.records])
    smaller = folder / "without-citric-acid.h5"
    write_library(smaller, whole.subset(keep), {}, ("left out citric acid",), overwrite=True)
    plan = parse_plan(PLAN)
    run_plan(plan, folder / "whole")
    run_plan(plan, folder / "smaller", library=smaller)
    compared = compare_runs(folder / "whole", folder / "smaller")
    for item in compared:
        print(
            f"{item.panel} ({item.chapter}): both right {item.both}, only the whole library "
            f"{item.only_first}, only the smaller {item.only_second}, neither {item.neither}; "
            f"McNemar p = {item.p_value:.3g}"
        )
    return compared


if __name__ == "__main__":
    main(Path(sys.argv[1]))
