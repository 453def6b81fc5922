"""References: the shipped catalogue, library files, building them, and a warm engine on one.

`open_library` opens a library file, or the shipped one. The rooms: `catalogue` (band models as TOML), `build`
(a library out of them and of measured spectra), `store` (the HDF5 file), `service` (the engine for programs)
and `app` (commands). A library file is never changed in place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spectriage.spectra.facade import late

if TYPE_CHECKING:
    from spectriage.library.building import default_library, open_library
    from spectriage.library.service import make_engine
    from spectriage.library.store import read_library, write_library

__all__ = ["default_library", "make_engine", "open_library", "read_library", "write_library"]

__getattr__, __dir__ = late(
    __name__,
    {
        "building": ("default_library", "open_library"),
        "service": ("make_engine",),
        "store": ("read_library", "write_library"),
    },
)
