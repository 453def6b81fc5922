"""How strong a laser may be before anything is known of the sample."""

from __future__ import annotations

from spectriage.device.contract.spectrometer import LaserPower, Spectrometer

SAFE_PART = 0.1
"""First power over the highest: a tenth heats a focus a tenth as much."""


def safe_power_mw(device: Spectrometer, policy_mw: float | None = None) -> float | None:
    """Return the power at which an unknown sample is first lit, in mW.

    Parameters
    ----------
    device
        Open.
    policy_mw
        What the policy allows; a tenth of the unit's highest power when None. What the laser cannot go below
        is the least there is.

    Returns
    -------
    float or None
        None for a laser whose power software cannot set.
    """
    if not isinstance(device, LaserPower):
        return None
    lowest, highest = device.laser_power_limits_mw()
    wanted = SAFE_PART * highest if policy_mw is None else policy_mw
    return float(min(max(lowest, wanted), highest))
