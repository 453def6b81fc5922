"""Spectriage: presumptive identification of an unknown material from its Raman spectrum.

What each kind of user starts with stands here: `read_spectrum`, `Identifier` and `open_library` to identify,
`open_device` and `Session` to scan, `arpls`, `SearchIndex` and `TopK` for the numbers alone. The rooms are
`spectriage.spectra`, `spectriage.library`, `spectriage.device` and `spectriage.bench`; imports go down that
list from its end only. Nothing is imported before it is used, and no driver with any of this.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spectriage.spectra.facade import late

if TYPE_CHECKING:
    from spectriage.device import Session, open_device
    from spectriage.library import open_library
    from spectriage.spectra import (
        Identification,
        Identifier,
        Policy,
        SearchIndex,
        Spectrum,
        Target,
        TopK,
        Verdict,
        __version__,
        arpls,
        read_spectrum,
    )

__all__ = [
    "Identification",
    "Identifier",
    "Policy",
    "SearchIndex",
    "Session",
    "Spectrum",
    "Target",
    "TopK",
    "Verdict",
    "__version__",
    "arpls",
    "open_device",
    "open_library",
    "read_spectrum",
]

__getattr__, __dir__ = late(
    __name__,
    {
        "spectra": (
            "Identification",
            "Identifier",
            "Policy",
            "SearchIndex",
            "Spectrum",
            "Target",
            "TopK",
            "Verdict",
            "__version__",
            "arpls",
            "read_spectrum",
        ),
        "library": ("open_library",),
        "device": ("Session", "open_device"),
    },
)
