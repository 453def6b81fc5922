"""Accumulate until the decision is resolved or the time is up; several spots of one item kept apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Generic, TypeVar

import numpy as np

from spectriage.device.acquire.acquisition import Acquirer, Stage
from spectriage.device.contract.clock import Deadline
from spectriage.device.contract.rawscan import RawScan
from spectriage.spectra.spectrum import Spectrum

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
    decide: Callable[[Spectrum], Decision],
    resolved: Callable[[Decision], bool],
    deadline: Deadline,
) -> Accumulated[Decision]:
    """Scan until a decision is resolved, doubling the exposures between looks.

    Parameters
    ----------
    acquirer
        Its device's settings give one step: exposure and accumulations.
    decide
        Identifies the spectrum accumulated so far.
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
                scan = acquirer.lit(deadline)
                total = scan if total is None else merge(total, scan)
                taken += 1
            assert total is not None
            acquirer.report(Stage.DECIDE, taken, 0, "deciding")
            decision = decide(total.to_spectrum())
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


@dataclass(frozen=True)
class Spots(Generic[Decision]):
    """Several spots of one item, each with its own scan and decision, and the decision on all together.

    Parameters
    ----------
    spots
        One a spot, in the order measured.
    together
        Mean of all spots' spectra on the first one's axis, and the decision on it: a minor component of one
        spot may drown in it, so that the spots are what a verdict must rest on.
    together_decision
        See above.
    """

    spots: tuple[Accumulated[Decision], ...]
    together: Spectrum
    together_decision: Decision


def measure_spots(
    acquirer: Acquirer,
    count: int,
    next_spot: Callable[[int], None],
    decide: Callable[[Spectrum], Decision],
    resolved: Callable[[Decision], bool],
    spot_seconds: float,
    finished: Callable[[int, Accumulated[Decision]], None] = lambda spot, accumulated: None,
) -> Spots[Decision]:
    """Measure several spots of one uneven item, keeping them apart.

    Parameters
    ----------
    acquirer
        Its light is out while `next_spot` runs.
    count
        Number of spots.
    next_spot
        Called with 0, 1, … before each: asks the operator to move the item, or moves a stage.
    decide, resolved
        As for `accumulate`.
    spot_seconds
        Time allowed for each spot, on the device's clock.
    finished
        Called with each spot as soon as it is measured, so that it is not lost when a later one fails.
    """
    found: list[Accumulated[Decision]] = []
    for spot in range(count):
        next_spot(spot)
        deadline = Deadline.after(spot_seconds, acquirer.device.clock)
        found.append(accumulate(acquirer, decide, resolved, deadline))
        finished(spot, found[-1])
    together = _mean([item.raw.to_spectrum() for item in found])
    return Spots(tuple(found), together, decide(together))


def _mean(spectra: list[Spectrum]) -> Spectrum:
    """Return the mean spectrum of spots that share an axis, with its variance."""
    first, n = spectra[0], len(spectra)
    intensity = np.mean([spectrum.intensity for spectrum in spectra], axis=0)
    variances = [spectrum.variance for spectrum in spectra if spectrum.variance is not None]
    variance = np.sum(variances, axis=0) / n**2 if len(variances) == n else None
    saturated = any(spectrum.metadata.get("saturated", False) for spectrum in spectra)
    return first.with_step(
        f"mean of {n} spots",
        intensity=intensity,
        variance=variance,
        metadata={**first.metadata, "spots": n, "saturated": saturated},
    )
