"""One unit's axis, laser, response and resolution, with an expiry.

`Calibration` is kept as versioned JSON and applied to a `RawScan`; what makes one from lamp lines and
standards is in `axis`, `peaks` and `response`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spectriage.spectra.facade import late

if TYPE_CHECKING:
    from spectriage.device.calibration.calibration import Calibration

__all__ = [
    "Calibration",
]

__getattr__, __dir__ = late(
    __name__,
    {
        "calibration": ("Calibration",),
    },
)
