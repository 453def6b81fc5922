"""`Session`: one scan from trigger to answer, in the one order that is safe."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from spectriage.device.acquire.accumulate import Accumulated, AccumulationEnd, accumulate, merge
from spectriage.device.acquire.acquisition import (
    Acquirer,
    CancelToken,
    PartialCallback,
    ProgressCallback,
    ignore_partial,
    ignore_progress,
    powered_light,
    scan_time_s,
)
from spectriage.device.acquire.exposure import AIM, HIGH, ExposureResult, auto_expose, brightest
from spectriage.device.calibration.calibration import Calibration
from spectriage.device.calibration.unit import UnitCalibration
from spectriage.device.contract.capabilities import LaserPower, LaserSource
from spectriage.device.contract.clock import Deadline
from spectriage.device.contract.errors import DeviceSettingsError
from spectriage.device.contract.rawscan import RawScan
from spectriage.device.contract.spectrometer import ScanSettings, Spectrometer
from spectriage.device.laser.power import safe_power_mw
from spectriage.device.session.plan import ScanPlan
from spectriage.device.session.power import full_power_objection, heating, wants_light
from spectriage.spectra.identify import Identifier
from spectriage.spectra.spectrum import Spectrum
from spectriage.spectra.verdict import Identification

EXPOSURE_SEARCH_S = 120.0
"""Longest search for an exposure."""
LONGEST_EXPOSURE_MS = 5000.0
"""Of a search at safe power: people wait, and more is had by accumulating, which also shows cosmic rays."""
SLACK_S = 10.0


@dataclass(frozen=True)
class ScanResult:
    """One scan and its answer.

    Parameters
    ----------
    raw
        What the detector delivered, with its dark.
    spectrum
        The same on the calibrated axis: what was decided on.
    identification
        The decision; made once on this very scan.
    health
        Why the unit's state forbids a conclusion; empty when it does not.
    power_mw
        Laser power of the scan; None where software cannot set it.
    limited
        Why full laser power was not used; empty when it was, or was not needed.
    looks
        How often the decision was asked while light was collected.
    elapsed_ms
        Time that calibration and decision took.
    exposure
        What the search for an exposure found, where it was asked for.
    """

    raw: RawScan
    spectrum: Spectrum
    identification: Identification
    health: str
    power_mw: float | None
    limited: str
    looks: int
    elapsed_ms: float = 0.0
    exposure: ExposureResult | None = None


@dataclass(frozen=True)
class _Decision:
    """A decision with the calibrated spectrum that it was made on."""

    spectrum: Spectrum
    health: str
    identification: Identification
    elapsed_ms: float


class Session:
    """One scan: exposure, dark and scan inside the laser guard, calibration, decision, power, answer.

    The decision is taken on the calibrated axis, before anything more is done to the sample. It holds no rule
    of its own: the engine decides, `power` says whether the sample may get more.

    Parameters
    ----------
    device
        Open; it stays the caller's to close.
    engine
        Identifies.
    calibration
        Of this unit; None where it has none: it then keeps its factory axis, and safe power.
    plan
        What is asked for.
    countdown
        Called with the seconds left before the laser fires, about once a second.
    progress
        Called on the scanning thread between exposures; must return soon.
    partial
        Called on the scanning thread after each frame, the laser on: see `Acquirer`.
    cancel
        Stops the scan from another thread, the laser first.
    traces
        Whether to keep the curves behind the decision, for a plot.

    Examples
    --------
    >>> with open_device("sim:caffeine") as device:                   # doctest: +SKIP
    ...     result = Session(device, engine, calibration).run()
    >>> result.identification.verdict                                 # doctest: +SKIP
    """

    def __init__(
        self,
        device: Spectrometer,
        engine: Identifier,
        calibration: Calibration | UnitCalibration | None = None,
        plan: ScanPlan | None = None,
        *,
        countdown: Callable[[float], None] | None = None,
        progress: ProgressCallback = ignore_progress,
        partial: PartialCallback = ignore_partial,
        cancel: CancelToken | None = None,
        traces: bool = False,
    ) -> None:
        self.device = device
        self.engine = engine
        self.calibration = (
            calibration if isinstance(calibration, UnitCalibration) else UnitCalibration(calibration)
        )
        self.plan = plan or ScanPlan()
        self._countdown = countdown
        self._traces = traces
        self._acquirer = Acquirer(device, progress=progress, partial=partial, cancel=cancel)
        self._present = device.settings or ScanSettings()

    def run(self) -> ScanResult:
        """Take the scan and answer; called again, scan another spot of the same item with the same dark.

        Raises
        ------
        DeviceSettingsError
            The laser's power cannot be set where it must come low first.
        DeviceError
            What went wrong; the laser is off.
        SpectriageError
            The scan cannot be identified.
        """
        acquirer, plan = self._acquirer, self.plan
        self._configure()
        power = self._first_power()
        acquirer.light = powered_light(power, delay_s=plan.delay_s, countdown=self._countdown)
        exposure = self._expose() if plan.auto else None
        if exposure is not None:
            acquirer.light = powered_light(power)
        deadline = self._deadline()
        first = self._collect(deadline)
        limited = ""
        if power is not None and wants_light(first.decision.identification):
            acquirer.light = powered_light(power)
            first, limited = self._examined(first, deadline)
            if not limited:
                power, first = self._brighter(first, power)
        return self._result(first, power, limited, exposure)

    def _configure(self) -> None:
        present, plan = self._present, self.plan
        self.device.configure(
            ScanSettings(
                present.integration_ms if plan.integration_ms is None else plan.integration_ms,
                present.accumulations if plan.accumulations is None else plan.accumulations,
            )
        )

    def _first_power(self) -> float | None:
        """Return safe power; None where software cannot set one, and that was accepted or harms nobody."""
        power = safe_power_mw(self.device, self.plan.safe_power_mw)
        unknown_axis = isinstance(self.device, LaserSource) and not self.calibration.valid
        if power is None and (self.plan.careful or unknown_axis) and not self.plan.fixed_power:
            raise DeviceSettingsError(
                "the power of this laser cannot be set, so low power cannot come first",
                where=self.device.info.uri,
                remedy="scan only what is known not to ignite, and say so with --fixed-power",
            )
        return power

    def _expose(self) -> ExposureResult:
        seconds = self.plan.timeout_s or EXPOSURE_SEARCH_S + self.plan.delay_s
        deadline = Deadline.after(seconds, self.device.clock)
        return auto_expose(self._acquirer, deadline, max_integration_ms=LONGEST_EXPOSURE_MS)

    def _deadline(self) -> Deadline:
        plan, settings = self.plan, self._acquirer.settings
        allowed = 9.0 * scan_time_s(settings) + plan.delay_s + SLACK_S
        if plan.seconds is not None:
            allowed = plan.seconds + plan.delay_s
        return Deadline.after(plan.timeout_s or allowed, self.device.clock)

    def _decide(self, raw: RawScan) -> _Decision:
        """Identify a scan on the calibrated axis."""
        start = time.perf_counter()
        spectrum, health = self.calibration.apply(raw)
        # what lies under the probe is said by whose references are to explain it
        spectrum = replace(spectrum, technique=self.engine.technique)
        made = self.engine.identify(spectrum, traces=self._traces, health=health)
        return _Decision(spectrum, health, made, (time.perf_counter() - start) * 1e3)

    def _collect(self, deadline: Deadline) -> Accumulated[_Decision]:
        """Take one scan, or accumulate until more light cannot change the decision."""
        if self.plan.seconds is None:
            raw = self._acquirer.scan(deadline)
            end = AccumulationEnd.SATURATED if bool(np.any(raw.saturated)) else AccumulationEnd.TIME_UP
            return Accumulated(raw, self._decide(raw), end, 1)
        return accumulate(
            self._acquirer, self._decide, lambda made: not wants_light(made.identification), deadline
        )

    def _examined(
        self, first: Accumulated[_Decision], deadline: Deadline
    ) -> tuple[Accumulated[_Decision], str]:
        """Look once more at safe power; return both looks together and what speaks against more."""
        objection = full_power_objection(first.decision.identification, self.calibration)
        if objection or not isinstance(self.device, LaserPower):
            return first, objection
        if deadline.remaining_s < scan_time_s(self._acquirer.settings):
            deadline = Deadline.after(scan_time_s(self._acquirer.settings) + SLACK_S, self.device.clock)
        again = self._acquirer.scan(deadline)
        hot = heating(first.raw, again)
        both = merge(first.raw, again)
        decision = self._decide(both)
        seen = replace(first, raw=both, decision=decision, looks=first.looks + 1)
        return seen, hot or full_power_objection(decision.identification, self.calibration)

    def _brighter(self, seen: Accumulated[_Decision], power: float) -> tuple[float, Accumulated[_Decision]]:
        """Scan at full power, with a shorter exposure where it would saturate; the better scan stays."""
        device = self.device
        assert isinstance(device, LaserPower)
        _, highest = device.laser_power_limits_mw()
        if highest <= power or not wants_light(seen.decision.identification):
            return power, seen
        acquirer = self._acquirer
        level = brightest(seen.raw) * highest / power
        if level > HIGH:
            settings = acquirer.settings
            shorter = device.info.nearest_integration_ms(settings.integration_ms * AIM / level)
            device.configure(replace(settings, integration_ms=shorter))
        acquirer.light = powered_light(highest)
        bright = self._collect(self._deadline())
        if bool(np.any(bright.raw.saturated)):
            return power, replace(seen, looks=seen.looks + bright.looks)
        return highest, replace(bright, looks=seen.looks + bright.looks)

    def _result(
        self,
        made: Accumulated[_Decision],
        power: float | None,
        limited: str,
        exposure: ExposureResult | None,
    ) -> ScanResult:
        raw, decision = made.raw, made.decision
        if limited:
            raw = replace(raw, metadata={**raw.metadata, "laser_limited": limited})
        return ScanResult(
            raw,
            decision.spectrum,
            decision.identification,
            decision.health,
            power,
            limited,
            made.looks,
            decision.elapsed_ms,
            exposure,
        )
