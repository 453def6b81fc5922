"""Taking a scan: dark, exposure, accumulation, careful power.

`Acquirer` takes one scan with its dark inside the laser guard; the others decide how long and how strong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spectriage.spectra.facade import late

if TYPE_CHECKING:
    from spectriage.device.acquire.acquisition import Acquirer

__all__ = [
    "Acquirer",
]

__getattr__, __dir__ = late(
    __name__,
    {
        "acquisition": ("Acquirer",),
    },
)
