"""Accumulate until the decision is resolved or the time is up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Generic, TypeVar

import numpy as np

from spectriage.device.acquire.acquisition import Acquirer, Stage
from spectriage.device.contract.clock import Deadline
from spectriage.device.contract.rawscan import RawScan

Decision = TypeVar("Decision")

MAX_LOOKS = 8
"""Times that the decision is asked at most: each look is another chance of a false alarm."""


class AccumulationEnd(StrEnum):
    """Why an accumulation ended."""

    RESOLVED = "resolved"
    TIME_UP = "time up"
    SATURATED = "saturated"


@dataclass(frozen=True)
class Accumulated(Generic[Decision]):
    """What an accumulation gave.

    Parameters
    ----------
    raw
        Mean of all exposures, with its dark.
    decision
        The last that was made, on `raw`.
    end
        Why it ended.
    looks
        How often the decision was asked: false-alarm rates hold for this rule only with its looks.
    """

    raw: RawScan
    decision: Decision
    end: AccumulationEnd
    looks: int


def accumulate(
    acquirer: Acquirer,
    decide: Callable[[RawScan], Decision],
    resolved: Callable[[Decision], bool],
    deadline: Deadline,
) -> Accumulated[Decision]:
    """Scan until a decision is resolved, doubling the exposures between looks.

    Parameters
    ----------
    acquirer
        Its device's settings give one step: exposure and accumulations.
    decide
        Identifies the scan accumulated so far, on whatever axis it knows.
    resolved
        Whether that decision needs no more light.
    deadline
        When to stop at the latest; at least one scan is taken.

    Raises
    ------
    DeviceError
        What went wrong, or DeviceAbortedError on cancel; the light is out.

    Notes
    -----
    Looking again and again at growing data raises the chance of a false alarm. Looks therefore come after 1,
    2, 4, … steps and at most `MAX_LOOKS` times, and their number is part of the result.
    """
    settings = acquirer.settings
    acquirer.dark(deadline)
    step_s = settings.duration_s
    looks, taken = 0, 0
    total: RawScan | None = None
    with acquirer.light(acquirer.device, deadline.remaining_s):
        while True:
            for _ in range(max(1, taken)):
                if total is not None and deadline.remaining_s < step_s:
                    break
                acquirer.report(Stage.SCAN, taken, 0, f"{taken * settings.accumulations} exposures so far")
                scan = acquirer.lit(deadline, total)
                total = scan if total is None else merge(total, scan)
                taken += 1
            assert total is not None
            acquirer.report(Stage.DECIDE, taken, 0, "deciding")
            decision = decide(total)
            looks += 1
            if bool(np.any(total.saturated)):
                end = AccumulationEnd.SATURATED
            elif resolved(decision):
                end = AccumulationEnd.RESOLVED
            elif looks >= MAX_LOOKS or deadline.remaining_s < step_s:
                end = AccumulationEnd.TIME_UP
            else:
                continue
            break
    acquirer.report(Stage.DONE, taken, taken, str(end))
    return Accumulated(total, decision, end, looks)


def merge(a: RawScan, b: RawScan) -> RawScan:
    """Return the mean of two scans of one exposure on one device, weighted by their accumulations."""
    count = a.accumulations + b.accumulations
    return replace(
        a,
        counts=(a.counts * a.accumulations + b.counts * b.accumulations) / count,
        saturated=a.saturated | b.saturated,
        accumulations=count,
        finished=b.finished,
    )
