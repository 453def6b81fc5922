"""What is identified in a batch: files, manifests, libraries, stores and tables of spectra, by path or URL.

`batch_items` lists inputs in one fixed order, a name at a time; `Reader` reads the spectra and the hash of
one. Who works them off, in this process, in several or on a cluster, is not known here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spectriage.spectra.facade import late

if TYPE_CHECKING:
    from spectriage.library.inputs.item import Item, Kind
    from spectriage.library.inputs.listing import batch_items
    from spectriage.library.inputs.reader import Reader

__all__ = ["Item", "Kind", "Reader", "batch_items"]

__getattr__, __dir__ = late(
    __name__, {"item": ("Item", "Kind"), "listing": ("batch_items",), "reader": ("Reader",)}
)
