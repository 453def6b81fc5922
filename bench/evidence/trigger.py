"""Trigger to verdict: how long an operator waits, on the device's own clock.

A simulated spectrometer at safe laser power looks at harmless and hazardous samples through a bag, in the way
`spectriage scan --seconds` does: dark, scan and decisions; with `auto` a search for the exposure comes
before. Nothing waits in truth: the seconds are those that a real instrument of these exposures would take,
without the time of computing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from spectriage.bench.report.runner import Jobs, run
from spectriage.bench.report.statistics import Interval, cluster_bootstrap
from spectriage.bench.report.tables import Report, Table
from spectriage.bench.sets.simulation import BAG
from spectriage.spectra.errors import SpectriageError
from spectriage.spectra.identify import Identifier
from spectriage.spectra.origin import Origin
from spectriage.spectra.progress import Progress

HARMLESS = (
    "acetaminophen", "caffeine", "lactose", "mannitol", "sucrose", "glucose", "ibuprofen", "metamizole",
    "citric acid", "calcium carbonate", "sodium sulfate", "starch", "talc", "melamine", "urea", "glycine",
    "caffeine:0.5+lactose", "acetaminophen:0.5+caffeine", "sucrose:0.6+starch", "lidocaine",
)  # fmt: skip
HAZARDOUS = (
    "fentanyl HCl", "fentanyl HCl:0.3+lactose", "fentanyl HCl:0.3+caffeine", "fentanyl HCl:0.2+mannitol",
    "heroin HCl", "heroin HCl:0.4+caffeine", "cocaine HCl", "cocaine HCl:0.5+lactose",
    "methamphetamine HCl", "methamphetamine HCl:0.5+sucrose", "mdma-hcl", "mdma-hcl:0.5+lactose",
    "ketamine", "RDX", "TNT", "PETN", "HMX", "TATP", "ammonium nitrate", "potassium chlorate",
)  # fmt: skip
PRESET = "785-ccd"
LONGEST_S = 45.0
SEED = 20_261_127


@dataclass(frozen=True)
class Wait:
    """How long one verdict took.

    Parameters
    ----------
    seconds
        On the device's clock, from trigger to verdict.
    exposure_s
        Of one exposure, as found.
    accumulations
        How many of them the answer rests on.
    """

    sample: str
    hazardous: bool
    seconds: float
    exposure_s: float
    accumulations: int
    looks: int
    verdict: str
    reason: str


def trigger(
    engine: Identifier,
    report: Report,
    *,
    harmless: Sequence[str] = HARMLESS,
    hazardous: Sequence[str] = HAZARDOUS,
    preset: str = PRESET,
    auto: bool = False,
    jobs: Jobs = 1,
    progress: Progress | None = None,
) -> list[Wait]:
    """Add the tables of waits, and return them.

    Parameters
    ----------
    harmless, hazardous
        Samples as ``sim:`` URIs have them.
    preset
        The simulated instrument.
    auto
        Whether the exposure is sought first.
    """
    tasks = [(name, False, auto, preset, SEED + i) for i, name in enumerate(harmless)]
    tasks += [(name, True, auto, preset, SEED + 1000 + i) for i, name in enumerate(hazardous)]
    waits = run(_one, engine, tasks, jobs=jobs, title="trigger to verdict", progress=progress)
    origin = Origin.SIMULATED
    report.add(_table(waits, origin), _samples(waits, origin))
    report.detail(origin, "trigger", [asdict(wait) for wait in waits])
    report.figure(origin, "trigger: median, s", _median(waits))
    report.figure(origin, "trigger: worst, s", max(wait.seconds for wait in waits))
    report.figure(origin, "trigger: decided", sum(wait.verdict != "INCONCLUSIVE" for wait in waits))
    return waits


def _one(engine: Identifier, task: tuple[str, bool, bool, str, int]) -> Wait:
    from spectriage.device.contract import open_device
    from spectriage.device.session import ScanPlan, Session

    name, hazardous, auto, preset, seed = task
    with open_device(f"sim:{name}?packaging={BAG}&preset={preset}&seed={seed}") as device:
        # without a calibration the session never leaves safe power
        session = Session(device, engine, plan=ScanPlan(auto=auto, seconds=LONGEST_S))
        start = device.clock.monotonic()
        try:
            result = session.run()
        except SpectriageError as error:
            waited = device.clock.monotonic() - start
            return Wait(name, hazardous, waited, 0.0, 0, 0, "INCONCLUSIVE", f"refused: {error}")
        return Wait(
            name,
            hazardous,
            device.clock.monotonic() - start,
            result.raw.integration_ms * 1e-3,
            result.raw.accumulations,
            result.looks,
            str(result.identification.verdict),
            result.identification.reason,
        )


def _median(waits: Sequence[Wait]) -> Interval:
    return cluster_bootstrap(waits, lambda drawn: float(np.median([wait.seconds for wait in drawn])))


def _table(waits: Sequence[Wait], origin: Origin) -> Table:
    rows: list[list[Any]] = []
    for label, mine in (
        ("all", list(waits)),
        ("harmless", [wait for wait in waits if not wait.hazardous]),
        ("hazardous", [wait for wait in waits if wait.hazardous]),
    ):
        if mine:
            raised = sum(wait.verdict in ("ALARM", "WARNING") for wait in mine)
            clear = sum(wait.verdict == "NO_ALARM" for wait in mine)
            worst = max(wait.seconds for wait in mine)
            rows.append([label, len(mine), _median(mine), worst, raised, clear, len(mine) - raised - clear])
    return Table(
        "trigger",
        "Seconds from trigger to verdict, through a bag, at safe laser power",
        ("samples", "n", "median s [95 %]", "worst s", "raised", "NO_ALARM", "INCONCLUSIVE"),
        rows,
        origin,
        (
            "On the simulated device's clock: exposures, darks and commands, without computing.",
            f"The samples are perturbed; light is collected for {LONGEST_S:g} s at most.",
        ),
    )


def _samples(waits: Sequence[Wait], origin: Origin) -> Table:
    rows: list[list[Any]] = [
        [
            w.sample,
            w.hazardous,
            round(w.seconds, 1),
            w.exposure_s,
            w.accumulations,
            w.looks,
            w.verdict,
            w.reason,
        ]
        for w in sorted(waits, key=lambda wait: -wait.seconds)
    ]
    return Table(
        "trigger: samples",
        "Each sample, slowest first",
        ("sample", "hazardous", "seconds", "exposure s", "exposures", "looks", "verdict", "reason"),
        rows,
        origin,
    )
