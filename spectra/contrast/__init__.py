"""The contrast domain, in which spectra are compared.

A spectrum's second derivative, compressed where it is strong. `ContrastIndex` is a library in this domain;
what differs between instruments is in `mismatch`. Files and kernels behind are private.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spectriage.spectra.facade import late

if TYPE_CHECKING:
    from spectriage.spectra.contrast.coarse import make_coarse
    from spectriage.spectra.contrast.index import ContrastIndex
    from spectriage.spectra.contrast.mismatch import mismatched

__all__ = ["ContrastIndex", "make_coarse", "mismatched"]

__getattr__, __dir__ = late(
    __name__,
    {
        "coarse": ("make_coarse",),
        "index": ("ContrastIndex",),
        "mismatch": ("mismatched",),
    },
)
