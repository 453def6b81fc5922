"""One scan from trigger to answer.

`Session` puts acquisition, calibration and engine together, in the one order that is safe: `ScanPlan` says
what is asked for, `ScanResult` is the scan with its answer, `Item` several spots of one item. Commands,
screens, validation and integrators call it. Whether a sample may get full laser power is in `power`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spectriage.spectra.facade import late

if TYPE_CHECKING:
    from spectriage.device.acquire.acquisition import CancelToken, Progress
    from spectriage.device.calibration.unit import UnitCalibration
    from spectriage.device.session.item import Item, scan_spots
    from spectriage.device.session.plan import ScanPlan
    from spectriage.device.session.session import ScanResult, Session
    from spectriage.device.session.strip import scan_powder_and_strip

__all__ = [
    "CancelToken",
    "Item",
    "Progress",
    "ScanPlan",
    "ScanResult",
    "Session",
    "UnitCalibration",
    "scan_powder_and_strip",
    "scan_spots",
]

__getattr__, __dir__ = late(
    __name__,
    {
        "item": ("Item", "scan_spots"),
        "plan": ("ScanPlan",),
        "session": ("ScanResult", "Session"),
        "strip": ("scan_powder_and_strip",),
        "spectriage.device.acquire.acquisition": ("CancelToken", "Progress"),
        "spectriage.device.calibration.unit": ("UnitCalibration",),
    },
)
