"""Spectrometers: what they are, how one is lit, calibrated and read, and one scan from trigger to answer.

`open_device` opens one by URI, `Session` takes one scan to its answer; derive from `Spectrometer` to write a
driver. The rooms: `contract`, `laser`, `calibration`, `acquire`, `session`, `drivers`, `simulator`, `testing`
(conformance, emulated USB) and `app` (commands). The laser is fired in `laser` and nowhere else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spectriage.spectra.facade import late

if TYPE_CHECKING:
    from spectriage.device.contract import RawScan, ScanSettings, Spectrometer, open_device
    from spectriage.device.session import ScanPlan, ScanResult, Session, UnitCalibration

__all__ = [
    "RawScan",
    "ScanPlan",
    "ScanResult",
    "ScanSettings",
    "Session",
    "Spectrometer",
    "UnitCalibration",
    "open_device",
]

__getattr__, __dir__ = late(
    __name__,
    {
        "contract": ("RawScan", "ScanSettings", "Spectrometer", "open_device"),
        "session": ("ScanPlan", "ScanResult", "Session", "UnitCalibration"),
    },
)
