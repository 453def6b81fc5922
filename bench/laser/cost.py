"""What the supervisor adds to a scan: the same unit in a process of its own, with and without one between."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spectriage.bench.laser.program import open_unit
from spectriage.device.acquire.acquisition import Acquirer
from spectriage.device.contract.clock import Deadline
from spectriage.device.contract.spectrometer import ScanSettings
from spectriage.device.testing.emulation.unit import UnitProcess
from spectriage.spectra.arrays import FloatArray

TRIPS = 400


@dataclass(frozen=True)
class Cost:
    """Times of a scan with its dark, in ms, shape (n,) each; turns alternate between the two.

    `calls` is how many transfers a supervised scan takes, `trip_us` by how many microseconds the fastest of
    many transfers is slower through the supervisor.
    """

    supervised_ms: FloatArray
    direct_ms: FloatArray
    calls: float
    trip_us: float

    @property
    def computed_ms(self) -> float:
        """What the transfers of a scan cost more where no other program takes the processor: computed."""
        return self.calls * self.trip_us * 1e-3

    @property
    def more_ms(self) -> float:
        """Difference of the medians."""
        return float(np.median(self.supervised_ms) - np.median(self.direct_ms))

    @property
    def more_fastest_ms(self) -> float:
        """Difference of the fastest scans."""
        return float(self.supervised_ms.min() - self.direct_ms.min())


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
    trips: dict[bool, list[float]] = {True: [], False: []}
    calls = 0.0
    with tempfile.TemporaryDirectory() as folder, UnitProcess(model, Path(folder) / "light") as unit:
        for turn in range(2 * turns):
            supervised = turn % 2 == 0
            opened: Any = open_unit(model, unit.bus, supervised=supervised)
            with opened as device:
                device.configure(ScanSettings(exposure_ms, 1))
                acquirer = Acquirer(device)
                bus: Any = device._pyusb_device()
                for scan in range(scans + 1):
                    before = bus.backend.calls
                    acquirer.forget_dark()
                    began = time.perf_counter()
                    acquirer.scan(Deadline.after(30.0))
                    if scan:
                        taken[supervised].append((time.perf_counter() - began) * 1e3)
                        calls = bus.backend.calls - before if supervised else calls
                trips[supervised] += [_trip_us(bus) for _ in range(TRIPS)]
    trip_us = min(trips[True]) - min(trips[False])
    return Cost(np.array(taken[True]), np.array(taken[False]), calls, trip_us)


def _trip_us(bus: Any) -> float:
    """Time the reading of a string descriptor, which every unit answers at once."""
    began = time.perf_counter()
    bus.ctrl_transfer(0x80, 0x06, 0x0300, 0, 4, timeout=500)
    return (time.perf_counter() - began) * 1e6
