"""For those who write a driver: the conformance suite, an example, and an emulated USB bus.

Subclass `SpectrometerConformance` in a test module. Nothing here is needed in the field.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spectriage.spectra.facade import late

if TYPE_CHECKING:
    from spectriage.device.testing.conformance import SpectrometerConformance

__all__ = [
    "SpectrometerConformance",
]

__getattr__, __dir__ = late(
    __name__,
    {
        "conformance": ("SpectrometerConformance",),
    },
)
