"""From one unit to another: what a few standards measured on both say of axis, response and resolution.

`fit_transfer` makes a `Transfer` of pairs of spectra; it turns spectra of the one unit into what the other
would have shown, so that a laboratory's library serves another instrument.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spectriage.spectra.facade import late

if TYPE_CHECKING:
    from spectriage.spectra.transfer.fit import fit_transfer
    from spectriage.spectra.transfer.transfer import Transfer, load_transfer, save_transfer

__all__ = ["Transfer", "fit_transfer", "load_transfer", "save_transfer"]

__getattr__, __dir__ = late(
    __name__,
    {"fit": ("fit_transfer",), "transfer": ("Transfer", "load_transfer", "save_transfer")},
)
