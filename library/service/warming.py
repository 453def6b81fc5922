"""`warm_engine`: every way through an identification gone once, before a scan waits for it."""

from __future__ import annotations

import numpy as np

from spectriage.spectra.errors import SpectriageError
from spectriage.spectra.identify import Identifier
from spectriage.spectra.spectrum import Spectrum

POINTS = (300, 1024, 3000)
"""Coarser than the library's axis, alike, and finer: each has its own way onto it."""


def warm_engine(engine: Identifier, points: tuple[int, ...] = POINTS) -> None:
    """Load, or compile, all that an identification needs, so that the first scan has not to wait for it.

    Identifies mixtures of the library's own references, with and without variance; what comes out is dropped.

    Parameters
    ----------
    engine
        That scans will be decided with.
    points
        Of the axes, one after the other.
    """
    references = engine.references
    rng = np.random.default_rng(0)
    rows = np.nan_to_num(references.spectra[:: max(1, len(references) // 4)][:4].astype(np.float64))
    for count in points:
        shift = np.linspace(references.shift[0], references.shift[-1], count)
        for weights in rng.random((3, len(rows))):
            curve = np.interp(shift, references.shift, 1e4 * weights @ rows) + 500.0
            counts = rng.poisson(np.maximum(curve, 0.0)).astype(np.float64)
            for variance in (None, counts + 1.0):
                try:
                    engine.identify(Spectrum(shift, counts, variance), traces=variance is None).json_text()
                except SpectriageError:
                    continue  # a library of one flat reference compiles what it can
