"""Benchmarks, peers, labelled sets and validation; what lab scripts use comes from here.

>>> from spectriage.bench import load_plan, run_plan, write_report        # doctest: +SKIP
>>> run_plan(load_plan("fentanyl-e3290"), "records", jobs=4)              # doctest: +SKIP
>>> write_report("records")                                               # doctest: +SKIP

``examples/`` holds three worked scripts. Nothing is imported before it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spectriage.spectra.facade import late

if TYPE_CHECKING:
    from spectriage.bench.methods.match import compare_methods
    from spectriage.bench.methods.methods import METHODS, Decision, Method, Ranked, make_methods
    from spectriage.bench.report.statistics import Interval, Proportion, clustered, paired_difference
    from spectriage.bench.sets.names import Names
    from spectriage.bench.sets.public import load_set
    from spectriage.bench.sets.sets import LabelledSet, LabelledSpectrum, read_set
    from spectriage.bench.validation.analysis import Results, analyse
    from spectriage.bench.validation.compare import compare_runs
    from spectriage.bench.validation.plan import Plan
    from spectriage.bench.validation.plan_file import load_plan, parse_plan, shipped_plans
    from spectriage.bench.validation.report import write_report
    from spectriage.bench.validation.run import run_plan
    from spectriage.bench.validation.statistics import allowed_failures, trials_needed
    from spectriage.bench.validation.store import latest_run

__all__ = [
    "METHODS",
    "Decision",
    "Interval",
    "LabelledSet",
    "LabelledSpectrum",
    "Method",
    "Names",
    "Plan",
    "Proportion",
    "Ranked",
    "Results",
    "allowed_failures",
    "analyse",
    "clustered",
    "compare_methods",
    "compare_runs",
    "latest_run",
    "load_plan",
    "load_set",
    "make_methods",
    "paired_difference",
    "parse_plan",
    "read_set",
    "run_plan",
    "shipped_plans",
    "trials_needed",
    "write_report",
]


__getattr__, __dir__ = late(
    __name__,
    {
        "methods.match": ("compare_methods",),
        "methods.methods": ("Decision", "METHODS", "Method", "Ranked", "make_methods"),
        "sets.names": ("Names",),
        "sets.public": ("load_set",),
        "sets.sets": ("LabelledSet", "LabelledSpectrum", "read_set"),
        "report.statistics": ("Interval", "Proportion", "clustered", "paired_difference"),
        "validation.analysis": ("Results", "analyse"),
        "validation.compare": ("compare_runs",),
        "validation.plan": ("Plan",),
        "validation.plan_file": ("load_plan", "parse_plan", "shipped_plans"),
        "validation.report": ("write_report",),
        "validation.run": ("run_plan",),
        "validation.statistics": ("allowed_failures", "trials_needed"),
        "validation.store": ("latest_run",),
    },
)
