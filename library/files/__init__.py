"""Files of the user: where they belong, and how one is written whole or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spectriage.spectra.facade import late

if TYPE_CHECKING:
    from spectriage.library.files.atomic import replacing
    from spectriage.library.files.folders import cache_folder, config_folder, state_folder
    from spectriage.library.files.scratch import Scratch, scratch_matrix

__all__ = ["Scratch", "cache_folder", "config_folder", "replacing", "scratch_matrix", "state_folder"]

__getattr__, __dir__ = late(
    __name__,
    {
        "atomic": ("replacing",),
        "folders": ("cache_folder", "config_folder", "state_folder"),
        "scratch": ("Scratch", "scratch_matrix"),
    },
)
