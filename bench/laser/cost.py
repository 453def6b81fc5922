"""What the supervisor adds to a scan: the same unit in a process of its own, with and without one between."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from spectriage.bench.laser.program import open_unit
from spectriage.device.acquire.acquisition import Acquirer
from spectriage.device.contract.clock import Deadline
from spectriage.device.contract.spectrometer import ScanSettings
from spectriage.device.testing.emulation.unit import UnitProcess
from spectriage.spectra.arrays import FloatArray


@dataclass(frozen=True)
class Cost:
    """Times of a scan with its dark, in ms, shape (n,) each; turns alternate between the two."""

    supervised_ms: FloatArray
    direct_ms: FloatArray

    @property
    def more_ms(self) -> float:
        """Difference of the medians."""
        return float(np.median(self.supervised_ms) - np.median(self.direct_ms))

    @property
    def more_quiet_ms(self) -> float:
        """Difference of the 10 % quantiles: what it costs where no other program takes the processor."""
        return float(np.quantile(self.supervised_ms, 0.1) - np.quantile(self.direct_ms, 0.1))


def measure_cost(model: str, *, turns: int = 8, scans: int = 10, exposure_ms: float = 20.0) -> Cost:
    """Measure on one emulated model.

    Parameters
    ----------
    model
        With a laser or gate line.
    turns, scans
        So many turns of so many scans each, with and without alternating; the first scan of a turn is not
        counted.
    exposure_ms
        Of each.
    """
    taken: dict[bool, list[float]] = {True: [], False: []}
    with tempfile.TemporaryDirectory() as folder, UnitProcess(model, Path(folder) / "light") as unit:
        for turn in range(2 * turns):
            supervised = turn % 2 == 0
            with open_unit(model, unit.bus, supervised=supervised) as device:
                device.configure(ScanSettings(exposure_ms, 1))
                acquirer = Acquirer(device)
                for scan in range(scans + 1):
                    acquirer.forget_dark()
                    began = time.perf_counter()
                    acquirer.scan(Deadline.after(30.0))
                    if scan:
                        taken[supervised].append((time.perf_counter() - began) * 1e3)
    return Cost(np.array(taken[True]), np.array(taken[False]))
