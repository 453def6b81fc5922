"""One spectrum as a signal: noise, spikes, derivative, the library's grid and axis, and how good it is.

What is known here is arithmetic on one spectrum; no reference is looked at. The axis correction has its one
formula in `axis`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spectriage.spectra.facade import late

if TYPE_CHECKING:
    from spectriage.spectra.signal.derivative import DERIVATIVE_WINDOW_CM, differentiate
    from spectriage.spectra.signal.grid import DEFAULT_GRID, Grid, resample

__all__ = [
    "DEFAULT_GRID",
    "DERIVATIVE_WINDOW_CM",
    "Grid",
    "differentiate",
    "resample",
]

__getattr__, __dir__ = late(
    __name__,
    {
        "derivative": ("DERIVATIVE_WINDOW_CM", "differentiate"),
        "grid": ("DEFAULT_GRID", "Grid", "resample"),
    },
)
