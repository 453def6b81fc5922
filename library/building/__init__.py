"""Building a library: band models drawn, measured spectra resampled, every reference checked.

`assemble` makes one from catalogue and manifests; `open_library` gives the shipped one from the user's cache.
What a manifest may say is in `manifest`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spectriage.spectra.facade import late

if TYPE_CHECKING:
    from spectriage.library.building.build import assemble, build_library
    from spectriage.library.building.cache import cache_key, default_library, open_library

__all__ = [
    "assemble",
    "build_library",
    "cache_key",
    "default_library",
    "open_library",
]

__getattr__, __dir__ = late(
    __name__,
    {
        "build": ("assemble", "build_library"),
        "cache": ("cache_key", "default_library", "open_library"),
    },
)
