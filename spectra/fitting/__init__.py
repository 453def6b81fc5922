"""Fitting few references to one spectrum.

`Fitter` finds amplitudes at one axis and resolution; `select` adds components while each is necessary;
`band_support` asks of every band whether its component is needed there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spectriage.spectra.facade import late

if TYPE_CHECKING:
    from spectriage.spectra.fitting.fit import Fit
    from spectriage.spectra.fitting.fitter import Fitter
    from spectriage.spectra.fitting.selection import select, select_each, selection_rules

__all__ = [
    "Fit",
    "Fitter",
    "select",
    "select_each",
    "selection_rules",
]

__getattr__, __dir__ = late(
    __name__,
    {
        "fit": ("Fit",),
        "fitter": ("Fitter",),
        "selection": ("select", "select_each", "selection_rules"),
    },
)
