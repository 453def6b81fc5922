"""Write one spectrum to a file that reads back to the same numbers: CSV, JCAMP-DX or NeXus (NXraman).

The file is written whole or not at all. What a format cannot hold (`variance` in text) is left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spectriage.spectra.facade import late

if TYPE_CHECKING:
    from spectriage.spectra.formats.write.nexus import write_nexus
    from spectriage.spectra.formats.write.text import write_csv, write_jcamp
    from spectriage.spectra.formats.write.whole import WriteError

__all__ = ["WriteError", "write_csv", "write_jcamp", "write_nexus"]

__getattr__, __dir__ = late(
    __name__,
    {"nexus": ("write_nexus",), "text": ("write_csv", "write_jcamp"), "whole": ("WriteError",)},
)
