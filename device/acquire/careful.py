"""Low power first, for material that could ignite: dark powders, energetic ones, whatever is not known yet.

A laser focused on a dark or energetic powder can set it off. The first scan is therefore taken at a small
part of the power, after a countdown; only when what it shows gives no reason against it does full power
follow. That lowers the risk and does not remove it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from spectriage.device.acquire.acquisition import Acquirer, powered_light
from spectriage.device.contract.clock import Deadline
from spectriage.device.contract.errors import DeviceSettingsError
from spectriage.device.contract.rawscan import RawScan
from spectriage.device.contract.spectrometer import LaserPower
from spectriage.spectra.spectrum import Spectrum

Decision = TypeVar("Decision")

LOW_POWER = 0.1
"""First power over the highest."""

RISING = 1.5
"""Growth of the light between two equal exposures that is taken for a sample heating up."""


@dataclass(frozen=True)
class CarefulScan(Generic[Decision]):
    """What a careful scan gave.

    Parameters
    ----------
    raw, decision
        The last scan and the decision on it.
    power_mw
        That it was taken at.
    reason
        Why it stayed at low power, for the screen; empty when full power followed.
    """

    raw: RawScan
    decision: Decision
    power_mw: float
    reason: str


def careful_scan(
    acquirer: Acquirer,
    decide: Callable[[Spectrum], Decision],
    objection: Callable[[Decision], str],
    deadline: Deadline,
    *,
    delay_s: float = 5.0,
    countdown: Callable[[float], None] | None = None,
) -> CarefulScan[Decision]:
    """Scan at a tenth of the power, and at full power only where nothing speaks against it.

    Parameters
    ----------
    acquirer
        Of a device whose laser power can be set.
    decide
        Identifies a spectrum.
    objection
        Returns why a material so identified must not get full power; empty when it may.
    deadline
        For both scans and the countdown.
    delay_s, countdown
        Before the first firing.

    Raises
    ------
    DeviceSettingsError
        The laser's power cannot be set: low power first is impossible, not silently skipped.
    DeviceError
        What went wrong; the laser is off.
    """
    device = acquirer.device
    if not isinstance(device, LaserPower):
        raise DeviceSettingsError(
            "the power of this laser cannot be set, so low power cannot come first", where=device.info.uri
        )
    lowest, highest = device.laser_power_limits_mw()
    low = max(lowest, LOW_POWER * highest)
    usual = acquirer.light
    try:
        acquirer.light = powered_light(low, delay_s=delay_s, countdown=countdown)
        first = acquirer.scan(deadline)
        acquirer.light = powered_light(low)
        second = acquirer.scan(deadline)
        decision = decide(second.to_spectrum())
        reason = _heating(first, second) or objection(decision)
        if reason:
            return CarefulScan(second, decision, low, reason)
        acquirer.light = powered_light(highest)
        raw = acquirer.scan(deadline)
        return CarefulScan(raw, decide(raw.to_spectrum()), highest, "")
    finally:
        acquirer.light = usual


def _heating(first: RawScan, second: RawScan) -> str:
    """Say so where the sample's own light grows from one exposure to the next: it gets hot."""
    before, after = (
        float(np.sum(np.maximum(raw.counts - (raw.dark if raw.dark is not None else 0.0), 0.0)))
        for raw in (first, second)
    )
    if after > RISING * max(before, 1.0) and bool(after > 10.0 * np.sqrt(max(before, 1.0))):
        return "The light of the sample grows under the laser: it may be heating up."
    return ""
