"""Baselines: what is not Raman signal under a spectrum.

`arpls`, `airpls` and `asls` run on our own kernels, one spectrum or many; every other method is pybaselines'
by name. The kernels behind them are private.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spectriage.spectra.facade import late

if TYPE_CHECKING:
    from spectriage.spectra.baseline.many import arpls_batch, batch_fit
    from spectriage.spectra.baseline.methods import (
        BASELINE_LAM,
        airpls,
        airpls_fit,
        arpls,
        arpls_fit,
        asls,
        asls_fit,
    )
    from spectriage.spectra.baseline.one import BaselineFit

__all__ = [
    "BASELINE_LAM",
    "BaselineFit",
    "airpls",
    "airpls_fit",
    "arpls",
    "arpls_batch",
    "arpls_fit",
    "asls",
    "asls_fit",
    "batch_fit",
]

__getattr__, __dir__ = late(
    __name__,
    {
        "many": ("arpls_batch", "batch_fit"),
        "methods": ("BASELINE_LAM", "airpls", "airpls_fit", "arpls", "arpls_fit", "asls", "asls_fit"),
        "one": ("BaselineFit",),
    },
)
