"""Validate a method: write a plan, run it, judge it by the criteria it fixed, and write the report.

Run: ``python -m spectriage.bench.examples.validate_a_method FOLDER``
"""

from __future__ import annotations

import sys
from pathlib import Path

from spectriage.bench import Results, analyse, parse_plan, run_plan, trials_needed, write_report

PLAN = """
schema = 1
name = "heroin-in-lactose"
title = "Heroin hydrochloride in lactose, through polyethylene"
purpose = "A small plan, as an example."
limits = ["One matrix and one wrapping: it says nothing of others."]
seed = 7

[[panel]]
name = "pod"
title = "Heroin hydrochloride in lactose"
targets = ["heroin hcl"]
levels = [0.05, 0.3]
matrices = ["lactose"]
packaging = ["ldpe"]
draws = {trials}

[[panel]]
name = "blanks"
title = "Lactose alone"
purpose = "blank"
matrices = ["lactose"]
packaging = ["ldpe"]
draws = 8

[[criterion]]
name = "POD at 30 % of the signal"
kind = "pod"
panel = "pod"
where = {{ level = 0.3 }}
at_least = 0.80
confidence = 0.90

[[criterion]]
name = "no alarm on lactose"
kind = "false-alarms"
panel = "blanks"
events = 0
"""


def main(folder: Path) -> Results:
    """Run the plan into a folder; return the results."""
    # The number of trials follows from what is to be shown, before anything is run.
    plan = parse_plan(PLAN.format(trials=trials_needed(pod=0.80, confidence=0.90)))
    run = run_plan(plan, folder)
    print(write_report(folder))
    results = analyse(plan, run.number, run.header(), run.records())
    for item in results.judged:
        print(f"{item.outcome}: {item.criterion.name}: {item.observed} (required: {item.required})")
    return results


if __name__ == "__main__":
    main(Path(sys.argv[1]))
