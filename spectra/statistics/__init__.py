"""Robust statistics of curves: medians, quantiles, noise, spikes.

Plain kernels over arrays that several rooms call; there is nothing to configure. Public functions with checks
stand in `signal`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spectriage.spectra.facade import late

if TYPE_CHECKING:
    from spectriage.spectra.statistics._kernels_statistics import quantile

__all__ = [
    "quantile",
]

__getattr__, __dir__ = late(
    __name__,
    {
        "_kernels_statistics": ("quantile",),
    },
)
