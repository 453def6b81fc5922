"""How long a scan still takes: an estimate from the exposure in force, as it is known at each stage."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spectriage.device.acquire.acquisition import Progress
    from spectriage.device.contract.spectrometer import ScanSettings

USUAL_EXPOSURES = 3
"""A search for the exposure usually tries so many; the next may be longer or shorter than this one."""
DECIDE_S = 0.5


def time_left_s(progress: Progress, settings: ScanSettings | None) -> float | None:
    """Return the seconds that a scan still takes; None where nothing can be said.

    Each new exposure comes with one frame that is thrown away. A scan that does not decide is followed by a
    second look, which is not foreseen here.
    """
    if settings is None:
        return None
    one = settings.integration_ms * 1e-3
    dark, scan = one * (settings.accumulations + 1), one * (settings.accumulations + 1)
    stage = str(progress.stage)
    if stage == "exposure":
        trials = max(1, USUAL_EXPOSURES - progress.done)
        return 2.0 * one * trials + dark + scan + DECIDE_S
    return {
        "dark": dark + scan + DECIDE_S,
        "scan": scan + DECIDE_S,
        "decide": DECIDE_S,
        "done": DECIDE_S,
    }.get(stage)
