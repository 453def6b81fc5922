"""Benchmarks, peers, labelled sets and validation; what lab scripts use comes from here.

>>> from spectriage.bench import load_plan, run_plan, write_report        # doctest: +SKIP
>>> run_plan(load_plan("fentanyl-e3290"), "records", jobs=4)              # doctest: +SKIP
>>> write_report("records")                                               # doctest: +SKIP

``examples/`` holds three worked scripts. Nothing is imported before it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spectriage.bench.methods.match import compare_methods
    from spectriage.bench.methods.methods import METHODS, Decision, Method, Ranked, make_methods
    from spectriage.bench.sets.names import Names
    from spectriage.bench.sets.public import load_set
    from spectriage.bench.sets.sets import LabelledSet, LabelledSpectrum, Origin, read_set
    from spectriage.bench.report.statistics import Interval, Proportion, clustered, paired_difference
    from spectriage.bench.validation.analysis import Results, analyse
    from spectriage.bench.validation.compare import compare_runs
    from spectriage.bench.validation.plan import Plan, load_plan, parse_plan, shipped_plans
    from spectriage.bench.validation.report import write_report
    from spectriage.bench.validation.run import run_plan
    from spectriage.bench.validation.statistics import allowed_failures, trials_needed
    from spectriage.bench.validation.store import latest_run

_LATE = {
    "METHODS": "methods",
    "Decision": "methods",
    "Interval": "statistics",
    "LabelledSet": "sets",
    "LabelledSpectrum": "sets",
    "Method": "methods",
    "Names": "names",
    "Origin": "sets",
    "Plan": "validation.plan",
    "Proportion": "statistics",
    "Ranked": "methods",
    "Results": "validation.analysis",
    "allowed_failures": "validation.statistics",
    "analyse": "validation.analysis",
    "clustered": "statistics",
    "compare_methods": "match",
    "compare_runs": "validation.compare",
    "latest_run": "validation.store",
    "load_plan": "validation.plan",
    "load_set": "public",
    "make_methods": "methods",
    "paired_difference": "statistics",
    "parse_plan": "validation.plan",
    "read_set": "sets",
    "run_plan": "validation.run",
    "shipped_plans": "validation.plan",
    "trials_needed": "validation.statistics",
    "write_report": "validation.report",
}

__all__ = [
    "METHODS",
    "Decision",
    "Interval",
    "LabelledSet",
    "LabelledSpectrum",
    "Method",
    "Names",
    "Origin",
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


def __getattr__(name: str) -> Any:
    """Import on first use."""
    if name in _LATE:
        from importlib import import_module

        return getattr(import_module(f"spectriage.bench.{_LATE[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
