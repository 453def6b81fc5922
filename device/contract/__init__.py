"""What a spectrometer is: the protocol, its errors, scans and addresses.

A driver derives from `Spectrometer` and is opened by URI; what only some units can do is a capability.
`RawScan` is what a detector delivered. Everything named here is public and stable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spectriage.spectra.facade import late

if TYPE_CHECKING:
    from spectriage.device.contract.clock import Deadline
    from spectriage.device.contract.rawscan import RawScan
    from spectriage.device.contract.registry import open_device
    from spectriage.device.contract.spectrometer import ScanSettings, Spectrometer

__all__ = [
    "Deadline",
    "RawScan",
    "ScanSettings",
    "Spectrometer",
    "open_device",
]

__getattr__, __dir__ = late(
    __name__,
    {
        "clock": ("Deadline",),
        "rawscan": ("RawScan",),
        "spectrometer": ("ScanSettings", "Spectrometer"),
        "registry": ("open_device",),
    },
)
