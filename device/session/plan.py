"""`ScanPlan`: what is asked for of one scan."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ScanPlan:
    """What is asked for of one scan; None where the device's own setting holds.

    Parameters
    ----------
    auto
        Find the exposure: 60-85 % of full scale.
    seconds
        Accumulate until the decision needs no more light, so long at most; None takes one scan.
    integration_ms, accumulations
        One exposure, and how many are averaged.
    timeout_s
        Seconds allowed for the whole scan; from the exposure if None.
    careful
        Refuse a laser whose power cannot be set. Safe power comes first on every other one in any case.
    safe_power_mw
        The policy's power for a sample that is not known yet; a tenth of the unit's highest if None.
    fixed_power
        Somebody was asked, and accepts that a laser without power setting lights this sample.
    delay_s
        Countdown before the laser first fires.
    """

    auto: bool = False
    seconds: float | None = None
    integration_ms: float | None = None
    accumulations: int | None = None
    timeout_s: float | None = None
    careful: bool = False
    safe_power_mw: float | None = None
    fixed_power: bool = False
    delay_s: float = 0.0
